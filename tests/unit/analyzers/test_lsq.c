/* Least squares under correlated noise: what is found a shorter way must be
 * what the long way finds. */
#include "tests/unit/assert_close.h"

#include "analyzers/lsq.h"
#include "harness/base/rng.h"

#include <string.h>

enum { N = 17, P = 3 };

static const double rhos[] = {0, 0.5, 1};

struct data {
    double x[P][N], y[N], var[N];
};

static void make(struct data *d)
{
    struct rng r;

    rng_init(&r, 5);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < P; j++)
            d->x[j][i] = 1 + 0.5 * rng_normal(&r);
        d->y[i] = 2 * d->x[0][i] + rng_normal(&r);
        d->var[i] = 0.5 + 0.1 * i;
    }
}

/* White columns and readings, as lsq_solve takes them. */
static void whiten(const struct whitener *w, const struct data *d, double *z)
{
    for (int j = 0; j < P; j++)
        whitener_apply(w, d->x[j], z + j * N);
    whitener_apply(w, d->y, z + LSQ_PARTS * N);
}

static void test_gather_is_the_transposed(void **state)
{
    struct whitener w;
    struct data d;
    double white[N], back[N];

    (void)state;
    make(&d);
    for (int k = 0; k < 3; k++) {
        whitener_make(N, d.var, rhos[k], &w);
        whitener_apply(&w, d.x[0], white);
        whitener_gather(&w, d.y, back);
        assert_close(lsq_dot(d.y, white, N), lsq_dot(back, d.x[0], N), 1e-12);
        whitener_release(&w);
    }
}

/* What the square of a column that is 1 in one block has beside `z`. */
static double own(const struct whitener *w, const double *z, int block)
{
    double unit[N] = {0}, white[N], back[N], left;

    unit[block] = 1;
    whitener_apply(w, unit, white);
    left = lsq_dot(white, white, N);
    for (int j = 0; j < P; j++) {
        whitener_gather(w, z + j * N, back);
        left -= back[block] * back[block];
    }
    return left;
}

/* One column that is 1 in one block: added to a fit, and fitted with it. */
static void extend(double rho, int block, struct lsq *out, struct lsq *want)
{
    double z[(LSQ_PARTS + 1) * N], unit[N] = {0}, white[N], back[N];
    struct whitener w;
    struct data d;
    struct lsq s;

    make(&d);
    unit[block] = 1;
    whitener_make(N, d.var, rho, &w);
    whitener_apply(&w, unit, white);
    whiten(&w, &d, z);
    assert_true(lsq_solve(z, N, P, &s));
    assert_true(lsq_extend(z, z + LSQ_PARTS * N, N, &s, white, (size_t)block,
                           rho == 0 ? (size_t)block + 1 : N, out));
    whitener_gather(&w, z + LSQ_PARTS * N, back);
    assert_close(s.rss - out->rss,
                 back[block] * back[block] / own(&w, z, block), 1e-9 * s.rss);
    whiten(&w, &d, z);
    memcpy(z + P * N, white, sizeof white);
    assert_true(lsq_solve(z, N, P + 1, want));
    whitener_release(&w);
}

static void test_extended_is_solved(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int block = 0; block < N; block += 4) {
            double a[LSQ_PARTS] = {1, 0, 0, 0.5};
            struct lsq got, want;

            extend(rhos[k], block, &got, &want);
            assert_int_equal(got.p, want.p);
            assert_close(got.rss, want.rss, 1e-9 * want.rss);
            for (int j = 0; j <= P; j++)
                assert_close(got.b[j], want.b[j], 1e-9);
            assert_close(lsq_se(&got, a), lsq_se(&want, a), 1e-9);
        }
}

static void test_what_says_nothing_new(void **state)
{
    double z[2] = {0.6, 0.8}, left[2] = {0, 0}, twice[2] = {1.2, 1.6};
    struct lsq s = {.p = 1, .rss = 1}, out;

    (void)state;
    assert_false(lsq_extend(z, left, 2, &s, twice, 0, 2, &out));
    s.p = 0;
    left[0] = 1.5;
    assert_true(lsq_extend(z, left, 2, &s, (double[]){2, 0}, 0, 1, &out));
    assert_close(out.b[0], 0.75, 1e-15);
    assert_close(out.rss, 0, 0); /* 1 - 2.25 is less than nothing */
}

static void test_sums_of_logarithms(void **state)
{
    (void)state;
    assert_close(lsq_log_add(0, 0), log(2), 1e-15);
    assert_close(lsq_log_add(-3, 5), log(exp(-3) + exp(5)), 1e-15);
    assert_close(lsq_log_add(-36, 1), 1 + exp(-37), 0);
    assert_close(lsq_log_add(7, -1000), 7, 0);
    assert_true(lsq_log_add(-INFINITY, -INFINITY) == -INFINITY);
    assert_close(lsq_log_add(-INFINITY, 2), 2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_is_the_transposed),
        cmocka_unit_test(test_extended_is_solved),
        cmocka_unit_test(test_what_says_nothing_new),
        cmocka_unit_test(test_sums_of_logarithms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
