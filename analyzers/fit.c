#include "analyzers/fit.h"

#include "analyzers/fit_gram.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { TERMS_MAX = 4 };

/* Prior weights beside a line's, which is 1: one bend or jump, and a pair of
 * them, each spread over all places it may be at. */
#define SINGLE 0.06
#define PAIR 0.006
/* The same of what is far from its end: it hardly bends, and without evidence a
 * line stays a line. */
#define SLOW 0.006
#define SLOW_PAIR 0.002
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
    const struct shapes *s; /* of the gram's design */
    struct fit_gram gram;
    double (*g)[SHAPES_MAX + 1]; /* the gram at the correlation at hand */
    double rho, neff, floor_var;
    double base;      /* part of the evidence that all shapes share */
    double penalty;   /* per parameter */
    double top, peak; /* best log evidence: at all, and at this `rho` */
    double bar;       /* what has less is not kept */
    struct candidate kept[FIT_PARTS_MAX], best;
    int heap[FIT_PARTS_MAX]; /* of `kept` once that is full, weakest on top */
    int nkept;
};

static const struct basis *basis(const struct fitter *f, int i)
{
    return f->gram.b[i];
}

static void set_correlation(struct fitter *f, int r)
{
    const struct fit_points *p = f->p;
    double rho = fit_rhos[r];

    f->g = f->gram.g[r];
    f->rho = rho;
    f->neff = fmax(p->n * (1 - rho) / (1 + rho), 4);
    f->floor_var = p->floor_var * (1 + rho * rho);
    f->base = 0.5 * p->nlives * log(1 - rho * rho);
    f->penalty = 0.5 * log(f->neff);
    f->peak = -DBL_MAX;
}

struct solved {
    double l[TERMS_MAX][TERMS_MAX], u[TERMS_MAX]; /* triangle, right side */
    double rss;
    double slope_var, future_var; /* in units of the residual variance */
};

/* Least squares on the terms by Cholesky, but for the coefficients; false when
 * the terms cannot be told apart. */
static bool solve(const struct fitter *f, const int *term, int k,
                  struct solved *s)
{
    double ds[TERMS_MAX], df[TERMS_MAX];

    s->rss = f->g[SHAPES_MAX][SHAPES_MAX];
    s->slope_var = s->future_var = 0;
    for (int i = 0; i < k; i++) {
        const struct basis *b = basis(f, term[i]);
        const double *g = f->g[term[i]];
        double d = g[term[i]], whole = d, uy = g[SHAPES_MAX];
        double s1 = b->form == FIT_LINE, s2 = b->future;

        for (int j = 0; j < i; j++) {
            double sum = g[term[j]];

            for (int m = 0; m < j; m++)
                sum -= s->l[i][m] * s->l[j][m];
            s->l[i][j] = sum / s->l[j][j];
        }
        for (int j = 0; j < i; j++) {
            d -= s->l[i][j] * s->l[i][j];
            uy -= s->l[i][j] * s->u[j];
            s1 -= s->l[i][j] * ds[j];
            s2 -= s->l[i][j] * df[j];
        }
        if (!(d > whole * 1e-7) || whole <= 0)
            return false;
        s->l[i][i] = sqrt(d);
        s->u[i] = uy / s->l[i][i];
        ds[i] = s1 / s->l[i][i];
        df[i] = s2 / s->l[i][i];
        s->rss -= s->u[i] * s->u[i];
        s->slope_var += ds[i] * ds[i];
        s->future_var += df[i] * df[i];
    }
    s->rss = fmax(s->rss, 0);
    return true;
}

static void coefficients(const struct solved *s, int k, double *c)
{
    for (int i = k; i-- > 0;) {
        double sum = s->u[i];

        for (int j = i + 1; j < k; j++)
            sum -= s->l[j][i] * c[j];
        c[i] = sum / s->l[i][i];
    }
}

/* A fall that only undoes an earlier jump (a job that came and went), or
 * that comes with the load's own. */
static bool is_explained(const struct fitter *f, const int *term, int k,
                         const double *c, int fall)
{
    const struct basis *b = basis(f, term[fall]);

    for (int i = 0; i < k; i++)
        if (basis(f, term[i])->form == FIT_JUMP &&
            basis(f, term[i])->at < b->at && c[i] * UNDONE > -c[fall])
            return true;
    return shapes_load_change(f->p, b) < -LOAD_FALLS;
}

/* What a shape may not be: load that frees memory or makes too much of it,
 * a rise whose falls are explained away, or parts that cancel. */
static bool allowed(const struct fitter *f, const int *term, int k,
                    const double *c)
{
    bool rising = k > 0 && basis(f, term[0])->form == FIT_LINE && c[0] > 0;
    const struct basis *part[TERMS_MAX];
    double load = 0;

    for (int i = 0; i < k; i++) {
        part[i] = basis(f, term[i]);
        load += part[i]->form == FIT_LOAD ? c[i] : 0;
        if (rising && part[i]->form == FIT_JUMP && c[i] < 0 &&
            !is_explained(f, term, k, c, i))
            return false;
    }
    return load >= 0 && load <= f->p->load_max &&
           !shapes_cancel(f->p, part, c, k);
}

static bool weaker(const struct fitter *f, int a, int b)
{
    double x = f->kept[a].evidence, y = f->kept[b].evidence;

    return x < y || (x == y && a < b);
}

/* Puts the weakest of the full ones on top of the heap again, from `at` on. */
static void sift(struct fitter *f, int at)
{
    for (int child; (child = 2 * at + 1) < f->nkept; at = child) {
        int one = f->heap[at], other;

        if (child + 1 < f->nkept &&
            weaker(f, f->heap[child + 1], f->heap[child]))
            child++;
        other = f->heap[child];
        if (!weaker(f, other, one))
            return;
        f->heap[at] = other;
        f->heap[child] = one;
    }
}

static void keep(struct fitter *f, const struct candidate *c)
{
    if (c->evidence > f->top) {
        f->top = c->evidence;
        f->best = *c;
    }
    if (f->nkept < FIT_PARTS_MAX) {
        f->heap[f->nkept] = f->nkept;
        f->kept[f->nkept++] = *c;
        for (int i = FIT_PARTS_MAX / 2; f->nkept == FIT_PARTS_MAX && i-- > 0;)
            sift(f, i);
    } else {
        f->kept[f->heap[0]] = *c;
        sift(f, 0);
    }
    f->bar = f->top - NEGLIGIBLE;
    if (f->nkept == FIT_PARTS_MAX)
        f->bar = fmax(f->bar, f->kept[f->heap[0]].evidence);
}

/* Would not be kept. */
static bool negligible(const struct fitter *f, double evidence)
{
    return evidence < f->top - NEGLIGIBLE ||
           (f->nkept == FIT_PARTS_MAX &&
            evidence <= f->kept[f->heap[0]].evidence);
}

static void describe(const struct fitter *f, const int *term,
                     struct candidate *c)
{
    for (int i = 0; i < c->terms; i++) {
        const struct basis *b = basis(f, term[i]);

        c->form |=
            (c->form & (int)b->form & ~FIT_LOAD) ? FIT_TWO : (int)b->form;
        c->slope += b->form == FIT_LINE ? c->c[i] : 0;
        c->future += c->c[i] * b->future;
        c->late += c->c[i] * b->late;
        c->term[i] = term[i];
    }
}

/* Weighs one shape and keeps it when it counts. `line_se` serves a shape
 * without a straight part: how well its slope would be known if it had one.
 * Returns the standard error of its own slope, 0 when there is none. */
static double consider(struct fitter *f, const int *term, int k, double prior,
                       double line_se)
{
    const struct fit_points *p = f->p;
    struct candidate c;
    struct solved s;
    double cost = k, evidence, var, slope_se;

    if (p->n - p->nlives - k < 2 || !solve(f, term, k, &s))
        return 0;
    for (int i = 0; i < k; i++)
        cost += basis(f, term[i])->cost;
    var = s.rss / (p->n - p->nlives - k) + f->floor_var;
    slope_se = sqrt(var * s.slope_var);
    evidence = f->base - 0.5 * p->n * log(s.rss / p->n + f->floor_var) -
               cost * f->penalty + log(prior);
    if (evidence <= f->peak && negligible(f, evidence))
        return slope_se;
    c = (struct candidate){.terms = k, .rho = f->rho, .evidence = evidence};
    coefficients(&s, k, c.c);
    if (!allowed(f, term, k, c.c))
        return slope_se;
    f->peak = fmax(f->peak, evidence);
    if (negligible(f, evidence))
        return slope_se;
    c.df = fmax(f->neff - k - 1, 2);
    c.sigma = sqrt(var);
    c.slope_se = slope_se > 0 ? slope_se : UNSEEN * line_se;
    c.future_se = sqrt(var * s.future_var);
    if (!(slope_se > 0))
        c.future_se = hypot(c.future_se, UNSEEN * line_se);
    describe(f, term, &c);
    keep(f, &c);
    return slope_se;
}

/* The shape of the terms 1 .. n - 1, with and without the straight part that
 * is term 0. */
static void try_both(struct fitter *f, const int *term, int n, double prior)
{
    consider(f, term + 1, n - 1, prior / 2, consider(f, term, n, prior / 2, 0));
}

/* Up to which residual sums of squares a shape still counts, with the straight
 * part and without. The better what is kept, the less gets through. */
struct gate {
    double room; /* log evidence of a perfect fit, but for its terms */
    int terms;   /* with the straight part */
    double bar, with, without;
};

/* More than rounding makes of the evidence when a sum is made another way. */
#define GATE_SLACK 1e-3

static struct gate gate(const struct fitter *f, int terms, double prior,
                        double cost)
{
    return (struct gate){f->base + log(prior / 2) - cost * f->penalty +
                             GATE_SLACK,
                         terms, NAN, NAN, NAN};
}

static void set_bar(const struct fitter *f, struct gate *g)
{
    double n = f->p->n, room = g->room - f->bar - g->terms * f->penalty;

    g->bar = f->bar;
    g->with = n * (exp(2 * room / n) - f->floor_var);
    g->without = n * (exp(2 * (room + f->penalty) / n) - f->floor_var);
}

/* Whether a shape may be worth fitting that leaves so much of the squares with
 * the straight part, and so much without. */
static inline bool passes(const struct fitter *f, struct gate *g, double with,
                          double without)
{
    if (g->bar != f->bar)
        set_bar(f, g);
    return !(with > g->with && without > g->without);
}

/* The line and one part, eliminated by hand, and the part alone: what a third
 * term leaves of the residuals then costs a dozen multiplications. */
struct eliminated {
    const double *g0, *g1, *gy;
    double d0, d1, l, u0, u1, rss;
    double alone, rss_alone;
};

static struct eliminated eliminate(const struct fitter *f, int part)
{
    struct eliminated e = {
        .g0 = f->g[0], .g1 = f->g[part], .gy = f->g[SHAPES_MAX]};

    e.d0 = 1 / e.g0[0];
    e.l = e.g1[0] * e.d0;
    e.d1 = 1 / (e.g1[part] - e.l * e.g1[0]);
    e.u0 = e.gy[0];
    e.u1 = e.gy[part] - e.l * e.u0;
    e.rss = e.gy[SHAPES_MAX] - e.u0 * e.u0 * e.d0 - e.u1 * e.u1 * e.d1;
    e.alone = 1 / e.g1[part];
    e.rss_alone = e.gy[SHAPES_MAX] - e.gy[part] * e.gy[part] * e.alone;
    return e;
}

static double rss_with(const struct fitter *f, const struct eliminated *e,
                       int term)
{
    double w0 = e->g0[term], w1 = e->g1[term] - e->l * w0;
    double d = f->g[term][term] - w0 * w0 * e->d0 - w1 * w1 * e->d1;
    double u = e->gy[term] - w0 * e->u0 * e->d0 - w1 * e->u1 * e->d1;

    return e->rss - u * u / d;
}

/* The part and a further term, without the line. */
static double rss_without(const struct fitter *f, const struct eliminated *e,
                          int part, int term)
{
    double w = e->g1[term] * e->alone;
    double d = f->g[term][term] - w * e->g1[term];
    double u = e->gy[term] - w * e->gy[part];

    return e->rss_alone - u * u / d;
}

/* The same of any terms. */
static double rss_of(const struct fitter *f, const int *term, int k)
{
    double w[TERMS_MAX][TERMS_MAX], d[TERMS_MAX], u[TERMS_MAX];
    double rss = f->g[SHAPES_MAX][SHAPES_MAX];

    for (int i = 0; i < k; i++) {
        const double *g = f->g[term[i]];

        d[i] = g[term[i]];
        u[i] = g[SHAPES_MAX];
        for (int j = 0; j < i; j++) {
            w[i][j] = g[term[j]];
            for (int m = 0; m < j; m++)
                w[i][j] -= w[i][m] * w[j][m] * d[m];
            d[i] -= w[i][j] * w[i][j] * d[j];
            u[i] -= w[i][j] * u[j] * d[j];
        }
        rss -= u[i] * u[i] / d[i];
        d[i] = 1 / d[i];
    }
    return rss;
}

/* The line, terms 1 .. n - 2 and the last one, if that may be worth it; `e`
 * has eliminated the line and term 1, where there is one. */
static void try_third(struct fitter *f, const int *term, int n,
                      const struct eliminated *e, double prior, struct gate *g)
{
    if (n == 2 || passes(f, g, rss_with(f, e, term[n - 1]),
                         rss_without(f, e, term[1], term[n - 1])))
        try_both(f, term, n, prior);
}

/* The same under a load that varied: with its effect, in one version, or the
 * promptest and the slowest together, which stand for any delay between. */
static void try_loads(struct fitter *f, int *term, int n,
                      const struct eliminated *e, double prior, double cost)
{
    int nloads = f->s->n - f->s->loads;
    double each = prior / (nloads + 1);
    struct gate one = gate(f, n + 1, each, cost);
    struct gate two = gate(f, n + 2, each, cost);

    if (n + 2 > TERMS_MAX)
        return;
    for (int i = 0; i < nloads; i++) {
        term[n] = f->s->loads + i;
        try_third(f, term, n + 1, e, each, &one);
    }
    term[n] = f->s->loads;
    term[n + 1] = f->s->n - 1;
    if (passes(f, &two, rss_of(f, term, n + 2), rss_of(f, term + 1, n + 1)))
        try_both(f, term, n + 2, each);
}

/* A shape of at most one part by itself. */
static void try_alone(struct fitter *f, int part, double prior)
{
    int term[TERMS_MAX] = {0, part}, n = part < 0 ? 1 : 2;

    try_both(f, term, n,
             prior * (1 - CREEP) * (f->s->n > f->s->loads ? 0.5 : 1));
}

/* The same with the creep that every allocator has (a logarithm of its age)
 * and, where the load varied, with the load's effect. */
static void try_aided(struct fitter *f, int part, double prior)
{
    int term[TERMS_MAX] = {0, part}, n = part < 0 ? 1 : 2;
    struct eliminated e = eliminate(f, part < 0 ? 0 : part);
    double cost = part < 0 ? 0 : basis(f, part)->cost;
    double each = prior * CREEP / SHAPES_LOGS;
    struct gate g = gate(f, n + 1, each, cost);

    for (int i = f->s->logs; i < f->s->kinks; i++) {
        term[n] = i;
        try_third(f, term, n + 1, &e, each, &g);
    }
    if (f->s->n > f->s->loads)
        try_loads(f, term, n, &e, prior * (1 - CREEP) * 0.5, cost);
}

typedef void try_fn(struct fitter *f, int part, double prior);

static void try_singles(struct fitter *f, try_fn *try)
{
    const struct shapes *s = f->s;
    int begin[] = {s->exps, s->kinks, s->slows, f->gram.jumps};
    int end[] = {s->logs, s->afters, s->loads, f->gram.n};
    /* A jump may be anywhere; only the likeliest are tried. */
    double each[] = {SINGLE / SHAPES_EXPS, SINGLE / SHAPES_KINKS,
                     SLOW / SHAPES_SLOWS, SINGLE / f->p->n};

    try(f, -1, 1);
    for (int t = 0; t < 4; t++)
        for (int i = begin[t]; i < end[t]; i++)
            try(f, i, each[t]);
}

/* Fills, and creep from where they end. */
static void try_afters(struct fitter *f)
{
    const struct shapes *s = f->s;
    double prior = SINGLE * CREEP / SHAPES_AFTERS;
    struct gate g = gate(f, 3, prior, 0);

    for (int i = s->afters; i < s->slows; i++) {
        int term[TERMS_MAX] = {0, s->kinks + (i - s->afters) / 2 * 2, i};

        if (passes(f, &g, rss_of(f, term, 3), rss_of(f, term + 1, 2)))
            try_both(f, term, 3, prior);
    }
}

/* All pairs of `a` .. `a_end` with `b` .. `b_end` (each once when these are
 * the same), whose prior is `prior` together. Elimination by hand tells most
 * of them hopeless at the cost of a dozen multiplications. */
static void try_pairs(struct fitter *f, int a, int a_end, int b, int b_end,
                      double prior)
{
    int count =
        a == b ? (a_end - a) * (a_end - a - 1) / 2 : (a_end - a) * (b_end - b);
    double each = prior / count;
    struct gate g;

    if (count == 0)
        return;
    g = gate(f, 3, each, basis(f, a)->cost + basis(f, b)->cost);
    for (int i = a; i < a_end; i++) {
        const double *gi = f->g[i], *gy = f->g[SHAPES_MAX], *gl = f->g[0];
        double d = 1 / gi[i], rss = gy[SHAPES_MAX] - gy[i] * gy[i] * d;
        double ll = gl[0] - gl[i] * gl[i] * d, ly = gy[0] - gl[i] * gy[i] * d;

        for (int k = a == b ? i + 1 : b; k < b_end; k++) {
            double over = 1 / (f->g[k][k] - gi[k] * gi[k] * d);
            double ky = gy[k] - gi[k] * gy[i] * d;
            double kl = gl[k] - gi[k] * gl[i] * d;
            double line = ll - kl * kl * over, rise = ly - kl * ky * over;
            double left = rss - ky * ky * over;
            int term[TERMS_MAX] = {0, i, k};

            if (passes(f, &g, left - rise * rise / line, left))
                try_both(f, term, 3, each);
        }
    }
}

static void try_composites(struct fitter *f)
{
    const struct shapes *s = f->s;
    int jumps = f->gram.jumps, end = f->gram.n;
    double spread = (double)(end - jumps) / f->p->n;

    try_pairs(f, s->exps, s->logs, s->exps, s->logs, PAIR);
    try_pairs(f, s->kinks, s->afters, s->kinks, s->afters, PAIR);
    try_pairs(f, s->kinks, s->afters, s->exps, s->logs, PAIR);
    try_pairs(f, s->exps, s->logs, s->slows, s->loads, SLOW_PAIR);
    try_pairs(f, jumps, end, jumps, end, PAIR * spread * spread);
    try_pairs(f, jumps, end, s->kinks, s->afters, PAIR * spread);
    try_pairs(f, jumps, end, s->exps, s->logs, PAIR * spread);
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
        double at = basis(f, f->best.term[i])->at;

        if (!isnan(at) && !(at < out->kink_at))
            out->kink_at = at;
    }
}

bool fit_shapes(const struct fit_points *p, struct fit_memo *m, struct fit *out)
{
    struct fit_memo *own = NULL;
    double peak[FIT_RHOS], simple;

    memset(out, 0, offsetof(struct fit, slope));
    if (p->n < p->nlives + 5)
        return false;
    if (m == NULL)
        m = own = fit_memo_new();
    struct fitter *f = fit_memo_room(m, sizeof *f);

    f->p = p;
    f->top = f->bar = -DBL_MAX;
    f->nkept = 0;
    f->best = (struct candidate){0};
    fit_gram_make(m, p, &f->gram);
    f->s = &f->gram.d->s;
    for (int r = 0; r < FIT_RHOS; r++) {
        set_correlation(f, r);
        try_singles(f, try_alone);
        peak[r] = f->peak;
    }
    simple = f->top;
    for (int r = 0; r < FIT_RHOS; r++) {
        /* Where simple shapes are hopeless, composites do not mend it. */
        if (peak[r] < simple - HOPELESS)
            continue;
        set_correlation(f, r);
        try_singles(f, try_aided);
        try_afters(f);
        try_composites(f);
    }
    publish(f, out);
    fit_memo_free(own);
    return out->nparts > 0;
}
