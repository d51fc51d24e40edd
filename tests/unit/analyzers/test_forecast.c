/* What would settle an undecided run, and what then happens. How often it is
 * right in general: test_block_rates.c and `make calibrate`. */
#include "tests/unit/assert_close.h"
#include "tests/unit/effort.h"

#include "analyzers/barriers.h"
#include "analyzers/forecast.h"
#include "tests/calibrate/sim.h"

#include <math.h>
#include <unistd.h>

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

/* Whether a run like `s`, and with the same past, is decided when it ends after
   `blocks`. */
static bool decided_at(const struct sim *s, uint64_t way, double blocks)
{
    size_t n = (size_t)ceil(blocks - 1e-9);
    struct barriers_rule rule;
    struct sim longer = *s;
    struct finding f;
    struct record r;

    longer.blocks = longer.span = n;
    longer.branch = s->blocks;
    longer.branch_seed = s->seed + 1000 * way;
    sim_record(&longer, "py_gc_objects", &r);
    barriers_rule(&r.policy, &rule);
    rule.power = rule.forecast = false;
    rule.brief = true;
    rule.rows = n + 1;
    barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
    record_release(&r);
    return f.outcome != OUTCOME_INCONCLUSIVE;
}

/* Runs of the length that was told are decided as often as was told, all in
   all; much shorter ones are not. */
static void test_what_happens(void **state)
{
    double chance = 0;
    int n = 0, when_told = 0, early = 0, late = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed += (uint64_t)effort_step()) {
        struct sim s = rough(8, 100, seed);
        struct finding f;

        forecast_of(&s, &f);
        if (f.outcome != OUTCOME_INCONCLUSIVE || isnan(f.more_requests))
            continue;
        assert_true(f.more_chance >= 0.5 && f.more_chance <= 0.75);
        assert_true(f.more_requests_half <= f.more_requests);
        for (uint64_t way = 1; way <= 4; way++, n++) {
            double more = f.more_requests / s.requests;

            chance += f.more_chance;
            when_told += decided_at(&s, way, 8 + more);
            late += decided_at(&s, way, 8 + 1.5 * more);
            early += decided_at(&s, way, 8 + more / 4);
        }
    }
    print_message("decided: %d of %d, %.0f said; %d early, %d late\n",
                  when_told, n, chance, early, late);
    if (effort_step() > 1)
        return;
    assert_true(n > 40);
    assert_true(fabs(when_told - chance) < 0.2 * n);
    assert_true(early < 0.5 * n);
    assert_true(late > 0.65 * n);
}

/* Where three of four is never reached, what is told is where most are: where
   half as long or longer decides no more of them, that is not the longest. */
static void test_no_longer_than_helps(void **state)
{
    double longest = 8 * 7;
    int shorter = 0;

    (void)state;
    for (uint64_t seed = 5; seed <= 6; seed++) {
        struct sim s = rough(8, 100, seed);
        struct finding f;

        s.base = seed == 5 ? SIM_JITTER : SIM_WARM;
        forecast_of(&s, &f);
        shorter += f.more_chance < 0.75 &&
                   f.more_requests < 0.6 * longest * s.requests;
    }
    assert_true(shorter > 0);
}

/* Numbers of requests that a broken recording may hold. */
static void test_nonsense_ends(void **state)
{
    static const double far[] = {1e300, 1e308, INFINITY, 5e-324, 0};

    (void)state;
    alarm(60); /* not for ever, if it does not */
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct sim s = rough(8, 100, 1);
        struct finding f;

        s.requests = far[i];
        forecast_of(&s, &f);
        assert_false(f.more_requests < 0);
        assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
    }
    alarm(0);
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
        cmocka_unit_test(test_noise_takes_longer),
        cmocka_unit_test(test_what_happens),
        cmocka_unit_test(test_no_longer_than_helps),
        cmocka_unit_test(test_nonsense_ends),
        cmocka_unit_test(test_long_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
