/* What may be guilty, and which of it is tried in sets: the beginning of
 * attribution_search.h. */
#include "analyzers/attribution_search.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES = 24,   /* kinds that enter the larger sets */
    DRIVERS_TRIED = 6, /* drivers that enter sets, one at a time */
};

/* How likely is guilt beforehand: one kind in a handful of runs. */
#define PRIOR_KIND 0.25 /* shared by all kinds, per further guilty kind */
#define PRIOR_ALIKE 0.1
#define PRIOR_TIME 0.05
#define PRIOR_DRIVER 0.1 /* shared by all drivers */

/* Adds to c[m..) the causes from..to - 1 that lower the misfit most, one after
   the other, until there are `want` (orthogonal matching pursuit, Pati et al.
   1993). `left` is the misfit so far. Gives how many there are then. */
static size_t pick(const struct search *s, size_t from, size_t to, size_t want,
                   double *left, size_t *c, size_t m)
{
    size_t n = s->n;

    while (m < want) {
        double best = -1, gain = 0;
        size_t taken = 0;

        for (size_t i = from; i < to; i++) {
            const double *x = s->cause[i].x;
            double xx = lsq_dot(x, x, n), xy = lsq_dot(x, left, n), g;
            bool seen = !(xx > 0) || !(s->cause[i].prior > 0);

            for (size_t j = 0; j < m; j++)
                seen |= c[j] == i;
            g = seen ? -1 : xy * fabs(xy) / xx;
            if (!seen && (g > best || best < 0)) {
                best = fmax(g, 0);
                gain = xy / xx;
                taken = i;
            }
        }
        if (best < 0)
            break;
        c[m++] = taken;
        for (size_t i = 0; m <= 8 && gain > 0 && i < n; i++)
            left[i] -= gain * s->cause[taken].x[i];
    }
    return m;
}

size_t search_candidates(const struct search *s, size_t *c, size_t *drivers)
{
    size_t plain = s->time + 1, n = s->n, m;
    double *left = mem_zalloc(n, sizeof *left);

    memcpy(left, s->d, n * sizeof *left);
    m = pick(s, 0, plain, plain < CANDIDATES ? plain : CANDIDATES, left, c, 0);
    *drivers = m;
    /* A driver does what a kind would do, and better: judged by all growth. */
    memcpy(left, s->d, n * sizeof *left);
    m = pick(s, plain, s->ncauses, m + DRIVERS_TRIED, left, c, m);
    free(left);
    return m;
}

/* True when driver `x` is another cause by another name. */
static bool not_apart(const struct search *s, const double *x)
{
    for (size_t i = 0; i < s->ncauses; i++)
        if (s->cause[i].prior > 0 && s->cause[i].x != NULL &&
            driven_apart(x, s->cause[i].x, s->n) < DRIVEN_APART_LEAST)
            return true;
    return false;
}

void search_causes(struct search *s, const struct blocks *b, size_t from,
                   const struct driven *d)
{
    size_t nd = d != NULL ? d->n : 0;
    double prior = nd > 0 ? PRIOR_DRIVER / (double)nd : 0;

    s->cause = mem_zalloc(s->ncauses, sizeof *s->cause);
    for (size_t k = 0; k < s->nkinds; k++)
        s->cause[k] = (struct search_cause){
            (b->nkinds > 0 ? b->kinds[k] : b->requests) + from,
            PRIOR_KIND / (double)s->nkinds, NULL, NULL};
    /* With one kind, every request alike is that kind. */
    s->cause[s->alike] = (struct search_cause){
        b->requests + from, s->nkinds > 1 ? PRIOR_ALIKE : 0, NULL, NULL};
    s->cause[s->time] =
        (struct search_cause){b->hours + from, PRIOR_TIME, NULL, NULL};
    for (size_t i = 0; i < nd; i++) {
        struct search_cause *c = &s->cause[s->time + 1 + i];

        *c = (struct search_cause){d->at[i].x, 0, &d->at[i], NULL};
        c->only = mem_zalloc(d->at[i].nkinds, sizeof *c->only);
        for (size_t k = 0; k < d->at[i].nkinds; k++)
            c->only[k] = -INFINITY;
    }
    /* Where each step sends a new value, it is called the step. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = s->time + 1; i < s->ncauses; i++) {
            struct search_cause *c = &s->cause[i];

            if ((c->group->what == RECORD_STEP) == (pass == 0) &&
                !not_apart(s, c->x))
                c->prior = prior;
        }
}
