#include "analyzers/steps.h"

#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 3 };

double steps_noise(const double *y, size_t n)
{
    double *d = mem_zalloc(n, sizeof *d), last = NAN, mid;
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i]))
            continue;
        if (!isnan(last))
            d[m++] = fabs(y[i] - last);
        last = y[i];
    }
    mid = m > 0 ? stats_median(d, m) : 0;
    free(d);
    return mid / (0.6745 * 1.4142135623730951);
}

static double median_of(const double *v, size_t n)
{
    double w[SIDE];

    memcpy(w, v, n * sizeof *w);
    return stats_median(w, n);
}

/* Median of what follows less median of what precedes reading `i`. */
static double change_at(const double *v, size_t i)
{
    return median_of(v + i, SIDE) - median_of(v + i - SIDE, SIDE);
}

size_t steps_find(const double *y, size_t n, double least, struct step *out,
                  size_t max)
{
    double *v = mem_zalloc(n, sizeof *v);
    size_t *at = mem_zalloc(n, sizeof *at), m = 0, found = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(y[i])) {
            at[m] = i;
            v[m++] = y[i];
        }
    for (size_t i = SIDE; i + SIDE <= m && found < max; i++) {
        double best = change_at(v, i), jump = fabs(v[i] - v[i - 1]);
        size_t where = i;

        if (fabs(best) < least)
            continue;
        /* The largest change among overlapping candidates; among equals the
           one where the readings themselves jump. */
        for (size_t k = i + 1; k + SIDE <= m && k < i + SIDE; k++) {
            double d = change_at(v, k), here = fabs(v[k] - v[k - 1]);

            if (fabs(d) > fabs(best) || (d == best && here > jump)) {
                best = d;
                where = k;
                jump = here;
            }
        }
        out[found++] = (struct step){at[where], best};
        i = where + SIDE - 1;
    }
    free(v);
    free(at);
    return found;
}
