#include "analyzers/mixture.h"

#include "analyzers/student.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

void mixture_init(struct mixture *m)
{
    *m = (struct mixture){0};
}

void mixture_add(struct mixture *m, struct opinion o)
{
    if (!isfinite(o.at) || !isfinite(o.scale) || !isfinite(o.log_weight))
        return;
    m->v = mem_grow(m->v, m->n, &m->cap, sizeof *m->v);
    m->v[m->n++] = o;
}

void mixture_close(struct mixture *m, double negligible)
{
    double top = -INFINITY, sum = 0;
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++)
        top = fmax(top, m->v[i].log_weight);
    for (size_t i = 0; i < m->n; i++) {
        double w = exp(m->v[i].log_weight - top);

        if (w < negligible)
            continue;
        m->v[kept] = m->v[i];
        m->v[kept++].log_weight = w;
        sum += w;
    }
    m->n = kept;
    for (size_t i = 0; i < m->n; i++)
        m->v[i].log_weight /= sum;
}

double mixture_cdf(const struct mixture *m, double x)
{
    double p = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct opinion *o = &m->v[i];

        if (o->scale > 0)
            p += o->log_weight * student_cdf((x - o->at) / o->scale, o->df);
        else if (x >= o->at)
            p += o->log_weight;
    }
    return p;
}

double mixture_quantile(const struct mixture *m, double p)
{
    double lo = INFINITY, hi = -INFINITY, width = 0;

    if (m->n == 0)
        return NAN;
    for (size_t i = 0; i < m->n; i++) {
        lo = fmin(lo, m->v[i].at);
        hi = fmax(hi, m->v[i].at);
        width = fmax(width, m->v[i].scale);
    }
    width = fmax(width, hi - lo) + 1e-300;
    for (int i = 0; i < 60 && mixture_cdf(m, lo) >= p; i++)
        lo -= width * ldexp(1, i);
    for (int i = 0; i < 60 && mixture_cdf(m, hi) < p; i++)
        hi += width * ldexp(1, i);
    for (int i = 0; i < 200; i++) {
        double mid = lo + (hi - lo) / 2;

        if (hi - lo <= 1e-9 * (fabs(lo) + fabs(hi)) + 1e-6 * width * 1e-3 ||
            mid <= lo || mid >= hi)
            break;
        if (mixture_cdf(m, mid) < p)
            lo = mid;
        else
            hi = mid;
    }
    for (size_t i = 0; i < m->n; i++) /* a certainty is met exactly */
        if (m->v[i].scale == 0 && m->v[i].at >= lo && m->v[i].at <= hi)
            return m->v[i].at;
    return lo + (hi - lo) / 2;
}

void mixture_release(struct mixture *m)
{
    free(m->v);
    mixture_init(m);
}
