/* A small fixed part of the calibration (`make calibrate` runs the whole):
 * the seeds never change, so this does not fail by chance, and the bounds are
 * far above what is reached. */
#include "tests/unit/assert_close.h"

#include "analyzers/continuous.h"
#include "tests/calibrate/generate.h"
#include "tests/unit/effort.h"

#include <string.h>

enum { SEEDS = 2 };

struct tally {
    int healthy, false_alarms, leaks, misses, found, intervals, held;
    int undecided, overclaims;
};

static void count(struct tally *t, int kind, uint64_t seed,
                  const struct policy *p)
{
    struct truth truth;
    struct continuous c;
    struct series s;

    generate(kind, seed, &s, &truth);
    continuous_judge(&s, p, &c);
    if (truth.outcome == OUTCOME_PASS) {
        t->healthy++;
        t->false_alarms += c.outcome == OUTCOME_LEAK;
    } else if (truth.outcome == OUTCOME_LEAK) {
        t->leaks++;
        t->misses += c.outcome == OUTCOME_PASS;
        t->found += c.outcome == OUTCOME_LEAK;
    } else {
        t->undecided++;
        t->overclaims += (c.outcome == OUTCOME_PASS && !truth.may_pass) ||
                         (c.outcome == OUTCOME_LEAK && !truth.may_leak);
    }
    if (truth.outcome == OUTCOME_LEAK && c.outcome == OUTCOME_LEAK &&
        c.findings[c.lead].metric.role == METRIC_MEMORY &&
        !isnan(truth.slope_per_request)) {
        const struct interval *i = &c.findings[c.lead].per_request;

        t->intervals++;
        t->held += i->low <= truth.slope_per_request &&
                   truth.slope_per_request <= i->high;
    }
    continuous_release(&c);
    series_release(&s);
}

static void test_rates(void **state)
{
    struct tally t = {0};
    struct policy p;
    int step = effort_step(), all = generate_kinds() * SEEDS;

    (void)state;
    policy_default(&p);
    for (int i = 0; i < all; i += step)
        count(&t, i / SEEDS, 5000 + (uint64_t)(i % SEEDS), &p);
    assert_true(t.healthy >= 40 * SEEDS / step);
    assert_true(t.leaks >= 25 * SEEDS / step);
    assert_true(t.false_alarms <= 1);
    assert_true(t.misses <= 1);
    assert_true(t.undecided >= 8 * SEEDS / step && t.overclaims <= 1);
    assert_true(t.found * 100 >= t.leaks * 80);
    assert_true(t.held * 100 >= t.intervals * 80);
    assert_true(t.intervals > 20 / step);
}

static int kind_of(const char *name)
{
    int kind = 0;

    while (strcmp(generate_kind_name(kind), name) != 0)
        kind++;
    return kind;
}

/* Slow noise of more than what matters, with a leak in it: a rule that hears
 * what it likes, a floor or a step, calls every fourth of these health. */
static void test_noise_acquits_nobody(void **state)
{
    struct policy p;
    struct tally t = {0};
    int runs = 0;

    (void)state;
    policy_default(&p);
    for (int i = 0; i < 24; i += effort_step(), runs++)
        count(&t, kind_of("drowned"), 20000 + (uint64_t)i, &p);
    assert_int_equal(t.undecided, runs);
    assert_true(t.overclaims <= 1);
}

/* Runs of `kind` that pass and state a minimum, and those of them in which a
 * leak of that size, planted, is called. */
static void plant_minimum(int kind, uint64_t seed, const struct policy *p,
                          int *stated, int *called)
{
    struct continuous c, again;
    struct series s, planted;
    struct truth truth;

    generate(kind, seed, &s, &truth);
    continuous_judge(&s, p, &c);
    const struct finding *f = c.lead >= 0 ? &c.findings[c.lead] : NULL;

    if (c.outcome == OUTCOME_PASS && isfinite(f->minimum_per_hour)) {
        continuous_plant(&s, f->name, f->minimum_per_hour, &planted);
        continuous_judge(&planted, p, &again);
        ++*stated;
        *called += again.outcome == OUTCOME_LEAK;
        continuous_release(&again);
        series_release(&planted);
    }
    continuous_release(&c);
    series_release(&s);
}

/* What a pass says that it would have called, it would: wild noise, a load
 * that falls and a job in between make the guards hold back what the interval
 * alone would call (one in four, then), rounding hides what is smaller. */
static void test_stated_minimum_is_called(void **state)
{
    static const char *const kinds[] = {"fat_noise", "load_drop", "long_job",
                                        "reverting_walk", "whole_mib"};
    struct policy p;
    int stated = 0, called = 0, runs = 0;

    (void)state;
    policy_default(&p);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int i = 0; i < 16; i += effort_step(), runs++)
            plant_minimum(kind_of(kinds[k]), 30000 + (uint64_t)i, &p, &stated,
                          &called);
    assert_true(stated * 10 >= runs * 7);
    assert_true(called * 100 >= stated * 99);
}

/* A pass that would not have noticed a leak is none. */
static void test_the_blind_do_not_acquit(void **state)
{
    struct policy p;
    struct truth truth;
    struct series s;
    struct continuous c;

    (void)state;
    policy_default(&p);
    generate(kind_of("slow_wander"), 20016, &s, &truth);
    continuous_judge(&s, &p, &c);
    assert_int_equal(c.outcome, OUTCOME_INCONCLUSIVE);
    assert_non_null(strstr(c.reason, "could hide in it"));
    assert_true(c.findings[c.lead].more_s > 0);
    continuous_release(&c);
    series_release(&s);
}

/* The same seed makes the same series; another does not. */
static void test_generator(void **state)
{
    (void)state;
    for (int kind = 0; kind < generate_kinds(); kind++) {
        struct series a, b, c;
        struct truth truth;
        size_t same = 0;

        generate(kind, 1, &a, &truth);
        generate(kind, 1, &b, &truth);
        generate(kind, 2, &c, &truth);
        assert_int_equal(a.n, b.n);
        assert_int_equal(a.ncolumns, b.ncolumns);
        assert_memory_equal(a.t_s, b.t_s, a.n * sizeof *a.t_s);
        for (size_t i = 0; i < a.n; i++)
            same += isnan(a.columns[0].v[i])
                        ? isnan(b.columns[0].v[i])
                        : a.columns[0].v[i] == b.columns[0].v[i];
        assert_int_equal(same, a.n);
        assert_true(a.n != c.n || a.requests[a.n - 1] != c.requests[c.n - 1]);
        series_release(&a);
        series_release(&b);
        series_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generator),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_noise_acquits_nobody),
        cmocka_unit_test(test_stated_minimum_is_called),
        cmocka_unit_test(test_the_blind_do_not_acquit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
