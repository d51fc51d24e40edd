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
    /* Index: scatter in proportion to the growth. The others are whiteners'. */
    NOISE_SCATTER = GROWTH_MEMO_NOISES,
};

/* Among the memo's drivers: one life put together from many. */
enum { LIFE = -1000 };

/* Columns of a fitter's work. */
enum {
    WORK_Q = 0, /* of an explanation that no memo keeps */
    WORK_LEFT = GROWTH_MEMO_NOISES * GROWTH_MEMO_PARTS,
    WORK_TIMES, /* readings and columns times their weight */
    WORK_COLUMNS = WORK_TIMES + GROWTH_MEMO_PARTS + 1,
};

/* So much lighter than another, an explanation has no say: exp(-30). */
#define HOPELESS 30

/* Where not all need be tried, what is so much lighter than another if steps
   stay is not asked under other noises: exp(-5). */
#define FAR 5

/* Where so little of the readings' square is left, the rest of a subtraction
   has lost too many digits: the residuals are made one by one. */
#define CANCELLED 1e-6

/* A column that shares all but so much of its length with others says nothing
   by itself. */
#define DEPENDENT 1e-6

/* One explanation's coefficients under one noise, of the orthonormal columns
   in `q`, which are white under `basis`. */
struct solution {
    const struct growth_explanation *of;
    const struct growth_design *design;
    int noise;
    double c[GROWTH_MEMO_PARTS], rss, log_det;
};

/* Parts of the noise variance that belong to errors of a single reading. */
static const double noise_rho[GROWTH_NOISES] = {0, 0.5, 1, 0};
static const double noise_prior[2][GROWTH_NOISES] = {
    {0.5, 0.12, 0.13, 0.25}, {0.25, 0.25, 0.3, 0.2} /* counts of objects */
};

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
    f->floor = f->data->quantum * f->data->quantum / 6;
    f->work = mem_zalloc(WORK_COLUMNS * n, sizeof *f->work);
    f->scatter = mem_zalloc(n, sizeof *f->scatter);
    for (int i = 0; i < GROWTH_NOISES; i++)
        f->log_noise[i] =
            f->data->readings ? 0 : log(noise_prior[f->data->counts][i]);
    for (int i = 0; i < GROWTH_MEMO_NOISES; i++) {
        whitener_make(n, var, noise_rho[i], &f->white[i]);
        f->white_d[i] = mem_zalloc(n, sizeof **f->white_d);
        whitener_apply(&f->white[i], f->data->d, f->white_d[i]);
        f->square[i] = lsq_dot(f->white_d[i], f->white_d[i], n);
    }
}

void growth_noises_close(struct fitter *f)
{
    for (int i = 0; i < GROWTH_MEMO_NOISES; i++) {
        whitener_release(&f->white[i]);
        free(f->white_d[i]);
    }
    free(f->scatter);
    free(f->work);
}

static double dot(const double *a, const double *b, size_t p)
{
    double sum = 0;

    for (size_t j = 0; j < p; j++)
        sum += a[j] * b[j];
    return sum;
}

/* What `s` says of each block, white under its basis, into `out`. */
static void fitted_white(const struct solution *s, size_t n, double *out)
{
    const double *q = s->design->q;

    for (size_t i = 0; i < n; i++)
        out[i] = s->of->p > 0 ? s->c[0] * q[i] : 0;
    for (size_t j = 1; j < s->of->p; j++)
        for (size_t i = 0; i < n; i++)
            out[i] += s->c[j] * q[j * n + i];
}

/* The readings less `s`, white under its basis, into `left`. */
static void residuals(const struct fitter *f, const struct solution *s,
                      double *left)
{
    const double *y = f->white_d[s->noise == NOISE_SCATTER ? 0 : s->noise];

    fitted_white(s, f->data->n, left);
    for (size_t i = 0; i < f->data->n; i++)
        left[i] = y[i] - left[i];
}

/* What `s` says of each block, into `out`. */
static void fitted(const struct fitter *f, const struct solution *s,
                   double *out)
{
    const struct whitener *w =
        &f->white[s->noise == NOISE_SCATTER ? 0 : s->noise];
    double before = 0, z;

    fitted_white(s, f->data->n, out);
    for (size_t i = 0; i < f->data->n; i++) {
        z = out[i];
        out[i] = w->diag[i] * z + w->low[i] * before;
        before = z;
    }
}

/* Keeps the best fit for whoever wants to draw or explain it. */
static void keep_best(struct fitter *f, const struct solution *s,
                      const struct driver *dr, double goes_on, double sigma)
{
    struct growth *g = f->out;
    bool scatters = s->noise == NOISE_SCATTER;
    const struct whitener *w = &f->white[scatters ? 0 : s->noise];
    size_t n = f->data->n;

    g->shape = (enum growth_shape)s->of->shape;
    g->driver = dr->id;
    g->sigma = sigma;
    g->bend_rate = s->of->fade * dr->sum / (double)n;
    if (f->data->brief)
        return;
    g->restart_drop = NAN;
    if (f->nfixed > 0 && f->data->lives == NULL && !f->data->readings)
        g->restart_drop = -dot(s->design->first, s->c, s->of->p);
    if (dr->id == DRIVER_LIVES)
        g->restart_drop =
            goes_on * f->data->lives->length / f->data->lives->at_once;
    g->parameters = s->of->p + dr->extra;
    fitted(f, s, g->fitted);
    residuals(f, s, g->white);
    for (size_t i = 0; i < n; i++) {
        g->units[i] = dr->u[i];
        g->diag[i] = scatters ? sqrt(f->scatter[i]) : w->diag[i];
        g->low[i] = scatters ? 0 : w->low[i];
        if (scatters)
            g->white[i] *= w->diag[i] / g->diag[i];
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
                      const struct driver *dr, double sigma,
                      const struct opinion *o, double end)
{
    bool scatters = s->noise == NOISE_SCATTER;
    const struct whitener *w = &f->white[scatters ? 0 : s->noise];
    size_t n = f->data->n, last = n - 1;
    double diag = scatters ? sqrt(f->scatter[last]) : w->diag[last];
    double left = f->white_d[scatters ? 0 : s->noise][last];

    for (size_t j = 0; j < s->of->p; j++)
        left -= s->c[j] * s->design->q[j * n + last];
    add_draw(f->out,
             (struct growth_draw){.log_weight = o->log_weight,
                                  .at = o->at,
                                  .se = sigma > 0 ? o->scale / sigma : 0,
                                  .sigma = sigma,
                                  .bend = end - o->at,
                                  .fade = s->of->fade * dr->sum / (double)n,
                                  .diag = diag,
                                  .low = scatters ? 0 : w->low[last],
                                  .last = left * w->diag[last] / diag,
                                  .least = scatters ? f->least : 0,
                                  .df = o->df});
}

/* Solves for the coefficients under one noise. */
static bool solve(struct fitter *f, const struct growth_explanation *e,
                  int noise, struct solution *out)
{
    size_t n = f->data->n;
    double *left = f->work + WORK_LEFT * n, square = f->square[noise];

    out->of = e;
    out->design = &e->noise[noise];
    out->noise = noise;
    out->log_det = f->white[noise].log_det;
    out->rss = square;
    if (!out->design->usable)
        return false;
    for (size_t j = 0; j < e->p; j++) {
        out->c[j] = lsq_dot(out->design->q + j * n, f->white_d[noise], n);
        out->rss -= out->c[j] * out->c[j];
    }
    if (e->p > 0 && !(out->rss > CANCELLED * square)) {
        residuals(f, out, left);
        for (size_t j = 0; j < e->p; j++)
            out->c[j] += lsq_dot(out->design->q + j * n, left, n);
        residuals(f, out, left);
        out->rss = lsq_dot(left, left, n);
    }
    return true;
}

/* What fills at random scatters in proportion to what it adds, and is still
   when it is full. Two rounds: the growth is `first`; then the scatter.
   Returns the logarithm of the determinant. */
static double scatter_make(struct fitter *f, const struct solution *first)
{
    size_t n = f->data->n;
    const double *diag = f->white[0].diag;
    double log_det = 0, product = 1, scale = 1 / f->least;

    fitted_white(first, n, f->scatter);
    for (size_t i = 0; i < n; i++) {
        f->scatter[i] = fabs(diag[i] * f->scatter[i]) * scale + 1;
        product *= f->scatter[i];
        if (product > 1e200 || i + 1 == n) {
            log_det += log(product);
            product = 1;
        }
    }
    return log_det;
}

/* Cholesky's factor of the columns' products under the weights: they were
   orthonormal without, so that these are well conditioned. Then the
   coefficients. `times` holds the weighted columns, and the readings. */
static bool solve_weighted(struct fitter *f, const double *times,
                           struct solution *s)
{
    size_t n = f->data->n, p = s->of->p;
    const double *q = s->design->q, *y = f->white_d[0];
    double z[GROWTH_MEMO_PARTS];

    s->rss = lsq_dot(times + p * n, y, n);
    for (size_t j = 0; j < p; j++) {
        double left = lsq_dot(times + j * n, q + j * n, n), all = left;

        z[j] = lsq_dot(times + j * n, y, n);
        for (size_t k = 0; k < j; k++) {
            double a = lsq_dot(times + j * n, q + k * n, n);

            for (size_t m = 0; m < k; m++)
                a -= f->cholesky[j][m] * f->cholesky[k][m];
            f->cholesky[j][k] = a / f->cholesky[k][k];
            left -= f->cholesky[j][k] * f->cholesky[j][k];
            z[j] -= f->cholesky[j][k] * z[k];
        }
        if (!(left > DEPENDENT * DEPENDENT * all))
            return false;
        f->cholesky[j][j] = sqrt(left);
        z[j] /= f->cholesky[j][j];
        s->rss -= z[j] * z[j];
    }
    for (size_t j = p; j-- > 0;) {
        s->c[j] = z[j];
        for (size_t k = j + 1; k < p; k++)
            s->c[j] -= f->cholesky[k][j] * s->c[k];
        s->c[j] /= f->cholesky[j][j];
    }
    return true;
}

/* The second round, from the `first`. */
static bool solve_scatter(struct fitter *f, const struct solution *first,
                          struct solution *out)
{
    size_t n = f->data->n, p = first->of->p;
    const double *var = f->white[0].diag;
    double *times = f->work + WORK_TIMES * n, *left = f->work + WORK_LEFT * n;
    double square;

    *out = *first;
    out->noise = NOISE_SCATTER;
    out->log_det = scatter_make(f, first);
    for (size_t i = 0; i < n; i++) {
        left[i] = var[i] * var[i] / f->scatter[i];
        times[p * n + i] = left[i] * f->white_d[0][i];
    }
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < n; i++)
            times[j * n + i] = left[i] * first->design->q[j * n + i];
    square = lsq_dot(times + p * n, f->white_d[0], n);
    if (!solve_weighted(f, times, out))
        return false;
    if (out->rss > CANCELLED * square)
        return true;
    residuals(f, out, left);
    out->rss = 0;
    for (size_t i = 0; i < n; i++)
        out->rss += left[i] * left[i] * var[i] * var[i] / f->scatter[i];
    return true;
}

/* The standard error of `a` for noise of one, under scatter. */
static double scatter_se(const struct fitter *f, const double *a, size_t p)
{
    double v[GROWTH_MEMO_PARTS], sum = 0;

    for (size_t j = 0; j < p; j++) {
        v[j] = a[j];
        for (size_t k = 0; k < j; k++)
            v[j] -= f->cholesky[j][k] * v[k];
        v[j] /= f->cholesky[j][j];
        sum += v[j] * v[j];
    }
    return sqrt(sum);
}

/* A few jumps up may go on as often as they came, which is known as well as
   so few can be (a compound Poisson process). The longer the last one ago,
   the less that has to say; `o` is changed to have the rest. */
static void jumps_go_on(struct fitter *f, const struct solution *s,
                        const struct driver *dr, struct opinion *o)
{
    struct lsq own = f->made[s->noise == NOISE_SCATTER ? 0 : s->noise];
    double sum = 0, squares = 0, until = 0, past = 1, at;
    struct opinion more = *o;

    memcpy(own.c, s->c, sizeof s->c);
    lsq_substitute(&own);
    more.df = 0;
    for (size_t j = f->nfixed; j < s->of->p; j++) {
        if (f->parts[j]->asym != 0)
            continue; /* the line beside them */
        if (own.b[j] <= 0)
            return;
        sum += own.b[j];
        squares += own.b[j] * own.b[j];
        more.df++;
        at = 0;
        for (size_t b = 0; b < f->data->n; b++) {
            at += dr->u[b] / dr->sum;
            if (f->parts[j]->x[b] != 0)
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
    if (!f->data->lasting)
        mixture_add(&f->out->terminal, more);
    mixture_add(&f->out->asymptotic, more);
}

/* Adds the opinion of one solution; `before` is what does not hang on how well
   it fits. Evidence is the small-sample Bayesian criterion on the likelihood
   with the noise profiled out; the noise never falls below what rounding alone
   makes. Returns the weight. */
static double weigh(struct fitter *f, const struct solution *s,
                    const struct driver *dr, double before)
{
    const struct growth_design *d = s->design;
    size_t p = s->of->p, left = f->data->n - p - dr->extra;
    double a, e, nn = (double)f->data->n, floor = f->floor, spread, sigma,
                 weight;
    bool lives = dr->id == DRIVER_LIVES || f->data->readings;
    bool scatters = s->noise == NOISE_SCATTER, jumps;
    struct opinion o = {.df = (int)left,
                        .tag = s->of->shape + (lives ? GROWTH_TAG_LIVES : 0)};

    weight = o.log_weight =
        before + f->log_noise[s->noise] -
        0.5 * (nn * log((s->rss + floor) / nn) + s->log_det);
    if (weight < f->best - HOPELESS)
        return weight;
    spread = sqrt((s->rss + floor) / ((double)left + 2 * (s->rss < floor)));
    /* A sixth more: what choosing among shapes costs (by simulation). */
    sigma = 1.15 * spread;
    e = dot(d->end, s->c, p);
    a = lives ? e : dot(d->asym, s->c, p); /* there, what lasts through a life
                                              goes on */
    jumps = s->of->shape == GROWTH_JUMPS || s->of->shape == GROWTH_JUMPS_LINE;
    if (lives || jumps || !f->data->lasting) {
        o.at = e * dr->per_request;
        o.scale = sigma * dr->per_request *
                  (scatters ? scatter_se(f, d->end, p) : d->se_end);
    }
    if (jumps)
        jumps_go_on(f, s, dr, &o);
    if (!f->data->lasting)
        mixture_add(&f->out->terminal, o);
    if (!lives) {
        o.at = a * dr->per_request;
        o.scale = sigma * dr->per_request *
                  (scatters ? scatter_se(f, d->asym, p) : d->se_asym);
    }
    mixture_add(&f->out->asymptotic, o);
    if (f->data->draws)
        keep_draw(f, s, dr, spread, &o, e * dr->per_request);
    if (weight <= f->best)
        return weight;
    f->best = weight;
    keep_best(f, s, dr, a, sigma);
    return weight;
}

/* Hears one explanation under every noise. */
static void hear(struct fitter *f, const struct driver *dr,
                 const struct growth_explanation *e)
{
    double nn = (double)f->data->n, pp = (double)(e->p + dr->extra);
    double spare = nn - pp - 1, before = e->log_prior + f->log_driver;
    double weight;
    struct solution first, s;
    bool solved = false;

    before -=
        0.5 * (pp * f->log_n + 2 * pp * (pp + 1) / (spare > 0.5 ? spare : 0.5));
    for (int noise = 0; noise < GROWTH_MEMO_NOISES; noise++) {
        if (!solve(f, e, noise, &s))
            continue;
        if (noise == 0) {
            first = s;
            solved = true;
        }
        weight = weigh(f, &s, dr, before);
        if (noise > 0)
            continue;
        f->best_even = fmax(f->best_even, weight);
        if (f->data->plain && weight < f->best_even - FAR)
            return;
    }
    if (solved && e->p > 0 && solve_scatter(f, &first, &s))
        weigh(f, &s, dr, before);
}

bool growth_recall(struct fitter *f, const struct driver *dr)
{
    struct growth_memo_key k = {
        .id = dr->id, .n = f->data->n, .nfixed = f->nfixed, .u = dr->u};

    for (size_t i = 0; i < f->nfixed; i++)
        k.fixed[i] = f->fixed[i].x;
    if (f->data->readings)
        k.id = LIFE;
    f->log_driver = log(dr->prior);
    /* A mix is made from the readings: it does not come again. */
    f->family =
        dr->id == DRIVER_MIX ? NULL : growth_memo_family(f->data->memo, &k);
    if (f->family == NULL || !f->family->complete)
        return false;
    for (size_t i = 0; i < f->family->n; i++)
        hear(f, dr, &f->family->v[i]);
    return true;
}

void growth_remember(struct fitter *f)
{
    if (f->family != NULL && !f->family->complete)
        f->family->complete = true; /* from then on it is only read */
    f->family = NULL;
}

/* Makes the columns white and orthonormal. */
static void design_make(struct fitter *f, int noise,
                        const struct growth_part *const *parts, size_t p,
                        struct growth_design *out)
{
    double first[GROWTH_MEMO_PARTS] = {1}, asym[GROWTH_MEMO_PARTS];
    double end[GROWTH_MEMO_PARTS], turned[LSQ_PARTS] = {0};
    size_t n = f->data->n;
    struct lsq s;

    for (size_t j = 0; j < p; j++) {
        whitener_apply(&f->white[noise], parts[j]->x, out->q + j * n);
        asym[j] = parts[j]->asym;
        end[j] = parts[j]->end;
    }
    out->usable = lsq_factor(out->q, n, p, &f->made[noise]);
    s = f->made[noise];
    if (!out->usable)
        return;
    lsq_turn(&s, first, turned);
    memcpy(out->first, turned, sizeof out->first);
    out->se_asym = lsq_turn(&s, asym, turned);
    memcpy(out->asym, turned, sizeof out->asym);
    out->se_end = lsq_turn(&s, end, turned);
    memcpy(out->end, turned, sizeof out->end);
}

void growth_try(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share,
                const struct growth_part *one, const struct growth_part *two,
                const struct growth_part *three)
{
    const struct growth_part *parts[GROWTH_MEMO_PARTS] = {NULL};
    const struct growth_part *given[] = {one, two, three};
    struct growth_explanation mine = {0}, *e = &mine;
    size_t n = f->data->n, p = 0;

    for (size_t i = 0; i < f->nfixed; i++)
        parts[p++] = &f->fixed[i];
    for (size_t i = 0; i < 3 && p < GROWTH_MEMO_PARTS; i++)
        if (given[i] != NULL)
            parts[p++] = given[i];
    if (n < 2 * (p + dr->extra) + 1)
        return;
    if (f->family != NULL)
        e = growth_family_add(f->family, n, p);
    e->p = p;
    e->shape = (int)shape;
    e->log_prior = log(shape_prior[shape] * share);
    for (size_t j = 0; j < p; j++)
        e->fade += parts[j]->fade;
    for (int noise = 0; noise < GROWTH_MEMO_NOISES; noise++) {
        if (f->family == NULL)
            e->noise[noise].q =
                f->work + (WORK_Q + (size_t)noise * GROWTH_MEMO_PARTS) * n;
        if (!f->data->readings || noise == NOISE_READING)
            design_make(f, noise, parts, p, &e->noise[noise]);
    }
    f->parts = parts;
    hear(f, dr, e);
    f->parts = NULL;
}

bool growth_say(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share, struct opinion o,
                double sigma)
{
    o.log_weight += log(shape_prior[shape] * dr->prior * share);
    o.tag = (int)shape;
    mixture_add(&f->out->asymptotic, o);
    if (!f->data->lasting)
        mixture_add(&f->out->terminal, o);
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
