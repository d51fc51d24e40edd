#include "tests/unit/assert_close.h"

#include "analyzers/stats.h"
#include "harness/base/rng.h"

#include <string.h>

static void test_sort(void **state)
{
    struct rng r;
    double v[300];

    (void)state;
    rng_init(&r, 7);
    for (size_t n = 0; n < 300; n += 13) {
        double sum = 0, after = 0;

        for (size_t i = 0; i < n; i++)
            sum += v[i] = floor(rng_unit(&r) * 50);
        stats_sort(v, n);
        for (size_t i = 0; i < n; i++) {
            after += v[i];
            assert_true(i == 0 || v[i - 1] <= v[i]);
        }
        assert_close(after, sum, 0);
    }
}

static void test_order_statistics(void **state)
{
    double v[] = {9, 1, 8, 2, 7, 3, 6, 4, 5, 1000}, w[10];

    (void)state;
    memcpy(w, v, sizeof w);
    assert_close(stats_median(w, 10), 5.5, 0);
    assert_close(stats_quantile_sorted(w, 10, 0), 1, 0);
    assert_close(stats_quantile_sorted(w, 10, 1), 1000, 0);
    assert_close(stats_quantile_sorted(w, 10, 0.25), 3.25, 1e-12);
    memcpy(w, v, sizeof w);
    assert_close(stats_floor(w, 10, 0.2), 1.5, 0);
    memcpy(w, v, sizeof w);
    assert_close(stats_middle(w, 10), (3 + 4 + 5 + 6 + 7 + 8) / 6., 1e-12);
    assert_close(stats_median(w, 0), NAN, 0);
    assert_close(stats_floor(w, 0, 0.2), NAN, 0);
    assert_close(stats_floor(w, 1, 0.2), w[0], 0);
}

/* Tables: Fisher and Yates. */
static void test_distributions(void **state)
{
    (void)state;
    assert_close(stats_normal_cdf(0), 0.5, 1e-7);
    assert_close(stats_normal_cdf(1.959964), 0.975, 1e-7);
    assert_close(stats_normal_cdf(-1.959964), 0.025, 1e-7);
    assert_close(stats_normal_cdf(40), 1, 0);
    assert_close(stats_t_cdf(2.2281, 10), 0.975, 5e-4);
    assert_close(stats_t_cdf(-2.7764, 4), 0.025, 2e-3);
    assert_close(stats_t_quantile(0.975, 30), 2.0423, 5e-3);
}

static void test_mixture(void **state)
{
    struct part one = {3, 10, 2, 1e6};
    struct part two[] = {{1, 0, 0, 1}, {1, 100, 1, 1e6}};
    struct part half[] = {{1, 0, 1, 1e6}, {1, 20, 1, 1e6}};

    (void)state;
    assert_close(stats_mixture_quantile(&one, 1, 0.5), 10, 0.01);
    assert_close(stats_mixture_quantile(&one, 1, 0.975), 10 + 2 * 1.96, 0.01);
    assert_close(stats_mixture_cdf(two, 2, -1), 0, 0);
    assert_close(stats_mixture_cdf(two, 2, 0), 0.5, 0);
    assert_close(stats_mixture_cdf(two, 2, 50), 0.5, 1e-9);
    assert_close(stats_mixture_quantile(two, 2, 0.25), 0, 0.2);
    assert_close(stats_mixture_quantile(two, 2, 0.75), 100, 0.1);
    /* 5 % of the whole is 10 % of the upper part. */
    assert_close(stats_mixture_quantile(half, 2, 0.55), 20 - 1.2816, 0.02);
    assert_close(stats_mixture_quantile(half, 0, 0.5), NAN, 0);
    for (double q = 0.01; q < 1; q += 0.01)
        assert_close(
            stats_mixture_cdf(half, 2, stats_mixture_quantile(half, 2, q)), q,
            2e-3);
}

static void test_round(void **state)
{
    (void)state;
    assert_close(stats_round(123456, 3), 123000, 0);
    assert_close(stats_round(-0.00123456, 3), -0.00123, 1e-18);
    assert_close(stats_round(0, 3), 0, 0);
    assert_close(stats_round(NAN, 3), NAN, 0);
    assert_close(stats_round(1e-320, 3), 1e-320, 1e-322);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_order_statistics),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
