/* What happens to readings before shapes are fitted: which rows count, which
 * readings are believed, what openings and steps see. */
#include "tests/unit/assert_close.h"

#include "analyzers/clean.h"
#include "analyzers/guards.h"
#include "analyzers/opening.h"
#include "analyzers/rows.h"
#include "analyzers/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void parse(const char *text, struct series *s)
{
    assert_int_equal(series_parse(text, strlen(text), "x", s, NULL), 0);
}

static void test_rows_by_phase(void **state)
{
    struct series s;
    struct rows r;

    (void)state;
    parse("t_s,requests,phase,rss_bytes\n"
          "0,0,start,1\n1,10,warmup,2\n2,20,load,3\n3,30,load,4\n"
          "4,30,drain,5\n9,30,settle,6\n20,30,barrier,7\n21,40,load,8\n"
          "22,50,,9\n23,50,diagnose,10\n24,50,stop,11\n",
          &s);
    rows_select(&s, &r);
    assert_int_equal(r.n, 5);
    assert_close(r.t_s[0], 1, 0);
    assert_close(r.warm_until_s, 1, 0);
    /* The pause of 18 s shrinks to an ordinary second. */
    assert_close(r.busy_s[4] - r.busy_s[0], 4, 1e-12);
    assert_close(r.t_s[4] - r.t_s[0], 21, 1e-12);
    rows_release(&r);
    series_release(&s);
}

static void test_rows_by_time(void **state)
{
    struct series s;
    struct rows r;

    (void)state;
    parse("t_s,rss_bytes\n5,1\n4,2\n5,3\n6,4\n3,5\n7,6\n", &s);
    rows_select(&s, &r);
    assert_int_equal(r.n, 3);
    assert_null(r.requests);
    series_release(&s);
    rows_release(&r);
    parse("t_s,rss_bytes\n", &s);
    rows_select(&s, &r);
    assert_int_equal(r.n, 0);
    rows_release(&r);
    series_release(&s);
}

static void test_requests_reset(void **state)
{
    struct series s;
    struct rows r;

    (void)state;
    parse("t_s,requests,rss_bytes\n0,100,1\n1,200,1\n2,,1\n3,400,1\n4,50,1\n"
          "5,150,1\n",
          &s);
    rows_select(&s, &r);
    assert_true(r.requests_reset);
    assert_close(r.requests[2], 300, 1e-9);
    assert_close(r.requests[4], 450, 0);
    assert_close(r.requests[5], 550, 0);
    rows_release(&r);
    series_release(&s);
    /* A gauge is no counter; nor is one that never moves. */
    parse("t_s,requests,rss_bytes\n0,7,1\n1,3,1\n2,9,1\n3,2,1\n4,5,1\n5,1,1\n",
          &s);
    rows_select(&s, &r);
    assert_null(r.requests);
    rows_release(&r);
    series_release(&s);
    parse("t_s,requests,rss_bytes\n0,7,1\n1,7,1\n2,7,1\n", &s);
    rows_select(&s, &r);
    assert_null(r.requests);
    rows_release(&r);
    series_release(&s);
}

static void test_lives(void **state)
{
    struct series s = {0};
    struct rows r;

    (void)state;
    s.n = 60;
    s.t_s = calloc(s.n, sizeof(double));
    s.proc_starts = calloc(s.n, sizeof(double));
    for (size_t i = 0; i < s.n; i++) {
        s.t_s[i] = (double)i;
        s.proc_starts[i] = i == 5 ? NAN : 3 + (double)(i / 20);
    }
    rows_select(&s, &r);
    assert_int_equal(r.nlives, 3);
    assert_int_equal(r.life[19], 0);
    assert_int_equal(r.life[20], 1);
    assert_false(r.starts_ignored);
    rows_release(&r);
    /* A process per row: lives say nothing. */
    for (size_t i = 0; i < s.n; i++)
        s.proc_starts[i] = (double)i;
    rows_select(&s, &r);
    assert_int_equal(r.nlives, 1);
    assert_true(r.starts_ignored);
    rows_release(&r);
    series_release(&s);
}

static void test_thinning(void **state)
{
    struct series s = {0};
    struct rows r;
    double *v, *y;

    (void)state;
    s.n = 100000;
    s.t_s = calloc(s.n, sizeof(double));
    v = calloc(s.n, sizeof(double));
    for (size_t i = 0; i < s.n; i++) {
        s.t_s[i] = (double)i;
        v[i] = i % 97 == 0 ? 1e9 : (double)i;
    }
    rows_select(&s, &r);
    assert_int_equal(r.n, ROWS_CELLS_MAX);
    y = calloc(r.n, sizeof(double));
    rows_readings(&r, v, 0, y);
    for (size_t i = 0; i < r.n; i++)
        assert_close(y[i], r.t_s[i], 25);
    free(y);
    free(v);
    rows_release(&r);
    series_release(&s);
}

static void test_growth_by_life(void **state)
{
    struct series s = {0};
    struct rows r;
    double x[40];

    (void)state;
    s.n = 40;
    s.t_s = calloc(s.n, sizeof(double));
    s.proc_starts = calloc(s.n, sizeof(double));
    for (size_t i = 0; i < s.n; i++) {
        s.t_s[i] = (double)i;
        s.proc_starts[i] = i < 20 ? 1 : 2;
    }
    rows_select(&s, &r);
    rows_growth(&r, &s, x);
    assert_close(x[0], 0, 0);
    assert_close(x[19], 19 / 39., 1e-12);
    assert_close(x[20], 0, 0);
    assert_close(x[39], 19 / 39., 1e-12);
    rows_release(&r);
    series_release(&s);
}

static void test_clean(void **state)
{
    double y[60];

    (void)state;
    for (int i = 0; i < 60; i++)
        y[i] = 1000 + i % 3;
    y[10] = 9000;
    y[20] = 0;
    y[30] = 50;
    y[31] = 60;
    assert_int_equal(clean_readings(y, 60, true), 4);
    assert_true(isnan(y[10]) && isnan(y[20]) && isnan(y[30]));
    /* What lasts is evidence. */
    for (int i = 0; i < 60; i++)
        y[i] = i < 30 ? 1000 : 5000;
    assert_int_equal(clean_readings(y, 60, true), 0);
    /* A column of zeros is a fact. */
    for (int i = 0; i < 60; i++)
        y[i] = i % 2;
    assert_int_equal(clean_readings(y, 60, true), 0);
    assert_close(clean_quantum(y, 60), 1, 0);
}

static void test_grain(void **state)
{
    double y[40];

    (void)state;
    for (int i = 0; i < 40; i++)
        y[i] = 4096 * (1000 + 3 * (i % 2) + 7 * (i % 3));
    y[5] = NAN;
    assert_close(clean_grain(y, 40, true), 4096, 0);
    y[7] += 6;
    assert_close(clean_grain(y, 40, true), 2, 0);
    y[8] += 0.5;
    assert_close(clean_grain(y, 40, true), 0, 0);
    for (int i = 0; i < 40; i++)
        y[i] = (i == 20 ? 4. : 8.) * (1 << 20);
    assert_close(clean_grain(y, 40, true), 1 << 20, 0);
    assert_close(clean_grain(y, 40, false), 4 << 20, 0);
    for (int i = 0; i < 40; i++)
        y[i] = 5;
    assert_close(clean_grain(y, 40, false), 0, 0);
}

/* Brute force says what an opening is. */
static void test_opening(void **state)
{
    double y[50], low[50], out[50];
    unsigned x = 1;

    (void)state;
    for (int i = 0; i < 50; i++) {
        x = x * 1103515245u + 12345u;
        y[i] = (x >> 16) % 100 + (i > 25 ? 50 : 0);
    }
    for (int h = 1; h < 8; h++) {
        for (int i = 0; i < 50; i++) {
            low[i] = INFINITY;
            for (int k = i - h; k <= i + h; k++)
                if (k >= 0 && k < 50)
                    low[i] = fmin(low[i], y[k]);
        }
        opening(y, 50, (size_t)h, out);
        for (int i = 0; i < 50; i++) {
            double want = -INFINITY;

            for (int k = i - h; k <= i + h; k++)
                if (k >= 0 && k < 50)
                    want = fmax(want, low[k]);
            assert_close(out[i], i < h || i + h >= 50 ? NAN : want, 0);
        }
    }
    /* A line is its own opening. */
    for (int i = 0; i < 50; i++)
        y[i] = i == 7 ? NAN : 3. * i;
    opening(y, 50, 5, out);
    assert_close(out[20], 60, 0);
    assert_close(out[7], NAN, 0);
}

static void test_steps(void **state)
{
    double y[100];
    struct step st[8];

    (void)state;
    for (int i = 0; i < 100; i++)
        y[i] = (i >= 30 ? 10 : 0) + (i >= 70 ? -4 : 0);
    assert_int_equal(steps_find(y, 100, 3, st, 8), 2);
    assert_int_equal(st[0].at, 30);
    assert_close(st[0].size, 10, 0);
    assert_int_equal(st[1].at, 70);
    assert_close(st[1].size, -4, 0);
    assert_int_equal(steps_find(y, 100, 5, st, 8), 1);
    assert_int_equal(steps_find(y, 4, 5, st, 8), 0);
    assert_close(steps_noise(y, 100), 0, 0);
}

static void test_guards(void **state)
{
    double y[100], flat[100], load[100];
    struct series s = {0};
    struct rows r, guessed;
    int life[100];

    (void)state;
    for (int i = 0; i < 100; i++) {
        y[i] = i >= 96 ? 20 : i % 2;
        flat[i] = 0;
    }
    assert_true(guards_end_rise(y, 100) > 15);
    assert_true(guards_end_rise(flat, 100) <= 0);
    for (int i = 0; i < 100; i++)
        y[i] = 10. * (i / 25);
    assert_true(guards_stairs_pause(y, 100, 5));
    for (int i = 0; i < 100; i++)
        y[i] = 10. * (i < 30 ? i / 10 : 3);
    assert_false(guards_stairs_pause(y, 100, 5));
    /* Restarts: the climb between them is not explained by a floor. */
    s.n = 100;
    s.t_s = calloc(s.n, sizeof(double));
    for (int i = 0; i < 100; i++) {
        s.t_s[i] = i;
        y[i] = i % 40;
    }
    rows_select(&s, &r);
    opening(y, 100, 5, flat);
    assert_true(guards_guess_lives(&r, y, flat, NULL, 10, &guessed, life));
    assert_int_equal(guessed.nlives, 3);
    assert_int_equal(life[39], 0);
    assert_int_equal(life[99], 2);
    /* Falls that come with the load's are not. */
    for (int i = 0; i < 100; i++)
        load[i] = 2 - 0.5 * (i / 40);
    assert_false(guards_guess_lives(&r, y, flat, load, 10, &guessed, life));
    /* A collector's saw is: nothing to guess. */
    for (int i = 0; i < 100; i++)
        y[i] = i % 8;
    opening(y, 100, 9, flat);
    assert_false(guards_guess_lives(&r, y, flat, NULL, 3, &guessed, life));
    rows_release(&r);
    series_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_by_phase),
        cmocka_unit_test(test_rows_by_time),
        cmocka_unit_test(test_requests_reset),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_thinning),
        cmocka_unit_test(test_growth_by_life),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_grain),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_guards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
