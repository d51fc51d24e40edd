/* The contract of harness/load/engine.h for engine "h2", and what is HTTP/2's
 * own: many streams on one connection. In clear and over TLS. */
#include "tests/unit/load/bed.h"
#include "tests/unit/load/h2_server.h"

#include <curl/curl.h>
#include <malloc.h>
#include <signal.h>

static const struct bed_kind kinds[] = {
    {.engine = "h2", .serve = h2_serve, .keys = "http = 2\n"},
    {.engine = "h2", .tls = true, .serve = h2_serve, .keys = "http = 2\n"},
};

static void each(void (*test)(struct bed *b))
{
    bed_each(kinds, sizeof kinds / sizeof kinds[0], test);
}

static void open_h2(struct bed *b, const char *keys, int connections)
{
    bed_open(b, keys, connections);
    if (b->server.tls != NULL)
        SSL_CTX_set_alpn_select_cb(b->server.tls, h2_alpn, NULL);
}

static void answers(struct bed *b)
{
    static const struct {
        const char *path;
        int status;
        uint64_t bytes;
    } t[] = {
        {"/ok", 200, 2},         {"/len/5000", 200, 5000},
        {"/len/0", 200, 0},      {"/len/3000000", 200, 3000000},
        {"/status/204", 204, 0}, {"/status/404", 404, 0},
    };

    open_h2(b, "", 2);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
            struct shot s;

            get(b, &s, t[i].path);
            assert_int_equal(s.t.error, TRANSFER_OK);
            assert_int_equal(s.t.status, t[i].status);
            assert_int_equal(s.t.body_bytes, t[i].bytes);
            s.keep_headers[s.t.kept_headers] = 0;
            assert_string_equal(s.keep_headers, "x-kept: yes\r\n");
        }
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

static void requests_arrive_whole(struct bed *b)
{
    static char big[300000];
    struct shot s;

    open_h2(b, "", 1);
    shoot(b, &s, "POST", "/count");
    s.t.body = big;
    s.t.body_len = sizeof big;
    s.t.has_body = true;
    submit(b, &s);
    wait_all(b);
    assert_int_equal(s.t.error, TRANSFER_OK);
    assert_int_equal(s.t.body_bytes, sizeof big);
    shoot(b, &s, "GET", "/strict");
    s.t.host = "shop.test";
    s.t.headers = "Connection: keep-alive\r\nX-A: b\r\nHost: other\r\n";
    s.t.headers_len = strlen(s.t.headers);
    submit(b, &s);
    wait_all(b);
    assert_int_equal(s.t.status, 200);
    shoot(b, &s, "HEAD", "/len/500");
    submit(b, &s);
    wait_all(b);
    assert_int_equal(s.t.error, TRANSFER_OK);
    assert_int_equal(s.t.body_bytes, 0);
    bed_close(b);
}

/* Ten streams to a connection, as the server says; more wait for room. */
static void many_streams(struct bed *b)
{
    enum { N = 20 };
    static struct shot s[N];
    int sent = 0;

    open_h2(b, "", 2);
    get(b, &s[0], "/ok"); /* the server's limit is known now */
    shoot(b, &s[1], "GET", "/slow/30");
    shoot(b, &s[2], "GET", "/slow/30");
    submit(b, &s[1]);
    submit(b, &s[2]);
    wait_all(b);
    for (; sent < N && engine_ready(b->engine); sent++) {
        shoot(b, &s[sent], "GET", sent % 2 ? "/slow/5" : "/len/50000");
        submit(b, &s[sent]);
    }
    assert_int_equal(sent, N);
    assert_false(engine_ready(b->engine));
    b->readies = 0;
    wait_all(b);
    for (int i = 0; i < N; i++)
        assert_int_equal(s[i].t.error, TRANSFER_OK);
    assert_true(b->readies >= 1);
    assert_int_equal(b->server.accepted, 2);
    bed_close(b);
}

static void one_stream_fails_alone(struct bed *b)
{
    static struct shot good[4], bad[4];
    static const char *const how[] = {"/rst", "/big-head", "/1xx-storm",
                                      "/len/2000000"};

    open_h2(b, "max_body = 1000000 B\n", 1);
    for (int i = 0; i < 4; i++) {
        shoot(b, &good[i], "GET", "/slow/5");
        submit(b, &good[i]);
        shoot(b, &bad[i], "GET", how[i]);
        submit(b, &bad[i]);
    }
    wait_all(b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(good[i].t.error, TRANSFER_OK);
    assert_int_equal(bad[0].t.error, TRANSFER_CLOSED);
    assert_int_equal(bad[1].t.error, TRANSFER_PROTOCOL);
    assert_int_equal(bad[2].t.error, TRANSFER_PROTOCOL);
    assert_int_equal(bad[3].t.error, TRANSFER_TOO_LARGE);
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

/* Refused before it was looked at, or too late for a server that is going:
 * once more, and nobody is the wiser. */
static void refused_is_retried(struct bed *b)
{
    struct engine_stats st;
    struct shot s;

    open_h2(b, "", 1);
    for (int i = 0; i < 6; i++) {
        /* A connection that is going has no room, until it has gone. */
        uv_timer_start(&b->guard, bed_on_guard,
                       20000u * (unsigned)test_slowness(), 0);
        while (!engine_ready(b->engine))
            uv_run(&b->loop, UV_RUN_ONCE);
        get(b, &s, i % 2 ? "/goaway" : "/refuse");
        if (s.t.error != TRANSFER_OK)
            fail_msg("round %d: error %d", i, (int)s.t.error);
    }
    engine_get_stats(b->engine, &st);
    assert_true(st.retries >= 1);
    assert_true(b->server.accepted >= 2);
    bed_close(b);
}

static void connection_dies(struct bed *b)
{
    static struct shot s[4];

    open_h2(b, "", 1);
    for (int i = 0; i < 4; i++) {
        shoot(b, &s[i], "GET", i == 3 ? "/drop" : "/never");
        submit(b, &s[i]);
    }
    wait_all(b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s[i].t.error, TRANSFER_CLOSED);
    get(b, &s[0], "/ok");
    assert_int_equal(s[0].t.error, TRANSFER_OK);
    bed_close(b);
}

static void garbage(struct bed *b)
{
    struct shot s;

    open_h2(b, "", 1);
    get(b, &s, "/garbage");
    assert_true(s.t.error == TRANSFER_PROTOCOL || s.t.error == TRANSFER_CLOSED);
    get(b, &s, "/ok");
    assert_int_equal(s.t.error, TRANSFER_OK);
    bed_close(b);
}

/* What a peer must not send, twenty times over: an error each, and no memory
 * that stays. */
static void malformed(struct bed *b)
{
    size_t before = 0;

    open_h2(b, "", 1);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < H2_NBAD + 2; i++) {
            char path[64];
            struct shot s;

            if (i < H2_NBAD)
                snprintf(path, sizeof path, "/bad/%s", h2_bad[i].name);
            else
                snprintf(path, sizeof path, "%s",
                         i == H2_NBAD ? "/half-a-frame" : "/bad-frame");
            get(b, &s, path);
            if (i == 0)
                assert_int_equal(s.t.error, TRANSFER_OK);
            else if (s.t.error != TRANSFER_PROTOCOL &&
                     s.t.error != TRANSFER_CLOSED)
                fail_msg("%s gave error %d", path, (int)s.t.error);
            get(b, &s, "/ok");
            if (s.t.error != TRANSFER_OK)
                fail_msg("after %s: error %d", path, (int)s.t.error);
        }
        if (round == 4)
            before = mallinfo2().uordblks;
        else if (round > 4 && mallinfo2().uordblks > before + (1u << 20))
            fail_msg("%zu bytes more", mallinfo2().uordblks - before);
    }
    bed_close(b);
}

static void timeouts(struct bed *b)
{
    static struct shot s[5];

    open_h2(b, "timeout = 60ms\n", 1);
    get(b, &s[4], "/ok");
    for (int i = 0; i < 4; i++) {
        shoot(b, &s[i], "GET", "/never");
        s[i].t.timeout_ns = 60 * MS;
        submit(b, &s[i]);
    }
    wait_all(b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s[i].t.error, TRANSFER_TIMEOUT);
    get(b, &s[0], "/ok");
    assert_int_equal(s[0].t.error, TRANSFER_OK);
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

static void cancel_and_close(struct bed *b)
{
    static struct shot s[6];

    open_h2(b, "", 2);
    for (int i = 0; i < 6; i++) {
        shoot(b, &s[i], "GET", "/never");
        submit(b, &s[i]);
        if (i == 3)
            for (int k = 0; k < 50; k++)
                uv_run(&b->loop, UV_RUN_NOWAIT);
    }
    engine_cancel_all(b->engine);
    wait_all(b);
    for (int i = 0; i < 6; i++)
        assert_int_equal(s[i].t.error, TRANSFER_CANCELLED);
    get(b, &s[0], "/ok");
    assert_int_equal(s[0].t.error, TRANSFER_OK);
    for (int i = 0; i < 3; i++) {
        shoot(b, &s[i], "GET", "/never");
        submit(b, &s[i]);
    }
    bed_close(b);
    for (int i = 0; i < 3; i++)
        assert_int_equal(s[i].t.error, TRANSFER_CANCELLED);
}

static void refused_connections(struct bed *b)
{
    struct shot s;
    int port, fd = bed_refusing(&port);

    bed_open_at(b, "127.0.0.1", port, "", 2);
    for (int i = 0; i < 3; i++) {
        get(b, &s, "/");
        assert_int_equal(s.t.error, TRANSFER_CONNECT);
    }
    bed_close(b);
    close(fd);
}

static void chain_done(struct transfer *t)
{
    struct shot *s = t->user;

    assert_int_equal(t->error, TRANSFER_OK);
    if (++s->done < 300) {
        assert_int_equal(engine_submit(s->bed->engine, t), 0);
        return;
    }
    s->bed->pending--;
    uv_stop(&s->bed->loop);
}

static void done_may_submit(struct bed *b)
{
    static struct shot s[8];

    open_h2(b, "", 1);
    for (int i = 0; i < 8; i++) {
        shoot(b, &s[i], "GET", "/ok");
        s[i].t.done = chain_done;
        submit(b, &s[i]);
    }
    wait_all(b);
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

/* A TLS server that does not know HTTP/2 must not be spoken to in it. */
static void no_h2_here(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    struct shot s;

    (void)state;
    b->kind =
        &(struct bed_kind){.engine = "h2", .tls = true, .keys = "http = 2\n"};
    bed_open(b, "", 1);
    get(b, &s, "/ok");
    assert_int_equal(s.t.error, TRANSFER_PROTOCOL);
    assert_int_equal(b->server.requests, 0);
    bed_close(b);
    free(b);
}

#define EACH(name)                                                             \
    static void test_##name(void **state)                                      \
    {                                                                          \
        (void)state;                                                           \
        each(name);                                                            \
    }
EACH(answers)
EACH(requests_arrive_whole)
EACH(many_streams)
EACH(one_stream_fails_alone)
EACH(refused_is_retried)
EACH(connection_dies)
EACH(garbage)
EACH(malformed)
EACH(timeouts)
EACH(cancel_and_close)
EACH(refused_connections)
EACH(done_may_submit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_requests_arrive_whole),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_one_stream_fails_alone),
        cmocka_unit_test(test_refused_is_retried),
        cmocka_unit_test(test_connection_dies),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_cancel_and_close),
        cmocka_unit_test(test_refused_connections),
        cmocka_unit_test(test_done_may_submit),
        cmocka_unit_test(no_h2_here),
    };

    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
