#include "analyzers/growth.h"

#include "analyzers/growth_fit.h"
#include "analyzers/lives.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRIVERS_MAX = 7, /* requests, time, the likeliest kinds, a mix */
    KINDS_TRIED = 3,
    MIX_KINDS = 4,
};

static struct driver driver_make(const struct growth_data *d, int id,
                                 const double *u, double prior)
{
    struct driver dr = {.id = id, .u = u, .prior = prior};
    double requests = 0;

    for (size_t i = 0; i < d->n; i++) {
        dr.sum += u[i];
        requests += d->requests[i];
    }
    dr.per_request =
        id >= 0 && d->asked != NULL ? d->asked[id] : dr.sum / requests;
    return dr;
}

/* How much of the differences a line in `u` leaves unexplained. */
static double line_rss(const struct growth_data *d, const double *u)
{
    double uu = lsq_dot(u, u, d->n), uy = lsq_dot(u, d->d, d->n);

    return uu > 0 ? lsq_dot(d->d, d->d, d->n) - uy * uy / uu : INFINITY;
}

/* Fits the `m` picked kinds together; `u` becomes what they explain, `*rate`
   what they would explain per request of the mix that is asked for. False when
   one of them would have to give back. */
static bool mix_fit(const struct growth_data *d, const size_t *picked, size_t m,
                    double *z, double *u, double *rate)
{
    size_t n = d->n;
    struct lsq s;

    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < n; i++)
            z[j * n + i] = d->kinds[picked[j]][i];
    for (size_t i = 0; i < n; i++)
        z[LSQ_PARTS * n + i] = d->d[i];
    if (!lsq_solve(z, n, m, &s))
        return false;
    for (size_t j = 0; j < m; j++)
        if (s.b[j] <= 0)
            return false;
    for (size_t i = 0; i < n; i++) {
        u[i] = 0;
        for (size_t j = 0; j < m; j++)
            u[i] += s.b[j] * d->kinds[picked[j]][i];
    }
    *rate = 0;
    for (size_t j = 0; d->asked != NULL && j < m; j++)
        *rate += s.b[j] * d->asked[picked[j]];
    return true;
}

/* Several kinds at rates of their own: the kind that explains most of what is
   left comes next (orthogonal matching pursuit, Pati et al. 1993), as long as
   all keep something. Fills `u` and `*rate`; returns how many kinds. */
static size_t mix_make(const struct growth_data *d, double *u, double *rate)
{
    size_t n = d->n, picked[MIX_KINDS], m = 0;
    double *z = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *z);
    double *left = mem_zalloc(n, sizeof *left);

    for (size_t i = 0; i < n; i++)
        left[i] = d->d[i];
    while (m < MIX_KINDS && n >= 2 * (m + 1) + 2 &&
           lsq_dot(left, left, n) > d->quantum * d->quantum * (double)n) {
        double best = 0;

        for (size_t k = 0; k < d->nkinds; k++) {
            double xx = lsq_dot(d->kinds[k], d->kinds[k], n);
            double gain = lsq_dot(d->kinds[k], left, n) / sqrt(xx);

            if (xx > 0 && gain > best) {
                best = gain;
                picked[m] = k;
            }
        }
        if (best == 0 || !mix_fit(d, picked, m + 1, z, u, rate))
            break;
        m++;
        for (size_t i = 0; i < n; i++)
            left[i] = d->d[i] - u[i];
    }
    free(left);
    free(z);
    return m;
}

/* All requests, time, and the few kinds that explain best by themselves. */
static size_t drivers_pick(const struct growth_data *d, double *mix,
                           struct driver *out)
{
    size_t n = 0, mixed, last_kind = 0;
    double last = -INFINITY, rate = 0;

    out[n++] = driver_make(d, DRIVER_REQUESTS, d->requests, 1);
    if (d->hours != NULL)
        out[n++] = driver_make(d, DRIVER_TIME, d->hours, 0.2);
    for (int i = 0; i < KINDS_TRIED && d->nkinds > 1; i++) {
        double best = INFINITY;
        size_t pick = d->nkinds;

        for (size_t k = 0; k < d->nkinds; k++) {
            double rss = line_rss(d, d->kinds[k]);
            bool seen = rss < last || (rss == last && k <= last_kind);

            if ((i > 0 && seen) || rss >= best)
                continue;
            best = rss;
            pick = k;
        }
        if (pick == d->nkinds)
            break;
        last = best;
        last_kind = pick;
        out[n++] =
            driver_make(d, (int)pick, d->kinds[pick], 0.5 / (double)d->nkinds);
    }
    mixed = d->nkinds > 1 ? mix_make(d, mix, &rate) : 0;
    if (mixed > 1) {
        out[n] = driver_make(d, DRIVER_MIX, mix, 0.3);
        if (d->asked != NULL)
            out[n].per_request = rate;
        out[n++].extra = mixed - 1;
    }
    return n;
}

/* The first block from which on the best fit's growth per block stays near
   what it ends with: there the warm-up is over. */
static size_t transient_end(const struct growth *g, size_t n)
{
    bool bends = g->shape == GROWTH_FILL || g->shape == GROWTH_FILL_LINE ||
                 g->shape == GROWTH_STOP || g->shape == GROWTH_KINK ||
                 g->shape == GROWTH_LATE || g->shape == GROWTH_FILL_JUMP;
    size_t i = n;
    double last = g->fitted[n - 1] / g->units[n - 1], top = 0;

    if (!bends || g->driver == DRIVER_LIVES)
        return 0;
    for (size_t b = 0; b < n; b++)
        top = fmax(top, fabs(g->fitted[b] / g->units[b] - last));
    while (i > 0 &&
           fabs(g->fitted[i - 1] / g->units[i - 1] - last) <= 0.1 * top + 1e-12)
        i--;
    return isfinite(top) && top > 0 ? i : 0;
}

/* Longer blocks scatter more. */
static void block_variances(const struct growth_data *d, double *var)
{
    double mean = 0;

    for (size_t i = 0; i < d->n; i++)
        mean += d->requests[i] / (double)d->n;
    for (size_t i = 0; i < d->n; i++)
        var[i] = 0.5 + 0.5 * d->requests[i] / mean;
}

static void fitter_open(struct fitter *f, double *lag, double *var)
{
    const struct growth_data *d = f->data;
    double restarts = 0;

    f->best = f->best_even = -INFINITY;
    block_variances(d, var);
    growth_noises_open(f, var);
    for (size_t i = 0; i < d->n; i++)
        f->least += 0.01 * fabs(d->d[i]) / (double)d->n;
    f->least += d->quantum;
    for (size_t i = 0; d->restarts != NULL && i < d->n; i++) {
        restarts += d->restarts[i];
        lag[i] = i > 0 ? d->restarts[i - 1] : 0;
    }
    if (d->beside != NULL)
        f->fixed[f->nfixed++] = (struct growth_part){d->beside, 0, 0, 0};
    if (restarts == 0 || d->lives != NULL)
        return;
    f->fixed[f->nfixed++] = (struct growth_part){d->restarts, 0, 0, 0};
    if (d->n >= 9) /* a fresh process warms up in its next block */
        f->fixed[f->nfixed++] = (struct growth_part){lag, 0, 0, 0};
}

static void fitter_close(struct fitter *f)
{
    struct growth *g = f->out;

    mixture_weigh(&g->terminal);
    if (f->data->brief)
        mixture_weigh(&g->asymptotic);
    else
        mixture_close(&g->asymptotic, 3e-5);
    for (size_t i = 0; i < g->asymptotic.n; i++) {
        const struct opinion *o = &g->asymptotic.v[i];

        g->shape_weight[o->tag % GROWTH_TAG_LIVES] += o->log_weight;
    }
    growth_noises_close(f);
}

void growth_fit(const struct growth_data *data, struct growth *out)
{
    struct fitter f = {.data = data, .out = out};
    struct driver drivers[DRIVERS_MAX];
    size_t n;
    double *lag, *var, *mix;

    *out = (struct growth){.restart_drop = NAN};
    if (data->n < 3)
        return;
    lag = mem_zalloc(data->n, sizeof *lag);
    var = mem_zalloc(data->n, sizeof *var);
    out->fitted = mem_zalloc(data->n, sizeof *out->fitted);
    out->units = mem_zalloc(data->n, sizeof *out->units);
    out->white = mem_zalloc(data->n, sizeof *out->white);
    out->diag = mem_zalloc(data->n, sizeof *out->diag);
    out->low = mem_zalloc(data->n, sizeof *out->low);
    fitter_open(&f, lag, var);
    mix = mem_zalloc(data->n, sizeof *mix);
    n = drivers_pick(data, mix, drivers);
    if (data->readings)
        growth_ages(&f, &drivers[0]);
    else if (data->lives != NULL)
        growth_lives(&f, &drivers[0]);
    for (size_t i = 0; !data->readings && data->lives == NULL && i < n; i++)
        if (drivers[i].sum > 0)
            growth_shapes(&f, &drivers[i]);
    fitter_close(&f);
    if (out->asymptotic.n > 0) {
        out->n = data->n;
        out->transient = data->brief ? 0 : transient_end(out, data->n);
    }
    free(mix);
    free(var);
    free(lag);
}

double growth_asymptotic(const struct growth *g, double p)
{
    return mixture_quantile(&g->asymptotic, p);
}

/* Shapes that bend, as tags. */
static const unsigned bending = 1u << GROWTH_FILL | 1u << GROWTH_LOG |
                                1u << GROWTH_STOP | 1u << GROWTH_FILL_JUMP;

bool growth_likely(const struct growth *g, double x, double p)
{
    return mixture_reaches(&g->asymptotic, ~0u, x, p);
}

bool growth_terminal_likely(const struct growth *g, double x, double p)
{
    return mixture_reaches(&g->terminal, ~0u, x, p);
}

bool growth_steady_likely(const struct growth *g, double x, double p)
{
    return !(mixture_share(&g->asymptotic, ~bending) > 0) ||
           mixture_reaches(&g->asymptotic, ~bending, x, p);
}

double growth_steady(const struct growth *g, double p)
{
    return mixture_quantile_of(&g->asymptotic, ~bending, p);
}

double growth_bends(const struct growth *g)
{
    return 1 - mixture_share(&g->asymptotic, ~bending);
}

double growth_total_below(const struct growth *g, double x)
{
    double lives, requests;

    mixture_cdf_of(&g->asymptotic, ~0u << GROWTH_TAG_LIVES, x, &lives);
    requests = mixture_cdf_of(&g->asymptotic, ~(~0u << GROWTH_TAG_LIVES), x,
                              &(double){0});
    return lives + requests;
}

double growth_slowing(const struct growth *g)
{
    return g->shape_weight[GROWTH_FILL_LINE] +
           g->shape_weight[GROWTH_LOG_LINE] + g->shape_weight[GROWTH_KINK];
}

void growth_release(struct growth *g)
{
    mixture_release(&g->asymptotic);
    mixture_release(&g->terminal);
    free(g->fitted);
    free(g->units);
    free(g->white);
    free(g->diag);
    free(g->low);
    free(g->draws);
    *g = (struct growth){0};
}
