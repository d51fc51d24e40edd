#include "analyzers/fit.h"

#include "harness/base/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXPS = 11,
    LOGS = 3,
    KINKS = 23,
    AFTERS = 12, /* creep that begins where a fill ends */
    JUMPS = 12,
    BASIS_MAX = 1 + EXPS + LOGS + KINKS + 2 * AFTERS + JUMPS + FIT_LOADS_MAX,
    TERMS_MAX = 4,
    RHOS = 6,
};

/* Prior weight of a family of pairs, a line's being 1. */
#define PAIR 0.006
/* The same for one bend or jump. */
#define SINGLE 0.06
/* Share of a shape's prior that goes to the same shape with creep. */
#ifndef CREEP
#define CREEP 0.05
#endif
/* Share of the slope's standard error that stays when a shape has none. */
#define UNSEEN 0.5

static const double rhos[RHOS] = {0, 0.3, 0.55, 0.75, 0.88, 0.95};
static const double taus[EXPS] = {0.012, 0.025, 0.04, 0.06, 0.085, 0.12,
                                  0.17,  0.24,  0.34, 0.5,  0.75};
static const double logs[LOGS] = {0.004, 0.02, 0.1};
static const double afters[2] = {0.02, 0.1};

/* One function of age that shapes are made of. */
struct basis {
    double v[FIT_POINTS_MAX];
    double future; /* growth over one more span, per unit of coefficient */
    double late;   /* rise over the last 30 %, per unit */
    double at;     /* where it bends or jumps; NaN */
    double cost;   /* parameters beside its coefficient */
    enum fit_form form;
};

struct family {
    const struct fit_points *p;
    struct basis b[BASIS_MAX];
    int n;
    int exps, logs, kinks, afters, jumps, loads, end; /* where each kind begins */
    double z[BASIS_MAX][FIT_POINTS_MAX]; /* whitened */
    double g[BASIS_MAX][BASIS_MAX]; /* whitened products, levels taken out */
    double gy[BASIS_MAX], yy;
    double rho, neff;
    double last; /* the greatest age */
    double peak; /* the same under the present correlation */
    double top; /* best log evidence so far */
    struct candidate {
        double evidence;
        double slope, slope_se, future, future_se, df, late, sigma, rho;
        int form, terms, term[TERMS_MAX];
        double c[TERMS_MAX];
    } kept[FIT_PARTS_MAX];
    int nkept;
    struct candidate best;
};

static struct basis *add(struct family *f, enum fit_form form, double at)
{
    struct basis *b = &f->b[f->n++];

    b->form = form;
    b->at = at;
    b->future = b->late = b->cost = 0;
    return b;
}

static void add_line(struct family *f)
{
    struct basis *b = add(f, FIT_LINE, NAN);

    memcpy(b->v, f->p->age, sizeof b->v);
    b->future = 1;
    b->late = 0.3;
}

static void add_exp(struct family *f, double tau)
{
    struct basis *b = add(f, FIT_EXP, NAN);

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = -exp(-f->p->age[i] / tau);
    b->future = exp(-f->last / tau) - exp(-(f->last + 1) / tau);
    b->late = exp(-(f->last - 0.3) / tau) - exp(-f->last / tau);
}

static void add_log(struct family *f, double c)
{
    struct basis *b = add(f, FIT_LOG, NAN);

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = log1p(f->p->age[i] / c);
    b->future = log((c + f->last + 1) / (c + f->last));
    b->late = log((c + f->last) / (c + fmax(f->last - 0.3, 0)));
}

static void add_kink(struct family *f, double at)
{
    struct basis *b = add(f, FIT_KINK, at);

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = fmin(f->p->age[i], at);
    b->late = fmax(at - (f->last - 0.3), 0);
}

/* Creep from a kink's place on. */
static void add_after(struct family *f, double at, double c)
{
    struct basis *b = add(f, FIT_LOG, at);
    double age = f->last - at;

    for (int i = 0; i < f->p->n; i++)
        b->v[i] = log1p(fmax(f->p->age[i] - at, 0) / c);
    b->future = log((c + age + 1) / (c + age));
    b->late = log((c + age) / (c + fmax(age - 0.3, 0)));
}

/* A jump inside point `i`: that point takes the share of the step that its
 * reading shows. */
static void add_jump(struct family *f, int i)
{
    const struct fit_points *p = f->p;
    struct basis *b = add(f, FIT_JUMP, p->age[i]);
    double step = p->y[i + 1] - p->y[i - 1];
    double share = step != 0 ? (p->y[i] - p->y[i - 1]) / step : 0.5;

    share = fmin(fmax(share, 0), 1);
    for (int k = 0; k < p->n; k++)
        b->v[k] = k < i ? 0 : k == i ? share : 1;
    b->late = p->age[i] > f->last - 0.3 ? 1 : 0;
    b->cost = 0.5;
}

/* Jumps are tried where neighbours differ most. */
static void add_jumps(struct family *f)
{
    const struct fit_points *p = f->p;
    bool used[FIT_POINTS_MAX] = {false};

    for (int k = 0; k < JUMPS; k++) {
        double best = 0;
        int at = -1;

        for (int i = 1; i + 1 < p->n; i++) {
            double d = fabs(p->y[i + 1] - p->y[i - 1]);

            if (!used[i] && d > best) {
                best = d;
                at = i;
            }
        }
        if (at < 0)
            return;
        used[at] = true;
        add_jump(f, at);
    }
}

static void build(struct family *f)
{
    const struct fit_points *p = f->p;

    for (int i = 0; i < p->n; i++)
        f->last = fmax(f->last, p->age[i]);
    add_line(f);
    f->exps = f->n;
    for (int i = 0; i < EXPS; i++)
        add_exp(f, taus[i]);
    f->logs = f->n;
    for (int i = 0; i < LOGS && !p->only_simple; i++)
        add_log(f, logs[i]);
    f->kinks = f->n;
    for (int i = 0; i < KINKS && !p->only_simple; i++)
        add_kink(f, f->last * (i + 1) * (0.92 / KINKS));
    f->afters = f->n;
    for (int i = 0; i < 2 * AFTERS && !p->only_simple; i++)
        add_after(f, f->b[f->kinks + i / 2 * 2].at, afters[i % 2]);
    f->jumps = f->n;
    if (p->nlives == 1 && !p->only_simple)
        add_jumps(f);
    f->loads = f->n;
    for (int i = 0; i < p->nloads; i++) {
        struct basis *b = add(f, FIT_LOAD, NAN);

        memcpy(b->v, p->load[i], sizeof b->v);
    }
    f->end = f->n;
}

/* z = v whitened for lag-one correlation `rho`, life by life;
 * v == NULL is the constant. */
static void whiten(const struct fit_points *p, const double *v, double rho,
                   double *z)
{
    double first = sqrt(1 - rho * rho), last = 0;

    for (int i = 0; i < p->n; i++) {
        double now = v != NULL ? v[i] : 1;

        z[i] = i == 0 || p->life[i] != p->life[i - 1] ? first * now
                                                      : now - rho * last;
        last = now;
    }
}

/* Takes the level of each life out of `z`: least squares on the whitened
 * constant `one`. */
static void take_out_levels(const struct fit_points *p, const double *one,
                            double *z)
{
    for (int a = 0, b; a < p->n; a = b) {
        double dot = 0, norm = 0;

        for (b = a; b < p->n && p->life[b] == p->life[a]; b++) {
            dot += one[b] * z[b];
            norm += one[b] * one[b];
        }
        for (int i = a; i < b; i++)
            z[i] -= dot / norm * one[i];
    }
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void products(struct family *f, double rho)
{
    double(*z)[FIT_POINTS_MAX] = f->z;
    const struct fit_points *p = f->p;
    double y[FIT_POINTS_MAX], one[FIT_POINTS_MAX];

    f->rho = rho;
    f->neff = fmax(p->n * (1 - rho) / (1 + rho), 4);
    whiten(p, NULL, rho, one);
    whiten(p, p->y, rho, y);
    take_out_levels(p, one, y);
    f->yy = dot(y, y, p->n);
    for (int i = 0; i < f->n; i++) {
        whiten(p, f->b[i].v, rho, z[i]);
        take_out_levels(p, one, z[i]);
        f->gy[i] = dot(z[i], y, p->n);
        for (int k = 0; k <= i; k++)
            f->g[i][k] = f->g[k][i] = dot(z[i], z[k], p->n);
    }
}

struct solved {
    double c[TERMS_MAX]; /* coefficients */
    double rss;
    double slope_var, future_var; /* in units of the residual variance */
};

/* Least squares on the terms by Cholesky; false when they cannot be told
 * apart. */
static bool solve(const struct family *f, const int *term, int k,
                  struct solved *s)
{
    double l[TERMS_MAX][TERMS_MAX], u[TERMS_MAX];
    double ds[TERMS_MAX], df[TERMS_MAX];

    s->rss = f->yy;
    s->slope_var = s->future_var = 0;
    for (int i = 0; i < k; i++) {
        double uy = f->gy[term[i]];
        double s1 = f->b[term[i]].form == FIT_LINE;
        double s2 = f->b[term[i]].future;

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

/* What a shape may not be: load that frees memory, or a rise whose falls are
 * explained away. */
static bool allowed(const struct family *f, const int *term, int k,
                    const double *c)
{
    bool rising = f->b[term[0]].form == FIT_LINE && c[0] > 0;
    double load = 0;

    for (int i = 0; i < k; i++) {
        if (f->b[term[i]].form == FIT_LOAD)
            load += c[i];
        if (rising && f->b[term[i]].form == FIT_JUMP && c[i] < 0)
            return false;
    }
    return load >= 0 && load <= f->p->load_max;
}

static void keep(struct family *f, const struct candidate *c)
{
    if (f->nkept < FIT_PARTS_MAX) {
        f->kept[f->nkept++] = *c;
        return;
    }
    /* Full: forget what has become negligible, else the weakest. */
    int weakest = 0;

    for (int i = 1; i < f->nkept; i++)
        if (f->kept[i].evidence < f->kept[weakest].evidence)
            weakest = i;
    if (c->evidence > f->kept[weakest].evidence)
        f->kept[weakest] = *c;
}

/* Fits one shape and keeps it when it has any weight. `line_se` serves a
 * shape without a straight part: how well the slope would be known if it had
 * one. Returns the standard error of its own slope, or NaN. */
static double consider(struct family *f, const int *term, int k, double prior,
                       double line_se)
{
    const struct fit_points *p = f->p;
    double cost = 0, floor_var = p->floor_var * (1 + f->rho * f->rho);
    struct candidate c = {.terms = k};
    struct solved s;

    if (p->n - p->nlives - k < 2 || !solve(f, term, k, &s))
        return NAN;
    for (int i = 0; i < k; i++)
        cost += 1 + f->b[term[i]].cost;
    c.evidence = -0.5 * p->n * log(s.rss / p->n + floor_var) +
                 0.5 * p->nlives * log(1 - f->rho * f->rho) -
                 0.5 * cost * log(f->neff) + log(prior);
    double var = s.rss / (p->n - p->nlives - k) + floor_var;
    double slope_se = sqrt(var * s.slope_var);

    f->peak = fmax(f->peak, c.evidence);
    if (c.evidence < f->top - 9 || (k > 0 && !allowed(f, term, k, s.c)))
        return slope_se;
    c.df = fmax(f->neff - k - 1, 2);
    c.sigma = sqrt(var);
    c.rho = f->rho;
    /* "No slope" means: none that could be seen. */
    c.slope_se = slope_se > 0 ? slope_se : UNSEEN * line_se;
    c.future_se = hypot(sqrt(var * s.future_var),
                        slope_se > 0 ? 0 : UNSEEN * line_se);
    for (int i = 0; i < k; i++) {
        const struct basis *b = &f->b[term[i]];

        c.form |= (c.form & (int)b->form & ~FIT_LOAD) ? FIT_TWO
                                                      : (int)b->form;
        c.slope += b->form == FIT_LINE ? s.c[i] : 0;
        c.future += s.c[i] * b->future;
        c.late += s.c[i] * b->late;
        c.term[i] = term[i];
        c.c[i] = s.c[i];
    }
    if (c.evidence > f->top) {
        f->top = c.evidence;
        f->best = c;
    }
    keep(f, &c);
    return slope_se;
}

/* The shape of the terms 1 .. n - 1, with and without the straight part that
 * is term 0. */
static void try_both(struct family *f, const int *term, int n, double prior)
{
    double se = consider(f, term, n, prior / 2, 0);

    consider(f, term + 1, n - 1, prior / 2, isnan(se) ? 0 : se);
}

/* The same under a load that varied: with its effect, in one version, or the
 * promptest and the slowest together, which stand for any delay between. */
static void try_loads(struct family *f, int *term, int n, double prior)
{
    int nloads = f->end - f->loads;

    if (n + 2 > TERMS_MAX)
        return;
    for (int i = 0; i < nloads; i++) {
        term[n] = f->loads + i;
        try_both(f, term, n + 1, prior / (nloads + 1));
    }
    term[n] = f->loads;
    term[n + 1] = f->end - 1;
    try_both(f, term, n + 2, prior / (nloads + 1));
}

/* A shape of at most one part: alone, with the effect of the load, and with
 * the creep that every allocator has (a logarithm of its age). */
static void try_single(struct family *f, int part, double prior)
{
    int term[TERMS_MAX] = {0, part}, n = part < 0 ? 1 : 2;
    int creeps = f->kinks - f->logs;
    double creep = creeps > 0 ? CREEP * prior : 0;

    prior -= creep;
    for (int i = 0; i < creeps; i++) {
        term[n] = f->logs + i;
        try_both(f, term, n + 1, creep / creeps);
    }
    if (f->end > f->loads) {
        prior /= 2;
        try_loads(f, term, n, prior);
    }
    try_both(f, term, n, prior);
}

static void try_pairs(struct family *f, int a, int a_end, int b, int b_end,
                      int stride, double prior)
{
    double count = 0;

    for (int i = a; i < a_end; i += stride)
        for (int k = a == b ? i + stride : b; k < b_end; k += stride)
            count++;
    for (int i = a; i < a_end; i += stride)
        for (int k = a == b ? i + stride : b; k < b_end; k += stride) {
            int term[TERMS_MAX] = {0, i, k};

            try_both(f, term, 3, prior / count);
        }
}

static void try_singles(struct family *f)
{
    int begin[] = {f->exps, f->kinks, f->jumps};
    int end[] = {f->logs, f->afters, f->loads};

    try_single(f, -1, 1);
    for (int t = 0; t < 3; t++)
        for (int i = begin[t]; i < end[t]; i++)
            /* A jump may be anywhere; only the likeliest are tried. */
            try_single(f, i, SINGLE / (t == 2 ? f->p->n : end[t] - begin[t]));
    for (int i = f->afters; i < f->jumps; i++) {
        int term[TERMS_MAX] = {0, f->kinks + (i - f->afters) / 2 * 2, i};

        try_both(f, term, 3, SINGLE * CREEP / (2 * AFTERS));
    }
}

static void try_composites(struct family *f)
{
    double spread = (double)(f->loads - f->jumps) / f->p->n;

    try_pairs(f, f->exps, f->logs, f->exps, f->logs, 1, PAIR);
    try_pairs(f, f->kinks, f->afters, f->kinks, f->afters, 1, PAIR);
    try_pairs(f, f->kinks, f->afters, f->exps, f->logs, 1, PAIR);
    try_pairs(f, f->jumps, f->loads, f->jumps, f->loads, 1,
              PAIR * spread * spread);
    try_pairs(f, f->jumps, f->loads, f->kinks, f->afters, 1, PAIR * spread);
    try_pairs(f, f->jumps, f->loads, f->exps, f->logs, 1, PAIR * spread);
}

static void publish(const struct family *f, struct fit *out)
{
    double all = 0;

    for (int i = 0; i < f->nkept; i++) {
        const struct candidate *c = &f->kept[i];

        if (c->evidence < f->top - 9)
            continue;
        int n = out->nparts++;
        double w = exp(c->evidence - f->top);

        out->slope[n] = (struct part){w, c->slope, c->slope_se, c->df};
        out->future[n] = (struct part){w, c->future, c->future_se, c->df};
        out->form[n] = c->form;
        out->form_weight[c->form & 127] += w;
        out->rho += w * c->rho;
        out->late_rise += w * c->late;
        all += w;
    }
    for (int i = 0; i < 128; i++)
        out->form_weight[i] /= all;
    out->rho /= all;
    out->late_rise /= all;
    out->top = f->top;
    out->best_form = f->best.form;
    out->best_sigma = f->best.sigma;
}

static void publish_best(const struct family *f, struct fit *out)
{
    const struct candidate *c = &f->best;
    const struct fit_points *p = f->p;
    double level[FIT_POINTS_MAX] = {0};
    int count[FIT_POINTS_MAX] = {0};

    out->kink_at = NAN;
    for (int i = 0; i < c->terms; i++)
        if (!isnan(f->b[c->term[i]].at))
            out->kink_at = fmax(isnan(out->kink_at) ? 0 : out->kink_at,
                                f->b[c->term[i]].at);
    for (int i = 0; i < p->n; i++) {
        out->best[i] = 0;
        for (int k = 0; k < c->terms; k++)
            out->best[i] += c->c[k] * f->b[c->term[k]].v[i];
        level[p->life[i]] += p->y[i] - out->best[i];
        count[p->life[i]]++;
    }
    for (int i = 0; i < p->n; i++)
        out->best[i] += level[p->life[i]] / count[p->life[i]];
}

bool fit_shapes(const struct fit_points *p, struct fit *out)
{
    memset(out, 0, sizeof *out);
    if (p->n < p->nlives + 5)
        return false;
    struct family *f = mem_zalloc(1, sizeof *f);
    double peak[RHOS];

    f->p = p;
    f->top = -DBL_MAX;
    build(f);
    /* Simple shapes first: what they reach prunes the composites. */
    for (int r = 0; r < RHOS; r++) {
        products(f, rhos[r]);
        f->peak = -DBL_MAX;
        try_singles(f);
        peak[r] = f->peak;
    }
    double simple = f->top;
    for (int r = 0; r < RHOS && !p->only_simple; r++) {
        if (peak[r] < simple - 16)
            continue;
        products(f, rhos[r]);
        try_composites(f);
    }
    publish(f, out);
    publish_best(f, out);
    free(f);
    return out->nparts > 0;
}
