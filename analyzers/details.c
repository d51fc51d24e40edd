#include "analyzers/details.h"

#include "analyzers/attribution.h"
#include "analyzers/types.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Readings come in these steps (as in blocks.c, for one finding). */
static double quantum_of(const struct blocks *b, const struct metric *m)
{
    struct growth_data view;

    blocks_view(b, m, &view);
    return view.quantum;
}

/* Blocks before the finding came to its steady growth. */
static size_t warm_blocks(const struct record *r, const struct blocks *b,
                          const struct finding *f)
{
    size_t from = 0;

    while (from < b->n / 2 && from + 4 < b->n &&
           r->barriers.t_s[b->row[from]] <= f->steady_from_s)
        from++;
    return from;
}

/* With one kind of request there is nothing to tell apart. */
static size_t blame_only_kind(const struct finding *f, int index,
                              struct blame *out)
{
    *out = (struct blame){.finding = index,
                          .kind = 0,
                          .per_request = f->per_request,
                          .named = true,
                          .minimum_per_request = f->minimum_per_request};
    return 1;
}

static void blame_finding(const struct record *r, const struct policy *p,
                          struct verdict *v, int index)
{
    const struct finding *f = &v->findings[index];
    const struct column *c = series_column(&r->barriers, f->name);
    struct blocks b;

    if (c == NULL || r->nkinds == 0)
        return;
    v->blames =
        mem_realloc(v->blames, v->nblames + r->nkinds + 1, sizeof *v->blames);
    if (r->nkinds == 1) {
        v->nblames += blame_only_kind(f, index, v->blames + v->nblames);
        return;
    }
    blocks_gather(r, c, 0, &b);
    blocks_clear_garbage(r, c, &b);
    v->nblames +=
        attribution_make(&b, warm_blocks(r, &b, f), quantum_of(&b, &f->metric),
                         p->confidence, index, v->blames + v->nblames);
    blocks_release(&b);
}

/* Requests of the named kinds, each by what it keeps, cumulative; NULL when
   nobody is named for the lead. */
static double *guilty_requests(const struct record *r, const struct verdict *v)
{
    double *sum = mem_zalloc(r->barriers.n + 1, sizeof *sum);
    bool any = false;

    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];

        if (!b->named || b->finding != v->lead || b->kind < 0 ||
            r->kinds[b->kind].completed == NULL)
            continue;
        any = true;
        for (size_t j = 0; j < r->barriers.n; j++)
            sum[j] += r->kinds[b->kind].completed[j] * b->per_request.value;
    }
    if (any)
        return sum;
    free(sum);
    return NULL;
}

void details_fill(const struct record *r, const struct policy *p,
                  struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);
    double *driver, from = 0;

    for (size_t i = 0; i < v->nfindings; i++)
        if (v->findings[i].judged && v->findings[i].outcome == OUTCOME_LEAK &&
            v->findings[i].basis != BASIS_SAMPLES)
            blame_finding(r, p, v, (int)i);
    if (r->nobjects == 0)
        return;
    driver = guilty_requests(r, v);
    for (size_t i = 0; lead != NULL && i < r->barriers.n; i++)
        if (r->barriers.t_s[i] <= lead->steady_from_s &&
            r->barriers.requests != NULL)
            from = r->barriers.requests[i];
    v->ntypes = types_make(r, p->confidence, from, driver, &v->types);
    free(driver);
}
