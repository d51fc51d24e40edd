/* What would settle an undecided run: the choice among futures, and the
 * futures of runs whose end is known. How often it is right in general:
 * test_block_rates.c and `make calibrate`. */
#include "tests/unit/assert_close.h"
#include "tests/unit/effort.h"

#include "analyzers/barriers.h"
#include "analyzers/forecast.h"
#include "tests/calibrate/sim.h"

#include <math.h>
#include <unistd.h>

/* The number is not the middle but what most futures are near to. */
static void test_best_is_where_most_are(void **state)
{
    static const double two_heaps[] = {1100, 1200, 1300, 1300, 1400,
                                       5000, 6000, 7000, 9000};
    static const double half[] = {2000, 2100, NAN, NAN};
    static const double few[] = {2000, NAN, NAN, NAN};
    double best;

    (void)state;
    best = forecast_best(two_heaps, 9, 1000, 100);
    assert_true(best >= 1400 / 1.5 && best <= 1100 * 1.5);
    assert_true(best > 1000);
    best = forecast_best(half, 4, 1000, 100);
    assert_true(best >= 2100 / 1.5 && best <= 2000 * 1.5);
    assert_true(isnan(forecast_best(few, 4, 1000, 100)));
    assert_true(isnan(forecast_best(few, 0, 1000, 100)));
}

/* Where every total is right, what is added decides. */
static void test_best_minds_what_is_added(void **state)
{
    static const double near[] = {1200, 1200, 1200, 1200, 1400};
    double added = forecast_best(near, 5, 1000, 100) - 1000;

    (void)state;
    assert_true(added >= 200 / 1.5 - 1 && added <= 200 * 1.5 + 1);
}

/* Of numbers that are equally right the middle one has most room. */
static void test_best_is_the_middle_of_equals(void **state)
{
    static const double same[] = {2000, 2000, 2000, 2000};

    (void)state;
    assert_close(forecast_best(same, 4, 1000, 100), 2000, 60);
}

/* Numbers of requests that a broken recording may hold. */
static void test_best_of_nonsense_ends(void **state)
{
    static const double never[] = {2000, 2000, INFINITY, INFINITY};
    static const double far[] = {1e300, 1e300};

    (void)state;
    alarm(60); /* not for ever, if it does not */
    assert_close(forecast_best(never, 4, 1000, 100), 2000, 60);
    assert_true(isnan(forecast_best(never + 2, 2, 1000, 100)));
    assert_true(forecast_best(far, 2, 0, 5e-324) >= 0);
    assert_true(isfinite(forecast_best(far, 2, 1000, 0)));
    alarm(0);
}

static void test_range(void **state)
{
    static const double sorted[] = {1000, 2000, 2100, 2200, 2300,
                                    2400, 2500, 2600, 2700, 9000};
    static const double open[] = {1000, 2000, 3000, 4000, NAN,
                                  NAN,  NAN,  NAN,  NAN,  NAN};
    struct interval range;

    (void)state;
    forecast_range(sorted, 10, &range);
    assert_close(range.low, 2000, 1e-12);
    assert_close(range.high, 2700, 1e-12);
    forecast_range(open, 10, &range);
    assert_close(range.low, 3000, 1e-12);
    assert_true(isnan(range.high));
}

static void forecast_of(const struct sim *s, struct finding *f)
{
    struct barriers_rule rule;
    struct record r;

    sim_record(s, "py_gc_objects", &r);
    barriers_rule(&r.policy, &rule);
    rule.power = false;
    barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], f);
    record_release(&r);
}

static struct sim rough(size_t blocks, double noise, uint64_t seed)
{
    struct sim s;

    sim_vary(&s, SIM_JITTER, false, blocks, seed);
    s.kinds = 1;
    s.noise = noise;
    return s;
}

/* The rougher, the longer; and the same run is told the same. */
static void test_noise_takes_longer(void **state)
{
    double told[2] = {0, 0};

    (void)state;
    for (int i = 0; i < 2; i++)
        for (uint64_t seed = 1; seed <= 12; seed += (uint64_t)effort_step()) {
            struct sim s = rough(8, i ? 300 : 100, seed);
            struct finding f, again;

            forecast_of(&s, &f);
            forecast_of(&s, &again);
            assert_memory_equal(&f.more_requests, &again.more_requests,
                                sizeof f.more_requests);
            if (f.outcome == OUTCOME_INCONCLUSIVE)
                told[i] += fmin(f.more_requests / s.requests, 56);
        }
    assert_true(told[0] > 0);
    assert_true(told[1] > 2 * told[0]);
}

/* Blocks that a run like `s`, and with the same past, had when it was decided:
   to a tenth or so; NaN: none. */
static double decided_at(const struct sim *s, struct record *r)
{
    size_t most = 8 * s->blocks;
    struct sim longer = *s;
    struct finding f;

    longer.blocks = longer.span = most;
    longer.branch = s->blocks;
    longer.branch_seed = s->seed + 1000;
    sim_record(&longer, "py_gc_objects", r);
    for (size_t b = s->blocks + 1; b <= most; b += 1 + b / 10) {
        struct barriers_rule rule;

        barriers_rule(&r->policy, &rule);
        rule.power = rule.forecast = false;
        rule.brief = true;
        rule.rows = b + 1;
        barriers_column(r, &r->policy, &rule, &r->barriers.columns[0], &f);
        if (f.outcome != OUTCOME_INCONCLUSIVE)
            return (double)b;
    }
    return NAN;
}

/* What is foretold is what happens, all in all: noise goes on. */
static void test_what_happens(void **state)
{
    double told = 0, took = 0;
    int n = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed += (uint64_t)effort_step()) {
        struct sim s = rough(8, 100, seed);
        struct finding f;
        struct record r;
        double at;

        forecast_of(&s, &f);
        if (f.outcome != OUTCOME_INCONCLUSIVE || isnan(f.more_requests))
            continue;
        at = decided_at(&s, &r);
        record_release(&r);
        if (isnan(at))
            continue;
        told += log(8 + f.more_requests / s.requests);
        took += log(at);
        n++;
    }
    if (effort_step() > 1)
        return;
    assert_true(n > 10);
    assert_true(exp(fabs(told - took) / n) < 1.4);
}

/* However long the run was, there is something after it to be judged. */
static void test_long_run(void **state)
{
    struct sim s = rough(170, 60000, 3);
    struct finding f;

    (void)state;
    forecast_of(&s, &f);
    assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
    assert_true(isnan(f.more_requests) || f.more_requests > 0);
    assert_true(!(f.more_requests > 170 * s.requests));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_is_where_most_are),
        cmocka_unit_test(test_best_minds_what_is_added),
        cmocka_unit_test(test_best_is_the_middle_of_equals),
        cmocka_unit_test(test_best_of_nonsense_ends),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_noise_takes_longer),
        cmocka_unit_test(test_what_happens),
        cmocka_unit_test(test_long_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
