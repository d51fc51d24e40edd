/* Secrets: never in the effective scenario, never in a masked text, never in
 * a mistake; and what is recorded reads back. */
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/model/secret.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

#include <stdio.h>
#include <unistd.h>

static const char text[] =
    "[target]\n"
    "url = http://bob:pa%40ss-word@127.0.0.1:8000/api\n"
    "command = ./app --db-password hunter22 --token=tok-4711 -v\n"
    "env.DB_PASSWORD = literal-secret\n"
    "env.PLAIN = ${PLATEAU_T_PLAIN}\n"
    "env.OPEN = visible\n"
    "[load]\n"
    "rate = ${PLATEAU_T_RATE}\n"
    "[request r]\n"
    "method = POST\n"
    "path = /login?user=bob&access_token=url-secret&x={{int 1 2}}\n"
    "header = Authorization: Bearer ${PLATEAU_T_TOKEN}\n"
    "header = Cookie: session=cookie-secret; theme=dark\n"
    "header = X-Api-Key: key-secret\n"
    "header = X-Trace: ${PLATEAU_T_PLAIN}-1\n"
    "header = X-Literal: $${NOT_A_VARIABLE}\n"
    "body = {\"user\": \"bob\", \"password\": \"body-secret\", "
    "\"otp\": \"{{rand 6}}\"}\n"
    "[verdict]\n"
    "pss = ${PLATEAU_T_TOLERANCE:-64 B/request}\n";

static const char *const hidden[] = {
    "pa@ss-word",     "pa%40ss-word",
    "hunter22",       "tok-4711",
    "literal-secret", "env-plain-99",
    "env-token-77",   "cookie-secret",
    "key-secret",     "body-secret",
    "url-secret",     "Ym9iOnBhQHNzLXdvcmQ="}; /* bob:pa@ss-word in base 64 */

static void set_environment(void)
{
    setenv("PLATEAU_T_PLAIN", "env-plain-99", 1);
    setenv("PLATEAU_T_TOKEN", "env-token-77", 1);
    setenv("PLATEAU_T_RATE", "250/s", 1);
    unsetenv("PLATEAU_T_TOLERANCE");
}

static void open_scenario(struct scenario *sc)
{
    char *mistakes;

    set_environment();
    mistakes = load_text(text, NULL, 0, sc);
    assert_string_equal(mistakes, "");
    free(mistakes);
}

static void test_effective_hides_them(void **state)
{
    struct scenario sc;
    struct buf out;

    (void)state;
    open_scenario(&sc);
    buf_init(&out, 1 << 20);
    scenario_write_effective(&sc, &out, true);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strstr(buf_str(&out), hidden[i]) != NULL)
            fail_msg("%s is shown in\n%s", hidden[i], buf_str(&out));
    /* What is no secret stays, and what was meant can still be read. */
    assert_non_null(strstr(buf_str(&out), "env.OPEN = visible\n"));
    assert_non_null(strstr(buf_str(&out), "env.PLAIN = ${PLATEAU_T_PLAIN}\n"));
    assert_non_null(strstr(buf_str(&out), "env.DB_PASSWORD = ***\n"));
    assert_non_null(strstr(buf_str(&out), "url = http://***@127.0.0.1:8000"));
    assert_non_null(strstr(buf_str(&out), "header = Authorization: ***\n"));
    assert_non_null(strstr(buf_str(&out), "header = Cookie: ***\n"));
    assert_non_null(strstr(buf_str(&out), "--db-password *** --token=*** -v"));
    assert_non_null(strstr(buf_str(&out), "user=bob&access_token=***&x="));
    assert_non_null(strstr(buf_str(&out), "\"password\": \"***\""));
    assert_non_null(strstr(buf_str(&out), "\"otp\": \"{{rand 6}}\""));
    assert_non_null(strstr(buf_str(&out), "rate = 250/s\n"));
    assert_non_null(strstr(buf_str(&out), "pss = 64 B/request\n"));
    assert_non_null(strstr(buf_str(&out), "t.ini:12, environment"));
    buf_release(&out);
    scenario_release(&sc);
}

static void test_but_they_are_sent(void **state)
{
    struct scenario sc;
    const struct request *q;

    (void)state;
    open_scenario(&sc);
    q = &sc.requests[0];
    assert_int_equal(q->nheaders, 5); /* its own Authorization wins */
    assert_string_equal(q->headers[0].value.pieces[0].text,
                        "Bearer env-token-77");
    assert_true(q->headers[0].secret && q->headers[1].secret &&
                q->headers[2].secret && q->headers[3].secret);
    assert_string_equal(q->headers[4].value.pieces[0].text,
                        "${NOT_A_VARIABLE}");
    assert_string_equal(sc.target.url.text, "http://127.0.0.1:8000/api");
    assert_string_equal(sc.target.env[0].value, "literal-secret");
    assert_string_equal(sc.target.argv[2], "hunter22");
    scenario_release(&sc);
}

/* A url's name and password become a header where there is none. */
static void test_userinfo_becomes_a_header(void **state)
{
    struct scenario sc;
    char *mistakes = load_text("[target]\nurl=http://bob:pa%40ss-word@"
                               "127.0.0.1\n[request r]\npath=/\n",
                               NULL, 0, &sc);

    (void)state;
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_int_equal(sc.requests[0].nheaders, 1);
    assert_string_equal(sc.requests[0].headers[0].value.pieces[0].text,
                        "Basic Ym9iOnBhQHNzLXdvcmQ=");
    scenario_release(&sc);
}

static void test_masking_a_text(void **state)
{
    struct scenario sc;
    struct buf all;
    char *got;

    (void)state;
    open_scenario(&sc);
    buf_init(&all, 1 << 16);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        buf_addf(&all, "<%s>", hidden[i]);
    buf_adds(&all, "port 8000, bob, darker");
    got = scenario_mask(&sc, buf_str(&all));
    assert_string_equal(got, "<***><***><***><***><***><***><***><***><***>"
                             "<***><***><***>port 8000, bob, darker");
    free(got);
    buf_release(&all);
    scenario_release(&sc);
}

static void test_names(void **state)
{
    static const char *const yes[] = {
        "Authorization", "cookie",   "Set-Cookie", "X-Api-Key",
        "x_auth_token",  "PASSWORD", "db_passwd",  "client-secret",
        "sid",           "api_key",  "CSRF-Token", "Proxy-Authorization"};
    static const char *const no[] = {"Accept",  "author",    "Content-Type",
                                     "path",    "id",        "key",
                                     "X-Trace", "passenger", "side"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(secret_name(yes[i], strlen(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(secret_name(no[i], strlen(no[i])));
}

/* A wrong value from the environment is not shown in the mistake either. */
static void test_mistakes_hide_them(void **state)
{
    struct scenario sc;
    char *got;

    (void)state;
    set_environment();
    got = load_text("[target]\nurl = ${PLATEAU_T_PLAIN}\n[request r]\n"
                    "path = ${PLATEAU_T_PLAIN}\n",
                    NULL, 0, &sc);
    assert_null(strstr(got, "env-plain-99"));
    assert_non_null(strstr(got, "t.ini:2: url: '${PLATEAU_T_PLAIN}'"));
    free(got);
}

/* The recorded scenario gives the same judgement, and loads again. */
static void test_recorded_reads_back(void **state)
{
    char path[] = "/tmp/plateau-recorded-XXXXXX";
    struct scenario sc, again;
    struct mistakes m;
    struct policy p;
    struct buf out, second;
    struct err err;

    (void)state;
    open_scenario(&sc);
    buf_init(&out, 1 << 20);
    scenario_write_effective(&sc, &out, true);
    close(mkstemp(path));
    assert_int_equal(file_write(path, out.p, out.len, &err), 0);
    unsetenv("PLATEAU_T_RATE"); /* another machine's environment */
    assert_int_equal(scenario_load_policy(path, &p, &err), 0);
    assert_close(policy_tolerance(&p, "pss_bytes")->value, 64, 0);
    assert_close(p.rate_rps, 250, 0);
    assert_close(p.confidence, 0.95, 1e-12);
    policy_release(&p);
    mistakes_init(&m);
    assert_int_equal(scenario_load(path, NULL, 0, &again, &m), 0);
    buf_reset(&out);
    buf_init(&second, 1 << 20);
    scenario_write_effective(&sc, &out, false);
    scenario_write_effective(&again, &second, false);
    assert_string_equal(buf_str(&second), buf_str(&out));
    unlink(path);
    assert_int_equal(scenario_load_policy(path, &p, &err), -1);
    buf_release(&second);
    buf_release(&out);
    mistakes_release(&m);
    scenario_release(&again);
    scenario_release(&sc);
}

/* A recorded [verdict] that another version wrote: what is understood counts,
 * the rest does not stop the judgement. */
static void test_policy_is_lenient(void **state)
{
    char path[] = "/tmp/plateau-policy-XXXXXX";
    static const char recorded[] =
        "[verdict]\npss = 1 KiB/request\nmy_metric = 2/request\n"
        "fds = nonsense\nfuture_key = x\nconfidence = 99%\nstop = end\n"
        "limit = 512 MiB\nrequire = pss, my_metric\ninconclusive = fail\n"
        "[target]\nurl = http://***@elsewhere.example/\n[strange]\na = b\n";
    struct policy p;
    struct err err;

    (void)state;
    close(mkstemp(path));
    assert_int_equal(file_write(path, recorded, sizeof recorded - 1, &err), 0);
    assert_int_equal(scenario_load_policy(path, &p, &err), 0);
    unlink(path);
    assert_close(policy_tolerance(&p, "pss")->value, 1024, 0);
    assert_close(policy_tolerance(&p, "my_metric")->value, 2, 0);
    assert_null(policy_tolerance(&p, "fds"));
    assert_close(p.confidence, 0.99, 1e-12);
    assert_close(p.limit_bytes, 512.0 * 1048576, 0);
    assert_int_equal(p.stop, STOP_END);
    assert_int_equal(p.nrequire, 2);
    assert_true(p.inconclusive_fails);
    policy_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effective_hides_them),
        cmocka_unit_test(test_but_they_are_sent),
        cmocka_unit_test(test_userinfo_becomes_a_header),
        cmocka_unit_test(test_masking_a_text),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_mistakes_hide_them),
        cmocka_unit_test(test_recorded_reads_back),
        cmocka_unit_test(test_policy_is_lenient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
