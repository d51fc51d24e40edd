/* What a scenario may ask of answers: flows with captured values, checks,
 * cookies, redirects; through the whole load, against a server. */
#include "tests/unit/load/http_server.h"
#include "tests/unit/load/rig.h"

struct result {
    struct load_counts c;
    struct load_kind_counts kinds[8], requests[8];
    char example[512];
};

/* Runs `requests` requests of the scenario, whose [target] is the server. */
static struct result run(const char *load_keys, const char *rest,
                         uint64_t requests)
{
    struct http_server server;
    struct load_phase p = {.requests = requests};
    struct result r = {0};
    struct rig rig;
    char text[4096];

    http_server_start(&server, NULL, NULL);
    snprintf(text, sizeof text,
             "[scenario]\nname = t\n[target]\nurl = http://127.0.0.1:%d\n"
             "[load]\nusers = 2\n%s\n%s",
             server.port, load_keys, rest);
    rig_open(&rig, text);
    rig_phase(&rig, &p);
    load_get_counts(rig.load, &r.c, r.kinds, r.requests);
    if (load_failure_example(rig.load, 0) != NULL)
        snprintf(r.example, sizeof r.example, "%s",
                 load_failure_example(rig.load, 0));
    rig_close(&rig);
    http_server_stop(&server);
    return r;
}

#define LOGIN                                                                  \
    "[request login]\npath = /login\nweight = 0\n"                             \
    "capture.token = json /user/token\ncapture.h = header x-token\n"           \
    "capture.r = regex \"(t-[0-9]+)\"\n"

static void captured_values_serve_later_steps(void **state)
{
    struct result r;

    (void)state;
    r = run("",
            LOGIN "[request use]\npath = /token/{{token}}\nweight = 0\n"
                  "[flow f]\nsteps = login, use\n",
            40);
    assert_int_equal(r.c.ok, 40);
    assert_int_equal(r.kinds[0].ok, 20);
    assert_int_equal(r.requests[1].ok, 20);
}

static void missing_capture_ends_the_flow(void **state)
{
    struct result r;

    (void)state;
    r = run("",
            "[request a]\npath = /ok\nweight = 0\n"
            "capture.x = json /x\n"
            "[request b]\npath = /ok/{{x}}\nweight = 0\n"
            "[flow f]\nsteps = a, b\n",
            20);
    assert_int_equal(r.c.failed_captures, 10);
    assert_int_equal(r.c.ok, 0);
    assert_int_equal(r.requests[1].sent, 0);
    assert_int_equal(r.kinds[0].errors, 10);
}

static void checks_count(void **state)
{
    struct result r;

    (void)state;
    r = run("",
            "[request good]\npath = /ok\nexpect = body contains ok\n"
            "[request gone]\npath = /status/404\nexpect = 404\n"
            "[request body]\npath = /ok\nexpect = body contains nope\n"
            "[request code]\npath = /status/500\n",
            40);
    assert_int_equal(r.requests[0].ok, 10);
    assert_int_equal(r.requests[1].ok, 10);
    assert_int_equal(r.requests[2].errors, 10);
    assert_int_equal(r.requests[3].errors, 10);
    assert_int_equal(r.c.failed_checks, 10);
    assert_int_equal(r.c.unexpected_status, 10);
}

static void secrets_stay_out_of_examples(void **state)
{
    struct result r;

    (void)state;
    setenv("PLATEAU_TEST_KEY", "s3cr3t-value", 1);
    r = run("", "[request a]\npath = /status/500?key=${PLATEAU_TEST_KEY}\n", 2);
    assert_int_equal(r.c.unexpected_status, 2);
    assert_non_null(strstr(r.example, "GET /status/500?key="));
    assert_non_null(strstr(r.example, "500 (expected"));
    assert_null(strstr(r.example, "s3cr3t"));
}

static void cookies_belong_to_the_run(void **state)
{
    static const char flow[] = "[request in]\npath = /login\nweight = 0\n"
                               "[request me]\npath = /me\nweight = 0\n"
                               "[flow f]\nsteps = in, me\n";
    struct result r;

    (void)state;
    r = run("cookies = on\n", flow, 20);
    assert_int_equal(r.c.ok, 20);
    r = run("cookies = off\n", flow, 20);
    assert_int_equal(r.requests[0].ok, 10);
    assert_int_equal(r.requests[1].errors, 10);
}

static void redirects_are_followed(void **state)
{
    struct result r;

    (void)state;
    r = run("redirects = 3\n", "[request a]\npath = /redirect\nexpect = 200\n",
            10);
    assert_int_equal(r.c.ok, 10);
    assert_int_equal(r.c.sent, 10);
    r = run("redirects = 3\ncookies = on\n",
            "[request a]\nmethod = POST\nbody = x\n"
            "path = /redirect-login\nexpect = 200\n",
            10);
    assert_int_equal(r.c.ok, 10);
    r = run("redirects = 0\n", "[request a]\npath = /redirect\n", 10);
    assert_int_equal(r.c.ok, 10);
}

static void redirects_have_bounds(void **state)
{
    struct result r;

    (void)state;
    r = run("redirects = 3\n", "[request a]\npath = /redirect-out\n", 6);
    assert_int_equal(r.c.by_error[TRANSFER_REDIRECT], 6);
    r = run("redirects = 3\n", "[request a]\npath = /loop\n", 6);
    assert_int_equal(r.c.by_error[TRANSFER_REDIRECT], 6);
    assert_non_null(strstr(r.example, "redirect"));
}

/* More users than connections wait for their turn, and nobody is lost. */
static void users_wait_for_connections(void **state)
{
    struct result r;

    (void)state;
    r = run("connections = 1\n", "[request a]\npath = /slow/1\n", 60);
    assert_int_equal(r.c.ok, 60);
    assert_int_equal(r.c.connects, 1);
}

/* A target that hangs cannot hold a phase longer than the drain. */
static void drain_is_bounded(void **state)
{
    struct http_server server;
    struct load_phase p = {.duration_ns = 100 * CLOCK_NS_PER_MS,
                           .drain_ns = 200 * CLOCK_NS_PER_MS};
    struct load_counts c;
    struct rig rig;
    char text[512];
    int64_t t0;

    (void)state;
    http_server_start(&server, NULL, NULL);
    snprintf(text, sizeof text,
             "[scenario]\nname = t\n[target]\nurl = http://127.0.0.1:%d\n"
             "[load]\nusers = 3\n[request a]\npath = /never\n",
             server.port);
    rig_open(&rig, text);
    t0 = clock_now_ns();
    rig_phase(&rig, &p);
    assert_true(clock_now_ns() - t0 < 5 * CLOCK_NS_PER_S * test_slowness());
    load_get_counts(rig.load, &c, NULL, NULL);
    assert_int_equal(c.by_error[TRANSFER_CANCELLED], 3);
    assert_int_equal(c.in_flight, 0);
    rig_close(&rig);
    http_server_stop(&server);
}

/* 300 ms late answers at 100/s with few connections: the rate cannot be
 * kept, and that is said. */
static void lateness_is_told(void **state)
{
    struct http_server server;
    struct load_phase p = {.duration_ns = 900 * CLOCK_NS_PER_MS,
                           .rate_from_rps = 100,
                           .rate_to_rps = 100};
    struct load_counts c;
    struct rig rig;
    char text[512];

    (void)state;
    http_server_start(&server, NULL, NULL);
    snprintf(text, sizeof text,
             "[scenario]\nname = t\n[target]\nurl = http://127.0.0.1:%d\n"
             "[load]\nrate = 100/s\nconnections = 2\n"
             "[request a]\npath = /slow/300\n",
             server.port);
    rig_open(&rig, text);
    rig_phase(&rig, &p);
    load_get_counts(rig.load, &c, NULL, NULL);
    assert_int_equal(c.sent + c.unsent, 90);
    assert_true(c.unsent > 50);
    assert_true(c.late >= c.sent - 2);
    /* Answers count from when they were due. */
    assert_true(histogram_max(load_response_times(rig.load)) >
                histogram_max(load_service_times(rig.load)));
    rig_close(&rig);
    http_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_values_serve_later_steps),
        cmocka_unit_test(missing_capture_ends_the_flow),
        cmocka_unit_test(checks_count),
        cmocka_unit_test(secrets_stay_out_of_examples),
        cmocka_unit_test(cookies_belong_to_the_run),
        cmocka_unit_test(redirects_are_followed),
        cmocka_unit_test(redirects_have_bounds),
        cmocka_unit_test(users_wait_for_connections),
        cmocka_unit_test(drain_is_bounded),
        cmocka_unit_test(lateness_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
