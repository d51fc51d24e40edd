/* Of many types some seem to leak by chance. */
#include "tests/unit/assert_close.h"

#include "analyzers/discovery.h"

#include <stdio.h>

static void look_at(struct finding *f, struct column_view *v, double above)
{
    *f = (struct finding){.outcome = OUTCOME_LEAK};
    snprintf(f->name, sizeof f->name, "objects:shop.T");
    *v = (struct column_view){.above = above};
}

/* The more are looked at, the surer each has to be; where many are called,
 * less so (Benjamini and Hochberg 1995). */
static void test_discoveries(void **state)
{
    struct finding f[11];
    struct column_view v[11];

    (void)state;
    look_at(&f[0], &v[0], 0.98);
    assert_int_equal(discovery_keep(f, v, 1, 0.95), 1);
    assert_int_equal(f[0].outcome, OUTCOME_LEAK);
    for (int i = 0; i < 11; i++) {
        look_at(&f[i], &v[i], i == 0 ? 0.98 : i == 1 ? 0.9985 : 0.5);
        if (i > 1)
            f[i].outcome = OUTCOME_PASS;
    }
    snprintf(f[10].name, sizeof f[10].name, "rss_bytes");
    f[10].outcome = OUTCOME_LEAK;
    assert_int_equal(discovery_keep(f, v, 11, 0.95), 10);
    assert_int_equal(f[0].outcome, OUTCOME_INCONCLUSIVE);
    assert_int_equal(v[0].doubt, DOUBT_MANY);
    assert_int_equal(f[1].outcome, OUTCOME_LEAK);
    assert_int_equal(f[10].outcome, OUTCOME_LEAK);
    for (int i = 0; i < 10; i++)
        look_at(&f[i], &v[i], i < 9 ? 0.98 : 0.5);
    discovery_keep(f, v, 10, 0.95);
    for (int i = 0; i < 9; i++)
        assert_int_equal(f[i].outcome, OUTCOME_LEAK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discoveries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
