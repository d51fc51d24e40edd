#include "analyzers/steady.h"

#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 40 };

/* Medians of equal parts, the line of slope `growth` taken off. */
static size_t blocks_of(const struct rows *r, const double *y, double growth,
                        double *mid, double *at)
{
    const double *x = r->requests != NULL ? r->requests : r->busy_s;
    double *w = mem_zalloc(r->n, sizeof *w), span = x[r->n - 1] - x[0];
    size_t blocks = 0;

    for (size_t b = 0; b < BLOCKS; b++) {
        size_t from = r->n * b / BLOCKS, to = r->n * (b + 1) / BLOCKS, m = 0;

        for (size_t i = from; i < to; i++)
            if (!isnan(y[i]))
                w[m++] = y[i] - growth * (x[i] - x[0]) / span;
        if (m == 0)
            continue;
        at[blocks] = r->t_s[from];
        mid[blocks++] = stats_median(w, m);
    }
    free(w);
    return blocks;
}

double steady_from(const struct rows *r, const double *y, double growth,
                   double noise)
{
    double mid[BLOCKS], at[BLOCKS], late[BLOCKS], off[BLOCKS], worst = 0;
    size_t n = blocks_of(r, y, growth, mid, at), from = n;

    if (n < 8)
        return NAN;
    memcpy(late, mid + n / 2, (n - n / 2) * sizeof *late);
    double level = stats_median(late, n - n / 2);
    for (size_t i = n / 2; i < n; i++)
        late[i - n / 2] = fabs(mid[i] - level);
    double band = 4 * stats_median(late, n - n / 2) + noise;
    for (size_t i = 0; i < n; i++) {
        off[i] = fabs(mid[i] - level);
        worst = fmax(worst, off[i]);
    }
    band = fmax(band, 0.03 * worst);
    /* Back from the end, over single blocks that stray. */
    for (size_t i = n;
         i-- > 0 && !(off[i] > band && i > 0 && off[i - 1] > band);)
        from = i;
    if (from > n * 3 / 4)
        return NAN;
    return from <= 1 ? r->t_s[0] : at[from];
}
