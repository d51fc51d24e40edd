#include "analyzers/swapped.h"

#include "analyzers/words.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void swapped_into(const struct record *r, struct record *wide)
{
    for (size_t i = 0; i < r->barriers.ncolumns; i++) {
        double *v = swapped_back(&r->barriers, &r->barriers.columns[i]);

        if (v != NULL)
            wide->barriers.columns[i].v = v;
    }
}

static bool is_changed(const struct record *r, const struct record *wide,
                       size_t i)
{
    return wide->barriers.columns[i].v != r->barriers.columns[i].v;
}

void swapped_tell(const struct record *r, const struct record *wide,
                  struct verdict *v)
{
    for (size_t k = 0; k < v->nfindings; k++) {
        struct finding *f = &v->findings[k];

        for (size_t i = 0; i < r->barriers.ncolumns; i++)
            if (strcmp(r->barriers.columns[i].name, f->name) == 0 &&
                is_changed(r, wide, i)) {
                f->limit_s = (struct interval){NAN, NAN, NAN};
                if (strstr(f->reason, SWAPPED_WORDS) == NULL)
                    words_add(f->reason, sizeof f->reason, SWAPPED_WORDS);
            }
    }
}

void swapped_release(const struct record *r, struct record *wide)
{
    for (size_t i = 0; i < r->barriers.ncolumns; i++)
        if (is_changed(r, wide, i))
            free(wide->barriers.columns[i].v);
}
