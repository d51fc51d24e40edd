/* From readings to points, and the load beside them. */
#include "tests/unit/assert_close.h"

#include "analyzers/bins.h"
#include "analyzers/load.h"

#include <stdlib.h>

enum { N = 240 };

static struct series s;
static struct rows r;
static struct bins b;
static double y[N];

/* One row a second; a process starts every `life` rows; 10 requests a second,
 * or by turns (`turns` > 0) 10 and 4. */
static int open_run(int life, int turns)
{
    double requests = 0;

    s = (struct series){.n = N};
    s.t_s = calloc(N, sizeof(double));
    s.requests = calloc(N, sizeof(double));
    s.proc_starts = calloc(N, sizeof(double));
    for (int i = 0; i < N; i++) {
        requests += turns > 0 && i * turns / N % 2 ? 4 : 10;
        s.t_s[i] = i;
        s.requests[i] = requests;
        s.proc_starts[i] = 1 + (double)(i / life);
    }
    rows_select(&s, &r);
    return r.nlives;
}

static void close_run(void)
{
    rows_release(&r);
    series_release(&s);
}

/* Ages are counted from each life's own beginning. */
static void test_ages_by_life(void **state)
{
    struct bins_plan plan = {.rows = &r, .y = y, .want = 24};

    (void)state;
    assert_int_equal(open_run(80, 0), 3);
    plan.x = r.busy_s;
    for (int i = 0; i < N; i++)
        y[i] = i;
    assert_true(bins_make(&plan, &b));
    assert_int_equal(b.lives_used, 3);
    assert_int_equal(b.points.nlives, 3);
    for (int i = 1; i < b.points.n; i++)
        if (b.points.life[i] == b.points.life[i - 1])
            assert_true(b.points.age[i] > b.points.age[i - 1]);
        else
            assert_true(b.points.age[i] < 0.2);
    assert_close(b.points.age[b.points.n - 1], 1, 0.01);
    close_run();
}

/* Three starts close together between two long lives: what is seen of the
 * short ones is left out, unless there is little else. */
static void test_glimpses(void **state)
{
    struct bins_plan plan = {.rows = &r, .y = y, .want = 48};

    (void)state;
    open_run(N, 0);
    for (int i = 0; i < N; i++)
        s.proc_starts[i] = 1 + (i >= 100) + (i >= 108) + (i >= 116);
    rows_release(&r);
    rows_select(&s, &r);
    assert_int_equal(r.nlives, 4);
    plan.x = r.busy_s;
    for (int i = 0; i < N; i++)
        y[i] = i;
    assert_true(bins_make(&plan, &b));
    assert_int_equal(b.lives_used, 2);
    for (int i = 0; i < b.points.n; i++)
        assert_true(b.to[i] <= 100 || b.from[i] >= 116);
    r.guessed = true;
    assert_true(bins_make(&plan, &b));
    assert_int_equal(b.lives_used, 4);
    r.guessed = false;
    for (int i = 0; i < N; i++)
        s.proc_starts[i] = 1 + fmin((double)(i / 8), 15);
    rows_release(&r);
    rows_select(&s, &r);
    plan.x = r.busy_s;
    assert_true(bins_make(&plan, &b));
    assert_int_equal(b.lives_used, 16);
    close_run();
}

/* The middle of a sawtooth goes up with it, the floor stays. */
static void test_middle_and_floor(void **state)
{
    struct bins_plan plan = {.rows = &r, .y = y, .want = 12};

    (void)state;
    assert_int_equal(open_run(N, 0), 1);
    plan.x = r.busy_s;
    for (int i = 0; i < N; i++)
        y[i] = 100 + i % 10 * (double)i;
    assert_true(bins_make(&plan, &b));
    assert_int_equal(b.points.n, 12);
    assert_true(b.points.y[11] > 800);
    plan.stat = BINS_FLOOR;
    assert_true(bins_make(&plan, &b));
    assert_true(b.points.y[11] < 300);
    plan.from = 0.5; /* a window is a new beginning */
    assert_true(bins_make(&plan, &b));
    assert_true(b.points.age[0] < 0.1);
    assert_true(b.from[0] >= N / 2);
    close_run();
}

static void test_too_little(void **state)
{
    struct bins_plan plan = {.rows = &r, .y = y, .want = 12};

    (void)state;
    open_run(N, 0);
    plan.x = r.busy_s;
    for (int i = 0; i < N; i++)
        y[i] = i < 2 ? 1 : NAN;
    assert_false(bins_make(&plan, &b));
    close_run();
}

static void test_load(void **state)
{
    struct load load;

    (void)state;
    open_run(N, 0);
    load_measure(&r, &load);
    assert_false(load.varied);
    assert_null(load.v[0]);
    load_release(&load);
    close_run();
    open_run(N, 6); /* as much in the first third as in the last */
    load_measure(&r, &load);
    assert_true(load.varied);
    assert_true(load.v[0][20] > 1.5 * load.v[0][60]);
    load_release(&load);
    close_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages_by_life),
        cmocka_unit_test(test_glimpses),
        cmocka_unit_test(test_middle_and_floor),
        cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
