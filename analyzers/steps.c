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
    for (size_t i = SIDE; i + SIDE <= m && found < max;) {
        double best = 0;
        size_t where = 0, k = i;

        /* The largest change among overlapping candidates. */
        for (; k + SIDE <= m && k < i + SIDE; k++) {
            double d = median_of(v + k, SIDE) - median_of(v + k - SIDE, SIDE);

            if (fabs(d) > fabs(best)) {
                best = d;
                where = k;
            }
        }
        if (fabs(best) >= least) {
            out[found++] = (struct step){at[where], best};
            i = where + SIDE;
        } else {
            i = k;
        }
    }
    free(v);
    free(at);
    return found;
}
