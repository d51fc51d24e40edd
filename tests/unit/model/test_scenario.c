#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

#include <stdio.h>

static const char example[] =
    "[scenario]\nname = shop-soak\n"
    "[target]\nurl = http://127.0.0.1:8000\n"
    "command = gunicorn -w 2 -b 127.0.0.1:8000 'shop:app'\n"
    "ready = GET /health within 30s\nenv.APP_ENV = soak\n"
    "[load]\nrate = 200/s\nconnections = 32\nwarmup = 20s\nblocks = 12\n"
    "block = 2000 requests\nsettle = 1s\nmax_time = 10m\ntimeout = 10s\n"
    "seed = 1\n"
    "[request login]\npath = /login\n"
    "[request browse]\npath = /products/{{int 1 500}}\nweight = 8\n"
    "[request order]\nmethod = POST\npath = /orders\n"
    "header = Content-Type: application/json\n"
    "header = Authorization: Bearer ${TEST_TOKEN}\n"
    "body = {\"ref\": \"{{uuid}}\"}\nexpect = 201\nweight = 1\n"
    "capture.order_id = json /id\n"
    "[flow buy]\nsteps = login, browse, order\nthink = 100ms..400ms\n"
    "weight = 1\n"
    "[sample]\nevery = 1s\nsources = process cgroup python\npython = auto\n"
    "[verdict]\npss = 64 B/request\npy_objects = 0.01/request\n"
    "fds = 0.001/request\nsurvive = 7d\nconfidence = 95%\n";

static void test_the_documented_example(void **state)
{
    struct scenario sc;
    char *mistakes;
    size_t index;

    (void)state;
    setenv("TEST_TOKEN", "geheim-1234", 1);
    mistakes = load_text(example, NULL, 0, &sc);
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_string_equal(sc.name, "shop-soak");
    assert_string_equal(sc.target.url.host, "127.0.0.1");
    assert_int_equal(sc.target.url.port, 8000);
    assert_string_equal(sc.target.argv[5], "shop:app");
    assert_null(sc.target.argv[6]);
    assert_string_equal(sc.target.ready.path, "/health");
    assert_int_equal(sc.target.ready.within_ns, 30000000000);
    assert_string_equal(sc.target.env[0].name, "APP_ENV");
    assert_int_equal(sc.load.model, LOAD_OPEN);
    assert_close(sc.load.rate_rps, 200, 0);
    assert_int_equal(sc.load.block_requests, 2000);
    assert_int_equal(sc.load.warmup_ns, 20000000000);
    assert_true(sc.load.cookies);
    assert_int_equal(sc.nrequests, 3);
    assert_close(sc.requests[0].weight, 0, 0); /* only a step */
    assert_string_equal(sc.requests[2].method, "POST");
    assert_int_equal(sc.requests[2].expect.status[0].low, 201);
    assert_true(sc.requests[2].headers[1].secret);
    assert_string_equal(sc.requests[2].captures[0].what, "/id");
    assert_int_equal(sc.flows[0].nsteps, 3);
    assert_int_equal(sc.flows[0].steps[2], 2);
    assert_int_equal(sc.flows[0].think_max_ns, 400000000);
    assert_int_equal(scenario_kinds(&sc), 3);
    assert_string_equal(scenario_kind_name(&sc, 0), "browse");
    assert_string_equal(scenario_kind_name(&sc, 2), "buy");
    assert_true(scenario_kind_at(&sc, 2, &index));
    assert_int_equal(index, 0);
    assert_close(policy_tolerance(&sc.policy, "pss_bytes")->value, 64, 0);
    assert_close(sc.policy.survive_s, 7 * 86400, 0);
    assert_close(sc.policy.rate_rps, 200, 0);
    scenario_release(&sc);
}

/* The least that can be written gets sensible defaults. */
static void test_a_minimal_scenario(void **state)
{
    struct scenario sc;
    char *mistakes = load_text("[target]\nurl = http://localhost:81/api/\n"
                               "[request r]\npath = /\n",
                               NULL, 0, &sc);

    (void)state;
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_string_equal(sc.name, "t");
    assert_string_equal(sc.target.url.base, "/api");
    assert_int_equal(sc.target.port, 81);
    assert_int_equal(sc.load.model, LOAD_CLOSED);
    assert_int_equal(sc.load.users, 16);
    assert_int_equal(sc.load.connections, 16);
    assert_int_equal(sc.load.blocks, 10);
    assert_int_equal(sc.load.block_requests, 1000);
    assert_int_equal(sc.load.settle_ns, 1000000000);
    assert_close(sc.load.max_errors, 0.01, 1e-12);
    assert_false(sc.load.cookies);
    assert_close(sc.requests[0].weight, 1, 0);
    assert_string_equal(sc.requests[0].method, "GET");
    assert_close(sc.policy.confidence, 0.95, 1e-12);
    assert_true(sc.sample.process && sc.sample.cgroup);
    scenario_release(&sc);
}

static void test_sets_win(void **state)
{
    char *sets[] = {(char *)"load.users=4", (char *)"request order.weight=3",
                    (char *)"target.pid=77",
                    (char *)"request order.header=X-A: b",
                    (char *)"verdict.pss=5 MB/hour"};
    struct scenario sc;
    char *mistakes = load_text(example, sets, 5, &sc);

    (void)state;
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_int_equal(sc.load.model, LOAD_CLOSED);
    assert_int_equal(sc.load.users, 4);
    assert_close(sc.requests[2].weight, 3, 0);
    assert_int_equal(sc.requests[2].nheaders, 3);
    assert_null(sc.target.command);
    assert_int_equal(sc.target.pid, 77);
    assert_close(policy_tolerance(&sc.policy, "pss")->value, 5e6, 0);
    assert_int_equal(policy_tolerance(&sc.policy, "pss")->per,
                     TOLERANCE_PER_HOUR);
    scenario_release(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_example),
        cmocka_unit_test(test_a_minimal_scenario),
        cmocka_unit_test(test_sets_win),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
