#include "analyzers/thresholds.h"

#include <math.h>

/* Real allocators creep: 8 % in five minutes was seen without a leak, 4 % in
 * ten, 2 % in longer runs. What is surely more than nine sixteenths of that
 * is called. Below a minute and a half even fast growth is start-up. */
static void by_custom(const struct column_view *v, const struct column *c,
                      double span_s, double *leak, double *pass)
{
    double level = fabs(v->level), swing = fmin(0.25 * v->swing, 0.08 * level);
    double share = fmin(1, 300 / span_s);

    if (c->metric.unit == METRIC_BYTES) {
        *leak = fmax(fmax(0.01125 * level, 400e3),
                     0.045 * level * fmax(share, 220 / span_s));
        *pass = fmax(fmax(0.035 * level, 700e3),
                     fmax(0.065 * level * share, swing));
        /* Growth that a life never lives to see matters less. */
        *leak = fmax(*leak, 0.004 * level * v->lives);
        *pass = fmax(*pass, 0.012 * level * v->lives);
    } else if (c->metric.role == METRIC_HANDLES) {
        *leak = fmax(0.02 * level, 2.5);
        *pass = fmax(0.035 * level, 3);
    } else {
        *leak = fmax(0.02 * level * fmax(1, 300 / span_s), 2.5);
        *pass = fmax(fmax(0.035 * level, swing), 3);
    }
}

/* The user's tolerance as growth over the run; NaN: none that applies. */
static double by_tolerance(const struct column_context *x,
                           const struct column *c, const struct column_view *v)
{
    const struct policy *p = x->policy;
    const struct tolerance *t = policy_tolerance(p, c->name);
    double room =
        (p->limit_bytes > 0 ? p->limit_bytes : x->limit_bytes) - v->level;

    if (t != NULL)
        return t->per == TOLERANCE_PER_REQUEST ? t->value * v->span_requests
                                               : t->value * v->span_s / 3600;
    if (!(p->survive_s > 0) || !(room > 0) || c->metric.role != METRIC_MEMORY)
        return NAN;
    double rate = v->span_requests / v->span_s;

    /* At the stated load, growth is faster in proportion. */
    return room / p->survive_s * v->span_s *
           (p->rate_rps > 0 && rate > 0 ? rate / p->rate_rps : 1);
}

void thresholds_set(const struct column_context *x, const struct column *c,
                    struct column_view *v)
{
    double tolerance = by_tolerance(x, c, v);

    v->explicit_tolerance = !isnan(tolerance);
    if (v->explicit_tolerance)
        v->leak_above = v->pass_below = tolerance;
    else
        by_custom(v, c, v->span_s, &v->leak_above, &v->pass_below);
}

void thresholds_at(const struct column_view *v, const struct column *c,
                   double factor, double *leak_above, double *pass_below)
{
    if (v->explicit_tolerance) {
        *leak_above = v->leak_above * factor;
        *pass_below = v->pass_below * factor;
    } else {
        by_custom(v, c, v->span_s * factor, leak_above, pass_below);
    }
}
