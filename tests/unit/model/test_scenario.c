#include "harness/base/mem.h"
#include "harness/model/keys.h"
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
    assert_int_equal(sc.policy.connections, sc.load.connections);
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

/* Users and connections: the one that is missing follows the other. */
static void test_users_and_connections(void **state)
{
    static const struct {
        const char *load;
        int users, connections;
    } rows[] = {{"", 16, 16},
                {"users = 100", 100, 100},
                {"users = 4", 4, 16},
                {"connections = 32", 32, 32},
                {"users = 100\nconnections = 10", 100, 10},
                {"rate = 5/s", 0, 16}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("[target]\nport = 1\n[load]\n%s\n[request r]"
                                "\npath = /\n",
                                rows[i].load);
        struct scenario sc;
        char *mistakes = load_text(text, NULL, 0, &sc);

        assert_string_equal(mistakes, "");
        assert_int_equal(sc.load.users, rows[i].users);
        assert_int_equal(sc.load.connections, rows[i].connections);
        scenario_release(&sc);
        free(mistakes);
        free(text);
    }
}

/* Lines come whole, whatever their length; one too long is refused. */
static void test_long_lines(void **state)
{
    static const char front[] = "[target]\nport = 1\n[request r]\npath = /\n"
                                "method = POST\nbody = ";
    size_t lengths[] = {2 << 20, (4 << 20) - 7, 4 << 20};
    char *text = mem_zalloc((5 << 20), 1);
    struct scenario sc;

    (void)state;
    memcpy(text, front, sizeof front);
    for (size_t n = 1; n < 2100 + 3; n++) {
        size_t length = n < 2100 ? n : lengths[n - 2100];
        char *mistakes;

        for (size_t i = 0; i < length; i++)
            text[sizeof front - 1 + i] = (char)('a' + i % 26);
        memcpy(text + sizeof front - 1 + length, "\nweight = 7\n", 13);
        mistakes = load_text(text, NULL, 0, &sc);
        if (length == 4 << 20) {
            assert_string_equal(
                mistakes, "t.ini:6: the line is longer than 4194304 bytes\n");
        } else {
            assert_string_equal(mistakes, "");
            assert_int_equal(sc.requests[0].body.pieces[0].len, length);
            assert_memory_equal(sc.requests[0].body.pieces[0].text,
                                text + sizeof front - 1, length);
            assert_close(sc.requests[0].weight, 7, 0);
            scenario_release(&sc);
        }
        free(mistakes);
    }
    free(text);
}

static void test_crlf_bom_comments_and_blanks(void **state)
{
    struct scenario sc;
    char *mistakes = load_text(
        "\xef\xbb\xbf; first\r\n\r\n  [ target ]\r\n\tport=1\r\n"
        "# [nonsense]\r\n[request   r]\r\n   path = /a;b # c\r\n"
        "    header = X-A: 1 ; 2\r\n  ; weight = 5\r\nbody = 'x' = \"y\" "
        "\r\n[load]\r\nseed=9",
        NULL, 0, &sc);

    (void)state;
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_string_equal(sc.requests[0].path.pieces[0].text, "/a;b%20%23%20c");
    assert_string_equal(sc.requests[0].headers[0].value.pieces[0].text,
                        "1 ; 2");
    assert_string_equal(sc.requests[0].body.pieces[0].text, "'x' = \"y\"");
    assert_close(sc.requests[0].weight, 1, 0);
    assert_int_equal(sc.load.seed, 9);
    scenario_release(&sc);
}

/* The example of each key in the table is right. */
static void test_examples_of_the_table(void **state)
{
    const struct key *k;

    (void)state;
    for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
        bool file = strstr("file folder readable data body_file",
                           k->type->name) != NULL;
        const char *name = strcmp(k->name, "METRIC") == 0 ? "pss" : k->name;
        struct buf b;
        struct scenario sc;
        char *mistakes;

        buf_init(&b, 1 << 16);
        buf_adds(&b, "[target]\n");
        if (strcmp(k->name, "url") != 0)
            buf_adds(&b, "url = http://127.0.0.1:1\n");
        if (strcmp(k->name, "shell") == 0)
            buf_adds(&b, "command = x\n");
        if (k->section != SECTION_TARGET)
            buf_addf(&b, "[%s%s]\n", section_name(k->section),
                     section_is_named(k->section) ? " x" : "");
        if (!file)
            buf_addf(&b, "%s = %s\n", name, k->example);
        if (strcmp(k->name, "ramp") == 0)
            buf_adds(&b, "rate = 5/s\nwarmup = 10s\n");
        if (strcmp(k->name, "threads") == 0)
            buf_adds(&b, "connections = 8\n");
        if (strcmp(k->name, "only.NAME") == 0)
            buf_adds(&b, "command.NAME = x\n");
        if (k->section == SECTION_REPLAY)
            buf_adds(&b, "file = /etc/passwd\n");
        if (k->section == SECTION_REQUEST && strcmp(k->name, "path") != 0)
            buf_adds(&b, "path = /\n");
        if (k->section == SECTION_FLOW && strcmp(k->name, "steps") != 0)
            buf_adds(&b, "steps = login\n");
        buf_adds(&b, "[request login]\npath = /\nweight = 1\n"
                     "[request browse]\npath = /\n[request order]\n"
                     "path = /\n");
        mistakes = load_text(buf_str(&b), NULL, 0, &sc);
        if (*mistakes != '\0')
            fail_msg("%s\n%s", buf_str(&b), mistakes);
        scenario_release(&sc);
        free(mistakes);
        buf_release(&b);
    }
}

/* The reference names every key, and its tables are whole. */
static void test_reference(void **state)
{
    struct buf md, text, one;
    const struct key *k;

    (void)state;
    buf_init(&md, 1 << 20);
    buf_init(&text, 1 << 20);
    buf_init(&one, 1 << 20);
    keys_write_markdown(&md);
    assert_true(keys_write_help(&text, NULL));
    assert_true(keys_write_help(&one, "load"));
    assert_false(keys_write_help(&one, "laod"));
    for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
        char *row = mem_printf("| `%s` | ", k->name);
        const char *at = strstr(buf_str(&md), row);
        int bars = 0;

        assert_non_null(at);
        for (; *at != '\n'; at++)
            bars += *at == '|' && at[-1] != '\\';
        assert_int_equal(bars, 6);
        assert_non_null(strstr(buf_str(&text), k->help));
        assert_true((strstr(buf_str(&one), k->help) != NULL) ==
                    (k->section == SECTION_LOAD));
        free(row);
    }
    buf_release(&md);
    buf_release(&text);
    buf_release(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_example),
        cmocka_unit_test(test_a_minimal_scenario),
        cmocka_unit_test(test_sets_win),
        cmocka_unit_test(test_users_and_connections),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_crlf_bom_comments_and_blanks),
        cmocka_unit_test(test_examples_of_the_table),
        cmocka_unit_test(test_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
