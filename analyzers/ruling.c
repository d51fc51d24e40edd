#include "analyzers/ruling.h"

#include <math.h>

/* Before its planned end a run is no certain leak while it may be slowing
   down: a cache that is half full looks like a warm-up and a leak. */
#define SLOWING_MAX 0.3

static bool is_leak(const struct ruling *r, const struct growth *g)
{
    const struct barriers_rule *rule = r->rule;
    double bends, below = growth_steady_below(g, r->limits->leak, &bends);
    /* The fewer blocks, the less a missing bend means. */
    double most = rule->bend_max * fmin(1, ((double)g->n - 2) / 6);

    return below < rule->alpha_leak && bends < most &&
           (!rule->strict || growth_slowing(g) < SLOWING_MAX);
}

static bool is_pass(const struct ruling *r, const struct growth *g)
{
    const struct limits *l = r->limits;
    double limit = r->rule->strict ? l->leak : l->pass;
    double alpha = r->rule->alpha_pass;

    if (isfinite(r->total) && growth_total_below(g, r->total) <= 1 - alpha)
        return false;
    return growth_below(g, limit) > 1 - alpha &&
           growth_terminal_below(g, limit) > 1 - alpha &&
           (l->stated || growth_below(g, l->certain) >= alpha);
}

enum outcome ruling_outcome(const struct ruling *r, const struct growth *g,
                            double requests)
{
    if (g->n == 0)
        return OUTCOME_INCONCLUSIVE;
    if (r->accuse && requests >= RULING_REQUESTS_MIN && is_leak(r, g))
        return OUTCOME_LEAK;
    return is_pass(r, g) ? OUTCOME_PASS : OUTCOME_INCONCLUSIVE;
}
