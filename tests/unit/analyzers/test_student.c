#include "analyzers/mixture.h"
#include "analyzers/student.h"

#include "harness/base/rng.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>

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

/* The far tail's constants are those of its definition. */
static void test_tail(void **state)
{
    (void)state;
    for (int df = 3; df <= 60; df++) {
        double t = 1e3 * pow(10, 12. / df);
        double log_k = lgamma((df + 1) / 2.) - lgamma(df / 2.) -
                       0.5 * log(df * M_PI) + (df + 1) / 2. * log(df);
        double want = exp(log_k - df * log(t)) / df;

        assert_close(student_cdf(-t, df) / want, 1, 1e-9);
    }
}

static struct mixture many(uint64_t seed)
{
    struct mixture m;
    struct rng r;

    rng_init(&r, seed);
    mixture_init(&m);
    for (int i = 0; i < 700; i++)
        mixture_add(&m, (struct opinion){-40 * rng_unit(&r), rng_normal(&r),
                                         i % 5 == 0 ? 0 : rng_unit(&r),
                                         3 + i % 70, i % 8});
    return m;
}

/* An answer that comes early is the one that would have come late. */
static void test_reaches(void **state)
{
    struct mixture m = many(3);
    unsigned tags = 0x2d;
    double share, p;

    (void)state;
    mixture_weigh(&m);
    for (double x = -3; x < 3; x += 0.01) {
        p = mixture_cdf_of(&m, tags, x, &share);
        assert_close(mixture_share(&m, tags), share, 0);
        p /= share;
        assert_true(mixture_reaches(&m, tags, x, p));
        assert_false(mixture_reaches(&m, tags, x, nextafter(p, 2)));
        assert_true(mixture_reaches(&m, tags, x, 0.3) == (p >= 0.3));
    }
    assert_false(mixture_reaches(&m, tags, NAN, 0.5));
    assert_false(mixture_reaches(&m, 1u << 20, 0, 0));
    mixture_release(&m);
}

static int falling(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

/* What is kept are the heaviest, as many as were there without the shortcut
   that leaves out the lightest before they are sorted. */
static void test_close_keeps_the_heaviest(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct mixture m = many(seed);
        double w[700], sum = 0, kept = 0, top = -INFINITY;
        size_t n = 0;

        for (size_t i = 0; i < m.n; i++)
            top = fmax(top, m.v[i].log_weight);
        for (size_t i = 0; i < m.n; i++)
            sum += w[i] = exp(m.v[i].log_weight - top);
        qsort(w, m.n, sizeof *w, falling);
        while (kept < sum * (1 - 1e-4))
            kept += w[n++];
        mixture_close(&m, 1e-4);
        assert_int_equal(m.n, n);
        for (size_t i = 0; i < n; i++)
            assert_close(m.v[i].log_weight, w[i] / kept, 1e-14);
        mixture_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cdf),
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_close_keeps_the_heaviest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
