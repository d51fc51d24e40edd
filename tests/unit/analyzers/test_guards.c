/* What a shape cannot say: stairs whose next step may be due, and how much
 * longer a run must be. */
#include "analyzers/guards.h"

#include "analyzers/power.h"
#include "tests/unit/assert_close.h"

#include <math.h>

/* Stairs of `n` readings, `size` at each of the places. */
static bool pauses(size_t n, const double *size, const size_t *at, size_t steps)
{
    double y[400];

    for (size_t i = 0; i < n; i++) {
        y[i] = 100 + 0.1 * (double)(i % 3);
        for (size_t k = 0; k < steps; k++)
            y[i] += i >= at[k] ? size[k] : 0;
    }
    return guards_stairs_pause(y, n, 5);
}

static void test_stairs(void **state)
{
    static const double up[] = {10, 10, 10}, down[] = {10, 10, -10};
    static const size_t at[] = {20, 60, 100};

    (void)state;
    assert_true(pauses(150, up, at, 3));
    assert_false(pauses(150, up, at, 2));
    assert_false(pauses(150, down, at, 3));
    /* Two and a half times as long as the longest tread: they have ended. */
    assert_true(pauses(195, up, at, 3));
    assert_false(pauses(205, up, at, 3));
}

/* What went again, however slowly, has added nothing. */
static void test_steps_that_go(void **state)
{
    double y[150];

    (void)state;
    for (int i = 0; i < 150; i++)
        y[i] = 100 + (i < 20 ? 0 : 10 * exp(-(i - 20) % 40 / 10.));
    assert_false(guards_stairs_pause(y, 150, 5));
    for (int i = 0; i < 150; i++)
        y[i] += i < 20 ? 0 : 10 + 10 * ((i - 20) / 40);
    assert_true(guards_stairs_pause(y, 150, 5));
}

/* Steps close together are one slope, and two make no flight of stairs. */
static void test_slope(void **state)
{
    static const double up[] = {10, 10, 10, 10};
    static const size_t steep[] = {20, 84, 88, 92}, stairs[] = {20, 50, 84, 92};

    (void)state;
    assert_false(pauses(150, up, steep, 4));
    assert_true(pauses(150, up, stairs, 4));
}

/* Whether readings that rise by 40, `slowly` or at once, and fall again seven
 * times may be lives, over a floor that sways by `sway`. */
static bool may_be_lives(bool slowly, double sway)
{
    double y[420], open[420];
    int life[420];
    struct rows r = {.n = 420, .nlives = 1}, out;

    for (int i = 0; i < 420; i++) {
        double in = fmod(i / 60., 1);

        y[i] = 100 + 0.1 * (i % 3) + (slowly ? 40 * in : in > 0.6 ? 40 : 0);
        open[i] = 100 + sway * in;
    }
    return guards_guess_lives(&r, y, open, NULL, 10, &out, life);
}

/* What came slowly and falls may have been a process that ended, unless the
   floor under it is level; what came at once was a burst. */
static void test_lives_nobody_counted(void **state)
{
    (void)state;
    assert_true(may_be_lives(true, 10));
    assert_false(may_be_lives(true, 2));
    assert_false(may_be_lives(false, 10));
}

static double factor(enum doubt doubt, double growth, double half)
{
    struct column c = {.name = (char *)"rss_bytes"};
    struct column_view v = {.doubt = doubt,
                            .growth = {growth, growth - half, growth + half},
                            .level = 100e6,
                            .span_s = 600,
                            .span_requests = 30000};

    metric_describe(c.name, &c.metric);
    return power_factor(&v, &c);
}

/* Where the interval is narrow already, what the doubt takes in any case: most
   where restarts nobody counted are to be understood, least where growth is
   certain. What is wide takes longer, and longest near a threshold: what more
   readings find moves. What never will be decided is told. */
static void test_factor(void **state)
{
    (void)state;
    assert_close(factor(DOUBT_SMALL, 50e6, 1e6), 2, 1e-9);
    assert_close(factor(DOUBT_NOISE, 50e6, 1e6), 2.5, 1e-9);
    assert_close(factor(DOUBT_NOISE, 0, 1e5), 2.5, 1e-9);
    assert_close(factor(DOUBT_SHORT, 50e6, 1e6), 3, 1e-9);
    assert_close(factor(DOUBT_BEND, 50e6, 1e6), 3, 1e-9);
    assert_close(factor(DOUBT_STAIRS, 50e6, 1e6), 3, 1e-9);
    assert_close(factor(DOUBT_NEWS, 50e6, 1e6), 3, 1e-9);
    assert_close(factor(DOUBT_FALLS, 50e6, 1e6), 4, 1e-9);
    assert_true(factor(DOUBT_NOISE, 1e6, 9e6) > 2.7);
    assert_true(factor(DOUBT_NOISE, 1e6, 9e6) > factor(DOUBT_NOISE, 1e6, 5e6));
    assert_true(factor(DOUBT_NOISE, 1e6, 2e6) > factor(DOUBT_NOISE, 8e6, 2e6));
    assert_true(isnan(factor(DOUBT_NOISE, 0, INFINITY)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stairs),
        cmocka_unit_test(test_steps_that_go),
        cmocka_unit_test(test_slope),
        cmocka_unit_test(test_lives_nobody_counted),
        cmocka_unit_test(test_factor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
