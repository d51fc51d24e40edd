#include "analyzers/swapped.h"

#include "harness/base/mem.h"

#include <math.h>

double *swapped_back(const struct series *s, const struct column *c)
{
    const struct column *swap = series_column(s, "swap_bytes");
    double *v, last = NAN, most = 0;

    if (swap == NULL || c->metric.role != METRIC_MEMORY)
        return NULL;
    for (size_t i = s->n; i-- > 0;)
        if (isfinite(swap->v[i])) {
            last = swap->v[i];
            most = fmax(most, last);
        }
    if (!(most > 0))
        return NULL;
    v = mem_zalloc(s->n, sizeof *v);
    for (size_t i = 0; i < s->n; i++) {
        if (isfinite(swap->v[i]))
            last = swap->v[i];
        /* A process that lives has memory: no reading of none is one. */
        v[i] = c->v[i] > 0 ? c->v[i] + last : c->v[i];
    }
    return v;
}
