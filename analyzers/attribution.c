#include "analyzers/attribution.h"

#include "analyzers/lsq.h"
#include "analyzers/mixture.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SET_MAX = 6,     /* guilty kinds in one explanation */
    EXHAUSTIVE = 3,  /* all sets up to this size are tried */
    CANDIDATES = 24, /* kinds that enter the larger sets */
    NOISES = 4,
    SCATTER = 3, /* noise in proportion to the growth */
};

static const double noise_rho[NOISES] = {0, 0.5, 1, 0};

/* How likely is guilt beforehand: one kind in a handful of runs. */
#define PRIOR_KIND 0.25 /* shared by all kinds, per further guilty kind */
#define PRIOR_ALIKE 0.1
#define PRIOR_TIME 0.05
#define PRIOR_ODD 0.1 /* one block is odd */

/* A possible cause: a kind, every request alike, or time. */
struct cause_column {
    const double *x;
    double prior;
};

struct search {
    const double *d;
    size_t n, nkinds, ncauses; /* kinds, then alike, then time */
    size_t alike, time;        /* their indices; == ncauses when absent */
    struct cause_column *cause;
    struct whitener white[NOISES];
    double *white_x[NOISES];   /* causes whitened, then the differences */
    double *white_odd[NOISES]; /* one column per block */
    double *work;
    double quantum;
    struct mixture *says; /* one per cause */
    double *included;     /* log weight of all sets with the cause */
    double all;           /* log weight of all sets */
    double best;
    size_t best_set[SET_MAX], best_size;
};

static bool solve_set(struct search *s, const size_t *set, size_t size,
                      size_t odd, int noise, struct lsq *q)
{
    size_t n = s->n, bytes = n * sizeof(double);

    for (size_t j = 0; j < size; j++)
        memcpy(s->work + j * n, s->white_x[noise] + set[j] * n, bytes);
    if (odd < n)
        memcpy(s->work + size * n, s->white_odd[noise] + odd * n, bytes);
    memcpy(s->work + LSQ_PARTS * n, s->white_x[noise] + s->ncauses * n, bytes);
    return lsq_solve(s->work, n, size + (odd < n), q);
}

/* Again, each block weighed by the growth that `q` found in it: what leaks at
   random scatters most where most of it happens. */
static bool solve_scatter(struct search *s, const size_t *set, size_t size,
                          size_t odd, struct lsq *q)
{
    struct whitener *w = &s->white[SCATTER];
    size_t n = s->n;
    double mean = 0, least;

    for (size_t i = 0; i < n; i++)
        mean += fabs(s->d[i]) / (double)n;
    least = 0.01 * mean + s->quantum;
    w->log_det = 0;
    for (size_t i = 0; i < n; i++) {
        double fitted = 0;

        for (size_t j = 0; j < size; j++)
            fitted += q->b[j] * s->cause[set[j]].x[i];
        w->diag[i] = sqrt((fabs(fitted) + least) / least);
        w->log_det += 2 * log(w->diag[i]);
    }
    for (size_t j = 0; j < size; j++)
        whitener_apply(w, s->cause[set[j]].x, s->work + j * n);
    for (size_t i = 0; odd < n && i < n; i++)
        s->work[size * n + i] = i == odd ? 1 / w->diag[i] : 0;
    whitener_apply(w, s->d, s->work + LSQ_PARTS * n);
    return lsq_solve(s->work, n, size + (odd < n), q);
}

/* Fits one set under one noise, with block `odd` left to itself when it is
   below n. */
static void fit_set(struct search *s, const size_t *set, size_t size,
                    size_t odd, int noise, double log_prior)
{
    size_t n = s->n, p = size + (odd < n);
    double pp = (double)p, nn = (double)n, sigma, weight, a[LSQ_PARTS] = {0};
    double floor = s->quantum * s->quantum / 6;
    struct lsq q;

    if (n < p + 2 || p > LSQ_PARTS)
        return;
    if (!solve_set(s, set, size, odd, noise == SCATTER ? 0 : noise, &q))
        return;
    if (noise == SCATTER &&
        (size == 0 || !solve_scatter(s, set, size, odd, &q)))
        return;
    for (size_t j = 0; j < size; j++)
        if (q.b[j] <= 0)
            return; /* memory given back explains no growth */
    sigma = sqrt((q.rss + floor) / (nn - pp + (q.rss < floor)));
    weight = log_prior -
             0.5 * (nn * log((q.rss + floor) / nn) + s->white[noise].log_det +
                    pp * log(nn) + 2 * pp * (pp + 1) / fmax(nn - pp - 1, 0.5));
    for (size_t j = 0; j < size; j++) {
        a[j] = 1;
        mixture_add(&s->says[set[j]],
                    (struct opinion){weight, q.b[j], sigma * lsq_se(&q, a),
                                     (int)(n - p), 0});
        s->included[set[j]] = lsq_log_add(s->included[set[j]], weight);
        a[j] = 0;
    }
    s->all = lsq_log_add(s->all, weight);
    if (weight > s->best) {
        s->best = weight;
        s->best_size = size;
        for (size_t j = 0; j < size; j++)
            s->best_set[j] = set[j];
    }
}

static void try_set(struct search *s, const size_t *set, size_t size)
{
    double prior = 0;

    for (size_t j = 0; j < size; j++)
        prior += log(s->cause[set[j]].prior);
    for (int noise = 0; noise < NOISES; noise++) {
        fit_set(s, set, size, s->n, noise, prior);
        for (size_t odd = 0; odd < s->n && s->n <= 40; odd++)
            fit_set(s, set, size, odd, noise,
                    prior + log(PRIOR_ODD / (double)s->n));
    }
}

/* Every set of up to three among the `m` causes listed in `c`. */
static void try_small_sets(struct search *s, const size_t *c, size_t m)
{
    try_set(s, NULL, 0);
    for (size_t i = 0; i < m; i++) {
        size_t set[EXHAUSTIVE] = {c[i]};

        try_set(s, set, 1);
        for (size_t j = i + 1; j < m; j++) {
            set[1] = c[j];
            try_set(s, set, 2);
            for (size_t k = j + 1; k < m; k++) {
                set[2] = c[k];
                try_set(s, set, 3);
            }
        }
    }
}

/* Grows the best set by one cause at a time while that makes it better. */
static void grow_best(struct search *s, const size_t *c, size_t m)
{
    while (s->best_size >= EXHAUSTIVE && s->best_size < SET_MAX) {
        size_t set[SET_MAX], size = s->best_size;

        memcpy(set, s->best_set, sizeof set);
        for (size_t i = 0; i < m; i++) {
            bool inside = false;

            for (size_t j = 0; j < size; j++)
                inside |= set[j] == c[i];
            set[size] = c[i];
            if (!inside)
                try_set(s, set, size + 1);
        }
        if (s->best_size == size)
            break;
    }
}

/* Which causes may enter sets: all of them when few; else those that lower
   the misfit most, one after the other (orthogonal matching pursuit, Pati et
   al. 1993). */
static size_t pick_candidates(const struct search *s, size_t *c)
{
    size_t n = s->n, m = 0, want = s->ncauses;
    double *left = mem_zalloc(n, sizeof *left);

    if (want > CANDIDATES)
        want = CANDIDATES;
    memcpy(left, s->d, n * sizeof *left);
    while (m < want) {
        double best = -1, gain = 0;
        size_t pick = 0;

        for (size_t i = 0; i < s->ncauses; i++) {
            const double *x = s->cause[i].x;
            double xx = lsq_dot(x, x, n), xy = lsq_dot(x, left, n), g;
            bool seen = !(xx > 0);

            for (size_t j = 0; j < m; j++)
                seen |= c[j] == i;
            g = seen ? -1 : xy * fabs(xy) / xx;
            if (!seen && (g > best || best < 0)) {
                best = fmax(g, 0);
                gain = xy / xx;
                pick = i;
            }
        }
        if (best < 0)
            break;
        c[m++] = pick;
        for (size_t i = 0; m <= 8 && gain > 0 && i < n; i++)
            left[i] -= gain * s->cause[pick].x[i];
    }
    free(left);
    return m;
}

static void search_open(struct search *s, const struct blocks *b, size_t from)
{
    double mean = 0, *var;
    size_t n = b->n - from;

    s->n = n;
    s->d = b->d + from;
    s->nkinds = b->nkinds;
    s->alike = s->nkinds;
    s->time = s->nkinds + 1;
    s->ncauses = s->nkinds + 2;
    s->all = s->best = -INFINITY;
    s->cause = mem_zalloc(s->ncauses, sizeof *s->cause);
    s->says = mem_zalloc(s->ncauses, sizeof *s->says);
    s->included = mem_zalloc(s->ncauses, sizeof *s->included);
    s->work = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *s->work);
    for (size_t k = 0; k < s->nkinds; k++)
        s->cause[k] = (struct cause_column){b->kinds[k] + from,
                                            PRIOR_KIND / (double)s->nkinds};
    s->cause[s->alike] = (struct cause_column){b->requests + from, PRIOR_ALIKE};
    s->cause[s->time] = (struct cause_column){b->hours + from, PRIOR_TIME};
    for (size_t i = 0; i < s->ncauses; i++)
        s->included[i] = -INFINITY;
    var = mem_zalloc(n, sizeof *var);
    for (size_t i = 0; i < n; i++)
        mean += b->requests[from + i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var[i] = 0.5 + 0.5 * b->requests[from + i] / mean;
    for (int w = 0; w < NOISES; w++) {
        double *unit = s->work;

        whitener_make(n, var, noise_rho[w], &s->white[w]);
        s->white_x[w] = mem_zalloc((s->ncauses + 1) * n, sizeof(double));
        s->white_odd[w] = mem_zalloc(n * n, sizeof(double));
        for (size_t i = 0; i < s->ncauses; i++)
            whitener_apply(&s->white[w], s->cause[i].x, s->white_x[w] + i * n);
        whitener_apply(&s->white[w], s->d, s->white_x[w] + s->ncauses * n);
        for (size_t i = 0; i < n; i++) {
            memset(unit, 0, n * sizeof *unit);
            unit[i] = 1;
            whitener_apply(&s->white[w], unit, s->white_odd[w] + i * n);
        }
    }
    free(var);
}

static void search_close(struct search *s)
{
    for (int w = 0; w < NOISES; w++) {
        whitener_release(&s->white[w]);
        free(s->white_x[w]);
        free(s->white_odd[w]);
    }
    for (size_t i = 0; i < s->ncauses; i++)
        mixture_release(&s->says[i]);
    free(s->cause);
    free(s->says);
    free(s->included);
    free(s->work);
}

/* The opinions on one cause, or on a kind and "every request alike", which
   speaks for it too; sets without either say zero. */
static void blame_fill(struct search *s, size_t cause, double confidence,
                       struct blame *out)
{
    double a = 1 - confidence, on = s->included[cause], off;
    struct mixture m;

    mixture_init(&m);
    for (size_t i = 0; i < s->says[cause].n; i++)
        mixture_add(&m, s->says[cause].v[i]);
    if (cause < s->nkinds) {
        for (size_t i = 0; i < s->says[s->alike].n; i++)
            mixture_add(&m, s->says[s->alike].v[i]);
        on = lsq_log_add(on, s->included[s->alike]);
    }
    /* The remaining sets hold the rest of the weight; those with both a kind
       and "alike" are counted twice, so this errs towards guilt by a hair. */
    off = 1 - exp(fmin(on - s->all, 0));
    if (off > 1e-9)
        mixture_add(&m, (struct opinion){log(off) + s->all, 0, 0, 1, 0});
    mixture_close(&m, 1e-6);
    out->per_request = (struct interval){mixture_quantile(&m, 0.5),
                                         mixture_quantile(&m, a / 2),
                                         mixture_quantile(&m, 1 - a / 2)};
    out->named = off < a / 2 && mixture_quantile(&m, a / 2) > 0;
    mixture_release(&m);
}

/* The smallest growth of one cause that would be named beside the best set:
   its own standard error there, times what naming takes. */
static double named_from(struct search *s, size_t cause, double tail)
{
    size_t n = s->n, size = 0, set[SET_MAX + 1];
    double a[LSQ_PARTS] = {0}, sigma;
    struct lsq q;

    for (size_t j = 0; j < s->best_size; j++)
        if (s->best_set[j] != cause)
            set[size++] = s->best_set[j];
    set[size++] = cause;
    if (n < size + 2)
        return NAN;
    for (size_t j = 0; j < size; j++)
        memcpy(s->work + j * n, s->white_x[0] + set[j] * n, n * sizeof(double));
    memcpy(s->work + LSQ_PARTS * n, s->white_x[0] + s->ncauses * n,
           n * sizeof(double));
    if (!lsq_solve(s->work, n, size, &q))
        return NAN;
    sigma = sqrt((q.rss + s->quantum * s->quantum / 6) / (double)(n - size));
    a[size - 1] = 1;
    return tail * sigma * lsq_se(&q, a);
}

size_t attribution_make(const struct blocks *b, size_t from, double quantum,
                        double confidence, int finding, struct blame *out)
{
    struct search s = {.quantum = quantum};
    size_t *c, m;

    if (b->nkinds < 2 || b->n < from + 4)
        return 0;
    search_open(&s, b, from);
    c = mem_zalloc(s.ncauses, sizeof *c);
    m = pick_candidates(&s, c);
    try_small_sets(&s, c, m);
    grow_best(&s, c, m);
    for (size_t k = 0; k <= s.nkinds; k++) {
        size_t cause = k < s.nkinds ? k : s.time;

        out[k] =
            (struct blame){.finding = finding,
                           .kind = k < s.nkinds ? (int)k : ATTRIBUTION_TIME};
        blame_fill(&s, cause, confidence, &out[k]);
        out[k].minimum_per_request = named_from(&s, cause, 6);
    }
    free(c);
    search_close(&s);
    return b->nkinds + 1;
}
