#include "harness/load/pacer.h"

#include <math.h>

static double usable(double rate)
{
    return isfinite(rate) && rate > 0 ? rate : 0;
}

void pacer_init(struct pacer *p, int64_t t0_ns, double from_rps, double to_rps,
                int64_t ramp_ns)
{
    double from = usable(from_rps);
    double to = usable(to_rps);
    double ramp_s = from != to && ramp_ns > 0 ? (double)ramp_ns * 1e-9 : 0;

    *p = (struct pacer){.t0_ns = t0_ns,
                        .from_rps = ramp_s > 0 ? from : to,
                        .to_rps = to,
                        .ramp_s = ramp_s,
                        .ramp_arrivals = ramp_s * (from + to) / 2};
}

/* Within the ramp, arrivals(t) = from t + (to - from) t^2 / (2 ramp), solved
 * for t in the form that does not cancel when `from` is large. */
static double due_s(const struct pacer *p, double i)
{
    double slope, root;

    if (i <= 0)
        return 0;
    if (i >= p->ramp_arrivals)
        return p->to_rps > 0 ? p->ramp_s + (i - p->ramp_arrivals) / p->to_rps
                             : HUGE_VAL;
    slope = (p->to_rps - p->from_rps) / p->ramp_s;
    root = p->from_rps * p->from_rps + 2 * slope * i;
    return 2 * i / (p->from_rps + sqrt(root > 0 ? root : 0));
}

int64_t pacer_due(const struct pacer *p, uint64_t i)
{
    double s = due_s(p, (double)i);

    /* A century: later is never. */
    if (!(s < 3.2e9))
        return INT64_MAX;
    return p->t0_ns + (int64_t)(s * 1e9);
}

uint64_t pacer_due_before(const struct pacer *p, int64_t t_ns)
{
    double t = (double)(t_ns - p->t0_ns) * 1e-9;
    double in_ramp = t < p->ramp_s ? t : p->ramp_s;
    double n = 0;
    uint64_t i;

    if (t <= 0)
        return 0;
    if (p->ramp_s > 0)
        n = p->from_rps * in_ramp +
            (p->to_rps - p->from_rps) * in_ramp * in_ramp / (2 * p->ramp_s);
    if (t > p->ramp_s)
        n += (t - p->ramp_s) * p->to_rps;
    /* Rounding may be off by one either way: let pacer_due decide. */
    i = n > 1 ? (uint64_t)n - 1 : 0;
    while (pacer_due(p, i) < t_ns)
        i++;
    return i;
}
