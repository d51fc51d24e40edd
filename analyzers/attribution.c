#include "analyzers/attribution.h"

#include "analyzers/attribution_search.h"

#include <math.h>
#include <string.h>

/* A kind that asks the same with values that repeat, and grows by less than
   this part of the other's: then it is the values. */
#define SIBLING_GROWTH 0.2
#define SIBLING_VALUES 0.3

/* Log weight of the sets with "alike" and without kind `k`. */
static double alike_weight(const struct search *s, size_t k)
{
    double sum = -INFINITY;

    for (size_t i = 0; i < s->nalike; i++)
        if (search_alike_alone(s, i, k))
            sum = lsq_log_add(sum, s->says[s->alike].v[i].log_weight);
    return sum;
}

/* Median and two-sided interval of the opinions on one cause, or on a kind and
   "every request alike", which speaks for it too; `nothing` is the log weight
   of the sets that say zero. */
static struct interval opinions(const struct search *s, size_t cause,
                                double nothing, double confidence)
{
    double a = 1 - confidence;
    struct interval out;
    struct mixture m;

    mixture_init(&m);
    for (size_t i = 0; i < s->says[cause].n; i++)
        mixture_add(&m, s->says[cause].v[i]);
    for (size_t i = 0; cause < s->nkinds && i < s->nalike; i++)
        if (search_alike_alone(s, i, cause))
            mixture_add(&m, s->says[s->alike].v[i]);
    if (isfinite(nothing))
        mixture_add(&m, (struct opinion){nothing, 0, 0, 1, 0});
    mixture_close(&m, 1e-6);
    out = (struct interval){mixture_quantile(&m, 0.5),
                            mixture_quantile(&m, a / 2),
                            mixture_quantile(&m, 1 - a / 2)};
    mixture_release(&m);
    return out;
}

/* Names the cause or not. The interval of one that is named is that of the
   sets that hold it: that it may be innocent is said by its not being named,
   and would only stretch the interval towards zero. */
static void blame_fill(struct search *s, size_t cause, double confidence,
                       struct blame *out)
{
    double a = 1 - confidence, on = s->included[cause], off;

    if (cause < s->nkinds)
        on = lsq_log_add(on, alike_weight(s, cause));
    off = 1 - exp(fmin(on - s->all, 0));
    out->per_request = opinions(
        s, cause, off > 1e-9 ? log(off) + s->all : -INFINITY, confidence);
    out->named = off < a / 2 && out->per_request.low > 0;
    if (out->named)
        out->per_request = opinions(s, cause, -INFINITY, confidence);
}

/* The smallest growth of one cause that would be named beside the best set:
   its own standard error there, times what naming takes. */
static double named_from(struct search *s, size_t cause, double tail)
{
    size_t n = s->n, size = 0, set[SEARCH_SET_MAX + 1];
    double a[LSQ_PARTS] = {0}, sigma;
    struct lsq q;

    for (size_t j = 0; j < s->best_size; j++)
        if (s->best_set[j] != cause)
            set[size++] = s->best_set[j];
    set[size++] = cause;
    if (n < size + 2)
        return NAN;
    for (size_t j = 0; j < size; j++)
        memcpy(s->work + j * n, s->white_x[0] + set[j] * n, n * sizeof(double));
    memcpy(s->work + LSQ_PARTS * n, s->white_x[0] + s->ncauses * n,
           n * sizeof(double));
    if (!lsq_solve(s->work, n, size, &q))
        return NAN;
    sigma = sqrt((q.rss + s->quantum * s->quantum / 6) / (double)(n - size));
    a[size - 1] = 1;
    return tail * sigma * lsq_se(&q, a);
}

/* The place of kind `k` in the group; -1: not a part of it. */
static int place_in(const struct driven_group *g, size_t k)
{
    for (size_t i = 0; i < g->nkinds; i++)
        if ((size_t)g->kinds[i] == k)
            return (int)i;
    return -1;
}

/* Another kind sends the values of `g` over and over again, and does not grow:
   out[] of all kinds is filled. */
static bool sibling_is_level(const struct driven_group *g, size_t k,
                             const struct blame *out)
{
    int own = place_in(g, k);

    for (size_t i = 0; i < g->nkinds; i++) {
        const struct blame *b = &out[g->kinds[i]];

        if ((int)i != own && !b->named &&
            g->ratio[i] < SIBLING_VALUES * g->ratio[own] &&
            b->per_request.high < SIBLING_GROWTH * out[k].per_request.low)
            return true;
    }
    return false;
}

static struct interval divided(struct interval i, double by)
{
    return (struct interval){i.value / by, i.low / by, i.high / by};
}

/* Requests of kind `k`, or something that goes with them? */
static void tell_by(struct search *s, size_t k, double confidence,
                    struct blame *out)
{
    double alike = alike_weight(s, k), on = lsq_log_add(s->included[k], alike);
    double requests = lsq_log_add(s->requests[k], alike);
    double most = 0, doubt = 1 - confidence;
    const struct search_cause *top = NULL, *fresh = NULL;
    struct blame *b = &out[k];

    for (size_t c = s->time + 1; c < s->ncauses; c++) {
        const struct driven_group *g = s->cause[c].group;
        int at = place_in(g, k);
        double share = at >= 0 ? exp(s->cause[c].only[at] - on) : 0;

        if (share > most) {
            most = share;
            top = &s->cause[c];
        }
        if (at >= 0 && g->what == RECORD_DISTINCT &&
            driven_apart(g->x, s->cause[k].x, s->n) < DRIVEN_APART_LEAST &&
            (fresh == NULL || g->nkinds > fresh->group->nkinds))
            fresh = &s->cause[c];
    }
    if (top != NULL && most > confidence) {
        b->by = BLAME_DRIVER;
        b->driver = top->group->driver;
        b->per_driver =
            opinions(s, (size_t)(top - s->cause), -INFINITY, confidence);
        return;
    }
    if (exp(requests - on) > confidence || most < doubt)
        top = fresh;
    if (top == NULL)
        return;
    b->by = BLAME_EITHER;
    b->driver = top->group->driver;
    if (top->group->what == RECORD_DISTINCT &&
        sibling_is_level(top->group, k, out)) {
        b->by = BLAME_DRIVER;
        b->per_driver =
            divided(b->per_request, top->group->ratio[place_in(top->group, k)]);
    }
}

/* Growth that follows connections, when it is sure to, and when more were
 * opened than can be open. */
static size_t blame_connections(struct search *s, double held,
                                double confidence, int finding,
                                struct blame *out)
{
    for (size_t c = s->time + 1; c < s->ncauses; c++) {
        const struct driven_group *g = s->cause[c].group;
        double opened = 0;

        if (g->what != RECORD_CONNECTIONS || s->says[c].n == 0)
            continue;
        for (size_t i = 0; i < s->n; i++)
            opened += g->x[i];
        if (opened <= held)
            continue;
        *out = (struct blame){.finding = finding,
                              .kind = ATTRIBUTION_CONNECTIONS,
                              .driver = g->driver};
        blame_fill(s, c, confidence, out);
        out->minimum_per_request = named_from(s, c, 6);
        return out->named;
    }
    return 0;
}

size_t attribution_make(const struct blocks *b, size_t from,
                        const struct driven *d, double quantum,
                        double confidence, int finding, struct blame *out)
{
    struct search s;
    size_t n;

    if (b->n < from + 4)
        return 0;
    search_open(&s, b, from, d, quantum);
    for (size_t k = 0; k <= s.nkinds; k++) {
        size_t cause = k < s.nkinds ? k : s.time;

        out[k] =
            (struct blame){.finding = finding,
                           .kind = k < s.nkinds ? (int)k : ATTRIBUTION_TIME,
                           .driver = -1};
        blame_fill(&s, cause, confidence, &out[k]);
        out[k].minimum_per_request = named_from(&s, cause, 6);
    }
    n = s.nkinds + 1;
    n += blame_connections(&s, d != NULL ? d->held : 0, confidence, finding,
                           &out[n]);
    for (size_t k = 0; k < s.nkinds; k++)
        if (out[k].named)
            tell_by(&s, k, confidence, out);
    search_close(&s);
    return n;
}
