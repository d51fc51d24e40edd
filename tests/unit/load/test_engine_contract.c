/* The contract of harness/load/engine.h, for every engine that speaks
 * HTTP/1.1, against a server of ours with and without manners. */
#include "tests/unit/load/bed.h"

#include <curl/curl.h>
#include <malloc.h>
#include <signal.h>

static const struct bed_kind kinds[] = {
    {.engine = "h1"},
    {.engine = "h1", .may_rest = true},
    {.engine = "curl"},
    {.engine = "h1", .tls = true},
    {.engine = "curl", .tls = true, .keys = "http = 1.1\n"},
};

static void each(void (*test)(struct bed *b))
{
    bed_each(kinds, sizeof kinds / sizeof kinds[0], test);
}

/* ---- good manners ---- */

static void bodies(struct bed *b)
{
    static const struct {
        const char *path;
        int status;
        uint64_t bytes;
    } t[] = {
        {"/ok", 200, 2},          {"/len/0", 200, 0},
        {"/len/5000", 200, 5000}, {"/len/1048576", 200, 1048576},
        {"/chunked/0", 200, 0},   {"/chunked/1000", 200, 1000},
        {"/close/0", 200, 0},     {"/close/70000", 200, 70000},
        {"/status/204", 204, 0},  {"/status/304", 304, 0},
        {"/status/404", 404, 0},  {"/status/503", 503, 0},
        {"/interim", 200, 2},     {"/drip", 200, 3},
    };

    bed_open(b, "", 1);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
            struct shot s;

            get(b, &s, t[i].path);
            if (s.t.error != TRANSFER_OK || s.t.status != t[i].status ||
                s.t.body_bytes != t[i].bytes)
                fail_msg("%s %s: error %d, status %d, %llu bytes",
                         b->kind->engine, t[i].path, (int)s.t.error, s.t.status,
                         (unsigned long long)s.t.body_bytes);
            assert_int_equal(s.t.kept, t[i].bytes < sizeof s.keep
                                           ? t[i].bytes
                                           : sizeof s.keep);
        }
    bed_close(b);
}

static void connection_is_kept(struct bed *b)
{
    struct engine_stats st;
    struct shot s;

    bed_open(b, "", 4);
    for (int i = 0; i < 20; i++) {
        get(b, &s, i % 2 ? "/len/100" : "/chunked/100");
        assert_int_equal(s.t.error, TRANSFER_OK);
    }
    assert_int_equal(b->server.accepted, 1);
    engine_get_stats(b->engine, &st);
    assert_int_equal(st.connects, 1);
    assert_true(st.bytes_in > 2000 && st.bytes_out > 20 * 30);
    bed_close(b);
}

static void head_has_no_body(struct bed *b)
{
    struct shot s;

    bed_open(b, "", 1);
    for (int i = 0; i < 3; i++) {
        shoot(b, &s, "HEAD", "/len/500");
        submit(b, &s);
        wait_all(b);
        assert_int_equal(s.t.error, TRANSFER_OK);
        assert_int_equal(s.t.body_bytes, 0);
    }
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

static void echo(struct bed *b, const char *method, const char *body,
                 size_t body_len, bool has_body, struct shot *s)
{
    shoot(b, s, method, "/echo");
    s->t.body = body;
    s->t.body_len = body_len;
    s->t.has_body = has_body;
    submit(b, s);
    wait_all(b);
    assert_int_equal(s->t.error, TRANSFER_OK);
    s->keep[s->t.kept < sizeof s->keep ? s->t.kept : sizeof s->keep - 1] = 0;
}

static void requests_arrive_whole(struct bed *b)
{
    static char big[200000];
    char host[64];
    struct shot s;

    memset(big, 'z', sizeof big);
    bed_open(b, "", 1);
    snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", b->server.port);
    echo(b, "GET", NULL, 0, false, &s);
    assert_ptr_equal(strstr(s.keep, "GET /echo HTTP/1.1\r\n"), s.keep);
    assert_non_null(strstr(s.keep, host));
    assert_non_null(strstr(s.keep, "\r\nX-Test: 1\r\n"));
    assert_null(strstr(s.keep, "Content-Length"));
    assert_null(strstr(s.keep, "Expect"));
    echo(b, "POST", "hello", 5, true, &s);
    assert_ptr_equal(strstr(s.keep, "POST /echo HTTP/1.1\r\n"), s.keep);
    assert_non_null(strstr(s.keep, "Content-Length: 5\r\n"));
    assert_non_null(strstr(s.keep, "\r\n\r\nhello"));
    assert_null(strstr(s.keep, "Content-Type"));
    echo(b, "PUT", "", 0, true, &s);
    assert_non_null(strstr(s.keep, "Content-Length: 0\r\n"));
    echo(b, "DELETE", NULL, 0, false, &s);
    assert_null(strstr(s.keep, "Content-Length"));
    echo(b, "POST", big, sizeof big, true, &s);
    assert_int_equal(s.t.kept, sizeof s.keep);
    assert_true(s.t.body_bytes > sizeof big);
    assert_int_equal(b->server.accepted, 1);
    bed_close(b);
}

static void host_can_be_set(struct bed *b)
{
    struct shot s;

    bed_open(b, "", 1);
    shoot(b, &s, "GET", "/echo");
    s.t.host = "shop.test";
    submit(b, &s);
    wait_all(b);
    s.keep[s.t.kept] = 0;
    assert_non_null(strstr(s.keep, "\r\nHost: shop.test\r\n"));
    assert_null(strstr(s.keep, "127.0.0.1"));
    bed_close(b);
}

static void headers_are_kept(struct bed *b)
{
    struct shot s;

    bed_open(b, "", 1);
    get(b, &s, "/interim");
    s.keep_headers[s.t.kept_headers] = 0;
    assert_non_null(strstr(s.keep_headers, "X-Kept: yes"));
    assert_null(strstr(s.keep_headers, "Link: x"));
    bed_close(b);
}

/* ---- many at a time ---- */

static void many_at_once(struct bed *b)
{
    enum { N = 40 };
    static struct shot s[N];

    bed_open(b, "", N);
    for (int i = 0; i < N; i++) {
        shoot(b, &s[i], "GET", i % 2 ? "/slow/20" : "/len/100000");
        submit(b, &s[i]);
    }
    assert_false(engine_ready(b->engine));
    assert_int_equal(engine_submit(b->engine, &s[0].t), -1);
    wait_all(b);
    for (int i = 0; i < N; i++)
        assert_int_equal(s[i].t.error, TRANSFER_OK);
    assert_true(engine_ready(b->engine));
    assert_int_equal(b->readies, 1);
    bed_close(b);
}

/* A connection that dies takes no other transfer with it. */
static void deaths_are_private(struct bed *b)
{
    static struct shot bad[8], good[8];

    bed_open(b, "", 16);
    for (int i = 0; i < 8; i++) {
        shoot(b, &good[i], "GET", "/slow/60");
        submit(b, &good[i]);
        shoot(b, &bad[i], "GET", i % 2 ? "/bad/chunk-size" : "/drop");
        submit(b, &bad[i]);
    }
    wait_all(b);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(good[i].t.error, TRANSFER_OK);
        assert_int_not_equal(bad[i].t.error, TRANSFER_OK);
    }
    bed_close(b);
}

/* The server closes kept connections: that is no failure of the next. */
static void closed_while_idle(struct bed *b)
{
    struct shot s;

    bed_open(b, "", 1);
    for (int i = 0; i < 30; i++) {
        get(b, &s, "/once");
        if (s.t.error != TRANSFER_OK)
            fail_msg("%s: error %d in round %d", b->kind->engine,
                     (int)s.t.error, i);
    }
    /* Each answer took a connection of its own. One more may be opened where
     * the close and the next request cross. */
    assert_in_range(b->server.accepted, 30, 59);
    bed_close(b);
}

static void surplus_is_not_an_answer(struct bed *b)
{
    struct shot s;

    bed_open(b, "", 1);
    for (int i = 0; i < 3; i++) {
        get(b, &s, "/extra");
        assert_int_equal(s.t.body_bytes, 2);
    }
    bed_close(b);
}

/* ---- bad manners ---- */

/* libcurl takes these for valid; the strict parser is ours. */
static bool curl_is_lenient(const struct bed *b, const char *name)
{
    static const char *const lenient[] = {
        "cl-and-te", "two-cls",  "cl-list",     "cl-plus",     "cl-hex",
        "te-other",  "te-twice", "bare-lf",     "bare-cr",     "nul",
        "fold",      "no-name",  "space-colon", "cl-negative", "cl-huge",
    };

    if (strcmp(b->kind->engine, "curl") != 0)
        return false;
    for (size_t i = 0; i < sizeof lenient / sizeof lenient[0]; i++)
        if (strcmp(lenient[i], name) == 0)
            return true;
    return false;
}

static void malformed(struct bed *b)
{
    bed_open(b, "", 1);
    for (size_t i = 0; i < HTTP_NBAD; i++) {
        bool cut = strncmp(http_bad[i].name, "cut-", 4) == 0 ||
                   strcmp(http_bad[i].name, "early-close") == 0;
        char path[64];
        struct shot s;

        snprintf(path, sizeof path, "/bad/%s", http_bad[i].name);
        get(b, &s, path);
        if (curl_is_lenient(b, http_bad[i].name))
            continue;
        if (s.t.error == TRANSFER_OK ||
            (strcmp(b->kind->engine, "h1") == 0 &&
             s.t.error != (cut ? TRANSFER_CLOSED : TRANSFER_PROTOCOL)))
            fail_msg("%s: %s gave error %d", b->kind->engine, http_bad[i].name,
                     (int)s.t.error);
        get(b, &s, "/ok");
        assert_int_equal(s.t.error, TRANSFER_OK);
    }
    bed_close(b);
}

static size_t in_use(void)
{
    return mallinfo2().uordblks;
}

/* Peers without end: an error each, and no memory. */
static void endless(struct bed *b)
{
    static const char *const paths[] = {"/1xx-storm", "/endless-headers",
                                        "/endless-body"};
    size_t before[3] = {0};
    struct shot s;

    bed_open(b, "max_body = 1000000 B\n", 1);
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < 3; i++) {
            shoot(b, &s, "GET", paths[i]);
            s.t.timeout_ns = 20000 * MS;
            submit(b, &s);
            wait_all(b);
            assert_int_not_equal(s.t.error, TRANSFER_OK);
            if (i == 2)
                assert_int_equal(s.t.error, TRANSFER_TOO_LARGE);
            if (round <= 1) /* warm by now */
                before[i] = in_use();
            if (in_use() > before[i] + (1u << 20))
                fail_msg("%s: %s left %zu bytes more", b->kind->engine,
                         paths[i], in_use() - before[i]);
        }
    bed_close(b);
}

static void too_large(struct bed *b)
{
    static const char *const paths[] = {"/len/2000000", "/chunked/2000",
                                        "/close/2000000"};
    struct shot s;

    bed_open(b, "max_body = 1000 B\n", 1);
    for (size_t i = 0; i < 3; i++) {
        get(b, &s, paths[i]);
        assert_int_equal(s.t.error, TRANSFER_TOO_LARGE);
    }
    get(b, &s, "/len/1000");
    assert_int_equal(s.t.error, TRANSFER_OK);
    bed_close(b);
}

static void timeouts(struct bed *b)
{
    static const char *const paths[] = {"/never", "/stall", "/drip",
                                        "/slow/400"};
    static struct shot s[4];

    bed_open(b, "timeout = 60ms\n", 4);
    for (int i = 0; i < 4; i++) {
        shoot(b, &s[i], "GET", paths[i]);
        s[i].t.timeout_ns = 60 * MS;
        submit(b, &s[i]);
    }
    wait_all(b);
    for (int i = 0; i < 4; i++) {
        double took = (double)(s[i].t.end_ns - s[i].t.sent_ns) * 1e-6;

        assert_int_equal(s[i].t.error, TRANSFER_TIMEOUT);
        assert_true(took >= 59 && took < 600 * test_slowness());
    }
    bed_close(b);
}

/* A byte per second is no progress: the timeout is for the whole answer, and
 * what has come until then keeps nothing alive. */
static void one_byte_per_second(struct bed *b)
{
    static const char *const paths[] = {"/creep/head", "/creep/sized",
                                        "/creep/chunked"};
    static struct shot s[3];
    size_t before;

    bed_open(b, "timeout = 2200ms\n", 3);
    for (int i = 0; i < 3; i++)
        get(b, &s[i], "/ok");
    before = in_use();
    for (int i = 0; i < 3; i++) {
        shoot(b, &s[i], "GET", paths[i]);
        s[i].t.timeout_ns = 2200 * MS;
        submit(b, &s[i]);
    }
    wait_all(b);
    for (int i = 0; i < 3; i++) {
        double took = (double)(s[i].t.end_ns - s[i].t.sent_ns) * 1e-6;

        assert_int_equal(s[i].t.error, TRANSFER_TIMEOUT);
        assert_true(took >= 2199 && took < 3500 * test_slowness());
    }
    assert_int_equal(s[0].t.status, 0);
    /* It did send something, and more than once. */
    assert_int_equal(s[1].t.status, 200);
    assert_in_range(s[1].t.body_bytes, 2, 99);
    if (in_use() > before + (1u << 20))
        fail_msg("%s: %zu bytes more", b->kind->engine, in_use() - before);
    get(b, &s[0], "/ok");
    assert_int_equal(s[0].t.error, TRANSFER_OK);
    bed_close(b);
}

static void refused(struct bed *b)
{
    struct shot s;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    /* Bound, not listening: nobody else can take the port. */
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    bed_open_at(b, "localhost", ntohs(a.sin_port), "", 2);
    for (int i = 0; i < 3; i++) {
        get(b, &s, "/");
        assert_int_equal(s.t.error, TRANSFER_CONNECT);
        assert_int_equal(s.t.status, 0);
    }
    bed_close(b);
    close(fd);
}

/* A listener whose queue is full: connecting neither works nor fails. */
static void connect_hangs(struct bed *b)
{
    static struct shot s[3];
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0), filler[4];

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    for (int i = 0; i < 4; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&a, sizeof a);
    }
    bed_open_at(b, "127.0.0.1", ntohs(a.sin_port), "timeout = 60ms\n", 3);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            shoot(b, &s[i], "GET", "/");
            s[i].t.timeout_ns = 60 * MS;
            submit(b, &s[i]);
        }
        wait_all(b);
        for (int i = 0; i < 3; i++)
            assert_int_equal(s[i].t.error, TRANSFER_TIMEOUT);
    }
    shoot(b, &s[0], "GET", "/");
    submit(b, &s[0]);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    bed_close(b);
    for (int i = 0; i < 4; i++)
        close(filler[i]);
    close(fd);
}

/* ---- endings ---- */

static void cancel_fails_all(struct bed *b)
{
    static struct shot s[6];

    bed_open(b, "", 6);
    for (int i = 0; i < 6; i++) {
        shoot(b, &s[i], "GET", i % 2 ? "/never" : "/stall");
        submit(b, &s[i]);
        if (i == 3)
            for (int k = 0; k < 20; k++)
                uv_run(&b->loop, UV_RUN_NOWAIT);
    }
    engine_cancel_all(b->engine);
    wait_all(b);
    for (int i = 0; i < 6; i++)
        assert_int_equal(s[i].t.error, TRANSFER_CANCELLED);
    get(b, &s[0], "/ok");
    assert_int_equal(s[0].t.error, TRANSFER_OK);
    bed_close(b);
}

static void close_cancels(struct bed *b)
{
    static struct shot s[5];

    bed_open(b, "", 5);
    for (int i = 0; i < 5; i++) {
        shoot(b, &s[i], "GET", i == 0 ? "/ok" : "/never");
        submit(b, &s[i]);
        for (int k = 0; k < i; k++)
            uv_run(&b->loop, UV_RUN_NOWAIT);
    }
    bed_close(b); /* checks that all were told, and before `closed` */
    for (int i = 1; i < 5; i++)
        assert_int_equal(s[i].t.error, TRANSFER_CANCELLED);
}

/* `done` may submit again, for ever. */
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
    static struct shot s[3];

    bed_open(b, "", 3);
    for (int i = 0; i < 3; i++) {
        shoot(b, &s[i], "GET", "/ok");
        s[i].t.done = chain_done;
        submit(b, &s[i]);
    }
    wait_all(b);
    assert_true(b->server.accepted <= 3);
    bed_close(b);
}

static void foreign_address_is_refused(struct bed *b)
{
    struct shot s;

    bed_open_at(b, "127.0.0.1", 80, "", 1);
    /* As if the name had come to mean something else. */
    free(b->sc.target.url.host);
    b->sc.target.url.host = strdup("192.0.2.1");
    engine_close(&b->engine, bed_on_closed, b);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_int_equal(engine_open(b->kind->engine,
                                 &(struct engine_config){.loop = &b->loop,
                                                         .scenario = &b->sc,
                                                         .connections = 1},
                                 &b->engine, NULL),
                     0);
    get(b, &s, "/");
    assert_int_equal(s.t.error, TRANSFER_CONNECT);
    bed_close(b);
}

/* A certificate that nobody vouches for. */
static void untrusted(struct bed *b)
{
    char ca[64];
    struct shot s;

    if (!b->kind->tls)
        return;
    http_server_start(&b->server, http_make_tls(ca, sizeof ca), NULL);
    unlink(ca);
    bed_open_at(b, "127.0.0.1", b->server.port, "", 1);
    get(b, &s, "/ok");
    assert_int_equal(s.t.error, TRANSFER_CERTIFICATE);
    assert_int_equal(b->server.requests, 0);
    bed_close(b);
}

#define EACH(name)                                                             \
    static void test_##name(void **state)                                      \
    {                                                                          \
        (void)state;                                                           \
        each(name);                                                            \
    }
EACH(bodies)
EACH(connection_is_kept)
EACH(head_has_no_body)
EACH(requests_arrive_whole)
EACH(host_can_be_set)
EACH(headers_are_kept)
EACH(many_at_once)
EACH(deaths_are_private)
EACH(closed_while_idle)
EACH(surplus_is_not_an_answer)
EACH(malformed)
EACH(endless)
EACH(too_large)
EACH(timeouts)
EACH(one_byte_per_second)
EACH(refused)
EACH(connect_hangs)
EACH(cancel_fails_all)
EACH(close_cancels)
EACH(done_may_submit)
EACH(foreign_address_is_refused)
EACH(untrusted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_connection_is_kept),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_requests_arrive_whole),
        cmocka_unit_test(test_host_can_be_set),
        cmocka_unit_test(test_headers_are_kept),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_deaths_are_private),
        cmocka_unit_test(test_closed_while_idle),
        cmocka_unit_test(test_surplus_is_not_an_answer),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_one_byte_per_second),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_connect_hangs),
        cmocka_unit_test(test_cancel_fails_all),
        cmocka_unit_test(test_close_cancels),
        cmocka_unit_test(test_done_may_submit),
        cmocka_unit_test(test_foreign_address_is_refused),
        cmocka_unit_test(test_untrusted),
    };

    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
