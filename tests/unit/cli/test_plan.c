/* The steps of a run, from hand-made scenarios. */
#include "harness/cli/plan.h"

#include "harness/base/clock.h"
#include "tests/unit/assert_close.h"

static struct request kinds[2] = {
    {.name = "a", .weight = 3},
    {.name = "b", .weight = 1},
};

static struct scenario base(void)
{
    return (struct scenario){
        .requests = kinds,
        .nrequests = 2,
        .load = {.model = LOAD_OPEN,
                 .rate_rps = 100,
                 .connections = 4,
                 .warmup_ns = 5 * CLOCK_NS_PER_S,
                 .blocks = 4,
                 .block_requests = 500,
                 .max_time_ns = 600 * CLOCK_NS_PER_S,
                 .seed = 7,
                 .vary_mix = true},
    };
}

static void warmup_then_blocks(void **state)
{
    struct scenario sc = base();
    struct plan p;

    (void)state;
    plan_make(&sc, &p);
    assert_int_equal(p.n, 5);
    assert_int_equal(p.steps[0].label, PHASE_WARMUP);
    assert_int_equal(p.steps[0].block, 0);
    assert_true(p.steps[0].barrier);
    for (size_t i = 1; i < p.n; i++) {
        assert_int_equal(p.steps[i].block, (int)i);
        assert_int_equal(p.steps[i].phase.requests, 500);
        assert_true(p.steps[i].barrier);
        assert_non_null(p.steps[i].phase.shares);
    }
    plan_release(&p);
}

static void average_mix_is_the_weights(void **state)
{
    struct scenario sc = base();
    struct plan p;
    double sum = 0;

    (void)state;
    plan_make(&sc, &p);
    for (size_t i = 1; i < p.n; i++)
        sum += p.steps[i].phase.shares[0];
    assert_close(sum / 4, 0.75, 1e-9);
    assert_true(
        fabs(p.steps[1].phase.shares[0] - p.steps[2].phase.shares[0]) > 1e-3 ||
        fabs(p.steps[1].phase.shares[0] - p.steps[3].phase.shares[0]) > 1e-3);
    plan_release(&p);
    sc.load.vary_mix = false;
    plan_make(&sc, &p);
    assert_null(p.steps[1].phase.shares);
    plan_release(&p);
}

static void ramp_is_a_step_within_the_warmup(void **state)
{
    struct scenario sc = base();
    struct plan p;

    (void)state;
    sc.load.ramp_ns = 2 * CLOCK_NS_PER_S;
    plan_make(&sc, &p);
    assert_int_equal(p.n, 6);
    assert_close(p.steps[0].phase.rate_from_rps, 0, 0);
    assert_int_equal(p.steps[0].phase.duration_ns, 2 * CLOCK_NS_PER_S);
    assert_false(p.steps[0].barrier);
    assert_int_equal(p.steps[1].phase.duration_ns, 3 * CLOCK_NS_PER_S);
    assert_true(p.steps[1].barrier);
    plan_release(&p);
}

static void soak_without_blocks(void **state)
{
    struct scenario sc = base();
    struct plan p;

    (void)state;
    sc.load.blocks = 0;
    plan_make(&sc, &p);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.steps[0].phase.duration_ns, 600 * CLOCK_NS_PER_S);
    assert_int_equal(p.steps[0].relabel_ns, 5 * CLOCK_NS_PER_S);
    assert_int_equal(p.steps[0].block, 1);
    plan_release(&p);
}

static void rate_missed(void **state)
{
    struct step s = {
        .phase = {.requests = 1000, .rate_from_rps = 100, .rate_to_rps = 100}};

    (void)state;
    assert_false(plan_rate_missed(&s, 1000, 10 * CLOCK_NS_PER_S));
    assert_true(plan_rate_missed(&s, 1000, 11 * CLOCK_NS_PER_S));
    s.phase.requests = 0;
    s.phase.duration_ns = 10 * CLOCK_NS_PER_S;
    assert_false(plan_rate_missed(&s, 990, 10 * CLOCK_NS_PER_S));
    assert_true(plan_rate_missed(&s, 900, 10 * CLOCK_NS_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warmup_then_blocks),
        cmocka_unit_test(average_mix_is_the_weights),
        cmocka_unit_test(ramp_is_a_step_within_the_warmup),
        cmocka_unit_test(soak_without_blocks),
        cmocka_unit_test(rate_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
