#include "harness/model/mixplan.h"

#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

static double column_mean(const double *s, size_t kinds, size_t blocks,
                          size_t k)
{
    double sum = 0;

    for (size_t b = 0; b < blocks; b++)
        sum += s[b * kinds + k];
    return sum / (double)blocks;
}

static double correlation(const double *s, size_t kinds, size_t blocks,
                          size_t i, size_t j)
{
    double mi = column_mean(s, kinds, blocks, i);
    double mj = column_mean(s, kinds, blocks, j);
    double ij = 0, ii = 0, jj = 0;

    for (size_t b = 0; b < blocks; b++) {
        double x = s[b * kinds + i] - mi, y = s[b * kinds + j] - mj;

        ij += x * y;
        ii += x * x;
        jj += y * y;
    }
    return ij / sqrt(ii * jj);
}

/* Margins hold for whatever somebody writes into a scenario. */
static void test_margins(void **state)
{
    static const double weights[][6] = {
        {1, 1, 1, 1, 1, 1},     {8, 1, 1, 0, 0, 0}, {100, 1, 1, 1, 1, 1},
        {50, 30, 10, 5, 4, 1},  {1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0},
        {NAN, 1, -3, 2, 0, 1e9}};
    static const size_t blocks[] = {1, 2, 3, 4, 5, 7, 8, 12, 20, 33};

    (void)state;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        for (size_t j = 0; j < sizeof blocks / sizeof *blocks; j++) {
            size_t n = blocks[j];
            double *s = mem_zalloc(6 * n, sizeof *s), sum = 0;

            mixplan_make(weights[i], 6, n, 7, s);
            for (size_t k = 0; k < 6; k++)
                sum += weights[i][k] > 0 ? weights[i][k] : 0;
            for (size_t b = 0; b < n; b++) {
                double row = 0;

                for (size_t k = 0; k < 6; k++) {
                    double v = s[b * 6 + k];

                    if (sum > 0 && !(weights[i][k] > 0))
                        assert_close(v, 0, 0);
                    else
                        assert_true(v > 0);
                    row += v;
                }
                assert_close(row, 1, 1e-12);
            }
            for (size_t k = 0; k < 6; k++) {
                double w = weights[i][k] > 0 ? weights[i][k] : 0;

                assert_close(column_mean(s, 6, n, k),
                             sum > 0 ? w / sum : 1.0 / 6, 1e-9);
            }
            free(s);
        }
}

/* With enough blocks no two kinds move together: the worst pair's correlation
   stays well away from 1. An even mix of K kinds has -1/(K-1) built in. */
static void test_pairs_apart(void **state)
{
    static const struct {
        size_t kinds, blocks;
        double worst;
    } cases[] = {{3, 8, 0.65}, {4, 8, 0.55},  {4, 12, 0.5},
                 {6, 12, 0.5}, {20, 24, 0.5}, {20, 12, 0.75}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            size_t n = cases[i].kinds, m = cases[i].blocks;
            double w[20], *s = mem_zalloc(n * m, sizeof *s), worst = 0;

            for (size_t k = 0; k < n; k++)
                w[k] = 1;
            mixplan_make(w, n, m, seed, s);
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < a; b++)
                    worst = fmax(worst, fabs(correlation(s, n, m, a, b)));
            if (worst > cases[i].worst)
                print_error("%zu kinds, %zu blocks, seed %d: %g\n", n, m,
                            (int)seed, worst);
            assert_true(worst <= cases[i].worst);
            free(s);
        }
}

/* A 1 % kind gets blocks in which it is several times as frequent, and two
   rare kinds do not share all of theirs. */
static void test_rare(void **state)
{
    const double w[4] = {60, 38, 1, 1};
    double s[12 * 4];

    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        int high[2] = {0}, both = 0;

        mixplan_make(w, 4, 12, seed, s);
        for (size_t b = 0; b < 12; b++) {
            high[0] += s[b * 4 + 2] > 0.03;
            high[1] += s[b * 4 + 3] > 0.03;
            both += s[b * 4 + 2] > 0.03 && s[b * 4 + 3] > 0.03;
        }
        assert_int_equal(high[0], 2);
        assert_int_equal(high[1], 2);
        assert_true(both < 2);
    }
}

static void test_seeded(void **state)
{
    const double w[3] = {8, 1, 1};
    double a[30], b[30], c[30];

    (void)state;
    mixplan_make(w, 3, 10, 1, a);
    mixplan_make(w, 3, 10, 1, b);
    mixplan_make(w, 3, 10, 2, c);
    assert_memory_equal(a, b, sizeof a);
    assert_true(memcmp(a, c, sizeof a) != 0);
}

/* Two kinds: the smaller one swings by several times, whatever the larger. */
static void test_two(void **state)
{
    const double w[2] = {8, 1};
    double s[20];

    (void)state;
    mixplan_make(w, 2, 10, 3, s);
    for (size_t b = 0; b < 10; b++)
        assert_true(s[b * 2 + 1] > 0.17 || s[b * 2 + 1] < 0.04);
}

/* Many blocks and kinds end in bounded time. */
static void test_large(void **state)
{
    size_t n = 100, m = 200;
    double *w = mem_zalloc(n, sizeof *w), *s = mem_zalloc(n * m, sizeof *s);

    (void)state;
    for (size_t k = 0; k < n; k++)
        w[k] = (double)(k + 1);
    mixplan_make(w, n, m, 1, s);
    assert_close(column_mean(s, n, m, 99), 100.0 / 5050, 1e-9);
    free(s);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins), cmocka_unit_test(test_pairs_apart),
        cmocka_unit_test(test_rare),    cmocka_unit_test(test_seeded),
        cmocka_unit_test(test_two),     cmocka_unit_test(test_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
