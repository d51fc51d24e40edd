#include "analyzers/growth.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum {
    PARTS_MAX = 4, /* columns of one fit, restarts included */
    NOISES = 4,
    NOISE_READING = 2, /* index: errors of single readings alone */
    NOISE_SCATTER = 3, /* index: scatter in proportion to the growth */
    DRIVERS_MAX = 6,   /* requests, time, and the likeliest kinds */
    KINDS_TRIED = 3,
    TAIL_MIN = 3,       /* blocks a changed slope must be seen in */
    POSITIONS_MAX = 40, /* kinks and jumps tried, evenly spread */
};

/* Parts of the noise variance that belong to errors of a single reading. */
static const double noise_rho[NOISES] = {0, 0.5, 1, 0};
static const double noise_prior[NOISES] = {0.35, 0.2, 0.25, 0.2};

/* Time constants of what fills, in spans of the run. The long ones bend too
   little to be seen unless there is no noise at all, so they start with little
   credit: without evidence a line stays a line. */
static const struct {
    double tau, prior;
} fills[] = {{0.02, 0.4}, {0.04, 0.6}, {0.07, 1},  {0.12, 1},   {0.2, 1},
             {0.33, 1},   {0.5, 1},    {0.75, 1},  {1, 1},      {1.5, 0.1},
             {2.2, 0.1},  {3.5, 0.05}, {6, 0.025}, {10, 0.0125}};
enum { FILLS = sizeof fills / sizeof *fills };

/* Where a logarithm's zero lies before the first barrier, in spans. */
static const double logs[] = {0.01, 0.03, 0.1, 0.3, 1};
enum { LOGS = sizeof logs / sizeof *logs };

static const double shape_prior[GROWTH_SHAPES] = {
    [GROWTH_FLAT] = 1,         [GROWTH_LINE] = 1,
    [GROWTH_FILL] = 1,         [GROWTH_FILL_LINE] = 0.7,
    [GROWTH_LOG] = 0.4,        [GROWTH_LOG_LINE] = 0.2,
    [GROWTH_STOP] = 0.6,       [GROWTH_KINK] = 0.5,
    [GROWTH_LATE] = 0.3,       [GROWTH_JUMP] = 0.6,
    [GROWTH_JUMP_LINE] = 0.4,  [GROWTH_SPIKE] = 0.5,
    [GROWTH_SPIKE_LINE] = 0.4, [GROWTH_FILL_JUMP] = 0.2,
    [GROWTH_STOP_JUMP] = 0.15};

/* One part of an explanation: what it adds to each block's difference. */
struct part {
    const double *x; /* n values */
    double asym;     /* growth per driver unit that goes on, at size 1 */
    double end;      /* growth per driver unit at the run's end */
    double fade;     /* per driver unit: how fast `end` dies away */
};

/* What a difference is explained by. */
struct driver {
    int id;
    double prior;
    const double *u; /* units in each block */
    double sum;
    double per_request; /* units per request over the run */
};

/* One noise model's whitening: the Cholesky factor of a tridiagonal matrix,
   V = (1 - rho) diag(w) + rho tri(-1, 2, -1). */
struct whitener {
    double *diag, *low, log_det;
};

struct fitter {
    const struct growth_data *data;
    struct growth *out;
    struct whitener white[NOISES];
    struct part fixed[2]; /* restarts: in every fit */
    size_t nfixed;
    double best;                     /* log weight of the best fit */
    double *work;                    /* PARTS_MAX + 2 columns */
    double log_shape[GROWTH_SHAPES]; /* running log-sum-exp */
};

static void whitener_make(const struct growth_data *d, double rho,
                          struct whitener *w)
{
    double mean = 0, n = (double)d->n;

    w->diag = mem_zalloc(d->n, sizeof *w->diag);
    w->low = mem_zalloc(d->n, sizeof *w->low);
    w->log_det = 0;
    for (size_t i = 0; i < d->n; i++)
        mean += d->requests[i] / n;
    for (size_t i = 0; i < d->n; i++) {
        double v = (1 - rho) * (0.5 + 0.5 * d->requests[i] / mean) + 2 * rho;

        if (i > 0) {
            w->low[i] = -rho / w->diag[i - 1];
            v -= w->low[i] * w->low[i];
        }
        w->diag[i] = sqrt(v);
        w->log_det += 2 * log(w->diag[i]);
    }
}

static void whiten(const struct whitener *w, const double *x, size_t n,
                   double *z)
{
    for (size_t i = 0; i < n; i++)
        z[i] = (x[i] - (i > 0 ? w->low[i] * z[i - 1] : 0)) / w->diag[i];
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Least squares by modified Gram-Schmidt. */
struct solution {
    size_t p;
    double r[PARTS_MAX][PARTS_MAX], b[PARTS_MAX], rss;
};

static bool solve(double *z, size_t n, size_t p, struct solution *s)
{
    double *y = z + PARTS_MAX * n, c[PARTS_MAX];

    s->p = p;
    for (size_t j = 0; j < p; j++) {
        double *q = z + j * n, before = sqrt(dot(q, q, n)), norm;

        for (size_t k = 0; k < j; k++) {
            const double *o = z + k * n;
            double t = dot(o, q, n);

            s->r[k][j] = t;
            for (size_t i = 0; i < n; i++)
                q[i] -= t * o[i];
        }
        norm = sqrt(dot(q, q, n));
        if (!(norm > 1e-6 * before) || !isfinite(norm))
            return false; /* says nothing the others do not say */
        s->r[j][j] = norm;
        for (size_t i = 0; i < n; i++)
            q[i] /= norm;
        c[j] = dot(q, y, n);
        for (size_t i = 0; i < n; i++)
            y[i] -= c[j] * q[i];
    }
    s->rss = dot(y, y, n);
    for (size_t j = p; j-- > 0;) {
        s->b[j] = c[j];
        for (size_t k = j + 1; k < p; k++)
            s->b[j] -= s->r[j][k] * s->b[k];
        s->b[j] /= s->r[j][j];
    }
    return true;
}

/* Standard error of sum a[j] b[j] for noise of one. */
static double functional_se(const struct solution *s, const double *a)
{
    double v[PARTS_MAX], sum = 0;

    for (size_t j = 0; j < s->p; j++) {
        v[j] = a[j];
        for (size_t k = 0; k < j; k++)
            v[j] -= s->r[k][j] * v[k];
        v[j] /= s->r[j][j];
        sum += v[j] * v[j];
    }
    return sqrt(sum);
}

static double log_add(double a, double b)
{
    double top = fmax(a, b);

    return top == -INFINITY ? top : top + log(exp(a - top) + exp(b - top));
}

/* Keeps the best fit for whoever wants to draw or explain it. */
static void keep_best(struct fitter *f, const struct solution *s,
                      const struct part *const *parts, enum growth_shape shape,
                      const struct driver *dr, double sigma, double weight)
{
    struct growth *g = f->out;
    size_t n = f->data->n;

    if (weight <= f->best)
        return;
    f->best = weight;
    g->shape = shape;
    g->driver = dr->id;
    g->sigma = sigma;
    g->bend_rate = 0;
    for (size_t j = 0; j < s->p; j++)
        g->bend_rate += parts[j]->fade * dr->sum / (double)n;
    g->restart_drop = f->nfixed > 0 ? -s->b[0] : NAN;
    for (size_t i = 0; i < n; i++) {
        g->fitted[i] = 0;
        for (size_t j = 0; j < s->p; j++)
            g->fitted[i] += s->b[j] * parts[j]->x[i];
    }
}

static bool solve_under(struct fitter *f, const struct whitener *w,
                        const struct part *const *parts, size_t p,
                        struct solution *s)
{
    size_t n = f->data->n;

    for (size_t j = 0; j < p; j++)
        whiten(w, parts[j]->x, n, f->work + j * n);
    whiten(w, f->data->d, n, f->work + PARTS_MAX * n);
    return solve(f->work, n, p, s);
}

/* What fills at random scatters in proportion to what it adds, and is still
   when it is full. Two rounds: first the growth, then the scatter. */
static bool scatter_make(struct fitter *f, const struct part *const *parts,
                         size_t p)
{
    struct whitener *w = &f->white[NOISE_SCATTER];
    size_t n = f->data->n;
    double mean = 0, least;
    struct solution s;

    if (!solve_under(f, &f->white[0], parts, p, &s))
        return false;
    for (size_t i = 0; i < n; i++)
        mean += fabs(f->data->d[i]) / (double)n;
    least = 0.01 * mean + f->data->quantum;
    w->log_det = 0;
    for (size_t i = 0; i < n; i++) {
        double fitted = 0;

        for (size_t j = 0; j < p; j++)
            fitted += s.b[j] * parts[j]->x[i];
        w->diag[i] = sqrt((fabs(fitted) + least) / least);
        w->log_det += 2 * log(w->diag[i]);
    }
    return true;
}

/* Fits one shape under one noise and adds its opinion. Evidence is the
   small-sample Bayesian criterion on the likelihood with the noise profiled
   out; the noise never falls below what rounding alone makes. */
static void fit_noise(struct fitter *f, const struct part *const *parts,
                      size_t p, enum growth_shape shape, double log_prior,
                      const struct driver *dr, int noise)
{
    size_t n = f->data->n;
    double q = f->data->quantum, floor = 2 * q * q / 12;
    double asym[PARTS_MAX], end[PARTS_MAX], a = 0, e = 0, sigma, weight;
    double nn = (double)n, pp = (double)p, drift = dr->per_request;
    struct solution s;

    if (noise == NOISE_SCATTER && (p == 0 || !scatter_make(f, parts, p)))
        return;
    if (!solve_under(f, &f->white[noise], parts, p, &s))
        return;
    for (size_t j = 0; j < p; j++) {
        asym[j] = parts[j]->asym;
        end[j] = parts[j]->end;
        a += asym[j] * s.b[j];
        e += end[j] * s.b[j];
    }
    sigma = sqrt((s.rss + floor) / (nn - pp + 2 * (s.rss < floor)));
    weight = log_prior + log(noise_prior[noise]) -
             0.5 * (nn * log((s.rss + floor) / nn) + f->white[noise].log_det +
                    pp * log(nn) + 2 * pp * (pp + 1) / fmax(nn - pp - 1, 0.5));
    mixture_add(&f->out->asymptotic,
                (struct opinion){weight, a * drift,
                                 sigma * functional_se(&s, asym) * drift,
                                 (int)(n - p)});
    mixture_add(&f->out->terminal,
                (struct opinion){weight, e * drift,
                                 sigma * functional_se(&s, end) * drift,
                                 (int)(n - p)});
    f->log_shape[shape] = log_add(f->log_shape[shape], weight);
    if (noise == NOISE_READING)
        f->out->level_noise = log_add(f->out->level_noise, weight);
    keep_best(f, &s, parts, shape, dr, sigma, weight);
}

/* Fits a shape made of up to two parts, if the blocks can carry it. */
static void fit(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share, const struct part *one,
                const struct part *two, const struct part *three)
{
    const struct part *parts[PARTS_MAX];
    size_t p = 0;

    for (size_t i = 0; i < f->nfixed; i++)
        parts[p++] = &f->fixed[i];
    if (one != NULL)
        parts[p++] = one;
    if (two != NULL && p < PARTS_MAX)
        parts[p++] = two;
    if (three != NULL && p < PARTS_MAX)
        parts[p++] = three;
    if (f->data->n < 2 * p + 1)
        return;
    for (int noise = 0; noise < NOISES; noise++)
        fit_noise(f, parts, p, shape,
                  log(shape_prior[shape] * dr->prior * share), dr, noise);
}

/* A column of its own in `f`-independent storage. */
static double *column(const struct fitter *f)
{
    return mem_zalloc(f->data->n, sizeof(double));
}

static void fit_fills(struct fitter *f, const struct driver *dr,
                      const struct part *line)
{
    double *x = column(f), sum = 0;

    for (int i = 0; i < FILLS; i++)
        sum += fills[i].prior;
    for (int i = 0; i < FILLS; i++) {
        double tau = fills[i].tau * dr->sum, at = 0;
        double span = 1 - exp(-dr->sum / tau);
        struct part part = {x, 0, exp(-dr->sum / tau) / tau / span, 1 / tau};

        for (size_t b = 0; b < f->data->n; b++) {
            x[b] = exp(-at / tau) * -expm1(-dr->u[b] / tau) / span;
            at += dr->u[b];
        }
        fit(f, dr, GROWTH_FILL, fills[i].prior / sum, &part, NULL, NULL);
        fit(f, dr, GROWTH_FILL_LINE, fills[i].prior / sum, &part, line, NULL);
    }
    free(x);
}

static void fit_logs(struct fitter *f, const struct driver *dr,
                     const struct part *line)
{
    double *x = column(f);

    for (int i = 0; i < LOGS; i++) {
        double zero = logs[i] * dr->sum, at = zero;
        struct part part = {x, 0, 1 / (zero + dr->sum), 1 / (zero + dr->sum)};

        for (size_t b = 0; b < f->data->n; b++) {
            x[b] = log1p(dr->u[b] / at);
            at += dr->u[b];
        }
        fit(f, dr, GROWTH_LOG, 1.0 / LOGS, &part, NULL, NULL);
        fit(f, dr, GROWTH_LOG_LINE, 1.0 / LOGS, &part, line, NULL);
    }
    free(x);
}

/* Slopes that change inside the run, at block edges and in their middles. */
static void fit_kinks(struct fitter *f, const struct driver *dr)
{
    size_t n = f->data->n, places = 2 * n - 1,
           step = 1 + places / (2 * POSITIONS_MAX);
    double *head = column(f), *tail = column(f), count = 0;

    for (size_t i = 1; i <= places; i += step)
        count++;
    for (size_t i = 1; i <= places; i += step) {
        struct part before = {head, 0, 0, 0}, after = {tail, 1, 1, 0};
        size_t block = i / 2;

        for (size_t b = 0; b < n; b++) {
            double part = b < block ? 1 : b > block || i % 2 == 0 ? 0 : 0.5;

            head[b] = dr->u[b] * part;
            tail[b] = dr->u[b] - head[b];
        }
        fit(f, dr, GROWTH_STOP, 1 / count, &before, NULL, NULL);
        if (n - block - i % 2 < TAIL_MIN)
            continue;
        fit(f, dr, GROWTH_KINK, 1 / count, &before, &after, NULL);
        fit(f, dr, GROWTH_LATE, 1 / count, &after, NULL, NULL);
    }
    free(head);
    free(tail);
}

/* One block that stands out: a jump that stays, or one wild reading. */
static void fit_jumps(struct fitter *f, const struct driver *dr,
                      const struct part *line)
{
    size_t n = f->data->n, step = 1 + n / POSITIONS_MAX;
    double *jump = column(f), *spike = column(f), *fill = column(f), count = 0;

    for (size_t i = 0; i < n; i += step)
        count++;
    for (size_t i = 0; i < n; i += step) {
        struct part jumps = {jump, 0, 0, 0}, spikes = {spike, 0, 0, 0};

        jump[i] = spike[i] = 1;
        if (i + 1 < n)
            spike[i + 1] = -1;
        if (dr->id == DRIVER_REQUESTS) {
            fit(f, dr, GROWTH_JUMP, 1 / count, &jumps, NULL, NULL);
            fit(f, dr, GROWTH_SPIKE, 1 / count, &spikes, NULL, NULL);
        }
        fit(f, dr, GROWTH_JUMP_LINE, 1 / count, &jumps, line, NULL);
        fit(f, dr, GROWTH_SPIKE_LINE, 1 / count, &spikes, line, NULL);
        for (int k = 2; k < 8; k += 2) {
            double tau = fills[k].tau * dr->sum, at = 0;
            struct part part = {fill, 0, exp(-dr->sum / tau) / tau, 1 / tau};

            for (size_t b = 0; b < n; b++) {
                fill[b] = exp(-at / tau) * -expm1(-dr->u[b] / tau);
                at += dr->u[b];
            }
            fit(f, dr, GROWTH_FILL_JUMP, 1 / count / 3, &part, &jumps, NULL);
        }
        jump[i] = spike[i] = 0;
        if (i + 1 < n)
            spike[i + 1] = 0;
    }
    free(jump);
    free(spike);
    free(fill);
}

/* A bend that is over, with a noise of its own on either side: what comes
   after it is judged by itself. The head is never the quieter one. With
   `gap`, the block in which it bends explains itself. */
static void fit_two_noises(struct fitter *f, const struct driver *dr,
                           size_t head, bool gap, bool line, double share)
{
    const double *d = f->data->d, *u = dr->u;
    size_t n = f->data->n, from = head + gap, tail = n - from;
    double hu = dot(u, u, head), tu = dot(u + from, u + from, tail);
    double a = dot(u, d, head) / hu, q = f->data->quantum, var, weight;
    double c = line ? dot(u + from, d + from, tail) / tu : 0;
    double rss[2] = {0, 0}, p = 2 + gap + line;
    enum growth_shape shape = line ? GROWTH_KINK : GROWTH_STOP;
    struct opinion o;

    if (!(hu > 0) || !(tu > 0))
        return;
    for (size_t i = 0; i < n; i++) {
        double e = d[i] - u[i] * (i < head ? a : c);

        rss[i >= from] += gap && i == head ? 0 : e * e;
    }
    var = (rss[1] + q * q / 6) / (double)tail;
    rss[0] = fmax(rss[0] / (double)from, var);
    weight = log(shape_prior[shape] * dr->prior * share) -
             0.5 * ((double)from * log(rss[0]) + (double)tail * log(var) +
                    p * log((double)n) +
                    2 * p * (p + 1) / fmax((double)n - p - 1, 0.5));
    var = (rss[1] + q * q / 6) / (double)(tail - line);
    o = (struct opinion){weight, c * dr->per_request,
                         line ? sqrt(var / tu) * dr->per_request : 0,
                         (int)tail - 1};
    mixture_add(&f->out->asymptotic, o);
    mixture_add(&f->out->terminal, o);
    f->log_shape[shape] = log_add(f->log_shape[shape], weight);
    if (weight <= f->best)
        return;
    f->best = weight;
    f->out->shape = shape;
    f->out->driver = dr->id;
    f->out->sigma = sqrt(var);
    f->out->bend_rate = 0;
    for (size_t i = 0; i < n; i++)
        f->out->fitted[i] = gap && i == head ? d[i] : u[i] * (i < head ? a : c);
}

static void fit_rests(struct fitter *f, const struct driver *dr)
{
    size_t n = f->data->n, places = n - TAIL_MIN, step;
    double share;

    if (f->nfixed > 0 || n < 6)
        return;
    step = 1 + places / POSITIONS_MAX;
    share = 0.25 * (double)step / (double)places;
    for (size_t head = 1; head <= places; head += step)
        for (int gap = 0; gap < 2; gap++) {
            size_t tail = n - head - (size_t)gap;

            if (tail >= TAIL_MIN && head + (size_t)gap >= 2)
                fit_two_noises(f, dr, head, gap, false, share);
            if (tail > TAIL_MIN && head + (size_t)gap >= 2)
                fit_two_noises(f, dr, head, gap, true, share);
        }
}

static void fit_driver(struct fitter *f, const struct driver *dr)
{
    struct part line = {dr->u, 1, 1, 0};

    if (dr->id == DRIVER_REQUESTS)
        fit(f, dr, GROWTH_FLAT, 1, NULL, NULL, NULL);
    fit(f, dr, GROWTH_LINE, 1, &line, NULL, NULL);
    fit_fills(f, dr, &line);
    fit_logs(f, dr, &line);
    fit_kinks(f, dr);
    fit_jumps(f, dr, &line);
    fit_rests(f, dr);
}

static struct driver driver_make(const struct growth_data *d, int id,
                                 const double *u, double prior)
{
    struct driver dr = {.id = id, .u = u, .prior = prior};
    double requests = 0;

    for (size_t i = 0; i < d->n; i++) {
        dr.sum += u[i];
        requests += d->requests[i];
    }
    dr.per_request = dr.sum / requests;
    return dr;
}

/* How much of the differences a line in `u` leaves unexplained. */
static double line_rss(const struct growth_data *d, const double *u)
{
    double uu = dot(u, u, d->n), uy = dot(u, d->d, d->n);

    return uu > 0 ? dot(d->d, d->d, d->n) - uy * uy / uu : INFINITY;
}

/* All requests, time, and the few kinds that explain best by themselves. */
static size_t drivers_pick(const struct growth_data *d, struct driver *out)
{
    size_t n = 0;
    double last = -INFINITY;
    size_t last_kind = 0;

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
    return n;
}

/* The first block from which on the best fit's growth per block stays near
   what it ends with: there the warm-up is over. */
static size_t transient_end(const struct growth_data *d, const struct growth *g)
{
    size_t n = d->n, i = n;
    double last = g->fitted[n - 1] / d->requests[n - 1], top = 0;

    for (size_t b = 0; b < n; b++)
        top = fmax(top, fabs(g->fitted[b] / d->requests[b] - last));
    while (i > 0 && fabs(g->fitted[i - 1] / d->requests[i - 1] - last) <=
                        0.1 * top + 1e-12)
        i--;
    return top > 0 && g->shape != GROWTH_LINE ? i : 0;
}

static void fitter_open(struct fitter *f, double *lag)
{
    const struct growth_data *d = f->data;
    double restarts = 0;

    f->best = -INFINITY;
    f->work = mem_zalloc((PARTS_MAX + 1) * d->n, sizeof *f->work);
    for (int i = 0; i < NOISES; i++)
        whitener_make(d, noise_rho[i], &f->white[i]);
    for (int i = 0; i < GROWTH_SHAPES; i++)
        f->log_shape[i] = -INFINITY;
    for (size_t i = 0; d->restarts != NULL && i < d->n; i++) {
        restarts += d->restarts[i];
        lag[i] = i > 0 ? d->restarts[i - 1] : 0;
    }
    if (restarts == 0)
        return;
    f->fixed[f->nfixed++] = (struct part){d->restarts, 0, 0, 0};
    if (d->n >= 9) /* a fresh process warms up in its next block */
        f->fixed[f->nfixed++] = (struct part){lag, 0, 0, 0};
}

static void fitter_close(struct fitter *f)
{
    struct growth *g = f->out;
    double all = -INFINITY;

    for (int i = 0; i < GROWTH_SHAPES; i++)
        all = log_add(all, f->log_shape[i]);
    for (int i = 0; i < GROWTH_SHAPES; i++)
        g->shape_weight[i] = exp(f->log_shape[i] - all);
    g->level_noise = exp(g->level_noise - all);
    mixture_close(&g->asymptotic, 1e-7);
    mixture_close(&g->terminal, 1e-7);
    for (int i = 0; i < NOISES; i++) {
        free(f->white[i].diag);
        free(f->white[i].low);
    }
    free(f->work);
}

void growth_fit(const struct growth_data *data, struct growth *out)
{
    struct fitter f = {.data = data, .out = out};
    struct driver drivers[DRIVERS_MAX];
    size_t n;
    double *lag;

    *out = (struct growth){.level_noise = -INFINITY, .restart_drop = NAN};
    if (data->n < 3)
        return;
    lag = mem_zalloc(data->n, sizeof *lag);
    out->fitted = mem_zalloc(data->n, sizeof *out->fitted);
    fitter_open(&f, lag);
    n = drivers_pick(data, drivers);
    for (size_t i = 0; i < n; i++)
        if (drivers[i].sum > 0)
            fit_driver(&f, &drivers[i]);
    fitter_close(&f);
    if (out->asymptotic.n > 0) {
        out->n = data->n;
        out->transient = transient_end(data, out);
    }
    free(lag);
}

double growth_asymptotic(const struct growth *g, double p)
{
    return mixture_quantile(&g->asymptotic, p);
}

double growth_terminal(const struct growth *g, double p)
{
    return mixture_quantile(&g->terminal, p);
}

double growth_bends(const struct growth *g)
{
    return g->shape_weight[GROWTH_FILL] + g->shape_weight[GROWTH_LOG] +
           g->shape_weight[GROWTH_STOP] + g->shape_weight[GROWTH_FILL_JUMP] +
           g->shape_weight[GROWTH_STOP_JUMP];
}

void growth_release(struct growth *g)
{
    mixture_release(&g->asymptotic);
    mixture_release(&g->terminal);
    free(g->fitted);
    *g = (struct growth){0};
}
