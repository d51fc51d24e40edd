#include "analyzers/clean.h"

#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Above 2^53 every double is whole. */
#define WHOLE_MAX 9007199254740992.

/* Typical size of a step between neighbours, robustly: what is ordinary. */
static double ordinary_step(const double *y, const size_t *at, size_t n)
{
    double *d = mem_zalloc(n, sizeof *d), step, mean = 0;

    for (size_t i = 0; i + 1 < n; i++)
        d[i] = fabs(y[at[i + 1]] - y[at[i]]);
    stats_sort(d, n - 1);
    step = stats_quantile_sorted(d, n - 1, 0.9);
    for (size_t i = 0; i < (n - 1) * 9 / 10; i++)
        mean += d[i] / ((double)n * 0.9);
    free(d);
    return fmax(step, 2 * mean);
}

/* A run of `len` readings from `i` that leaves its neighbours, who agree. */
static bool stands_alone(const double *y, const size_t *at, size_t n, size_t i,
                         size_t len, double ordinary)
{
    if (i < 2 || i + len + 1 >= n)
        return false;
    double before = (y[at[i - 1]] + y[at[i - 2]]) / 2;
    double after = (y[at[i + len]] + y[at[i + len + 1]]) / 2;
    double apart = fabs(after - before) + fabs(y[at[i - 1]] - y[at[i - 2]]) +
                   fabs(y[at[i + len]] - y[at[i + len + 1]]);

    for (size_t k = i; k < i + len; k++) {
        double off = fabs(y[at[k]] - (before + after) / 2);

        if (!(off > 6 * ordinary && off > 4 * apart))
            return false;
    }
    return true;
}

size_t clean_readings(double *y, size_t n, bool positive)
{
    size_t *at = mem_zalloc(n, sizeof *at), m = 0, removed = 0, zeros = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(y[i]))
            zeros += y[i] == 0, m++;
    /* A reading that failed is 0; a column of zeros is a fact. */
    bool drop_zeros = positive && zeros > 0 && zeros * 10 < m;
    m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i]))
            continue;
        if (drop_zeros && y[i] == 0) {
            y[i] = NAN;
            removed++;
        } else {
            at[m++] = i;
        }
    }
    if (m >= 8) {
        double ordinary = ordinary_step(y, at, m);

        for (size_t len = 1; len <= 2; len++)
            for (size_t i = 2; i + len < m; i++)
                if (!isnan(y[at[i]]) &&
                    stands_alone(y, at, m, i, len, ordinary))
                    for (size_t k = i; k < i + len; k++, removed++)
                        y[at[k]] = NAN;
    }
    free(at);
    return removed;
}

double clean_quantum(const double *y, size_t n)
{
    double last = NAN, least = INFINITY;

    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i]))
            continue;
        double d = fabs(y[i] - last);

        if (d > 0 && d < least)
            least = d;
        last = y[i];
    }
    return isfinite(least) ? least : 0;
}

/* Euclid's greatest common divisor of whole numbers. */
static double common(double a, double b)
{
    while (b > 0) {
        double rest = fmod(a, b);

        a = b;
        b = rest;
    }
    return a;
}

double clean_grain(const double *y, size_t n, bool bytes)
{
    double grain = bytes ? 1 << 20 : 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i]))
            continue;
        if (y[i] != floor(y[i]) || fabs(y[i]) > WHOLE_MAX)
            return 0;
        grain = common(fabs(y[i]), grain);
    }
    return clean_quantum(y, n) > 0 ? grain : 0;
}
