/* The contract of harness/load/engine.h against peers without manners: each
 * ends in an error of its class, with no more memory, and takes nothing else
 * with it. */
#include "tests/unit/load/engines.h"

#include <malloc.h>

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
    int port, fd = bed_refusing(&port);

    bed_open_at(b, "localhost", port, "", 2);
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

EACH(malformed)
EACH(endless)
EACH(too_large)
EACH(timeouts)
EACH(one_byte_per_second)
EACH(refused)
EACH(connect_hangs)
EACH(foreign_address_is_refused)
EACH(untrusted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_one_byte_per_second),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_connect_hangs),
        cmocka_unit_test(test_foreign_address_is_refused),
        cmocka_unit_test(test_untrusted),
    };

    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
