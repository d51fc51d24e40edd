/* How one explanation of the blocks is fitted and weighed: growth_fit.h. */
#include "analyzers/growth_fit.h"

#include "analyzers/growth_memo.h"
#include "analyzers/lives.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOISE_READING = 2, /* index: errors of single readings alone */
    NOISE_SCATTER = 3, /* index: scatter in proportion to the growth */
};

/* So much lighter than another, an explanation has no say: exp(-30). */
#define HOPELESS 30

/* Parts of the noise variance that belong to errors of a single reading. */
static const double noise_rho[GROWTH_NOISES] = {0, 0.5, 1, 0};
static const double noise_prior[GROWTH_NOISES] = {0.5, 0.12, 0.13, 0.25};

static const double shape_prior[GROWTH_SHAPES] = {
    [GROWTH_FLAT] = 1,         [GROWTH_LINE] = 1,
    [GROWTH_FILL] = 1,         [GROWTH_FILL_LINE] = 0.7,
    [GROWTH_LOG] = 0.4,        [GROWTH_LOG_LINE] = 0.2,
    [GROWTH_STOP] = 0.3,       [GROWTH_KINK] = 0.25,
    [GROWTH_LATE] = 0.3,       [GROWTH_JUMP] = 0.6,
    [GROWTH_JUMP_LINE] = 0.4,  [GROWTH_SPIKE] = 0.5,
    [GROWTH_SPIKE_LINE] = 0.4, [GROWTH_FILL_JUMP] = 0.2,
    [GROWTH_JUMPS] = 0.01,     [GROWTH_JUMPS_LINE] = 0.01};

void growth_noises_open(struct fitter *f, const double *var)
{
    size_t n = f->data->n;

    f->log_n = log((double)n);
    for (int i = 0; i < GROWTH_NOISES; i++) {
        whitener_make(n, var, noise_rho[i], &f->white[i]);
        f->log_noise[i] = f->data->readings ? 0 : log(noise_prior[i]);
        f->white_d[i] = mem_zalloc(n, sizeof **f->white_d);
        whitener_apply(&f->white[i], f->data->d, f->white_d[i]);
    }
}

void growth_noises_close(struct fitter *f)
{
    for (int i = 0; i < GROWTH_NOISES; i++) {
        whitener_release(&f->white[i]);
        free(f->white_d[i]);
    }
}

void growth_recall(struct fitter *f, const struct driver *dr)
{
    struct growth_memo_key k = {
        .id = dr->id, .n = f->data->n, .nfixed = f->nfixed, .u = dr->u};

    for (size_t i = 0; i < f->nfixed; i++)
        k.fixed[i] = f->fixed[i].x;
    /* A mix is made from the readings: it does not come again. */
    f->memo =
        dr->id == DRIVER_MIX ? NULL : growth_memo_driver(f->data->memo, &k);
}

/* Keeps the best fit for whoever wants to draw or explain it. */
static void keep_best(struct fitter *f, const struct solution *s,
                      const struct growth_part *const *parts,
                      enum growth_shape shape, const struct driver *dr,
                      int noise, double goes_on, double sigma, double weight)
{
    const struct whitener *w = &f->white[noise];
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
    g->restart_drop = f->nfixed > 0 && f->data->lives == NULL ? -s->b[0] : NAN;
    if (dr->id == DRIVER_LIVES)
        g->restart_drop =
            goes_on * f->data->lives->length / f->data->lives->at_once;
    g->parameters = s->p + dr->extra;
    memcpy(g->white, f->work + LSQ_PARTS * n, n * sizeof *g->white);
    memcpy(g->diag, w->diag, n * sizeof *g->diag);
    memcpy(g->low, w->low, n * sizeof *g->low);
    for (size_t i = 0; i < n; i++) {
        g->fitted[i] = 0;
        g->units[i] = dr->u[i];
        for (size_t j = 0; j < s->p; j++)
            g->fitted[i] += s->b[j] * parts[j]->x[i];
    }
}

static void add_draw(struct growth *g, struct growth_draw d)
{
    g->draws = mem_grow(g->draws, g->ndraws, &g->capdraws, sizeof *g->draws);
    g->draws[g->ndraws++] = d;
}

/* Keeps the explanation of opinion `o`, whose end of the run is `end`, as a
   way to go on. */
static void keep_draw(struct fitter *f, const struct solution *s,
                      const struct growth_part *const *parts,
                      const struct driver *dr, int noise, double sigma,
                      const struct opinion *o, double end)
{
    const struct whitener *w = &f->white[noise];
    size_t last = f->data->n - 1;
    bool scatters = noise == NOISE_SCATTER;
    struct growth_draw d = {.log_weight = o->log_weight,
                            .at = o->at,
                            .se = sigma > 0 ? o->scale / sigma : 0,
                            .sigma = sigma,
                            .bend = end - o->at,
                            .diag = w->diag[last],
                            .low = scatters ? 0 : w->low[last],
                            .last = f->work[LSQ_PARTS * (last + 1) + last],
                            .least = scatters ? f->least : 0,
                            .df = o->df};

    for (size_t j = 0; j < s->p; j++)
        d.fade += parts[j]->fade * dr->sum / (double)f->data->n;
    add_draw(f->out, d);
}

/* Solves for the coefficients under one noise; what does not hang on the
   readings is taken from `m`, or left there, when there is one. */
static bool solve(struct fitter *f, int noise,
                  const struct growth_part *const *parts, size_t p,
                  struct growth_design *m, struct solution *out)
{
    size_t n = f->data->n;
    double *y = f->work + LSQ_PARTS * n, *q = f->work;
    double asym[GROWTH_PARTS_MAX], end[GROWTH_PARTS_MAX];
    struct lsq s;

    if (growth_memo_recall(m, p, &s, &q)) {
        out->se_asym = m->se_asym;
        out->se_end = m->se_end;
    } else {
        for (size_t j = 0; j < p; j++) {
            whitener_apply(&f->white[noise], parts[j]->x, q + j * n);
            asym[j] = parts[j]->asym;
            end[j] = parts[j]->end;
        }
        if (!lsq_factor(q, n, p, &s))
            return false;
        out->se_asym = lsq_se(&s, asym);
        out->se_end = lsq_se(&s, end);
        growth_memo_keep(m, n, &s, q, out->se_asym, out->se_end);
    }
    memcpy(y, f->white_d[noise], n * sizeof *y);
    lsq_project(q, n, y, &s);
    out->p = p;
    out->rss = s.rss;
    memcpy(out->b, s.b, sizeof out->b);
    return true;
}

/* What fills at random scatters in proportion to what it adds, and is still
   when it is full. Two rounds: the growth is `first`; then the scatter. */
static void scatter_make(struct fitter *f,
                         const struct growth_part *const *parts,
                         const struct solution *first)
{
    struct whitener *w = &f->white[NOISE_SCATTER];
    size_t n = f->data->n;
    double mean = 0, least, product = 1;

    for (size_t i = 0; i < n; i++)
        mean += fabs(f->data->d[i]) / (double)n;
    f->least = least = 0.01 * mean + f->data->quantum;
    w->log_det = 0;
    for (size_t i = 0; i < n; i++) {
        double fitted = 0, v;

        for (size_t j = 0; j < first->p; j++)
            fitted += first->b[j] * parts[j]->x[i];
        v = (fabs(fitted) + least) / least;
        w->diag[i] = sqrt(v);
        product *= v;
        if (product > 1e200 || i + 1 == n) {
            w->log_det += log(product);
            product = 1;
        }
    }
    whitener_apply(w, f->data->d, f->white_d[NOISE_SCATTER]);
}

/* A few jumps up may go on as often as they came, which is known as well as
   so few can be (a compound Poisson process). The longer the last one ago,
   the less that has to say; `o` is changed to have the rest. */
static void jumps_go_on(struct fitter *f,
                        const struct growth_part *const *parts,
                        const struct solution *s, const struct driver *dr,
                        struct opinion *o)
{
    struct opinion more = *o;
    double sum = 0, squares = 0, until = 0, past = 1, at;

    more.df = 0;
    for (size_t j = f->nfixed; j < s->p; j++) {
        if (parts[j]->asym != 0)
            continue; /* the line beside them */
        if (s->b[j] <= 0)
            return;
        sum += s->b[j];
        squares += s->b[j] * s->b[j];
        more.df++;
        at = 0;
        for (size_t b = 0; b < f->data->n; b++) {
            at += dr->u[b] / dr->sum;
            if (parts[j]->x[b] != 0)
                until = fmax(until, at);
        }
    }
    /* As likely as it is that all of them came so early. */
    for (int i = 0; i < more.df; i++)
        past *= until;
    more.log_weight += log(past / (1 + past));
    o->log_weight -= log1p(past);
    more.at += sum / dr->sum * dr->per_request;
    more.scale = hypot(o->scale, sqrt(squares) / dr->sum * dr->per_request);
    mixture_add(&f->out->terminal, more);
    mixture_add(&f->out->asymptotic, more);
}

/* Adds the opinion of one solution. Evidence is the small-sample Bayesian
   criterion on the likelihood with the noise profiled out; the noise never
   falls below what rounding alone makes. */
static void weigh(struct fitter *f, const struct growth_part *const *parts,
                  const struct solution *s, enum growth_shape shape,
                  double log_prior, const struct driver *dr, int noise)
{
    double q = f->data->quantum, floor = 2 * q * q / 12, a = 0, e = 0;
    double nn = (double)f->data->n, pp = (double)(s->p + dr->extra);
    bool lives = dr->id == DRIVER_LIVES || f->data->readings;
    struct opinion o = {.df = (int)(f->data->n - s->p - dr->extra),
                        .tag = (int)shape + (lives ? GROWTH_TAG_LIVES : 0)};
    double spread = sqrt((s->rss + floor) / (nn - pp + 2 * (s->rss < floor)));
    /* A sixth more: what choosing among shapes costs (by simulation). */
    double sigma = 1.15 * spread, weight;

    o.log_weight =
        log_prior + f->log_noise[noise] -
        0.5 * (nn * log((s->rss + floor) / nn) + f->white[noise].log_det +
               pp * f->log_n + 2 * pp * (pp + 1) / fmax(nn - pp - 1, 0.5));
    weight = o.log_weight;
    if (weight < f->best - HOPELESS)
        return;
    for (size_t j = 0; j < s->p; j++) {
        a += parts[j]->asym * s->b[j];
        e += parts[j]->end * s->b[j];
    }
    o.at = e * dr->per_request;
    o.scale = sigma * s->se_end * dr->per_request;
    if (shape == GROWTH_JUMPS || shape == GROWTH_JUMPS_LINE)
        jumps_go_on(f, parts, s, dr, &o);
    mixture_add(&f->out->terminal, o);
    if (!lives) { /* there, what lasts through a life goes on */
        o.at = a * dr->per_request;
        o.scale = sigma * s->se_asym * dr->per_request;
    }
    mixture_add(&f->out->asymptotic, o);
    f->log_shape[shape] = lsq_log_add(f->log_shape[shape], weight);
    if (f->data->draws)
        keep_draw(f, s, parts, dr, noise, spread, &o, e * dr->per_request);
    if (noise == NOISE_READING)
        f->out->level_noise = lsq_log_add(f->out->level_noise, weight);
    keep_best(f, s, parts, shape, dr, noise, lives ? e : a, sigma, weight);
}

void growth_try(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share,
                const struct growth_part *one, const struct growth_part *two,
                const struct growth_part *three)
{
    const struct growth_part *parts[GROWTH_PARTS_MAX] = {NULL};
    const struct growth_part *given[] = {one, two, three};
    struct solution first = {0}, s;
    double log_prior;
    bool solved = false;
    size_t p = 0;

    for (size_t i = 0; i < f->nfixed; i++)
        parts[p++] = &f->fixed[i];
    for (size_t i = 0; i < 3 && p < GROWTH_PARTS_MAX; i++)
        if (given[i] != NULL)
            parts[p++] = given[i];
    if (f->data->n < 2 * (p + dr->extra) + 1)
        return;
    log_prior = log(shape_prior[shape] * dr->prior * share);
    for (int noise = 0; noise < NOISE_SCATTER; noise++) {
        if (f->data->readings && noise != NOISE_READING)
            continue;
        if (!solve(f, noise, parts, p, growth_memo_next(f->memo), &s))
            continue;
        if (noise == 0) {
            first = s;
            solved = true;
        }
        weigh(f, parts, &s, shape, log_prior, dr, noise);
    }
    if (!solved || p == 0 || f->data->plain)
        return;
    scatter_make(f, parts, &first);
    if (solve(f, NOISE_SCATTER, parts, p, NULL, &s))
        weigh(f, parts, &s, shape, log_prior, dr, NOISE_SCATTER);
}

bool growth_say(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share, struct opinion o,
                double sigma)
{
    o.log_weight += log(shape_prior[shape] * dr->prior * share);
    o.tag = (int)shape;
    mixture_add(&f->out->asymptotic, o);
    mixture_add(&f->out->terminal, o);
    f->log_shape[shape] = lsq_log_add(f->log_shape[shape], o.log_weight);
    if (f->data->draws)
        add_draw(f->out,
                 (struct growth_draw){.log_weight = o.log_weight,
                                      .at = o.at,
                                      .se = sigma > 0 ? o.scale / sigma : 0,
                                      .sigma = sigma,
                                      .diag = 1,
                                      .df = o.df});
    if (o.log_weight <= f->best)
        return false;
    f->best = o.log_weight;
    f->out->shape = shape;
    f->out->driver = dr->id;
    f->out->bend_rate = 0;
    for (size_t i = 0; i < f->data->n; i++)
        f->out->units[i] = dr->u[i];
    return true;
}
