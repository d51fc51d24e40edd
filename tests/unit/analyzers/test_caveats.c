/* What is said beside the readings: what takes a pass away, however level they
 * are, and what a run of that kind cannot tell. */
#include "analyzers/verdict.h"
#include "analyzers/verdict_words.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/analyzers/samples.h"

#include <math.h>
#include <string.h>

/* A run that went wrong may accuse, but not acquit. */
static void test_failed_target(void **state)
{
    struct record r;
    struct verdict v;

    (void)state;
    records_open(&r, 8, 300);
    r.dir = (char *)"somewhere";
    records_column(&r, "rss_bytes", 50e6, NULL);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_false(v.partial);
    verdict_release(&v);
    r.target_failed = true;
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    assert_true(v.partial);
    assert_non_null(strstr(v.reason, "failed"));
    verdict_release(&v);
    r.target_failed = false;
    r.requests_total = 2400;
    r.errors_total = 1500;
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    verdict_release(&v);
    records_close(&r);
}

/* Nothing was asked of the service: it may leak by the clock, but not pass. */
static void test_idle(void **state)
{
    static const char *const names[] = {"rss_bytes", NULL};
    static const struct {
        double growth, requests; /* from row to row */
        enum outcome want;
        const char *word;
    } cases[] = {
        {0, 50, OUTCOME_PASS, "level"},
        {0, 0, OUTCOME_INCONCLUSIVE, "stood still"},
        {0, NAN, OUTCOME_PASS, "level"}, /* nobody counted */
        {40e6, 0, OUTCOME_LEAK, "by itself"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r = {.limit_bytes = NAN};
        struct verdict v;

        policy_default(&r.policy);
        open_series(&r.samples, 600, names);
        fill(&r.samples, 0, 100e6, cases[i].growth, 30e3);
        for (size_t k = 0; k < r.samples.n; k++)
            r.samples.requests[k] = 7000 + cases[i].requests * (double)k;
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, cases[i].want);
        assert_non_null(strstr(v.reason, cases[i].word));
        verdict_release(&v);
        series_release(&r.samples);
        policy_release(&r.policy);
    }
}

/* Without blocks nobody can say which of several requests leaks: that is told.
 */
static void test_soak_of_several(void **state)
{
    static const char *const names[] = {"rss_bytes", NULL};
    struct record_kind kinds[] = {{.name = "order"}, {.name = "browse"}};

    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        struct record r = {.limit_bytes = NAN, .kinds = kinds, .nkinds = n};
        struct verdict v;

        policy_default(&r.policy);
        open_series(&r.samples, 600, names);
        fill(&r.samples, 0, 100e6, 40e6, 30e3);
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, OUTCOME_LEAK);
        assert_int_equal(strstr(v.advice, "which request leaks") != NULL,
                         n > 1);
        verdict_release(&v);
        series_release(&r.samples);
        policy_release(&r.policy);
    }
}

/* How much more is told of one number; another stands in the way that no
 * length is known for: both are named, and neither contradicts the other. */
static void test_one_of_two_is_stuck(void **state)
{
    struct finding f[2];
    struct vote vote = {.lead = 0};
    struct verdict v = {.outcome = OUTCOME_INCONCLUSIVE,
                        .findings = f,
                        .nfindings = 2,
                        .lead = 0,
                        .more_requests = NAN,
                        .more_s = NAN};
    struct record r;

    (void)state;
    records_open(&r, 8, 300);
    for (int i = 0; i < 2; i++) {
        finding_init(&f[i], metric_find(i == 0 ? "rss_bytes" : "fds"));
        f[i].judged = f[i].blocking = true;
        f[i].more_requests = i == 0 ? 18000 : NAN;
    }
    verdict_words(&r, &r.policy, &vote, &v);
    assert_non_null(strstr(v.advice, "may settle resident memory (RSS), but "
                                     "hardly file descriptors"));
    f[0].more_requests = NAN;
    verdict_words(&r, &r.policy, &vote, &v);
    assert_non_null(strstr(v.advice, "will hardly settle it"));
    records_close(&r);
}

/* Where whole numbers run out, growth of one by one is lost. */
static void test_vast(void **state)
{
    static const char *const names[] = {"rss_bytes", NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 300, names);
    for (int i = 0; i < 2; i++) {
        fill(&s, 0, 9007199254740993., 600 * i, 8 * i);
        assert_int_equal(judge(&s, NULL, &c), OUTCOME_INCONCLUSIVE);
        assert_non_null(strstr(c.reason, "too large"));
        continuous_release(&c);
    }
    series_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_target),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_soak_of_several),
        cmocka_unit_test(test_one_of_two_is_stuck),
        cmocka_unit_test(test_vast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
