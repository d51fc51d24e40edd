/* Known shapes in known noise: the slope that would go on must be found, and
 * what cannot be told apart must stay wide. */
#include "tests/unit/assert_close.h"

#include "analyzers/fit.h"
#include "harness/base/rng.h"

#include <string.h>

static struct fit_points p;
static struct fit fit;

static void points(int n, double noise)
{
    struct rng r;

    memset(&p, 0, sizeof p);
    rng_init(&r, 11);
    p.n = n;
    p.nlives = 1;
    p.floor_var = 1e-4;
    for (int i = 0; i < n; i++) {
        p.age[i] = (i + 0.5) / n;
        p.y[i] = noise * rng_normal(&r);
    }
}

static double at(double q)
{
    return stats_mixture_quantile(fit.slope, (size_t)fit.nparts, q);
}

static void test_flat(void **state)
{
    (void)state;
    points(48, 1);
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 0 && at(0.975) > 0);
    assert_true(at(0.975) < 2.5);
}

static void test_line(void **state)
{
    (void)state;
    points(48, 1);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 100 * p.age[i];
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(fit.best_form & FIT_LINE);
    assert_true(at(0.025) < 100 && 100 < at(0.975));
    assert_true(at(0.025) > 90);
}

static void test_warmup_is_not_growth(void **state)
{
    (void)state;
    points(48, 0.3);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 100 * (1 - exp(-p.age[i] / 0.1));
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 0.5 && at(0.975) > -0.5);
    assert_true(fabs(at(0.5)) < 2);
}

static void test_fill_then_leak(void **state)
{
    (void)state;
    points(48, 0.2);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 60 * fmin(p.age[i] / 0.4, 1) + 20 * p.age[i];
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 20 && 20 < at(0.975));
    assert_true(at(0.025) > 15);
    assert_close(fit.kink_at, 0.4, 0.06);
}

/* A leak behind a warm-up with two bends: a steep fall, a peak that fades and
 * a logarithm that nearly undo each other fit as well, and mean nothing. */
static void test_parts_do_not_cancel(void **state)
{
    (void)state;
    points(48, 0.14);
    p.floor_var = 0.03;
    for (int i = 0; i < p.n; i++)
        p.y[i] += 17 * (1 - exp(-p.age[i] / 0.06)) +
                  40 * (1 - exp(-p.age[i] / 0.085)) + 9.3 * p.age[i];
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) > 8 && at(0.025) < 9.3 && 9.3 < at(0.975));
    for (int i = 0; i < fit.nparts; i++)
        assert_true(fit.slope[i].mean > 0);
}

/* A filling cache whose end is not seen: certain neither way. */
static void test_unfinished_warmup_stays_wide(void **state)
{
    (void)state;
    points(48, 0.3);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 100 * (1 - exp(-p.age[i] / 0.7));
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(stats_mixture_quantile(fit.future, (size_t)fit.nparts, 0.5) >
                5);
}

/* What slows down all the time like a power, as new keys of a heavy-tailed kind
 * do, has no end in sight, and is no growth that is certain to go on. */
static void test_ever_slower(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        points(48, 0.1);
        for (int i = 0; i < p.n; i++)
            p.y[i] += 100 * pow(p.age[i] + 0.02, 0.4 + 0.1 * k);
        assert_true(fit_shapes(&p, NULL, &fit));
        assert_true(at(0.025) < 0);
        assert_true(
            stats_mixture_quantile(fit.future, (size_t)fit.nparts, 0.5) > 15);
    }
}

static void test_jump_is_not_growth(void **state)
{
    (void)state;
    points(48, 0.5);
    for (int i = 25; i < p.n; i++)
        p.y[i] += 50;
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(fit.best_form & FIT_JUMP);
    assert_true(at(0.975) < 3);
}

/* A job that comes and goes hides no leak; a fall that nothing explains may
 * be a restart, and then the rise before it is not known to go on. */
static void test_job_on_top_of_a_leak(void **state)
{
    (void)state;
    points(48, 0.5);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 20 * p.age[i] + (i >= 12 && i < 22 ? 80 : 0);
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 20 && 20 < at(0.975));
    assert_true(at(0.025) > 15);
    points(48, 0.5);
    for (int i = 0; i < p.n; i++)
        p.y[i] += 20 * p.age[i] - (i >= 22 ? 80 : 0);
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 2);
}

/* Where the load fell, memory may. */
static void test_fall_with_the_load(void **state)
{
    (void)state;
    points(48, 0.5);
    p.nloads = 4;
    p.load_max = 1000;
    for (int i = 0; i < p.n; i++) {
        for (int k = 0; k < 4; k++)
            p.load[k][i] = i < 22 ? 1.2 : 0.6;
        /* More than a steady effect of the load: it also emptied a pool. */
        p.y[i] += 20 * p.age[i] - (i >= 24 ? 80 : 0);
    }
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 20 && 20 < at(0.975));
    assert_true(at(0.025) > 10);
}

/* Slow noise: the correlation is found, and the interval admits it. */
static void test_correlation_widens(void **state)
{
    struct rng r;
    double x = 0, white;

    (void)state;
    points(48, 1);
    fit_shapes(&p, NULL, &fit);
    white = at(0.975) - at(0.025);
    rng_init(&r, 3);
    for (int i = 0; i < p.n; i++) {
        x = 0.9 * x + sqrt(1 - 0.81) * rng_normal(&r);
        p.y[i] = x;
    }
    fit_shapes(&p, NULL, &fit);
    assert_true(fit.rho > 0.5);
    assert_true(at(0.975) - at(0.025) > 2 * white);
    assert_true(at(0.025) < 0 && at(0.975) > 0);
}

/* Every life starts at its own level; the slope within is common. */
static void test_lives(void **state)
{
    (void)state;
    points(40, 0.5);
    p.nlives = 4;
    for (int i = 0; i < p.n; i++) {
        p.life[i] = i / 10;
        p.age[i] = (i % 10 + 0.5) / 10;
        p.y[i] += 30 * p.age[i] + 500 * (p.life[i] % 3);
    }
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(at(0.025) < 30 && 30 < at(0.975));
    assert_true(at(0.025) > 20);
}

/* Memory that follows a ramp of the load may be the load. */
static void test_load_explains(void **state)
{
    (void)state;
    points(48, 0.5);
    p.nloads = 4;
    p.load_max = 1000;
    for (int i = 0; i < p.n; i++) {
        for (int k = 0; k < 4; k++)
            p.load[k][i] = 1 + 0.5 * sin(20 * p.age[i] - 0.1 * k);
        p.y[i] += 40 * p.load[0][i];
    }
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(fit.best_form & FIT_LOAD);
    assert_true(fabs(at(0.5)) < 1);
    /* More load does not free memory. */
    for (int i = 0; i < p.n; i++)
        p.y[i] -= 80 * p.load[0][i];
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_false(fit.best_form & FIT_LOAD);
}

static void test_too_few(void **state)
{
    (void)state;
    points(5, 1);
    assert_false(fit_shapes(&p, NULL, &fit));
    assert_int_equal(fit.nparts, 0);
    points(6, 1);
    assert_true(fit_shapes(&p, NULL, &fit));
}

static void test_no_noise_at_all(void **state)
{
    (void)state;
    points(48, 0);
    assert_true(fit_shapes(&p, NULL, &fit));
    assert_true(isfinite(at(0.5)) && fabs(at(0.5)) < 1e-6);
}

/* One of many sets of points: other ages, windows, lives, loads. */
static void varied(int i)
{
    points(30 + i % 17, 1 + i % 3);
    for (int k = 0; k < p.n; k++) {
        p.y[k] += 5 * (i % 4) * p.age[k] + 20 * (i % 5 == 1 && k > p.n / 2);
        p.life[k] = i % 6 == 2 ? k / 15 : 0;
        for (int l = 0; i % 7 == 3 && l < FIT_LOADS_MAX; l++)
            p.load[l][k] = 1 + 0.5 * sin(20 * p.age[k] - 0.1 * l - i % 2);
    }
    p.nlives = p.life[p.n - 1] + 1;
    p.nloads = i % 7 == 3 ? FIT_LOADS_MAX : 0;
    p.load_max = 100;
    p.born = i % 5 == 4 ? 0.25 : 0;
}

/* What was made for other points changes nothing, to the last bit: twice
 * through more sets than are kept, each time with other readings beside it. */
static void test_memo_changes_nothing(void **state)
{
    struct fit_memo *m = fit_memo_new();
    static struct fit again;
    size_t parts;

    (void)state;
    for (int i = 0; i < 120; i++) {
        varied(i / 2 % 40);
        if (i % 2 == 1)
            for (int k = 0; k < p.n; k++) {
                p.y[k] += 3 * p.age[k];
                p.load[i % FIT_LOADS_MAX][k] += 0.3 * sin(k);
            }
        assert_true(fit_shapes(&p, NULL, &fit));
        assert_true(fit_shapes(&p, m, &again));
        assert_memory_equal(&again, &fit, offsetof(struct fit, slope));
        parts = (size_t)fit.nparts * sizeof *fit.slope;
        assert_memory_equal(again.slope, fit.slope, parts);
        assert_memory_equal(again.future, fit.future, parts);
    }
    fit_memo_free(m);
    fit_memo_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_warmup_is_not_growth),
        cmocka_unit_test(test_fill_then_leak),
        cmocka_unit_test(test_parts_do_not_cancel),
        cmocka_unit_test(test_unfinished_warmup_stays_wide),
        cmocka_unit_test(test_ever_slower),
        cmocka_unit_test(test_jump_is_not_growth),
        cmocka_unit_test(test_job_on_top_of_a_leak),
        cmocka_unit_test(test_fall_with_the_load),
        cmocka_unit_test(test_correlation_widens),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_load_explains),
        cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_no_noise_at_all),
        cmocka_unit_test(test_memo_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
