#include "analyzers/mixture.h"
#include "analyzers/student.h"

#include "tests/unit/assert_close.h"

/* Reference values: tables of Student's t; the far tail from the closed form
   for one and two degrees of freedom. */
static void test_cdf(void **state)
{
    static const struct {
        double t;
        int df;
        double p, tol;
    } cases[] = {
        {0, 1, 0.5, 1e-15},
        {1, 1, 0.75, 1e-12},
        {12.706204736, 1, 0.975, 1e-9},
        {4.302652730, 2, 0.975, 1e-9},
        {2.570581836, 5, 0.975, 1e-9},
        {-2.228138852, 10, 0.025, 1e-9},
        {3.169272667, 10, 0.995, 1e-9},
        {1.979930405, 120, 0.975, 1e-6},
        {2.000297804, 60, 0.975, 1e-9},
        {1e7, 1, 1 - 3.183098861837907e-8, 1e-12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_close(student_cdf(cases[i].t, cases[i].df), cases[i].p,
                     cases[i].tol);
    assert_true(isnan(student_cdf(NAN, 3)));
    /* The lower tail never cancels to nothing or rises again. */
    for (double t = 1; t < 1e8; t *= 1.3)
        for (int df = 1; df < 70; df += 4) {
            double here = student_cdf(-t, df);

            assert_true(here >= student_cdf(-t * 1.3, df));
            assert_true(here >= 0 && here < 0.26);
        }
}

static void test_quantile(void **state)
{
    (void)state;
    assert_close(student_quantile(0.975, 10), 2.228138852, 1e-8);
    assert_close(student_quantile(0.5, 7), 0, 1e-12);
    assert_close(student_quantile(0.005, 2), -9.924843201, 1e-8);
    assert_close(student_quantile(0.95, 200), 1.652508, 1e-4);
}

static void test_mixture(void **state)
{
    struct mixture m;

    (void)state;
    mixture_init(&m);
    assert_true(isnan(mixture_quantile(&m, 0.5)));
    mixture_add(&m, (struct opinion){0, NAN, 1, 3, 0});
    assert_int_equal(m.n, 0);
    /* One opinion is its own quantile. */
    mixture_add(&m, (struct opinion){-1000, 5, 2, 10, 0});
    mixture_close(&m, 1e-6);
    assert_close(mixture_quantile(&m, 0.975), 5 + 2 * 2.228138852, 2e-2);
    mixture_release(&m);
    /* A point and a spread: the point holds three quarters. */
    mixture_init(&m);
    mixture_add(&m, (struct opinion){log(3), 0, 0, 5, 0});
    mixture_add(&m, (struct opinion){log(1), 10, 1, 5, 0});
    mixture_add(&m, (struct opinion){log(1e-9), 1e9, 1, 5, 0});
    mixture_close(&m, 1e-6);
    assert_int_equal(m.n, 2);
    assert_close(mixture_quantile(&m, 0.5), 0, 0);
    assert_close(mixture_quantile(&m, 0.875), 10, 5e-3);
    assert_close(mixture_cdf(&m, 5), 0.75, 1e-2);
    mixture_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cdf),
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_mixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
