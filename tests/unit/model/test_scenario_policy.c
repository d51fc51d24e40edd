#include "harness/model/scenario.h"

#include "tests/unit/assert_close.h"

#include <string.h>

static const char recorded[] = "[scenario]\nname = x\n[target]\nmemory_limit "
                               "= 512 MiB\n[load]\nrate = 200/s\n"
                               "connections = 24\n[verdict]\n"
                               "pss = 32 B/request\nconfidence = 90%\n";

static int adjust(const char *text, const char *set, struct policy *p,
                  struct mistakes *m)
{
    char *sets[] = {(char *)(uintptr_t)set};

    mistakes_init(m);
    return scenario_adjust_policy(text, sets, set != NULL ? 1 : 0, p, m);
}

static void test_sets_win_over_the_record(void **state)
{
    (void)state;
    struct mistakes m;
    struct policy p;

    policy_default(&p);
    assert_int_equal(adjust(recorded, "verdict.pss=100 B/request", &p, &m), 0);
    assert_close(policy_tolerance(&p, "pss_bytes")->value, 100, 0);
    assert_close(p.confidence, 0.90, 1e-12);
    assert_close(p.rate_rps, 200, 0);
    assert_int_equal(p.connections, 24);
    mistakes_release(&m);
    policy_release(&p);
}

static void test_without_a_record(void **state)
{
    (void)state;
    struct mistakes m;
    struct policy p;

    policy_default(&p);
    assert_int_equal(adjust(NULL, "verdict.confidence=99%", &p, &m), 0);
    assert_close(p.confidence, 0.99, 1e-12);
    mistakes_release(&m);
    policy_release(&p);
}

static void test_mistakes_of_now(void **state)
{
    (void)state;
    static const char *const bad[] = {"verdict.confidenc=99%",
                                      "verdict.confidence=often", "nonsense",
                                      "verdikt.pss=1 B/request"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mistakes m;
        struct policy p;

        policy_default(&p);
        p.confidence = 0.5;
        assert_int_equal(adjust(recorded, bad[i], &p, &m), -1);
        assert_true(m.n >= 1);
        assert_close(p.confidence, 0.5, 0); /* untouched */
        mistakes_release(&m);
        policy_release(&p);
    }
}

/* A mistake in the recorded file is old news and stops nobody. */
static void test_mistakes_of_then(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[verdict]\nnonsense = 1\npss = 7 B/request\n", "\x01\x02 no ini"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct mistakes m;
        struct policy p;

        policy_default(&p);
        assert_int_equal(adjust(texts[i], "verdict.confidence=99%", &p, &m), 0);
        assert_close(p.confidence, 0.99, 1e-12);
        assert_int_equal(m.n, 0);
        mistakes_release(&m);
        policy_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_win_over_the_record),
        cmocka_unit_test(test_without_a_record),
        cmocka_unit_test(test_mistakes_of_now),
        cmocka_unit_test(test_mistakes_of_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
