#include "analyzers/sequential.h"

#include <math.h>

enum {
    BLOCKS_MIN = 5,
    MEMORY_BLOCKS_MIN = 6, /* pages are rougher than counts */
};

/* Caches of the usual sizes (128, 256, 1000, 1024, 2048 entries) have filled
   by then even if only every request brings a new entry: every request of the
   kinds that leak, the others bring none. */
#define REQUESTS_MIN 2100

void sequential_rule(const struct policy *p, size_t blocks,
                     struct barriers_rule *rule)
{
    double n = blocks < 3 ? 3 : (double)blocks, share = 1 / ((n - 2) * (n - 1));

    barriers_rule(p, rule);
    rule->alpha_leak *= share;
    rule->alpha_pass *= share;
    rule->bend_max *= share;
    rule->strict = true;
    rule->power = rule->forecast = false;
}

/* The same outcome under the rule of this look. */
static bool confirmed(const struct finding *f)
{
    return f->basis != BASIS_SAMPLES && f->early == f->outcome;
}

/* Every kind of request had its part: the plan gathers rare kinds in blocks
   of their own, which may be yet to come. */
static bool mix_complete(const struct record *r)
{
    size_t last = r->barriers.n - 1;
    double weights = 0, done = 0;

    for (size_t k = 0; k < r->nkinds; k++) {
        const double *c = r->kinds[k].completed;

        if (c == NULL || !isfinite(c[last] - c[0]))
            return true; /* nothing is known of the mix */
        weights += r->kinds[k].weight;
        done += c[last] - c[0];
    }
    for (size_t k = 0; k < r->nkinds; k++) {
        const double *c = r->kinds[k].completed;
        double want = r->kinds[k].weight / weights;

        if (weights > 0 && (c[last] - c[0]) / done < 0.7 * want)
            return false;
    }
    return true;
}

/* Requests that may have brought something new to what the lead counts: those
   of the kinds that it is laid at, or all. */
static double feeding_requests(const struct record *r, const struct verdict *v)
{
    const struct finding *f = verdict_lead(v);
    size_t last = r->barriers.n - 1;
    double sum = 0;

    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];
        const double *c;

        if (!b->named || b->finding != v->lead || b->kind < 0 ||
            (size_t)b->kind >= r->nkinds || r->kinds[b->kind].flow)
            continue;
        c = r->kinds[b->kind].completed;
        if (c != NULL && isfinite(c[last] - c[0]))
            sum += c[last] - c[0];
    }
    return sum > 0 ? sum : f->to_requests - f->from_requests;
}

static bool leak_certain(const struct record *r, const struct verdict *v)
{
    const struct finding *f = verdict_lead(v);
    bool memory;

    if (f == NULL || feeding_requests(r, v) < REQUESTS_MIN)
        return false;
    memory = f->metric.role == METRIC_MEMORY || f->metric.role == METRIC_CGROUP;
    if (memory && r->barriers.n - 1 < MEMORY_BLOCKS_MIN)
        return false;
    return confirmed(f);
}

/* Nothing material could hide: every metric that counts passes with room, and
   none of the objects that are counted is left open. */
static bool pass_certain(const struct record *r, const struct verdict *v)
{
    bool any = false;

    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f->judged && f->outcome == OUTCOME_INCONCLUSIVE &&
            f->metric.role == METRIC_OBJECTS)
            return false;
        if (!f->decisive)
            continue;
        if (f->to_requests - f->from_requests < REQUESTS_MIN || !confirmed(f))
            return false;
        any = true;
    }
    return any && mix_complete(r);
}

bool sequential_certain(const struct record *r, const struct verdict *v)
{
    if (r->barriers.n < BLOCKS_MIN + 1)
        return false;
    if (v->outcome == OUTCOME_LEAK)
        return leak_certain(r, v);
    return v->outcome == OUTCOME_PASS && pass_certain(r, v);
}

bool sequential_told(const struct record *r, const struct verdict *v)
{
    bool told = v->outcome != OUTCOME_LEAK || r->nkinds < 2;

    for (size_t i = 0; i < v->nblames; i++)
        told |= v->blames[i].named;
    return told;
}
