#include "analyzers/life_kinds.h"

#include <math.h>

/* A reading so soon after a barrier is one at it, seconds. */
#define SLACK_S 0.05

bool life_kinds_known(const struct record *r)
{
    if (r->nkinds < 2 || r->barriers.requests == NULL)
        return false;
    for (size_t k = 0; k < r->nkinds; k++)
        for (size_t row = 0; row < r->barriers.n; row++)
            if (!isfinite(r->kinds[k].completed[row]))
                return false;
    return true;
}

/* Of all requests of the block that ends at `row`, the share of kind `k`. */
static double share_of(const struct record *r, size_t row, size_t k)
{
    const double *done = r->barriers.requests, *of = r->kinds[k].completed;
    double all = done[row] - (row > 0 ? done[row - 1] : 0);

    return all > 0 ? (of[row] - (row > 0 ? of[row - 1] : 0)) / all : 0;
}

void life_kinds_at(const struct record *r, const struct lives *l, size_t i,
                   const struct record_own *own, double age, double *served)
{
    const struct series *s = &r->barriers;
    const struct record_process *p = &r->processes[l->v[i].process];
    double before = 0;

    for (size_t k = 0; k < r->nkinds; k++)
        served[k] = 0;
    for (size_t row = 0; row < s->n; row++) {
        bool last = row + 1 == s->n || s->t_s[row] > own->t_s - SLACK_S;
        const struct record_own *there = own;
        double now = age;

        if (s->t_s[row] < p->first_s && !last)
            continue;
        if (!last) {
            there = lives_own(r, l, i, row);
            if (there == NULL)
                continue;
            now = fmin(fmax(lives_age_of(r, l, i, there), before), age);
        }
        for (size_t k = 0; k < r->nkinds; k++)
            served[k] += (now - before) * share_of(r, row, k);
        before = now;
        if (last)
            return;
    }
}
