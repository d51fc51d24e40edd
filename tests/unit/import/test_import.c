/* Recorded traffic: right weights, right timing, no secret, no harm. */
#include "harness/import/import.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/import/recorded.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE(time, request, status)                                            \
    "10.0.0.1 - frank [22/Nov/2026:10:15:" time " +0100] \"" request           \
    "\" " status " 512 \"http://x/\" \"Mozilla/5.0 (\\\"x\\\")\"\n"

static const char combined[] = LINE("00", "GET /products/17 HTTP/1.1", "200")
    LINE("00", "GET /products/18?page=2 HTTP/1.1",
         "200") LINE("00", "GET /products/19?page=3 HTTP/1.1",
                     "200") LINE("01", "GET /products/20 HTTP/1.1", "404")
        LINE("03", "POST /orders HTTP/1.1", "201") LINE(
            "03", "GET /reset/eyJhbGciOiJIUzI1NiJ9.e30.abc HTTP/1.1", "200")
            LINE("04", "GET /cb?session_token=s3cr3t&x=1 HTTP/1.1", "302") LINE(
                "04", "GET /a b/{{uuid}}/${HOME}'\\x22 HTTP/1.1", "200")
                LINE("05", "GET http://shop.example/abs?q=r%20s HTTP/1.1",
                     "200") "\r\n"
                            "nonsense\n" LINE("05", "\\x16\\x03\\x01", "400")
                                LINE("05", "CONNECT x:1 HTTP/1.1", "200")
                                    LINE("10", "GET / HTTP/2.0", "200");

/* Imports, and checks that the result is a right scenario. Gives its text. */
static char *import(enum import_format format, const char *text, size_t len,
                    struct import_summary *sum, struct scenario *sc)
{
    const struct import_options how = {0};
    struct mistakes m;
    struct buf out, wrong;
    struct err err;

    buf_init(&out, 1 << 20);
    buf_init(&wrong, 1 << 20);
    if (import_scenario(format, text, len, &how, &out, sum, &err) != 0)
        fail_msg("%s", err.msg);
    mistakes_init(&m);
    if (scenario_load_text(out.p, out.len, "i.ini", NULL, 0, 0, sc, &m) != 0) {
        mistakes_write(&m, &wrong);
        fail_msg("%s\n%s", buf_str(&wrong), buf_str(&out));
    }
    mistakes_release(&m);
    buf_release(&wrong);
    return buf_take(&out);
}

static void expect_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (at == NULL || at[strlen(line)] != '\n')
        fail_msg("no line '%s' in\n%s", line, text);
}

static void test_combined(void **state)
{
    struct import_summary sum;
    struct scenario sc;
    char *got =
        import(IMPORT_COMBINED, combined, sizeof combined - 1, &sum, &sc);

    (void)state;
    assert_int_equal(sum.lines, 13);
    assert_int_equal(sum.taken, 10);
    assert_int_equal(sum.left_out, 2);
    assert_int_equal(sum.unread, 1);
    assert_int_equal(sum.first_unread, 11);
    assert_int_equal(sum.secrets, 1);
    assert_close(sum.span_s, 10, 0);
    expect_line(got, "rate = 1/s");
    expect_line(got, "path   = /products/{{choice 17 20}}");
    expect_line(got, "expect = 2xx 3xx 404");
    expect_line(got, "path   = /products/{{choice 18 19}}?page={{choice 2 3}}");
    expect_line(got, "weight = 2");
    expect_line(got, "path   = /reset/{{rand 28}}");
    expect_line(got, "path   = /cb?x=1");
    expect_line(got, "path   = /abs?q=r%20s");
    expect_line(got, "path   = /a%20b/%7B%7Buuid%7D%7D/$%7BHOME%7D%27%22");
    expect_line(got, "weight = 0"); /* the POST, whose body nobody knows */
    assert_null(strstr(got, "s3cr3t"));
    assert_null(strstr(got, "eyJ"));
    assert_null(strstr(got, "10.0.0.1"));
    assert_null(strstr(got, "frank"));
    assert_int_equal(sc.nrequests, 8);
    scenario_release(&sc);
    free(got);
}

/* Many ids become a range; few, a choice; one, itself. */
static void test_ids(void **state)
{
    struct import_summary sum;
    struct scenario sc;
    struct buf log;
    char *got;

    (void)state;
    buf_init(&log, 1 << 20);
    for (int i = 5; i < 105; i++)
        buf_addf(&log,
                 "h - - [22/Nov/2026:10:15:00 +0000] \"GET /p/%d?v=7&q=w%d "
                 "HTTP/1.1\" 200 1\n",
                 i, i % 3);
    got = import(IMPORT_COMMON, log.p, log.len, &sum, &sc);
    expect_line(got, "path   = /p/{{int 5 104}}?v=7&q={{choice w2 w0 w1}}");
    expect_line(got, "weight = 100");
    expect_line(got, "users = 4"); /* all in one second: no rate is known */
    scenario_release(&sc);
    free(got);
    buf_release(&log);
}

static void test_json_lines(void **state)
{
    static const char log[] =
        "{\"time_iso8601\":\"2026-11-22T10:15:00+00:00\",\"request\":\"GET "
        "/a/1 HTTP/1.1\",\"status\":\"200\"}\n"
        "{\"ts\":1795342501.5,\"status\":200,\"request\":{\"method\":\"GET\","
        "\"uri\":\"/a/2\",\"host\":\"x\"}}\n"
        "{\"time\":1795342502500,\"request_method\":\"DELETE\",\"request_uri\""
        ":\"/a/3\",\"status\":204}\n"
        "{\"half\n"
        "[1,2]\n"
        "{\"method\":\"BREW\",\"uri\":\"/pot\"}\n";
    struct import_summary sum;
    struct scenario sc;
    char *got = import(IMPORT_JSON, log, sizeof log - 1, &sum, &sc);

    (void)state;
    assert_int_equal(sum.taken, 3);
    assert_int_equal(sum.unread, 2);
    assert_int_equal(sum.left_out, 1);
    assert_close(sum.span_s, 2.5, 1e-9);
    expect_line(got, "path   = /a/{{choice 1 2}}");
    expect_line(got, "method = DELETE");
    scenario_release(&sc);
    free(got);
}

static const char har[] =
    "{\"log\":{\"version\":\"1.2\",\"entries\":["
    "{\"startedDateTime\":\"2026-11-22T10:15:00.250Z\",\"request\":{\"method\":"
    "\"POST\",\"url\":\"https://shop.example/login?next=%2F\",\"headers\":["
    "{\"name\":\"Content-Type\",\"value\":\"application/json\"},"
    "{\"name\":\"Cookie\",\"value\":\"sid=hush-cookie\"},"
    "{\"name\":\"authorization\",\"value\":\"Bearer hush-bearer\"},"
    "{\"name\":\"User-Agent\",\"value\":\"x\"}],\"postData\":{\"mimeType\":"
    "\"application/json\",\"text\":\"{\\n\\\"user\\\": \\\"bob\\\", "
    "\\\"password\\\": \\\"hush-body\\\", \\\"t\\\": \\\"{{uuid}} ${HOME}\\\"}"
    "\"}},\"response\":{\"status\":200}},"
    "{\"startedDateTime\":\"2026-11-22T10:15:02.250Z\",\"request\":{\"method\":"
    "\"GET\",\"url\":\"https://shop.example/\",\"headers\":[]},\"response\":"
    "{\"status\":200}},"
    "{\"request\":{\"method\":\"GET\",\"url\":\"https://cdn.example/x.js\"},"
    "\"response\":{\"status\":200}},"
    "{\"request\":{\"method\":\"GET\",\"url\":\"data:image/png;base64,xx\"}},"
    "{\"request\":{}}]}}";

static void test_har(void **state)
{
    struct import_summary sum;
    struct scenario sc;
    char *got = import(IMPORT_HAR, har, sizeof har - 1, &sum, &sc);

    (void)state;
    assert_int_equal(sum.taken, 2);
    assert_int_equal(sum.left_out, 2); /* another origin, and data: */
    assert_int_equal(sum.unread, 1);
    assert_int_equal(sum.secrets, 3);
    assert_null(strstr(got, "hush"));
    assert_null(strstr(got, "cdn.example"));
    expect_line(got, "; recorded from https://shop.example");
    expect_line(got, "header = Content-Type: application/json");
    expect_line(got, "body   = { \"user\": \"bob\", \"password\": \"***\", "
                     "\"t\": \"{{'{{'}}uuid}} $${HOME}\"}");
    assert_int_equal(sc.nrequests, 2);
    assert_true(sc.requests[0].has_body || sc.requests[1].has_body);
    scenario_release(&sc);
    free(got);
}

static void test_nothing_to_import(void **state)
{
    static const struct {
        enum import_format format;
        const char *text, *want;
    } rows[] = {
        {IMPORT_COMBINED, "", "no request found"},
        {IMPORT_COMBINED, "x\ny\n", "none was understood"},
        {IMPORT_JSON, "{}\n", "no request found"},
        {IMPORT_HAR, "", "not JSON"},
        {IMPORT_HAR, "{\"log\":{}}", "no log.entries"},
        {IMPORT_HAR, "{\"log\":{\"entries\":[]}}", "no request found"},
        {IMPORT_HAR, "[[[[", "not JSON"},
    };
    const struct import_options how = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct import_summary sum;
        struct err err = {""};
        struct buf out;

        buf_init(&out, 1 << 20);
        assert_int_equal(import_scenario(rows[i].format, rows[i].text,
                                         strlen(rows[i].text), &how, &out, &sum,
                                         &err),
                         -1);
        if (strstr(err.msg, rows[i].want) == NULL)
            fail_msg("row %zu: %s", i, err.msg);
        buf_release(&out);
    }
}

static void test_times(void **state)
{
    bool whole;

    (void)state;
    assert_int_equal(recorded_time_clf("22/Nov/2026:10:15:00 +0100", 26) /
                         1000000,
                     1795338900);
    assert_int_equal(recorded_time_clf("22/Nvo/2026:10:15:00 +0100", 26),
                     INT64_MIN);
    assert_int_equal(recorded_time_clf("22/Nov/2026:25:15:00 +0100", 26),
                     INT64_MIN);
    assert_int_equal(recorded_time_clf("22/Nov/20", 9), INT64_MIN);
    assert_int_equal(recorded_time_iso("2026-11-22T09:15:00.25Z", 23, &whole),
                     1795338900250000);
    assert_false(whole);
    assert_int_equal(recorded_time_iso("2026-11-22T10:15:00+01:00", 25, &whole),
                     1795338900000000);
    assert_true(whole);
    assert_int_equal(recorded_time_iso("yesterday", 9, &whole), INT64_MIN);
}

/* ---- replay ---- */

static int load_replay(const char *log, const char *more, struct scenario *sc,
                       struct buf *wrong)
{
    char path[] = "/tmp/plateau-replay-XXXXXX";
    char *text;
    struct mistakes m;
    struct err err;
    int rc;

    close(mkstemp(path));
    assert_int_equal(file_write(path, log, strlen(log), &err), 0);
    text =
        mem_printf("[target]\nport = 1\n%s\n[replay]\nfile = %s\n", more, path);
    mistakes_init(&m);
    rc = scenario_load_text(text, strlen(text), "r.ini", NULL, 0, 0, sc, &m);
    if (rc == 0)
        rc = import_replay(sc, &m);
    mistakes_write(&m, wrong);
    mistakes_release(&m);
    unlink(path);
    free(text);
    return rc;
}

static void test_replay(void **state)
{
    static const double at_s[] = {0,   1 / 3.0, 2 / 3.0, 1, 3,
                                  3.5, 4,       4.5,     5, 10};
    struct scenario sc;
    struct buf wrong;
    size_t index;
    double sum = 0;

    (void)state;
    buf_init(&wrong, 1 << 16);
    assert_int_equal(load_replay(combined,
                                 "[request order]\nmethod = POST\npath = "
                                 "/orders\nbody = {}\n"
                                 "[request product]\npath = /products/{{int 1 "
                                 "99}}\n[request unused]\npath = /unused",
                                 &sc, &wrong),
                     0);
    assert_string_equal(buf_str(&wrong), "");
    assert_int_equal(sc.replay.nentries, 10);
    for (size_t i = 0; i < 10; i++)
        assert_close((double)sc.replay.entries[i].at_ns, at_s[i] * 1e9, 2000);
    assert_string_equal(sc.replay.entries[0].path, "/products/17");
    assert_string_equal(sc.replay.entries[6].path, "/cb?x=1");
    /* The scenario's own requests bring their headers and bodies. */
    assert_int_equal(sc.replay.entries[4].request, 0);
    assert_int_equal(sc.replay.entries[0].request, 1);
    assert_int_equal(sc.replay.entries[3].request, 1);
    assert_false(sc.requests[2].replayed);
    assert_int_equal(sc.load.model, LOAD_OPEN);
    /* Kinds are what the recording sends, weighted by it. */
    for (size_t k = 0; k < scenario_kinds(&sc); k++) {
        scenario_kind_at(&sc, k, &index);
        assert_true(sc.requests[index].replayed);
        sum += scenario_kind_weight(&sc, k);
    }
    assert_close(sum, 10, 0);
    scenario_release(&sc);
    buf_release(&wrong);
}

static void test_replay_speed_and_order(void **state)
{
    static const char log[] = "{\"ts\":1795342503.5,\"status\":200,\"method\":"
                              "\"GET\",\"uri\":\"/c\"}\n"
                              "{\"ts\":1795342501.5,\"status\":200,\"method\":"
                              "\"GET\",\"uri\":\"/a\"}\n"
                              "{\"ts\":1795342502.5,\"status\":404,\"method\":"
                              "\"GET\",\"uri\":\"/b\"}\n";
    struct scenario sc;
    struct buf wrong;

    (void)state;
    buf_init(&wrong, 1 << 16);
    /* The [replay] section is written last by load_replay: keys follow it. */
    assert_int_equal(load_replay(log, "", &sc, &wrong), -1);
    assert_non_null(strstr(buf_str(&wrong), "no request found in it"));
    assert_non_null(strstr(buf_str(&wrong), "the first is line 1"));
    scenario_release(&sc);
    buf_reset(&wrong);
    char *sets[] = {(char *)"replay.format=json", (char *)"replay.speed=4x"};
    char path[] = "/tmp/plateau-replay-XXXXXX";
    char *text;
    struct mistakes m;
    struct err err;

    close(mkstemp(path));
    assert_int_equal(file_write(path, log, sizeof log - 1, &err), 0);
    text = mem_printf("[target]\nport = 1\n[replay]\nfile = %s\n", path);
    mistakes_init(&m);
    assert_int_equal(
        scenario_load_text(text, strlen(text), "r.ini", sets, 2, 0, &sc, &m),
        0);
    assert_int_equal(import_replay(&sc, &m), 0);
    unlink(path);
    assert_string_equal(sc.replay.entries[0].path, "/a");
    assert_string_equal(sc.replay.entries[2].path, "/c");
    assert_int_equal(sc.replay.entries[1].at_ns, 250000000);
    assert_int_equal(sc.replay.entries[2].at_ns, 500000000);
    assert_int_equal(
        sc.requests[sc.replay.entries[1].request].expect.status[1].low, 404);
    mistakes_release(&m);
    scenario_release(&sc);
    buf_release(&wrong);
    free(text);
}

/* Damaged recordings at the end of a page that nobody may read behind. */
static void test_hostile_bytes(void **state)
{
    static const struct {
        enum import_format format;
        const char *text;
        size_t len;
    } seeds[] = {{IMPORT_COMBINED, combined, sizeof combined - 1},
                 {IMPORT_JSON, "{\"request\":\"GET /\\u00e9 H\"}\n", 27},
                 {IMPORT_HAR, har, sizeof har - 1}};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct import_options how = {0};
    struct rng rng;

    (void)state;
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    rng_init(&rng, 5);
    for (int round = 0; round < 3000; round++) {
        size_t s = rng_below(&rng, 3);
        size_t len = rng_below(&rng, seeds[s].len + 1);
        char *at = two + page - len;
        struct import_summary sum;
        struct scenario sc;
        struct mistakes m;
        struct buf out;

        memcpy(at, seeds[s].text, len);
        for (size_t k = 0; len > 0 && k < 4; k++)
            at[rng_below(&rng, len)] = (char)rng_below(&rng, 256);
        buf_init(&out, 1 << 20);
        mistakes_init(&m);
        if (import_scenario(seeds[s].format, at, len, &how, &out, &sum, NULL) ==
                0 &&
            scenario_load_text(out.p, out.len, "i.ini", NULL, 0, 0, &sc, &m) ==
                0)
            scenario_release(&sc);
        /* Whatever was recorded, at most "nothing is sent" is wrong with it. */
        for (size_t i = 0; i < m.n; i++)
            if (strstr(m.at[i].text, "every weight is 0") == NULL)
                fail_msg("%s\n%s", m.at[i].text, buf_str(&out));
        mistakes_release(&m);
        buf_release(&out);
    }
    munmap(two, 2 * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combined),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_har),
        cmocka_unit_test(test_nothing_to_import),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_replay_speed_and_order),
        cmocka_unit_test(test_hostile_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
