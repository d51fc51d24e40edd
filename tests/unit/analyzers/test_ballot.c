/* Which columns are heard: views of one memory, and what explains it. */
#include "tests/unit/analyzers/samples.h"
#include "tests/unit/assert_close.h"

#include "analyzers/continuous.h"

static enum outcome judge(const struct series *s, struct continuous *c)
{
    struct policy policy;

    policy_default(&policy);
    continuous_judge(s, &policy, c);
    return c->outcome;
}

static enum outcome verdict_of(const struct series *s)
{
    struct continuous c;
    enum outcome o = judge(s, &c);

    continuous_release(&c);
    return o;
}

static void test_columns_vote(void **state)
{
    static const char *const pss[] = {"rss_bytes", "pss_bytes", NULL};
    static const char *const cgroup[] = {"rss_bytes", "cgroup_bytes", NULL};
    struct series s;

    (void)state;
    open_series(&s, 600, pss);
    fill(&s, 0, 100e6, 30e6, 100e3);
    fill(&s, 1, 80e6, 0, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_PASS);
    fill(&s, 0, 100e6, 0, 100e3);
    fill(&s, 1, 80e6, 30e6, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_PASS);
    fill(&s, 0, 100e6, 30e6, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    /* An empty column has no vote. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = NAN;
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    series_release(&s);
    open_series(&s, 600, cgroup);
    fill(&s, 0, 100e6, 0, 100e3);
    fill(&s, 1, 100e6, 90e6, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_PASS);
    series_release(&s);
}

/* A heap that its collector took once, at the very end, back to where it was:
 * resident memory, which follows it and is never given back, proves no leak. */
static void test_memory_follows_a_heap(void **state)
{
    static const char *const names[] = {"rss_bytes", "heap_inuse_bytes", NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 50e6, 9e6, 100e3);
    fill(&s, 1, 4e6, 9e6, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    for (size_t i = s.n - 12; i < s.n; i++)
        s.columns[1].v[i] -= 9e6;
    assert_int_equal(judge(&s, &c), OUTCOME_INCONCLUSIVE);
    assert_int_equal(c.findings[0].outcome, OUTCOME_LEAK);
    assert_int_equal(c.lead, 1);
    assert_non_null(strstr(c.reason, "its collector may yet free"));
    continuous_release(&c);
    /* Too little to be what memory grew by. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] *= 0.1;
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    series_release(&s);
}

/* Seven cycles of garbage, most of what there is: memory that creeps by less
 * than a quarter of it is not accused, and a pass does not claim to have seen
 * so little. */
static void test_garbage_leaves_pages(void **state)
{
    static const char *const names[] = {"rss_bytes", "py_allocated_blocks",
                                        NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 36e6, 5e6, 100e3);
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = 20e3 + 1.8e3 * (double)(i % 85);
    assert_int_equal(judge(&s, &c), OUTCOME_INCONCLUSIVE);
    assert_int_equal(c.lead, 0);
    assert_non_null(strstr(c.reason, "so much garbage leaves pages"));
    assert_true(c.findings[0].more_requests > 0);
    continuous_release(&c);
    /* More than that, or with counts that do not saw, is a leak. */
    fill(&s, 0, 36e6, 15e6, 100e3);
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    fill(&s, 0, 36e6, 0, 100e3);
    assert_int_equal(judge(&s, &c), OUTCOME_PASS);
    assert_true(c.findings[0].minimum_per_hour > 6 * 5e6);
    continuous_release(&c);
    fill(&s, 0, 36e6, 5e6, 100e3);
    fill(&s, 1, 90e3, 0, 100);
    assert_int_equal(verdict_of(&s), OUTCOME_LEAK);
    series_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_vote),
        cmocka_unit_test(test_memory_follows_a_heap),
        cmocka_unit_test(test_garbage_leaves_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
