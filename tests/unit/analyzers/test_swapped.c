/* Memory that leaves RSS for the swap, and comes back. */
#include "analyzers/swapped.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/analyzers/samples.h"

static const char *const names[] = {"rss_bytes", "swap_bytes", "fds",
                                    "cgroup_limit_bytes", NULL};

static void test_readings(void **state)
{
    static const double rss[] = {10, NAN, 8, 0, 5};
    static const double swap[] = {NAN, 2, NAN, 4, 5};
    static const double want[] = {12, NAN, 10, 0, 10};
    struct series s;
    double *v;

    (void)state;
    open_series(&s, 5, names);
    assert_null(swapped_back(&s, &s.columns[0]));
    memcpy(s.columns[0].v, rss, sizeof rss);
    memcpy(s.columns[1].v, swap, sizeof swap);
    assert_null(swapped_back(&s, &s.columns[2]));
    v = swapped_back(&s, &s.columns[0]);
    for (size_t i = 0; i < 5; i++)
        assert_true(v[i] == want[i] || (isnan(v[i]) && isnan(want[i])));
    free(v);
    series_release(&s);
}

/* Pages that nobody touches are swapped out as fast as they are leaked. */
static void test_leak_that_is_swapped_out(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 100e6, 0, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_PASS);
    fill(&s, 1, 0, 30e6, 0);
    fill(&s, 3, 200e6, 0, 0);
    assert_int_equal(judge(&s, NULL, &c), OUTCOME_LEAK);
    assert_non_null(strstr(c.reason, "swapped out"));
    assert_true(isnan(c.findings[0].limit_s.value));
    continuous_release(&c);
    series_release(&s);
}

static void test_swapped_in_again(void **state)
{
    struct series s;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 100e6, 30e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    fill(&s, 1, 50e6, -30e6, 0);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_PASS);
    series_release(&s);
}

/* The same at the barriers, out and in again, and neither. */
static void test_barriers(void **state)
{
    static const double jitter[10] = {9e3, -4e3, 2e3, 7e3,  -8e3,
                                      3e3, -6e3, 1e3, -5e3, 4e3};
    static const struct {
        double rss, swap; /* by block */
        enum outcome want;
    } cases[] = {
        {0, 0, OUTCOME_PASS},
        {0, 3e6, OUTCOME_LEAK},
        {3e6, 0, OUTCOME_LEAK},
        {3e6, -3e6, OUTCOME_PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double rss[10], swap[10];
        struct record r;
        struct verdict v;

        for (int b = 0; b < 10; b++) {
            rss[b] = cases[i].rss + jitter[b];
            swap[b] = cases[i].swap;
        }
        records_open(&r, 10, 400);
        r.limit_bytes = 300e6;
        records_column(&r, "rss_bytes", 100e6, rss);
        records_column(&r, "swap_bytes", cases[i].swap < 0 ? 60e6 : 0, swap);
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, cases[i].want);
        assert_int_equal(strstr(v.reason, "swapped out is") != NULL,
                         cases[i].swap != 0);
        assert_string_equal(v.findings[0].name, "rss_bytes");
        assert_int_equal(isfinite(v.findings[0].limit_s.value),
                         cases[i].want == OUTCOME_LEAK && cases[i].swap == 0);
        verdict_release(&v);
        records_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readings),
        cmocka_unit_test(test_leak_that_is_swapped_out),
        cmocka_unit_test(test_swapped_in_again),
        cmocka_unit_test(test_barriers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
