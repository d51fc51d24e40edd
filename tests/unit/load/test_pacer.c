#include "harness/load/pacer.h"

#include "tests/unit/assert_close.h"

#define S 1000000000LL

static void constant_rate_is_a_comb(void **state)
{
    struct pacer p;

    (void)state;
    pacer_init(&p, 5 * S, 2000, 2000, 10 * S);
    assert_int_equal(pacer_due(&p, 0), 5 * S);
    assert_int_equal(pacer_due(&p, 1), 5 * S + 500000);
    assert_int_equal(pacer_due(&p, 2000), 6 * S);
    /* A day later nothing has added up. */
    assert_int_equal(pacer_due(&p, 2000ull * 86400), (5 + 86400) * S);
}

static void odd_rates_stay_exact(void **state)
{
    struct pacer p;

    (void)state;
    pacer_init(&p, 0, 3, 3, 0);
    for (uint64_t i = 0; i < 3000; i++)
        assert_close((double)pacer_due(&p, i), (double)i * 1e9 / 3, 1);
}

/* From 0 to r over D, the i-th arrival is at D sqrt(i / (r D / 2)). */
static void ramp_from_zero(void **state)
{
    struct pacer p;

    (void)state;
    pacer_init(&p, 0, 0, 100, 10 * S);
    assert_int_equal(pacer_due(&p, 0), 0);
    assert_close((double)pacer_due(&p, 125), 5e9, 2);
    assert_close((double)pacer_due(&p, 500), 1e10, 2);
    assert_close((double)pacer_due(&p, 600), 1.1e10, 2);
}

static void falling_ramp_ends_in_silence(void **state)
{
    struct pacer p;

    (void)state;
    pacer_init(&p, 0, 100, 0, 10 * S);
    assert_close((double)pacer_due(&p, 375), 5e9, 2);
    assert_true(pacer_due(&p, 499) < 10 * S);
    assert_int_equal(pacer_due(&p, 501), INT64_MAX);
}

static void never_decreases(void **state)
{
    static const double rates[][2] = {{0, 1000},  {1000, 0},  {10, 5000},
                                      {5000, 10}, {777, 777}, {1e-3, 2}};

    (void)state;
    for (size_t k = 0; k < sizeof rates / sizeof rates[0]; k++) {
        struct pacer p;
        int64_t last = 0;

        pacer_init(&p, 0, rates[k][0], rates[k][1], 7 * S);
        for (uint64_t i = 0; i < 20000; i++) {
            int64_t due = pacer_due(&p, i);

            assert_true(due >= last);
            last = due;
        }
    }
}

static void due_before_agrees_with_due(void **state)
{
    static const double rates[][2] = {{0, 1000}, {50, 5000}, {333, 333}};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct pacer p;

        pacer_init(&p, 17, rates[k][0], rates[k][1], 3 * S);
        for (int64_t t = 0; t < 6 * S; t += 7654321) {
            uint64_t n = pacer_due_before(&p, t);

            assert_true(n == 0 || pacer_due(&p, n - 1) < t);
            assert_true(pacer_due(&p, n) >= t);
        }
    }
}

static void no_rate_is_never(void **state)
{
    struct pacer p;

    (void)state;
    pacer_init(&p, 0, 0, 0, S);
    assert_int_equal(pacer_due(&p, 0), 0); /* the first is due at once */
    assert_int_equal(pacer_due(&p, 1), INT64_MAX);
    pacer_init(&p, 0, NAN, -5, S);
    assert_int_equal(pacer_due(&p, 1), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_rate_is_a_comb),
        cmocka_unit_test(odd_rates_stay_exact),
        cmocka_unit_test(ramp_from_zero),
        cmocka_unit_test(falling_ramp_ends_in_silence),
        cmocka_unit_test(never_decreases),
        cmocka_unit_test(due_before_agrees_with_due),
        cmocka_unit_test(no_rate_is_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
