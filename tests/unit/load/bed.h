/* An engine with all it needs around it, for the tests of engines. */
#ifndef PLATEAU_TESTS_BED_H
#define PLATEAU_TESTS_BED_H

#include "harness/base/clock.h"
#include "harness/load/engine.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/load/http_server.h"
#include "tests/unit/model/scenario_fixture.h"

#include <uv.h>

#define MS CLOCK_NS_PER_MS

struct shot {
    struct transfer t;
    struct bed *bed;
    int done;
    bool in_submit;
    char keep[65536], keep_headers[4096];
};

/* Which engine, over what, against which server. */
struct bed_kind {
    const char *engine;
    bool tls;
    void (*serve)(struct http_conn *c); /* NULL: HTTP/1.1 */
    const char *keys;                   /* of [load] */
    bool may_rest;
};

/* An engine with a loop, a server and a scenario around it. */
struct bed {
    struct http_server server;
    const struct bed_kind *kind;
    char ca[64]; /* file with the server's certificate; "": no TLS */
    struct scenario sc;
    uv_loop_t loop;
    uv_timer_t guard;
    struct engine *engine;
    int pending, readies;
    bool closed;
};

static inline void bed_on_guard(uv_timer_t *t)
{
    struct bed *b = t->data;

    print_error("%s: no end in time\n", b->kind->engine);
    abort();
}

static inline void bed_on_ready(void *user)
{
    struct bed *b = user;

    b->readies++;
}

static inline void bed_on_closed(void *user)
{
    ((struct bed *)user)->closed = true;
}

/* A port of the loopback that refuses: bound, so that nobody else can take it,
 * and not listening. Returns the descriptor, to close. */
static inline int bed_refusing(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static inline void bed_open_at(struct bed *b, const char *host, int port,
                               const char *keys, int connections)
{
    struct engine_config cfg = {
        .loop = &b->loop,
        .scenario = &b->sc,
        .connections = connections,
        .may_rest = b->kind->may_rest,
    };
    struct err err = {{0}};
    char text[1024], *mistakes;

    snprintf(text, sizeof text,
             "[scenario]\nname = t\n[target]\nurl = http%s://%s:%d\n%s%s\n"
             "[load]\nusers = 1\n%s%s\n[request a]\npath = /\n",
             b->kind->tls ? "s" : "", host, port,
             b->ca[0] != '\0' ? "tls_ca = " : "", b->ca,
             b->kind->keys != NULL ? b->kind->keys : "", keys);
    mistakes = load_text(text, NULL, 0, &b->sc);
    assert_string_equal(mistakes, "");
    free(mistakes);
    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->guard);
    b->guard.data = b;
    if (engine_open(b->kind->engine, &cfg, &b->engine, &err) != 0)
        fail_msg("%s", err.msg);
    engine_on_ready(b->engine, bed_on_ready, b);
}

static inline void bed_open(struct bed *b, const char *keys, int connections)
{
    SSL_CTX *tls = b->kind->tls ? http_make_tls(b->ca, sizeof b->ca) : NULL;

    http_server_start(&b->server, tls, b->kind->serve);
    bed_open_at(b, "127.0.0.1", b->server.port, keys, connections);
}

static inline void bed_close(struct bed *b)
{
    engine_close(&b->engine, bed_on_closed, b);
    assert_null(b->engine);
    uv_close((uv_handle_t *)&b->guard, NULL);
    /* The last `done` stops the loop once. */
    for (int i = 0; i < 2; i++)
        uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_true(b->closed);
    assert_int_equal(b->pending, 0);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    scenario_release(&b->sc);
    if (b->server.port != 0)
        http_server_stop(&b->server);
    if (b->ca[0] != '\0')
        unlink(b->ca);
}

static inline void shot_done(struct transfer *t)
{
    struct shot *s = t->user;

    assert_false(s->in_submit);
    assert_int_equal(++s->done, 1);
    s->bed->pending--;
    assert_true(t->sent_ns >= t->due_ns);
    assert_true(t->first_byte_ns >= t->sent_ns);
    assert_true(t->end_ns >= t->first_byte_ns);
    if (s->bed->pending == 0)
        uv_stop(&s->bed->loop);
}

static inline void shoot(struct bed *b, struct shot *s, const char *method,
                         const char *path)
{
    struct transfer *t = &s->t;

    memset(s, 0, sizeof *s);
    s->bed = b;
    t->method = method;
    t->target = path;
    t->target_len = strlen(path);
    t->headers = "X-Test: 1\r\n";
    t->headers_len = strlen(t->headers);
    t->due_ns = clock_now_ns();
    t->timeout_ns = 20000 * MS;
    t->session = -1;
    t->keep = s->keep;
    t->keep_max = sizeof s->keep;
    t->keep_headers = s->keep_headers;
    t->keep_headers_max = sizeof s->keep_headers;
    t->done = shot_done;
    t->user = s;
    b->pending++;
}

static inline void submit(struct bed *b, struct shot *s)
{
    s->in_submit = true;
    assert_true(engine_ready(b->engine));
    assert_int_equal(engine_submit(b->engine, &s->t), 0);
    s->in_submit = false;
}

static inline void wait_all(struct bed *b)
{
    uv_timer_start(&b->guard, bed_on_guard, 60000u * (unsigned)test_slowness(),
                   0);
    while (b->pending > 0)
        uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&b->guard);
}

static inline void get(struct bed *b, struct shot *s, const char *path)
{
    shoot(b, s, "GET", path);
    submit(b, s);
    wait_all(b);
}

/* Runs `test` with each kind. */
static inline void bed_each(const struct bed_kind *kinds, size_t n,
                            void (*test)(struct bed *b))
{
    for (size_t i = 0; i < n; i++) {
        struct bed *b = calloc(1, sizeof *b);

        b->kind = &kinds[i];
        test(b);
        free(b);
    }
}

#endif
