#include "analyzers/ruling.h"

#include <math.h>

/* Before its planned end a run is no certain leak while it may be slowing
   down: a cache that is half full looks like a warm-up and a leak. */
#define SLOWING_MAX 0.3

static bool is_leak(const struct ruling *r, const struct growth *g)
{
    const struct barriers_rule *rule = r->rule;
    double limit = r->limits->leak, bends = growth_bends(g);
    /* The fewer blocks, the less a missing bend means. */
    double most = rule->bend_max * fmin(1, ((double)g->n - 2) / 6);

    return bends < most && !isnan(limit) &&
           !growth_steady_likely(g, limit, rule->alpha_leak) &&
           (!rule->strict || growth_slowing(g) < SLOWING_MAX);
}

static bool is_pass(const struct ruling *r, const struct growth *g)
{
    const struct limits *l = r->limits;
    double limit = r->rule->strict ? l->leak : l->pass;
    double alpha = r->rule->alpha_pass, more = nextafter(1 - alpha, 2);

    if (isfinite(r->total) && growth_total_below(g, r->total) <= 1 - alpha)
        return false;
    return growth_likely(g, limit, more) &&
           growth_terminal_likely(g, limit, more) &&
           (l->stated || growth_likely(g, l->certain, alpha));
}

bool ruling_accuses(const struct ruling *r, const struct growth *g,
                    double requests)
{
    return g->n > 0 && r->accuse && requests >= RULING_REQUESTS_MIN &&
           is_leak(r, g);
}

enum outcome ruling_outcome(const struct ruling *r, const struct growth *g,
                            double requests)
{
    if (g->n == 0)
        return OUTCOME_INCONCLUSIVE;
    if (ruling_accuses(r, g, requests))
        return OUTCOME_LEAK;
    return is_pass(r, g) ? OUTCOME_PASS : OUTCOME_INCONCLUSIVE;
}
