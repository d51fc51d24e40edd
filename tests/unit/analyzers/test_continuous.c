/* Whole series in, verdict out: the plain cases, and everything a file can
 * hold that is not a measurement. */
#include "tests/unit/analyzers/samples.h"
#include "tests/unit/assert_close.h"

#include "analyzers/continuous.h"
#include "harness/base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct policy policy;

static int setup(void **state)
{
    (void)state;
    policy_default(&policy);
    return 0;
}

static const char *const rss[] = {"rss_bytes", NULL};
static const char *const rss_pss[] = {"rss_bytes", "pss_bytes", NULL};

static void test_leak(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 30e6, 100e3);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_LEAK);
    assert_int_equal(c.lead, 0);
    const struct finding *f = &c.findings[0];
    double slope = 30e6 / (599 * 50.);

    assert_true(f->per_request.low < slope && slope < f->per_request.high);
    assert_true(f->per_request.high - f->per_request.low < 0.1 * slope);
    assert_close(f->per_hour.value, f->per_request.value * 50 * 3600,
                 1e-6 * f->per_hour.value);
    assert_int_equal(f->shape, SHAPE_LINEAR);
    assert_int_equal(f->basis, BASIS_SAMPLES);
    assert_true(f->judged && f->decisive);
    assert_close(f->grown, 30e6, 3e6);
    assert_close(f->steady_from_s, 0, 30);
    assert_true(f->minimum_per_request > 0 && f->minimum_per_request < slope);
    assert_true(f->certainty > 1);
    assert_non_null(strstr(f->reason, "grows by"));
    assert_true(isnan(f->limit_s.value)); /* no limit: no time to it */
    continuous_release(&c);
    policy.limit_bytes = 200e6;
    judge(&s, &policy, &c);
    /* The level is that of the last third: about 125 MB. */
    assert_close(c.findings[0].limit_s.value, 75. / 30 * 599, 60);
    assert_true(c.findings[0].limit_s.low < c.findings[0].limit_s.high);
    continuous_release(&c);
    series_release(&s);
}

static void test_pass(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 0, 300e3);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_PASS);
    assert_int_equal(c.findings[0].shape, SHAPE_FLAT);
    assert_true(c.findings[0].minimum_per_request > 0);
    assert_non_null(strstr(c.reason, "stays level"));
    continuous_release(&c);
    /* A warm-up that ends is no leak either. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[0].v[i] += 50e6 * (1 - exp(-(double)i / 30));
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_PASS);
    assert_true(c.findings[0].steady_from_s > 30 &&
                c.findings[0].steady_from_s < 250);
    continuous_release(&c);
    series_release(&s);
}

static void test_counts(void **state)
{
    static const char *const blocks[] = {"rss_bytes", "py_allocated_blocks",
                                         NULL};
    static const char *const fds[] = {"rss_bytes", "fds", NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, blocks);
    fill(&s, 0, 100e6, 0, 100e3);
    fill(&s, 1, 500e3, 100e3, 500);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_LEAK);
    assert_int_equal(c.lead, 1);
    assert_int_equal(c.findings[1].metric.role, METRIC_OBJECTS);
    assert_string_equal(c.findings[1].name, "py_allocated_blocks");
    assert_non_null(strstr(c.reason, "does not show it yet"));
    continuous_release(&c);
    series_release(&s);
    open_series(&s, 600, fds);
    fill(&s, 0, 100e6, 0, 100e3);
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = 20 + (double)(i / 12);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    /* Three connections more, once, is no leak. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = i > 200 ? 23 : 20;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
}

static void test_unknown_memory(void **state)
{
    static const char *const names[] = {"heap_inuse_bytes", "memory_bytes",
                                        "heap_size_bytes"};
    struct series s;

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        const char *const one[] = {names[k], NULL};

        open_series(&s, 600, one);
        fill(&s, 0, 50e6, 20e6, 50e3);
        assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
        fill(&s, 0, 50e6, 0, 50e3);
        assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
        series_release(&s);
    }
}

static void test_witnesses_are_silent(void **state)
{
    static const char *const names[] = {"swap_bytes", "minor_faults",
                                        "things_total", "cpu_s", NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 300, names);
    for (size_t i = 0; i < 4; i++)
        fill(&s, i, 1e6, 1e6, 10);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_INCONCLUSIVE);
    assert_int_equal(c.n, 0);
    assert_int_equal(c.lead, -1);
    continuous_release(&c);
    series_release(&s);
}

static void test_tolerance(void **state)
{
    struct tolerance t = {(char *)"rss", 0, TOLERANCE_PER_REQUEST, 0};
    struct series s;
    double slope = 3e6 / (599 * 50.);

    (void)state;
    policy.tolerances = &t;
    policy.ntolerances = 1;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 3e6, 50e3);
    t.value = slope / 2;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    t.value = slope * 2;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    t.value = slope;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    t.per = TOLERANCE_PER_HOUR;
    t.value = 3e6 / 599 * 3600 / 2;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    t.value *= 4;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
    policy.tolerances = NULL;
    policy.ntolerances = 0;
    /* Or: it must survive so long under this limit. */
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 3e6, 50e3);
    policy.limit_bytes = 200e6;
    policy.survive_s = 100 / 3. * 599 * 2;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    policy.survive_s /= 4;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
}

/* The interval is as wide as theory says: white noise of 300 kB over 600
 * samples leaves 42 kB of standard error per run to a slope. */
static void test_interval_width(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 20e6, 300e3);
    judge(&s, &policy, &c);
    const struct interval *i = &c.findings[0].per_request;
    double width = (i->high - i->low) * 599 * 50;

    assert_true(width > 110e3 && width < 800e3);
    continuous_release(&c);
    series_release(&s);
}

/* Noise as large as the tolerance acquits nobody, nor does a warm-up that is
 * not over: what it would still add counts. */
static void test_tolerance_in_noise(void **state)
{
    struct tolerance t = {(char *)"rss", 0, TOLERANCE_PER_REQUEST, 0};
    struct series s;
    struct continuous c;

    (void)state;
    policy.tolerances = &t;
    policy.ntolerances = 1;
    open_series(&s, 300, rss);
    fill(&s, 0, 100e6, 0, 3e6);
    t.value = 1;
    judge(&s, &policy, &c);
    t.value = 0.6 * c.findings[0].per_request.high +
              0.4 * c.findings[0].per_request.value;
    continuous_release(&c);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    series_release(&s);
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 0, 20e3);
    for (size_t i = 0; i < s.n; i++)
        s.columns[0].v[i] += 30e6 * (1 - exp(-(double)i / 300));
    t.value = 2e6 / (599 * 50.); /* 3.5 MB are still to come */
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    t.value = 6e6 / (599 * 50.);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
}

/* Nothing in, nothing out: never a pass. */
static void test_no_data(void **state)
{
    struct series s;

    (void)state;
    for (size_t n = 1; n < 12; n++) {
        open_series(&s, n, rss);
        fill(&s, 0, 100e6, 0, 0);
        assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
        s.n = 0;
        assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
        series_release(&s);
    }
    open_series(&s, 300, rss);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE); /* zeros */
    for (size_t i = 0; i < s.n; i++)
        s.columns[0].v[i] = NAN;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    s.columns[0].v[100] = 5e6;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    fill(&s, 0, 100e6, 0, 1e5);
    for (size_t i = 0; i < s.n; i++)
        s.t_s[i] = 7;
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    series_release(&s);
    s = (struct series){0};
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
}

static void test_constant(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 300, rss);
    fill(&s, 0, 100e6, 0, 0);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_PASS);
    assert_close(c.findings[0].per_request.low, 0, 0);
    assert_close(c.findings[0].per_request.high, 0, 0);
    continuous_release(&c);
    /* Beyond 2^53 whole numbers run out; the growth is still there. */
    fill(&s, 0, 9007199254740993., 4e15, 0);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    series_release(&s);
}

/* Of many types one leaks: it is named. None does: nobody is, though some
 * seem to by chance. Beside totals, types only accuse. */
static void test_many_types(void **state)
{
    static const char *names[42];
    static char text[41][24];
    struct series s;
    struct continuous c;

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(text[i], sizeof text[i], "objects:shop.T%d", i);
        names[i] = text[i];
    }
    open_series(&s, 300, names);
    for (size_t i = 0; i < 40; i++)
        fill(&s, i, 20000, 0, 60);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    fill(&s, 17, 20000, 3000, 60);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_LEAK);
    assert_int_equal(c.lead, 17);
    assert_non_null(strstr(c.reason, "number of shop.T17 objects"));
    continuous_release(&c);
    series_release(&s);
    names[40] = "py_gc_objects";
    open_series(&s, 300, names);
    for (size_t i = 0; i < 41; i++)
        fill(&s, i, 20000, 0, 60);
    for (size_t i = 0; i < s.n; i++) /* wanders: undecided, for itself */
        s.columns[5].v[i] += 3000 * sin((double)i / 40);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_PASS);
    assert_int_equal(c.lead, 40);
    assert_false(c.findings[5].judged);
    continuous_release(&c);
    series_release(&s);
}

/* What no machine can hold is no reading, however steady it is. */
static void test_impossible_readings(void **state)
{
    static const double impossible[] = {-1e8, -1, 1e19, 1e308, -1e308};
    struct series s;

    (void)state;
    open_series(&s, 300, rss);
    for (size_t k = 0; k < 5; k++) {
        for (size_t i = 0; i < s.n; i++)
            s.columns[0].v[i] = impossible[k];
        assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
        for (size_t i = 0; i < s.n; i++)
            s.columns[0].v[i] *= i % 2 ? 1 : -1;
        assert_int_not_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    }
    /* Among others they change nothing. */
    fill(&s, 0, 100e6, 0, 1e5);
    for (size_t i = 0; i < s.n; i += 9)
        s.columns[0].v[i] = impossible[i % 5];
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    fill(&s, 0, 100e6, 30e6, 1e5);
    for (size_t i = 0; i < s.n; i += 9)
        s.columns[0].v[i] = impossible[i % 5];
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_LEAK);
    series_release(&s);
}

/* 32 bits of bytes wrap at 4 GiB: a fall nobody explains, never a pass. */
static void test_counter_that_wraps(void **state)
{
    struct series s;

    (void)state;
    open_series(&s, 600, rss);
    for (size_t i = 0; i < s.n; i++)
        s.columns[0].v[i] = fmod(4.0e9 + 2e6 * (double)i, 4294967296.);
    assert_int_not_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
}

static void test_phases_left_out(void **state)
{
    struct series s;

    (void)state;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 0, 100e3);
    s.phase = malloc(s.n);
    for (size_t i = 0; i < s.n; i++) {
        s.phase[i] = i < 300 ? PHASE_LOAD : PHASE_DIAGNOSE;
        s.columns[0].v[i] += i < 300 ? 0 : 1e6 * (double)(i - 300);
    }
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    memset(s.phase, PHASE_DRAIN, s.n);
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_INCONCLUSIVE);
    series_release(&s);
}

static void test_request_counters(void **state)
{
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, rss);
    fill(&s, 0, 100e6, 30e6, 100e3);
    for (size_t i = 0; i < s.n; i++)
        s.requests[i] = fmod(s.requests[i], 20000);
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_LEAK);
    assert_close(c.findings[0].per_request.value, 30e6 / (599 * 50.), 60);
    assert_non_null(strstr(c.reason, "counter fell"));
    continuous_release(&c);
    for (size_t i = 0; i < s.n; i++)
        s.requests[i] = 600. - (double)i;
    judge(&s, &policy, &c);
    assert_int_not_equal(c.outcome, OUTCOME_PASS);
    assert_true(isnan(c.findings[0].per_request.value));
    continuous_release(&c);
    free(s.requests);
    s.requests = NULL;
    assert_int_equal(judge(&s, &policy, &c), OUTCOME_LEAK);
    assert_true(isnan(c.findings[0].per_request.value));
    assert_true(isnan(c.findings[0].minimum_per_request));
    assert_true(c.findings[0].per_hour.low > 0);
    assert_true(c.findings[0].minimum_per_hour > 0);
    continuous_release(&c);
    series_release(&s);
}

/* What the run says it would have seen, it sees. */
static void test_planted_minimum_is_found(void **state)
{
    struct series s, planted;
    struct continuous c;

    (void)state;
    open_series(&s, 600, rss_pss);
    fill(&s, 0, 100e6, 0, 300e3);
    fill(&s, 1, 80e6, 0, 200e3);
    judge(&s, &policy, &c);
    double least = c.findings[0].minimum_per_hour;

    for (size_t i = 0; i < c.n; i++)
        least = fmax(least, c.findings[i].minimum_per_hour);
    continuous_release(&c);
    continuous_plant(&s, "rss_bytes", least * 1.05, &planted);
    assert_close(planted.columns[1].v[599] - s.columns[1].v[599],
                 least * 1.05 * 599 / 3600, 1);
    assert_int_equal(verdict_of(&planted, &policy), OUTCOME_LEAK);
    series_release(&planted);
    continuous_plant(&s, "no_such_column", 1e9, &planted);
    assert_int_equal(verdict_of(&planted, &policy), OUTCOME_PASS);
    series_release(&planted);
    series_release(&s);
}

/* A gauge of whole MiB that hardly ever moves shows a leak in steps of a MiB:
 * one step is no leak, so the run promises none so small. */
static void test_minimum_of_whole_mib(void **state)
{
    struct series s, planted;
    struct continuous c;
    const double mib = 1 << 20;

    (void)state;
    open_series(&s, 600, rss_pss);
    for (size_t i = 0; i < s.n; i++)
        for (size_t k = 0; k < s.ncolumns; k++)
            s.columns[k].v[i] = (i % 150 == 100 ? 60 : 61) * mib;
    judge(&s, &policy, &c);
    assert_int_equal(c.outcome, OUTCOME_PASS);
    double least = c.findings[c.lead].minimum_per_hour;

    assert_true(least * 599 / 3600 > mib);
    continuous_plant(&s, "rss_bytes", least, &planted);
    for (size_t i = 0; i < s.n; i++)
        assert_close(fmod(planted.columns[0].v[i], mib), 0, 0);
    assert_int_equal(verdict_of(&planted, &policy), OUTCOME_LEAK);
    continuous_release(&c);
    series_release(&planted);
    series_release(&s);
}

static void test_same_bytes_twice(void **state)
{
    struct series s;
    struct continuous a, b;

    (void)state;
    open_series(&s, 400, rss_pss);
    fill(&s, 0, 100e6, 2e6, 400e3);
    fill(&s, 1, 80e6, 2e6, 400e3);
    judge(&s, &policy, &a);
    judge(&s, &policy, &b);
    assert_int_equal(a.n, b.n);
    for (size_t i = 0; i < a.n; i++)
        assert_memory_equal(&a.findings[i].per_request,
                            &b.findings[i].per_request,
                            sizeof a.findings[i].per_request);
    assert_string_equal(a.reason, b.reason);
    continuous_release(&a);
    continuous_release(&b);
    series_release(&s);
}

/* What a JVM's collection leaves stands until the next: read sixty times in
   between it is three readings, which tell neither level nor growth; with a
   collection every few seconds it does. */
static void test_readings_that_repeat(void **state)
{
    static const char *const names[] = {"jvm_heap_after_gc_bytes",
                                        "jvm_gc_collections", NULL};
    static const struct {
        size_t every;
        double each;
        enum outcome want;
    } rows[] = {
        {60, 400e3, OUTCOME_INCONCLUSIVE},
        {60, 0, OUTCOME_INCONCLUSIVE},
        {4, 0, OUTCOME_PASS},
        {4, 400e3, OUTCOME_LEAK},
        {1, 100e3, OUTCOME_LEAK},
    };
    struct series s;

    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        open_series(&s, 180, names);
        for (size_t i = 0; i < s.n; i++) {
            size_t runs = i / rows[k].every;

            s.columns[0].v[i] = 3e6 + (double)runs * rows[k].each +
                                1000 * (double)(runs * 7 % 5);
            s.columns[1].v[i] = 2 + (double)runs;
        }
        assert_int_equal(verdict_of(&s, &policy), rows[k].want);
        series_release(&s);
    }
}

/* Children that never end are growth; who takes another's place is a life. */
static void test_who_comes_on_top(void **state)
{
    static const char *const names[] = {"threads", "procs", NULL};
    struct series s;

    (void)state;
    for (int stay = 0; stay < 2; stay++) {
        open_series(&s, 1200, names);
        s.proc_starts = calloc(s.n, sizeof(double));
        for (size_t i = 0; i < s.n; i++) {
            double starts = (double)(i / 60);

            s.proc_starts[i] = 4 + starts;
            s.columns[0].v[i] = 9 + (stay ? starts : 0);
            s.columns[1].v[i] = 4 + (stay ? starts : 0);
        }
        assert_int_equal(verdict_of(&s, &policy),
                         stay ? OUTCOME_LEAK : OUTCOME_PASS);
        series_release(&s);
    }
}

/* A pool that takes on a few workers, each as large as the first. */
static void test_pool_that_takes_its_size(void **state)
{
    static const char *const names[] = {"rss_bytes", "procs", NULL};
    struct series s;

    (void)state;
    open_series(&s, 600, names);
    s.proc_starts = calloc(s.n, sizeof(double));
    for (size_t i = 0; i < s.n; i++) {
        double more = fmin((double)(i / 90), 3);
        double warm = i < 360 ? fmin(1, (double)(i % 90) / 40) : 1;

        s.proc_starts[i] = s.columns[1].v[i] = 1 + more;
        s.columns[0].v[i] = 6e7 + 30e6 * more + 4096 * (double)(i * 7 % 53) -
                            (more > 0 ? 25e6 * (1 - warm) : 0);
    }
    assert_int_equal(verdict_of(&s, &policy), OUTCOME_PASS);
    series_release(&s);
}

/* Numbers of every size in every place. */
static void test_garbage(void **state)
{
    static const char *const names[] = {
        "rss_bytes", "pss_bytes", "cgroup_bytes", "fds", "x_bytes", NULL};
    static const double odd[] = {0,      -1,   1e-300, 1e300, -1e300,
                                 9.1e15, 1e18, 0.5,    4096,  NAN};
    struct series s;
    struct rng r;

    (void)state;
    rng_init(&r, 99);
    for (int round = 0; round < 60; round++) {
        open_series(&s, 1 + (size_t)rng_below(&r, 200), names);
        s.proc_starts = calloc(s.n, sizeof(double));
        for (size_t i = 0; i < s.n; i++) {
            if (round % 3 == 0)
                s.t_s[i] = odd[rng_below(&r, 10)] * rng_unit(&r);
            if (round % 4 == 0)
                s.requests[i] = odd[rng_below(&r, 10)];
            s.proc_starts[i] = round % 5 ? 1 : odd[rng_below(&r, 10)];
            for (size_t c = 0; c < s.ncolumns; c++)
                s.columns[c].v[i] = odd[rng_below(&r, 10)] *
                                    (rng_below(&r, 2) ? 1 : rng_unit(&r));
        }
        assert_int_not_equal(verdict_of(&s, &policy), OUTCOME_PASS);
        series_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_leak, setup),
        cmocka_unit_test_setup(test_pass, setup),
        cmocka_unit_test_setup(test_counts, setup),
        cmocka_unit_test_setup(test_unknown_memory, setup),
        cmocka_unit_test_setup(test_witnesses_are_silent, setup),
        cmocka_unit_test_setup(test_tolerance, setup),
        cmocka_unit_test_setup(test_interval_width, setup),
        cmocka_unit_test_setup(test_tolerance_in_noise, setup),
        cmocka_unit_test_setup(test_no_data, setup),
        cmocka_unit_test_setup(test_constant, setup),
        cmocka_unit_test_setup(test_many_types, setup),
        cmocka_unit_test_setup(test_impossible_readings, setup),
        cmocka_unit_test_setup(test_counter_that_wraps, setup),
        cmocka_unit_test_setup(test_phases_left_out, setup),
        cmocka_unit_test_setup(test_request_counters, setup),
        cmocka_unit_test_setup(test_planted_minimum_is_found, setup),
        cmocka_unit_test_setup(test_minimum_of_whole_mib, setup),
        cmocka_unit_test_setup(test_same_bytes_twice, setup),
        cmocka_unit_test_setup(test_readings_that_repeat, setup),
        cmocka_unit_test_setup(test_who_comes_on_top, setup),
        cmocka_unit_test_setup(test_pool_that_takes_its_size, setup),
        cmocka_unit_test_setup(test_garbage, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
