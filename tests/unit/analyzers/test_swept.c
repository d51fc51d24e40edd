/* What waits to be collected, in samples: the blocks' are in test_barriers.c.
 */
#include "tests/unit/analyzers/samples.h"

/* Classes that wait to be unloaded rise as a leak does. */
static void test_classes_that_wait(void **state)
{
    static const char *const names[] = {"jvm_classes", "jvm_gc_unloading",
                                        NULL};
    struct policy policy;
    struct series s;

    (void)state;
    policy_default(&policy);
    for (int ran = 0; ran < 2; ran++) {
        open_series(&s, 180, names);
        for (size_t i = 0; i < s.n; i++) {
            s.columns[0].v[i] = 1300 + 25 * (double)i;
            s.columns[1].v[i] = 2 + (ran ? (double)(i / 10) : 0);
        }
        assert_int_equal(verdict_of(&s, &policy),
                         ran ? OUTCOME_LEAK : OUTCOME_INCONCLUSIVE);
        series_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_that_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
