/* A small fixed part of the calibration of barrier verdicts (`make calibrate`
 * runs the whole): the seeds never change, so this does not fail by chance,
 * and the bounds are far from what is reached. */
#include "tests/unit/assert_close.h"

#include "analyzers/barriers.h"
#include "analyzers/verdict.h"
#include "tests/calibrate/sim.h"
#include "tests/unit/effort.h"

enum { SEEDS = 2, FIRST = 700 };

struct tally {
    int healthy, leaks, planted, called, held;
};

static const char *metric_of(int bytes)
{
    return bytes ? "rss_bytes" : "py_gc_objects";
}

/* A leak of twice what a passing run says it would have seen. */
static void plant(const struct sim *like, int bytes, double minimum,
                  struct tally *t)
{
    struct sim s = *like;
    struct record r;
    struct verdict v;

    s.seed += 1000003;
    for (size_t k = 0; k < s.kinds; k++)
        s.leak[k] = 2 * minimum;
    sim_record(&s, metric_of(bytes), &r);
    verdict_judge(&r, NULL, &v);
    t->planted++;
    if (v.outcome == OUTCOME_LEAK) {
        const struct interval *i = &v.findings[v.lead].per_request;

        t->called++;
        t->held += i->low <= 2 * minimum && 2 * minimum <= i->high;
    }
    verdict_release(&v);
    record_release(&r);
}

static void test_rates(void **state)
{
    struct tally t = {0};
    int step = effort_step();

    (void)state;
    for (int i = 0; i < 2 * SIM_BASES * SEEDS; i += step) {
        enum sim_base base = (enum sim_base)(i / 2 / SEEDS);
        struct sim s;
        struct record r;
        struct verdict v;

        if (!sim_makes_sense(base, i % 2))
            continue;
        sim_vary(&s, base, i % 2, 10, FIRST + (uint64_t)i);
        sim_record(&s, metric_of(i % 2), &r);
        verdict_judge(&r, NULL, &v);
        t.healthy++;
        t.leaks += v.outcome == OUTCOME_LEAK;
        if (v.outcome == OUTCOME_PASS) {
            assert_true(v.findings[0].minimum_per_request > 0);
            plant(&s, i % 2, v.findings[0].minimum_per_request, &t);
        }
        verdict_release(&v);
        record_release(&r);
    }
    assert_true(t.healthy >= 24 * SEEDS / step);
    assert_true(t.leaks <= 1);
    assert_true(t.planted * 100 >= t.healthy * 80);
    assert_true(t.called * 100 >= t.planted * 88);
    assert_true(t.held * 100 >= t.called * 85);
}

static bool called(const struct sim *like, double leak, uint64_t seed)
{
    struct barriers_rule rule;
    struct sim s = *like;
    struct finding f;
    struct record r;

    s.seed += seed;
    for (size_t k = 0; k < s.kinds; k++)
        s.leak[k] = leak;
    sim_record(&s, metric_of(0), &r);
    barriers_rule(&r.policy, &rule);
    rule.brief = true;
    rule.power = rule.forecast = false;
    barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
    record_release(&r);
    return f.outcome == OUTCOME_LEAK;
}

/* The stated minimum is what it says: other runs with that leak are called
   nearly always, and with a third of it seldom. */
static void test_minimum(void **state)
{
    static const enum sim_base bases[] = {SIM_JITTER, SIM_WALK, SIM_RECYCLED};
    int runs = 0, at = 0, under = 0, step = effort_step();

    (void)state;
    for (uint64_t i = 0; i < 24; i += (uint64_t)step) {
        struct barriers_rule rule;
        struct finding f;
        struct record r;
        struct sim s;

        sim_vary(&s, bases[i % 3], false, 10, FIRST + i);
        s.noise *= 4; /* the noise shall limit it, not the tolerance */
        sim_record(&s, metric_of(0), &r);
        barriers_rule(&r.policy, &rule);
        rule.forecast = false;
        barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
        record_release(&r);
        if (!(f.minimum_per_request > 0))
            continue;
        for (uint64_t k = 1; k <= 3; k++) {
            runs++;
            at += called(&s, f.minimum_per_request, 5000 * k);
            under += called(&s, f.minimum_per_request / 3, 5000 * k);
        }
    }
    assert_true(runs >= 60 / step);
    assert_true(at * 100 >= runs * 85);
    assert_true(under * 100 <= runs * 60);
}

/* A leak's interval ends above what it was called by. */
static void test_leak_interval(void **state)
{
    int leaks = 0, step = effort_step();

    (void)state;
    for (uint64_t i = 0; i < 90; i += (uint64_t)step) {
        struct barriers_rule rule;
        struct finding f;
        struct record r;
        struct sim s;

        sim_vary(&s, i % 2 ? SIM_JITTER : SIM_CREEP, i % 2 == 0, 6 + i % 5,
                 FIRST + i);
        for (size_t k = 0; k < s.kinds; k++)
            s.leak[k] = (i % 2 ? 0.1 : 1500) * (1 + (double)(i % 7));
        sim_record(&s, metric_of(i % 2 == 0), &r);
        barriers_rule(&r.policy, &rule);
        rule.power = rule.forecast = false;
        barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
        record_release(&r);
        if (f.outcome != OUTCOME_LEAK)
            continue;
        leaks++;
        assert_true(f.per_request.low > f.tolerance_per_request);
        assert_true(f.per_request.value >= f.per_request.low);
        assert_true(f.per_request.value <= f.per_request.high);
    }
    assert_true(leaks >= 20 / step);
}

/* Whether the run is decided that ends with the block after `requests`. */
static bool decided_after(const struct record *r, double requests)
{
    struct barriers_rule rule;
    struct finding f;
    size_t rows = 1;

    while (rows < r->barriers.n && r->barriers.requests[rows - 1] < requests)
        rows++;
    barriers_rule(&r->policy, &rule);
    rule.power = rule.forecast = false;
    rule.brief = true;
    rule.rows = rows;
    barriers_column(r, &r->policy, &rule, &r->barriers.columns[0], &f);
    return f.outcome != OUTCOME_INCONCLUSIVE;
}

/* An inconclusive run names what would settle it, inside its own range; most
   often a run that long is decided when it ends, or one that has half as much
   added again. */
static void test_forecast(void **state)
{
    int told = 0, at_once = 0, right = 0, step = effort_step();

    (void)state;
    for (int i = 0; i < 36; i += step) {
        struct barriers_rule rule;
        struct finding f;
        struct record r;
        struct sim s;

        sim_vary(&s, i % 2 ? SIM_JITTER : SIM_CACHE, false, 100,
                 FIRST + (uint64_t)i);
        s.kinds = 1;
        s.span = 10;
        s.noise *= 12;
        sim_record(&s, metric_of(0), &r);
        barriers_rule(&r.policy, &rule);
        rule.power = false;
        rule.rows = 9;
        barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
        if (f.outcome == OUTCOME_INCONCLUSIVE && isfinite(f.more_requests)) {
            double had = r.barriers.requests[8], more = f.more_requests;
            bool then = decided_after(&r, had + more - 1e-6);

            assert_true(f.more_requests_half <= f.more_requests);
            told++;
            at_once += then;
            right += then || decided_after(&r, had + 1.5 * more - 1e-6);
        }
        record_release(&r);
    }
    print_message("forecast: %d at once, %d in the end, of %d\n", at_once,
                  right, told);
    assert_true(told >= 16 / step);
    assert_true(at_once * 100 >= told * 60);
    assert_true(right * 100 >= told * 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_leak_interval),
        cmocka_unit_test(test_forecast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
