#include "analyzers/fit.h"

#include "analyzers/shapes.h"
#include "harness/base/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TERMS_MAX = 4,
    RHOS = 6,
};

static const double rhos[RHOS] = {0, 0.3, 0.55, 0.75, 0.88, 0.95};

/* Prior weights beside a line's, which is 1: one bend or jump, and a pair of
 * them, each spread over all places it may be at. */
#define SINGLE 0.06
#define PAIR 0.006
/* Share of a shape's prior that goes to the same shape with creep. */
#define CREEP 0.05
/* Share of the slope's standard error that stays when a shape has none: "no
 * slope" means none that could be seen. */
#define UNSEEN 0.5
/* Log evidence below the best that is still worth keeping. */
#define NEGLIGIBLE 8
#define HOPELESS 25
/* A fall beyond this many times the jump before it undoes more than that. */
#define UNDONE 1.1
/* Share of the typical load that goes when the load is said to fall. */
#define LOAD_FALLS 0.15

struct candidate {
    double evidence;
    double slope, slope_se, future, future_se, df, late, sigma, rho;
    int form, terms, term[TERMS_MAX];
    double c[TERMS_MAX];
};

struct fitter {
    const struct fit_points *p;
    struct shapes s;
    /* Products of the functions at lags 0 and 1, from which those whitened
       for any correlation follow. Index SHAPES_MAX is the readings. */
    double now[SHAPES_MAX + 1][SHAPES_MAX + 1];
    double lag[SHAPES_MAX + 1][SHAPES_MAX + 1];
    double past[SHAPES_MAX + 1][SHAPES_MAX + 1];
    double level[FIT_POINTS_MAX][SHAPES_MAX + 1]; /* per life */
    int begin[FIT_POINTS_MAX + 1]; /* first point of each life; the end */
    double g[SHAPES_MAX + 1][SHAPES_MAX + 1]; /* whitened, levels taken out */
    double rho, neff, floor_var;
    double base;      /* part of the evidence that all shapes share */
    double penalty;   /* per parameter */
    double top, peak; /* best log evidence: at all, and at this `rho` */
    struct candidate kept[FIT_PARTS_MAX], best;
    int nkept;
};

static const double *values(const struct fitter *f, int i)
{
    return i == SHAPES_MAX ? f->p->y : f->s.b[i].v;
}

/* With z_i = v_i - rho v_{i-1} inside a life and sqrt(1 - rho^2) v_0 at its
 * start, any product of two whitened functions is now - rho lag + rho^2
 * past. */
static void product(struct fitter *f, int i, int k)
{
    const struct fit_points *p = f->p;
    const double *a = values(f, i), *b = values(f, k);
    double now = 0, lag = 0, past = 0;

    for (int m = 0; m < p->n; m++)
        now += a[m] * b[m];
    for (int l = 0; l < p->nlives; l++) {
        past -= a[f->begin[l]] * b[f->begin[l]];
        for (int m = f->begin[l]; m + 1 < f->begin[l + 1]; m++) {
            lag += a[m + 1] * b[m] + a[m] * b[m + 1];
            past += a[m] * b[m];
        }
    }
    f->now[i][k] = now;
    f->lag[i][k] = lag;
    f->past[i][k] = past;
}

static int index_at(const struct fitter *f, int i)
{
    return i < f->s.n ? i : SHAPES_MAX;
}

static void products(struct fitter *f)
{
    int life = 0;

    for (int i = 0; i < f->p->n; i++)
        if (i == 0 || f->p->life[i] != f->p->life[i - 1])
            f->begin[life++] = i;
    f->begin[life] = f->p->n;
    for (int i = 0; i <= f->s.n; i++)
        for (int k = 0; k <= i; k++)
            product(f, index_at(f, i), index_at(f, k));
}

/* Product of each whitened function with the whitened constant, by life,
 * over the root of that constant's own. */
static void levels(struct fitter *f, double rho)
{
    for (int l = 0; l < f->p->nlives; l++) {
        int a = f->begin[l], b = f->begin[l + 1];
        double first = 1 - rho * rho, rest = (1 - rho) * (1 - rho);
        double norm = 1 / sqrt(first + rest * (b - a - 1));

        for (int j = 0; j <= f->s.n; j++) {
            int i = index_at(f, j);
            const double *v = values(f, i);
            double inner = 0;

            for (int m = a + 1; m + 1 < b; m++)
                inner += v[m];
            /* The sum of v_m - rho v_{m-1} over a + 1 .. b - 1. */
            double sum = (1 - rho) * inner + v[b - 1] - rho * v[a];

            if (b - a == 1)
                sum = 0;
            f->level[l][i] = (first * v[a] + (1 - rho) * sum) * norm;
        }
    }
}

static void set_correlation(struct fitter *f, double rho)
{
    const struct fit_points *p = f->p;

    levels(f, rho);
    for (int x = 0; x <= f->s.n; x++)
        for (int y = 0; y <= x; y++) {
            int i = index_at(f, x), k = index_at(f, y);
            double sum =
                f->now[i][k] - rho * f->lag[i][k] + rho * rho * f->past[i][k];

            for (int l = 0; l < p->nlives; l++)
                sum -= f->level[l][i] * f->level[l][k];
            f->g[i][k] = f->g[k][i] = sum;
        }
    f->rho = rho;
    f->neff = fmax(p->n * (1 - rho) / (1 + rho), 4);
    f->floor_var = p->floor_var * (1 + rho * rho);
    f->base = 0.5 * p->nlives * log(1 - rho * rho);
    f->penalty = 0.5 * log(f->neff);
    f->peak = -DBL_MAX;
}

struct solved {
    double c[TERMS_MAX]; /* coefficients */
    double rss;
    double slope_var, future_var; /* in units of the residual variance */
};

/* Least squares on the terms by Cholesky; false when they cannot be told
 * apart. */
static bool solve(const struct fitter *f, const int *term, int k,
                  struct solved *s)
{
    double l[TERMS_MAX][TERMS_MAX], u[TERMS_MAX];
    double ds[TERMS_MAX], df[TERMS_MAX];

    s->rss = f->g[SHAPES_MAX][SHAPES_MAX];
    s->slope_var = s->future_var = 0;
    for (int i = 0; i < k; i++) {
        const struct basis *b = &f->s.b[term[i]];
        double uy = f->g[SHAPES_MAX][term[i]];
        double s1 = b->form == FIT_LINE, s2 = b->future;

        for (int j = 0; j < i; j++) {
            double sum = f->g[term[i]][term[j]];

            for (int m = 0; m < j; m++)
                sum -= l[i][m] * l[j][m];
            l[i][j] = sum / l[j][j];
        }
        double d = f->g[term[i]][term[i]], whole = d;
        for (int j = 0; j < i; j++) {
            d -= l[i][j] * l[i][j];
            uy -= l[i][j] * u[j];
            s1 -= l[i][j] * ds[j];
            s2 -= l[i][j] * df[j];
        }
        if (!(d > whole * 1e-7) || whole <= 0)
            return false;
        l[i][i] = sqrt(d);
        u[i] = uy / l[i][i];
        ds[i] = s1 / l[i][i];
        df[i] = s2 / l[i][i];
        s->rss -= u[i] * u[i];
        s->slope_var += ds[i] * ds[i];
        s->future_var += df[i] * df[i];
    }
    for (int i = k; i-- > 0;) {
        double sum = u[i];

        for (int j = i + 1; j < k; j++)
            sum -= l[j][i] * s->c[j];
        s->c[i] = sum / l[i][i];
    }
    s->rss = fmax(s->rss, 0);
    return true;
}

/* The load around the point where the basis `b` jumps, after less before; 0
 * where it did not vary. */
static double load_change(const struct fit_points *p, const struct basis *b)
{
    int at = 0;

    while (at + 1 < p->n && p->age[at] < b->at)
        at++;
    if (p->nloads == 0 || at < 2 || at + 2 >= p->n)
        return 0;
    return p->load[0][at + 2] - p->load[0][at - 2];
}

/* A fall that only undoes an earlier jump (a job that came and went), or
 * that comes with the load's own. */
static bool is_explained(const struct fitter *f, const int *term, int k,
                         const double *c, int fall)
{
    const struct basis *b = &f->s.b[term[fall]];

    for (int i = 0; i < k; i++)
        if (f->s.b[term[i]].form == FIT_JUMP && f->s.b[term[i]].at < b->at &&
            c[i] * UNDONE > -c[fall])
            return true;
    return load_change(f->p, b) < -LOAD_FALLS;
}

/* What a shape may not be: load that frees memory or makes too much of it,
 * or a rise whose falls are explained away. */
static bool allowed(const struct fitter *f, const int *term, int k,
                    const double *c)
{
    bool rising = k > 0 && f->s.b[term[0]].form == FIT_LINE && c[0] > 0;
    double load = 0;

    for (int i = 0; i < k; i++) {
        if (f->s.b[term[i]].form == FIT_LOAD)
            load += c[i];
        if (rising && f->s.b[term[i]].form == FIT_JUMP && c[i] < 0 &&
            !is_explained(f, term, k, c, i))
            return false;
    }
    return load >= 0 && load <= f->p->load_max;
}

static void keep(struct fitter *f, const struct candidate *c)
{
    int weakest = 0;

    if (c->evidence > f->top) {
        f->top = c->evidence;
        f->best = *c;
    }
    if (f->nkept < FIT_PARTS_MAX) {
        f->kept[f->nkept++] = *c;
        return;
    }
    for (int i = 1; i < f->nkept; i++)
        if (f->kept[i].evidence < f->kept[weakest].evidence)
            weakest = i;
    if (c->evidence > f->kept[weakest].evidence)
        f->kept[weakest] = *c;
}

static void describe(const struct fitter *f, const int *term,
                     const struct solved *s, struct candidate *c)
{
    for (int i = 0; i < c->terms; i++) {
        const struct basis *b = &f->s.b[term[i]];

        c->form |=
            (c->form & (int)b->form & ~FIT_LOAD) ? FIT_TWO : (int)b->form;
        c->slope += b->form == FIT_LINE ? s->c[i] : 0;
        c->future += s->c[i] * b->future;
        c->late += s->c[i] * b->late;
        c->term[i] = term[i];
        c->c[i] = s->c[i];
    }
}

/* Weighs one shape and keeps it when it counts. `line_se` serves a shape
 * without a straight part: how well its slope would be known if it had one.
 * Returns the standard error of its own slope, 0 when there is none. */
static double consider(struct fitter *f, const int *term, int k, double prior,
                       double line_se)
{
    const struct fit_points *p = f->p;
    struct candidate c = {.terms = k, .rho = f->rho};
    struct solved s;
    double cost = k;

    if (p->n - p->nlives - k < 2 || !solve(f, term, k, &s))
        return 0;
    for (int i = 0; i < k; i++)
        cost += f->s.b[term[i]].cost;
    double var = s.rss / (p->n - p->nlives - k) + f->floor_var;
    double slope_se = sqrt(var * s.slope_var);

    if (!allowed(f, term, k, s.c))
        return slope_se;
    c.evidence = f->base - 0.5 * p->n * log(s.rss / p->n + f->floor_var) -
                 cost * f->penalty + log(prior);
    f->peak = fmax(f->peak, c.evidence);
    if (c.evidence < f->top - NEGLIGIBLE)
        return slope_se;
    c.df = fmax(f->neff - k - 1, 2);
    c.sigma = sqrt(var);
    c.slope_se = slope_se > 0 ? slope_se : UNSEEN * line_se;
    c.future_se = sqrt(var * s.future_var);
    if (!(slope_se > 0))
        c.future_se = hypot(c.future_se, UNSEEN * line_se);
    describe(f, term, &s, &c);
    keep(f, &c);
    return slope_se;
}

/* The shape of the terms 1 .. n - 1, with and without the straight part that
 * is term 0. */
static void try_both(struct fitter *f, const int *term, int n, double prior)
{
    double se = consider(f, term, n, prior / 2, 0);

    consider(f, term + 1, n - 1, prior / 2, se);
}

/* The same under a load that varied: with its effect, in one version, or the
 * promptest and the slowest together, which stand for any delay between. */
static void try_loads(struct fitter *f, int *term, int n, double prior)
{
    int nloads = f->s.n - f->s.loads;

    if (n + 2 > TERMS_MAX)
        return;
    for (int i = 0; i < nloads; i++) {
        term[n] = f->s.loads + i;
        try_both(f, term, n + 1, prior / (nloads + 1));
    }
    term[n] = f->s.loads;
    term[n + 1] = f->s.n - 1;
    try_both(f, term, n + 2, prior / (nloads + 1));
}

/* A shape of at most one part by itself. */
static void try_alone(struct fitter *f, int part, double prior)
{
    int term[TERMS_MAX] = {0, part}, n = part < 0 ? 1 : 2;

    try_both(f, term, n, prior * (1 - CREEP) * (f->s.n > f->s.loads ? 0.5 : 1));
}

/* The same with the creep that every allocator has (a logarithm of its age)
 * and, where the load varied, with the load's effect. */
static void try_aided(struct fitter *f, int part, double prior)
{
    int term[TERMS_MAX] = {0, part}, n = part < 0 ? 1 : 2;

    for (int i = f->s.logs; i < f->s.kinks; i++) {
        term[n] = i;
        try_both(f, term, n + 1, prior * CREEP / SHAPES_LOGS);
    }
    if (f->s.n > f->s.loads)
        try_loads(f, term, n, prior * (1 - CREEP) * 0.5);
}

typedef void try_fn(struct fitter *f, int part, double prior);

static void try_singles(struct fitter *f, try_fn *try)
{
    const struct shapes *s = &f->s;
    int begin[] = {s->exps, s->kinks, s->jumps};
    int end[] = {s->logs, s->afters, s->loads};

    try(f, -1, 1);
    for (int t = 0; t < 3; t++)
        for (int i = begin[t]; i < end[t]; i++)
            /* A jump may be anywhere; only the likeliest are tried. */
            try(f, i, SINGLE / (t == 2 ? f->p->n : end[t] - begin[t]));
}

/* Fills, and creep from where they end. */
static void try_afters(struct fitter *f)
{
    const struct shapes *s = &f->s;

    for (int i = s->afters; i < s->jumps; i++) {
        int term[TERMS_MAX] = {0, s->kinks + (i - s->afters) / 2 * 2, i};

        try_both(f, term, 3, SINGLE * CREEP / SHAPES_AFTERS);
    }
}

/* The greatest residual sum of squares at which a pair can still count. */
static double worst_rss(const struct fitter *f, double prior)
{
    double room = f->base - 2 * f->penalty + log(prior) - (f->top - NEGLIGIBLE);

    return f->p->n * (exp(2 * room / f->p->n) - f->floor_var);
}

/* All pairs of `a` .. `a_end` with `b` .. `b_end` (each once when these are
 * the same), whose prior is `prior` together. Elimination by hand tells most
 * of them hopeless at the cost of a dozen multiplications. */
static void try_pairs(struct fitter *f, int a, int a_end, int b, int b_end,
                      double prior)
{
    int count =
        a == b ? (a_end - a) * (a_end - a - 1) / 2 : (a_end - a) * (b_end - b);
    double worst = worst_rss(f, prior / fmax(count, 1));

    for (int i = a; i < a_end; i++) {
        const double *gi = f->g[i], *gy = f->g[SHAPES_MAX], *gl = f->g[0];
        double d = 1 / gi[i], rss = gy[SHAPES_MAX] - gy[i] * gy[i] * d;
        double ll = gl[0] - gl[i] * gl[i] * d, ly = gy[0] - gl[i] * gy[i] * d;

        for (int k = a == b ? i + 1 : b; k < b_end; k++) {
            double kk = f->g[k][k] - gi[k] * gi[k] * d;
            double ky = gy[k] - gi[k] * gy[i] * d;
            double kl = gl[k] - gi[k] * gl[i] * d;
            double line = ll - kl * kl / kk, rise = ly - kl * ky / kk;
            int term[TERMS_MAX] = {0, i, k};

            if (rss - ky * ky / kk - rise * rise / line > worst)
                continue;
            try_both(f, term, 3, prior / count);
        }
    }
}

static void try_composites(struct fitter *f)
{
    const struct shapes *s = &f->s;
    double spread = (double)(s->loads - s->jumps) / f->p->n;

    try_pairs(f, s->exps, s->logs, s->exps, s->logs, PAIR);
    try_pairs(f, s->kinks, s->afters, s->kinks, s->afters, PAIR);
    try_pairs(f, s->kinks, s->afters, s->exps, s->logs, PAIR);
    try_pairs(f, s->jumps, s->loads, s->jumps, s->loads,
              PAIR * spread * spread);
    try_pairs(f, s->jumps, s->loads, s->kinks, s->afters, PAIR * spread);
    try_pairs(f, s->jumps, s->loads, s->exps, s->logs, PAIR * spread);
}

static void publish(const struct fitter *f, struct fit *out)
{
    double all = 0;

    for (int i = 0; i < f->nkept; i++) {
        const struct candidate *c = &f->kept[i];

        if (c->evidence < f->top - NEGLIGIBLE + 1)
            continue;
        int n = out->nparts++;
        double w = exp(c->evidence - f->top);

        out->slope[n] = (struct part){w, c->slope, c->slope_se, c->df};
        out->future[n] = (struct part){w, c->future, c->future_se, c->df};
        out->rho += w * c->rho;
        out->late_rise += w * c->late;
        all += w;
    }
    out->rho /= all;
    out->late_rise /= all;
    out->top = f->top;
    out->best_form = f->best.form;
    out->best_sigma = f->best.sigma;
    out->kink_at = NAN;
    for (int i = 0; i < f->best.terms; i++) {
        double at = f->s.b[f->best.term[i]].at;

        if (!isnan(at) && !(at < out->kink_at))
            out->kink_at = at;
    }
}

bool fit_shapes(const struct fit_points *p, struct fit *out)
{
    double peak[RHOS], simple;

    memset(out, 0, sizeof *out);
    if (p->n < p->nlives + 5)
        return false;
    struct fitter *f = mem_zalloc(1, sizeof *f);

    f->p = p;
    f->top = -DBL_MAX;
    shapes_build(p, &f->s);
    products(f);
    for (int r = 0; r < RHOS; r++) {
        set_correlation(f, rhos[r]);
        try_singles(f, try_alone);
        peak[r] = f->peak;
    }
    simple = f->top;
    for (int r = 0; r < RHOS; r++) {
        /* Where simple shapes are hopeless, composites do not mend it. */
        if (peak[r] < simple - HOPELESS)
            continue;
        set_correlation(f, rhos[r]);
        try_singles(f, try_aided);
        try_afters(f);
        try_composites(f);
    }
    publish(f, out);
    free(f);
    return out->nparts > 0;
}
