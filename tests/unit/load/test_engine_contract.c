/* The contract of harness/load/engine.h, for every engine that speaks
 * HTTP/1.1, against a server of ours that has manners; those that have none
 * are in test_engine_peers.c. */
#include "tests/unit/load/engines.h"

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

/* The server closes kept connections: that is no failure of the next. One that
 * does so every time is believed after a while, instead of what it says. */
static void closed_while_idle(struct bed *b)
{
    enum { ROUNDS = 400, RETRIES = 8, CROSSED = 30 };
    struct engine_stats st;
    struct shot s;

    bed_open(b, "", 1);
    for (int i = 0; i < ROUNDS; i++) {
        get(b, &s, "/once");
        if (s.t.error != TRANSFER_OK)
            fail_msg("%s: error %d in round %d", b->kind->engine,
                     (int)s.t.error, i);
    }
    /* Each answer took a connection of its own. One more may be opened where
     * the close and the next request cross. */
    assert_in_range(b->server.accepted, ROUNDS, ROUNDS + CROSSED);
    engine_get_stats(b->engine, &st);
    assert_true(st.retries <= RETRIES);
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
EACH(cancel_fails_all)
EACH(close_cancels)
EACH(done_may_submit)

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
        cmocka_unit_test(test_cancel_fails_all),
        cmocka_unit_test(test_close_cancels),
        cmocka_unit_test(test_done_may_submit),
    };

    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
