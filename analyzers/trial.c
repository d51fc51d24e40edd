#include "analyzers/trial.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Does the count of requests run apart from the clock? If not, one axis
 * serves for both. */
static bool axes_differ(const struct rows *r)
{
    double worst = 0;
    double q0 = r->requests[0], t0 = r->busy_s[0];
    double q = r->requests[r->n - 1] - q0, t = r->busy_s[r->n - 1] - t0;

    for (size_t i = 0; i < r->n; i++)
        worst = fmax(worst,
                     fabs((r->requests[i] - q0) / q - (r->busy_s[i] - t0) / t));
    return worst > 0.01;
}

/* Greatest less smallest point of the last 60 % of the run. */
static double late_range(const struct bins *b, size_t cells)
{
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < b->points.n; i++)
        if (b->from[i] >= cells * 2 / 5) {
            low = fmin(low, b->points.y[i]);
            high = fmax(high, b->points.y[i]);
        }
    return high - low;
}

static void fit_axis(const struct trial_plan *p, const double *x,
                     struct bins *b, struct fit *f)
{
    struct bins_plan plan = {p->rows, x,         p->y,   p->from,
                             p->late, p->points, p->stat};

    if (!bins_make(&plan, b))
        return;
    b->points.floor_var = p->floor_var;
    for (int i = 0; i < b->points.n; i++)
        b->points.y[i] -= p->level;
    b->points.load_max = 2 * fabs(p->level);
    load_apply(p->load, b);
    fit_shapes(&b->points, p->memo, f);
}

/* Adds the shapes of one axis, scaled to growth per span of the run. */
static void pool(const struct fit *f, double scale, double weight,
                 struct trial *t)
{
    for (int i = 0; i < f->nparts; i++) {
        struct part *g = &t->slope[t->nparts], *a = &t->future[t->nparts];

        *g = f->slope[i];
        *a = f->future[i];
        g->weight *= weight;
        a->weight *= weight;
        g->mean *= scale;
        g->scale *= scale;
        a->mean *= scale;
        a->scale *= scale;
        t->nparts++;
    }
    t->late_rise += weight * f->late_rise;
    t->rho += weight * f->rho;
}

static struct interval interval_of(const struct part *p, int n, double tail)
{
    return (struct interval){
        stats_mixture_quantile(p, (size_t)n, 0.5),
        stats_mixture_quantile(p, (size_t)n, tail),
        stats_mixture_quantile(p, (size_t)n, 1 - tail),
    };
}

static void combine(const struct fit *f, const double *scale, int axes,
                    double confidence, struct trial *t)
{
    double all = 0;
    int lead = -1;

    for (int a = 0; a < axes; a++)
        if (f[a].nparts > 0 && (lead < 0 || f[a].top > f[lead].top))
            lead = a;
    if (lead < 0)
        return;
    for (int a = 0; a < axes; a++) {
        if (f[a].nparts == 0)
            continue;
        double weight = exp(f[a].top - f[lead].top);

        pool(&f[a], scale[a], weight, t);
        all += weight;
    }
    t->ok = true;
    t->late_rise /= all;
    t->rho /= all;
    t->best_form = f[lead].best_form;
    t->sigma = f[lead].best_sigma;
    t->kink_share = f[lead].kink_at / scale[lead];
    t->growth = interval_of(t->slope, t->nparts, (1 - confidence) / 2);
}

void trial_clear(struct trial *t)
{
    memset(t, 0, offsetof(struct trial, slope));
}

void trial_copy(const struct trial *from, struct trial *to)
{
    size_t bytes = (size_t)from->nparts * sizeof *from->slope;

    memcpy(to, from, offsetof(struct trial, slope));
    memcpy(to->slope, from->slope, bytes);
    memcpy(to->future, from->future, bytes);
}

void trial_run(const struct trial_plan *p, struct trial *out)
{
    const struct rows *r = p->rows;
    const double *axis[2] = {r->busy_s, NULL};
    double scale[2] = {0, 0};
    int axes = 1;
    struct bins *b = mem_zalloc(1, sizeof *b);
    struct fit *f = mem_realloc(NULL, 2, sizeof *f);

    trial_clear(out);
    if (r->requests != NULL) {
        axis[0] = r->requests;
        if (axes_differ(r))
            axis[axes++] = r->busy_s;
    }
    for (int a = 0; a < axes; a++) {
        f[a].nparts = 0;
        fit_axis(p, axis[a], b, &f[a]);
        scale[a] = b->scale;
        out->late_range = late_range(b, r->n);
    }
    combine(f, scale, axes, p->confidence, out);
    free(f);
    free(b);
}

void trial_look_ahead(struct trial *t, double confidence)
{
    if (t->ok && !t->looked)
        t->ahead = interval_of(t->future, t->nparts, (1 - confidence) / 2);
    t->looked = true;
}

double trial_above(const struct trial *t, double x)
{
    return 1 - stats_mixture_cdf(t->slope, (size_t)t->nparts, x);
}
