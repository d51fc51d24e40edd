/* What holds a verdict back, though the shapes would allow it. */
#include "tests/unit/assert_close.h"

#include "analyzers/continuous.h"
#include "harness/base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { N = 600 };

static double y[N];
static double step_s; /* from one reading to the next */
static bool counted;  /* starts of processes; there were none but the first */

/* Level readings with a little noise. */
static void level(void)
{
    struct rng r;

    rng_init(&r, 4);
    step_s = 1;
    counted = false;
    for (int i = 0; i < N; i++)
        y[i] = 100e6 + 50e3 * rng_normal(&r);
}

static enum outcome judge(const char *word)
{
    struct series s = {.n = N, .ncolumns = 1};
    struct continuous c;
    struct policy p;
    enum outcome o;

    policy_default(&p);
    s.t_s = calloc(N, sizeof(double));
    s.requests = calloc(N, sizeof(double));
    if (counted)
        s.proc_starts = calloc(N, sizeof(double));
    s.columns = calloc(1, sizeof *s.columns);
    s.columns[0].name = strdup("rss_bytes");
    metric_describe(s.columns[0].name, &s.columns[0].metric);
    s.columns[0].v = calloc(N, sizeof(double));
    for (int i = 0; i < N; i++) {
        s.t_s[i] = step_s * i;
        s.requests[i] = 50. * i;
        if (counted)
            s.proc_starts[i] = 1;
        s.columns[0].v[i] = round(y[i]);
    }
    continuous_judge(&s, &p, &c);
    o = c.outcome;
    if (word != NULL)
        assert_non_null(strstr(c.reason, word));
    continuous_release(&c);
    series_release(&s);
    return o;
}

static void test_news_at_the_end(void **state)
{
    (void)state;
    level();
    assert_int_equal(judge("level"), OUTCOME_PASS);
    for (int i = 580; i < N; i++)
        y[i] += 5e6;
    assert_int_equal(judge("very end"), OUTCOME_INCONCLUSIVE);
    /* So much of it that no look at the rest acquits: told as what it is, not
       as a bend. */
    level();
    for (int i = 546; i < N; i++)
        y[i] += 120e3 * (i - 546);
    assert_int_equal(judge("very end"), OUTCOME_INCONCLUSIVE);
}

/* Steps that stopped are a warm-up; a pause no longer than those before is
 * a pause. */
/* A process that lives has memory: where many readings say none, there is
 * nothing to stay level; a few have failed, and hide no leak. */
static void test_gone(void **state)
{
    (void)state;
    level();
    for (int i = 530; i < N; i++)
        y[i] = 0;
    assert_int_equal(judge("reads 0 in many samples"), OUTCOME_INCONCLUSIVE);
    level();
    for (int i = 0; i < N; i++)
        y[i] = i % 15 == 3 ? 0 : y[i] + 1e5 * i;
    assert_int_equal(judge(NULL), OUTCOME_LEAK);
}

static void test_stairs(void **state)
{
    (void)state;
    level();
    for (int i = 0; i < N; i++)
        y[i] += 1e6 * (i >= 30) + 1e6 * (i >= 60) + 1e6 * (i >= 90);
    assert_int_equal(judge(NULL), OUTCOME_PASS);
    level();
    for (int i = 0; i < N; i++)
        y[i] += 1e6 * (i >= 60) + 1e6 * (i >= 180) + 1e6 * (i >= 330);
    assert_int_equal(judge("steps"), OUTCOME_INCONCLUSIVE);
}

/* A pool that has filled step by step: a leak would have shown since, however
 * well it could have hidden before. */
static void test_pool(void **state)
{
    static const int at[] = {30, 48, 90, 110, 117, 160, 171, 204, 260, 291};

    (void)state;
    level();
    for (size_t k = 0; k < sizeof at / sizeof *at; k++)
        for (int i = at[k]; i < N; i++)
            y[i] += 4e6;
    assert_int_equal(judge(NULL), OUTCOME_PASS);
    for (int i = 0; i < N; i++)
        y[i] += 12e6 * i / N;
    assert_true(judge(NULL) != OUTCOME_PASS);
}

/* Readings that saw `teeth` times, rising slowly or at once. */
static void saw(double teeth, bool slowly)
{
    level();
    for (int i = 0; i < N; i++) {
        double in = fmod(teeth * i / N, 1);

        y[i] += slowly ? 40e6 * in : in > 0.6 ? 40e6 : 0;
    }
}

/* Seven slow teeth may be lives that end as well as a collector's, unless
 * somebody counted starts and there were none; thirty are a collector's, and
 * what comes at once and goes at once is a burst. */
static void test_few_teeth(void **state)
{
    (void)state;
    saw(7.3, true);
    assert_int_equal(judge(NULL), OUTCOME_INCONCLUSIVE);
    counted = true;
    assert_int_equal(judge(NULL), OUTCOME_PASS);
    saw(7.3, false);
    assert_int_equal(judge(NULL), OUTCOME_PASS);
    saw(30.3, true);
    assert_int_equal(judge(NULL), OUTCOME_PASS);
}

/* Keys of very different rates fill a cache ever more slowly. Shapes that fit
 * may tell that it is going to fall; while it rises, that proves nothing. */
static void test_fall_foretold(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        level();
        step_s = k > 0 ? 3 : 1;
        for (int i = 0; i < N; i++)
            y[i] += 80e6 * (1 - exp(-sqrt(i / (k > 0 ? 0.1 : 0.15) / N)));
        assert_int_equal(judge(NULL), OUTCOME_INCONCLUSIVE);
    }
}

/* What begins late and slows down may be a cache that fills; what goes on as it
 * began is a leak. */
static void test_late_fill(void **state)
{
    (void)state;
    level();
    step_s = 5;
    for (int i = 470; i < N; i++)
        y[i] += 20e6 * (1 - exp(-(i - 470) / 120.));
    assert_int_equal(judge(NULL), OUTCOME_INCONCLUSIVE);
    level();
    step_s = 5;
    for (int i = 480; i < N; i++)
        y[i] += 20e6 * (i - 480) / 120.;
    assert_int_equal(judge(NULL), OUTCOME_LEAK);
}

/* Without proc_starts, climbs that end in falls are a collector or restarts:
 * nobody is acquitted. */
static void test_restarts_unseen(void **state)
{
    (void)state;
    level();
    for (int i = 0; i < N; i++)
        y[i] += 20e6 * (i % 150) / 150;
    assert_int_equal(judge("restart"), OUTCOME_INCONCLUSIVE);
}

/* Memory that wanders slowly over more than matters may hide a leak, even
 * where its mean seems level. */
static void test_wandering(void **state)
{
    struct rng r;
    double x = 0;

    (void)state;
    rng_init(&r, 1);
    step_s = 1;
    for (int i = 0; i < N; i++) {
        x = 0.99 * x + sqrt(1 - 0.99 * 0.99) * rng_normal(&r);
        y[i] = 100e6 + 2.4e6 * x + 20e3 * rng_normal(&r);
    }
    assert_int_equal(judge(NULL), OUTCOME_INCONCLUSIVE);
}

/* 50 min: a cache that fills, and `growth` bytes more, evenly or like a
 * logarithm, in noise. */
static void fill_and(double growth, bool evenly, unsigned seed)
{
    struct rng r;

    rng_init(&r, seed);
    step_s = 5;
    for (int i = 0; i < N; i++) {
        double share = evenly ? (double)i / N : log1p(i / 20.) / log1p(N / 20.);

        y[i] = 100e6 + 20e6 * fmin(i / 90., 1) + growth * share +
               250e3 * rng_normal(&r);
    }
}

/* What an allocator creeps by, ever more slowly, is no leak, though a line
 * behind the fill seems to fit. As much for ever, evenly, is one. */
static void test_creep(void **state)
{
    static const unsigned seeds[] = {3, 4, 17, 48};

    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        fill_and(3.8e6, false, seeds[i]);
        assert_int_equal(judge(NULL), OUTCOME_INCONCLUSIVE);
        fill_and(3.8e6, true, seeds[i]);
        assert_int_equal(judge(NULL), OUTCOME_LEAK);
    }
}

/* In longer runs allocators creep by 2 %: half of it, however sure, is too
 * little to call, and 2 % are a leak. */
static void test_little(void **state)
{
    (void)state;
    level();
    step_s = 7;
    for (int i = 0; i < N; i++)
        y[i] += 0.9e6 * i / N;
    assert_int_equal(judge("by little"), OUTCOME_INCONCLUSIVE);
    for (int i = 0; i < N; i++)
        y[i] += 1.1e6 * i / N;
    assert_int_equal(judge(NULL), OUTCOME_LEAK);
}

/* The floor of plain noise goes in treads, which say nothing of a leak. */
static void test_noise(void **state)
{
    static const unsigned seeds[] = {25, 56, 57};

    (void)state;
    step_s = 5;
    for (size_t k = 0; k < sizeof seeds / sizeof *seeds; k++) {
        struct rng r;
        double x = 0;

        rng_init(&r, seeds[k]);
        for (int i = 0; i < N; i++) {
            x = 0.6 * x + rng_normal(&r);
            y[i] = 100e6 + 4e6 * i / N + 1.6e6 * x;
        }
        assert_int_equal(judge(NULL), OUTCOME_LEAK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wandering),
        cmocka_unit_test(test_news_at_the_end),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_stairs),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_few_teeth),
        cmocka_unit_test(test_fall_foretold),
        cmocka_unit_test(test_late_fill),
        cmocka_unit_test(test_restarts_unseen),
        cmocka_unit_test(test_creep),
        cmocka_unit_test(test_little),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
