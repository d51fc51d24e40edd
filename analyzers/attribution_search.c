#include "analyzers/attribution_search.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXHAUSTIVE = 3, /* all sets up to this size are tried */
    SCATTER = 3,    /* noise in proportion to the growth */
};

enum { ODD_MAX = 40 }; /* with more blocks none is left to itself */

/* So much lighter than the best, a set has no say; so much lighter under even
   noise, it is not asked under another: exp(-40), exp(-100). */
#define HOPELESS 40
#define HOPELESS_EVEN 100

/* More than rounding makes of a weight that is found another way. */
#define SLACK 1e-3

static const double noise_rho[SEARCH_NOISES] = {0, 0.5, 1, 0};

#define PRIOR_ODD 0.1 /* one block is odd */

static bool solve_set(struct search *s, const size_t *set, size_t size,
                      int noise, struct lsq *q)
{
    size_t n = s->n, bytes = n * sizeof(double);

    for (size_t j = 0; j < size; j++)
        memcpy(s->work + j * n, s->white_x[noise] + set[j] * n, bytes);
    memcpy(s->work + LSQ_PARTS * n, s->white_x[noise] + s->ncauses * n, bytes);
    return lsq_solve(s->work, n, size, q);
}

/* A set under scatter in proportion to the growth that `q` found: what leaks
   at random scatters most where most of it happens. */
struct scatter {
    double log_det; /* nearly */
    double widest; /* times a block's even noise, but for the odd one: nearly */
};

/* What the growth of each block is, into `s->scale`, and roughly how it would
   scatter. */
static struct scatter scatter_make(struct search *s, const size_t *set,
                                   size_t size, size_t odd, const struct lsq *q)
{
    size_t n = s->n;
    double least = s->least, scale = 1 / least, product = 1;
    struct scatter out = {0, 0};

    for (size_t i = 0; i < n; i++)
        s->scale[i] = q->b[0] * s->cause[set[0]].x[i];
    for (size_t j = 1; j < size; j++) {
        const double *x = s->cause[set[j]].x, b = q->b[j];

        for (size_t i = 0; i < n; i++)
            s->scale[i] += b * x[i];
    }
    for (size_t i = 0; i < n; i++) {
        double var = (fabs(s->scale[i]) + least) * scale;
        double wide = var * s->even_scale[i];

        if (i != odd && wide > out.widest)
            out.widest = wide;
        product *= var;
        if (product > 1e200 || i + 1 == n) { /* few logarithms: they are dear */
            out.log_det += log(product);
            product = 1;
        }
    }
    return out;
}

/* Again, each block weighed by its scatter. */
static bool solve_scatter(struct search *s, const size_t *set, size_t size,
                          size_t odd, struct lsq *q)
{
    double least = s->least, product = 1, *log_det = &s->white[SCATTER].log_det;
    size_t n = s->n;

    *log_det = 0;
    for (size_t i = 0; i < n; i++) {
        double var = (fabs(s->scale[i]) + least) / least;

        s->scale[i] = 1 / sqrt(var);
        product *= var;
        if (product > 1e200 || i + 1 == n) {
            *log_det += log(product);
            product = 1;
        }
    }
    for (size_t j = 0; j < size; j++)
        for (size_t i = 0; i < n; i++)
            s->work[j * n + i] = s->cause[set[j]].x[i] * s->scale[i];
    for (size_t i = 0; odd < n && i < n; i++)
        s->work[size * n + i] = i == odd ? s->scale[i] : 0;
    for (size_t i = 0; i < n; i++)
        s->work[LSQ_PARTS * n + i] = s->d[i] * s->scale[i];
    return lsq_solve(s->work, n, size + (odd < n), q);
}

/* One fitted set: what its members say. */
struct fitted {
    const size_t *set;
    size_t size;
    const struct lsq *q;
    double sigma, weight;
    int df;
};

static bool holds(const struct fitted *f, size_t cause)
{
    for (size_t j = 0; j < f->size; j++)
        if (f->set[j] == cause)
            return true;
    return false;
}

bool search_alike_alone(const struct search *s, size_t i, size_t k)
{
    const struct search_set *set = &s->alike_sets[i];

    for (size_t j = 0; j < set->size; j++) {
        const struct driven_group *g = s->cause[set->cause[j]].group;

        if (set->cause[j] == k)
            return false;
        for (size_t m = 0; g != NULL && m < g->nkinds; m++)
            if ((size_t)g->kinds[m] == k)
                return false;
    }
    return true;
}

/* Keeps the set whose opinion was added to those on "alike". */
static void keep_alike(struct search *s, const struct fitted *f)
{
    struct search_set *set;

    if (s->nalike == s->says[s->alike].n)
        return; /* the opinion was none */
    s->alike_sets = mem_grow(s->alike_sets, s->nalike, &s->alike_cap,
                             sizeof *s->alike_sets);
    set = &s->alike_sets[s->nalike++];
    set->size = f->size;
    for (size_t j = 0; j < f->size; j++)
        set->cause[j] = f->set[j];
}

static void heard(struct search *s, const struct fitted *f, size_t cause,
                  const double *a)
{
    double at = 0;

    for (size_t j = 0; j < f->size; j++)
        at += a[j] * f->q->b[j];
    mixture_add(
        &s->says[cause],
        (struct opinion){f->weight, at, f->sigma * lsq_se(f->q, a), f->df, 0});
    s->included[cause] = lsq_log_add(s->included[cause], f->weight);
}

/* What the set says of kind `k`: its own growth, and what the drivers in the
   set bring along with its requests. */
static void heard_of_kind(struct search *s, const struct fitted *f, size_t k)
{
    double a[LSQ_PARTS] = {0};
    bool own = false, driven = false;

    for (size_t j = 0; j < f->size; j++) {
        const struct driven_group *g = s->cause[f->set[j]].group;

        if (f->set[j] == k || f->set[j] == s->alike)
            a[j] = 1;
        own = own || f->set[j] == k;
        for (size_t i = 0; g != NULL && i < g->nkinds; i++)
            if ((size_t)g->kinds[i] == k) {
                a[j] = g->ratio[i];
                driven = true;
            }
    }
    heard(s, f, k, a);
    if (own && !driven)
        s->requests[k] = lsq_log_add(s->requests[k], f->weight);
}

/* The driver in place `j` of the set speaks for the kinds it is a part of. */
static void heard_of_driver(struct search *s, const struct fitted *f, size_t j)
{
    const struct search_cause *c = &s->cause[f->set[j]];
    bool alike = holds(f, s->alike);

    for (size_t i = 0; i < c->group->nkinds; i++) {
        size_t k = (size_t)c->group->kinds[i];
        bool said = k >= s->nkinds || holds(f, k);

        /* Another driver of the same kind, earlier in the set, spoke of it. */
        for (size_t o = 0; o < j && !said; o++) {
            const struct driven_group *g = s->cause[f->set[o]].group;

            for (size_t m = 0; g != NULL && m < g->nkinds; m++)
                said = said || (size_t)g->kinds[m] == k;
        }
        if (said)
            continue;
        heard_of_kind(s, f, k);
        if (!alike)
            c->only[i] = lsq_log_add(c->only[i], f->weight);
    }
}

static void listen(struct search *s, const struct fitted *f)
{
    for (size_t j = 0; j < f->size; j++) {
        double a[LSQ_PARTS] = {0};

        if (f->set[j] < s->nkinds) {
            heard_of_kind(s, f, f->set[j]);
            continue;
        }
        a[j] = 1;
        heard(s, f, f->set[j], a);
        if (f->set[j] == s->alike)
            keep_alike(s, f);
        if (s->cause[f->set[j]].group != NULL)
            heard_of_driver(s, f, j);
    }
    s->all = lsq_log_add(s->all, f->weight);
    if (f->weight <= s->best)
        return;
    s->best = f->weight;
    s->best_size = f->size;
    for (size_t j = 0; j < f->size; j++)
        s->best_set[j] = f->set[j];
}

/* What a set of `p` parameters weighs that leaves a mean square of
   exp(`misfit`) under a noise of that determinant. */
static double weight_of(const struct search *s, size_t p, double misfit,
                        double log_det, double log_prior)
{
    double pp = (double)p, nn = (double)s->n, spare = nn - pp - 1;

    return log_prior - 0.5 * (nn * misfit + log_det + pp * s->log_n +
                              2 * pp * (pp + 1) / (spare > 0.5 ? spare : 0.5));
}

static double weight_under(const struct search *s, const struct lsq *q,
                           int noise, double log_prior)
{
    double floor = s->quantum * s->quantum / 6;

    return weight_of(s, q->p, log((q->rss + floor) / (double)s->n),
                     s->white[noise].log_det, log_prior);
}

/* The greatest sum of squares that `p` parameters may leave if they are to
   weigh `bar` or more under a noise of that determinant. */
static double worst_rss(const struct search *s, size_t p, double log_det,
                        double log_prior, double bar)
{
    double floor = s->quantum * s->quantum / 6, nn = (double)s->n;
    double room = weight_of(s, p, 0, log_det, log_prior) - bar;

    return nn * exp(2 * (room + SLACK) / nn) - floor;
}

/* Listens to one fitted set, unless it asks for memory given back, which
   explains no growth, or has no say beside others. */
static void hear_set(struct search *s, const size_t *set, size_t size,
                     const struct lsq *q, double weight)
{
    double floor = s->quantum * s->quantum / 6;
    double left = (double)(s->n - q->p) + (q->rss < floor);

    if (weight < s->best - HOPELESS)
        return;
    for (size_t j = 0; j < size; j++)
        if (q->b[j] <= 0)
            return;
    listen(s, &(struct fitted){set, size, q, sqrt((q->rss + floor) / left),
                               weight, (int)(s->n - q->p)});
}

/* The fit `q` of the set at hand, with each of the blocks left to itself in
   turn, as far as that may have a say. Nearly what a column that is 1 in one
   block leaves of the squares is found for all blocks at once. */
static void try_odds(struct search *s, const size_t *set, size_t size,
                     int noise, const struct lsq *q, double log_prior,
                     double *weights)
{
    const struct whitener *w = &s->white[noise];
    size_t n = s->n;
    double bar = s->best - (noise == 0 ? HOPELESS_EVEN : HOPELESS), worst;
    double *left = s->gathered + size * n;
    struct lsq with;

    log_prior += s->log_odd;
    worst = worst_rss(s, size + 1, w->log_det, log_prior, bar);
    for (size_t j = 0; j < size; j++)
        whitener_gather(w, s->work + j * n, s->gathered + j * n);
    whitener_gather(w, s->work + LSQ_PARTS * n, left);
    for (size_t odd = 0; odd < n; odd++) {
        double own = s->odd_square[noise][odd];

        for (size_t j = 0; j < size; j++)
            own -= s->gathered[j * n + odd] * s->gathered[j * n + odd];
        if (q->rss - left[odd] * left[odd] / own > worst ||
            !lsq_extend(s->work, s->work + LSQ_PARTS * n, n, q,
                        s->white_odd[noise] + odd * n, odd,
                        w->plain ? odd + 1 : n, &with))
            continue;
        weights[odd] = weight_under(s, &with, noise, log_prior);
        if (noise == 0)
            s->even_fits[odd] = with;
        hear_set(s, set, size, &with, weights[odd]);
    }
}

/* The set under one of the noises that do not hang on the growth, with all
   blocks and with each of them left to itself; `weights` are filled with what
   those weigh that are not hopeless, all blocks last, and under even noise
   `s->even_fits` with the fits. */
static void try_noise(struct search *s, const size_t *set, size_t size,
                      int noise, double log_prior, double *weights)
{
    size_t n = s->n;
    struct lsq q;

    for (size_t odd = 0; odd <= n; odd++)
        weights[odd] = -INFINITY;
    if (n < size + 2 || !solve_set(s, set, size, noise, &q))
        return;
    weights[n] = weight_under(s, &q, noise, log_prior);
    if (noise == 0)
        s->even_fits[n] = q;
    hear_set(s, set, size, &q, weights[n]);
    if (n <= ODD_MAX && n >= size + 3 && size < LSQ_PARTS)
        try_odds(s, set, size, noise, &q, log_prior, weights);
}

/* The set under scatter in proportion to its growth. That can make much of a
   set which is poor under even noise, but not everything: `even` is what that
   weighs. Nor can it make more of the misfit than where it scatters most. */
static void try_scatter(struct search *s, const size_t *set, size_t size,
                        double log_prior, const double *even)
{
    size_t n = s->n;

    for (size_t i = 0; i <= n; i++) {
        size_t odd = i == 0 ? n : i - 1;
        double prior = log_prior + (odd < n ? s->log_odd : 0);
        struct scatter way;
        struct lsq q;

        if (!(even[odd] >= s->best - HOPELESS_EVEN) || even[odd] == -INFINITY)
            continue;
        q = s->even_fits[odd];
        way = scatter_make(s, set, size, odd, &q);
        if (q.rss / way.widest >
            worst_rss(s, q.p, way.log_det, prior, s->best - HOPELESS))
            continue;
        if (!solve_scatter(s, set, size, odd, &q))
            continue;
        hear_set(s, set, size, &q, weight_under(s, &q, SCATTER, prior));
    }
}

static void try_set(struct search *s, const size_t *set, size_t size)
{
    double *even = s->work + (LSQ_PARTS + 1) * s->n, *other = even + s->n + 1;
    double prior = 0;

    for (size_t j = 0; j < size; j++)
        prior += log(s->cause[set[j]].prior);
    for (int noise = 0; noise < SCATTER; noise++)
        try_noise(s, set, size, noise, prior, noise == 0 ? even : other);
    if (size > 0)
        try_scatter(s, set, size, prior, even);
}

/* Every set of up to three among the `m` causes listed in `c`, with at most
   one driver: those stand at the end, from `drivers` on. */
static void try_small_sets(struct search *s, const size_t *c, size_t m,
                           size_t drivers)
{
    try_set(s, NULL, 0);
    for (size_t i = 0; i < m; i++) {
        size_t set[EXHAUSTIVE] = {c[i]};

        try_set(s, set, 1);
        for (size_t j = i + 1; i < drivers && j < m; j++) {
            set[1] = c[j];
            try_set(s, set, 2);
            for (size_t k = j + 1; j < drivers && k < m; k++) {
                set[2] = c[k];
                try_set(s, set, 3);
            }
        }
    }
}

/* Grows the best set by one cause at a time while that makes it better. */
static void grow_best(struct search *s, const size_t *c, size_t m)
{
    while (s->best_size >= EXHAUSTIVE && s->best_size < SEARCH_SET_MAX) {
        size_t set[SEARCH_SET_MAX], size = s->best_size;

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

static void whiten(struct search *s, const struct blocks *b, size_t from)
{
    size_t n = s->n;
    double mean = 0, *var = mem_zalloc(n, sizeof *var);

    for (size_t i = 0; i < n; i++)
        mean += b->requests[from + i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var[i] = 0.5 + 0.5 * b->requests[from + i] / mean;
    for (int w = 0; w < SEARCH_NOISES; w++) {
        double *unit = s->work;

        whitener_make(n, var, noise_rho[w], &s->white[w]);
        s->white_x[w] = mem_zalloc((s->ncauses + 1) * n, sizeof(double));
        s->white_odd[w] = mem_zalloc(n * n, sizeof(double));
        s->odd_square[w] = mem_zalloc(n, sizeof(double));
        for (size_t i = 0; i < s->ncauses; i++)
            whitener_apply(&s->white[w], s->cause[i].x, s->white_x[w] + i * n);
        whitener_apply(&s->white[w], s->d, s->white_x[w] + s->ncauses * n);
        for (size_t i = 0; i < n; i++) {
            memset(unit, 0, n * sizeof *unit);
            unit[i] = 1;
            whitener_apply(&s->white[w], unit, s->white_odd[w] + i * n);
            s->odd_square[w][i] =
                lsq_dot(s->white_odd[w] + i * n, s->white_odd[w] + i * n, n);
        }
    }
    for (size_t i = 0; i < n; i++)
        s->even_scale[i] = 1 / (s->white[0].diag[i] * s->white[0].diag[i]);
    free(var);
}

void search_open(struct search *s, const struct blocks *b, size_t from,
                 const struct driven *d, double quantum)
{
    size_t n = b->n - from, m, drivers, *c;

    *s = (struct search){.n = n, .d = b->d + from, .quantum = quantum};
    s->nkinds = b->nkinds > 0 ? b->nkinds : 1;
    s->alike = s->nkinds;
    s->time = s->nkinds + 1;
    s->ncauses = s->nkinds + 2 + (d != NULL ? d->n : 0);
    s->all = s->best = -INFINITY;
    s->says = mem_zalloc(s->ncauses, sizeof *s->says);
    s->included = mem_zalloc(s->ncauses, sizeof *s->included);
    s->requests = mem_zalloc(s->nkinds, sizeof *s->requests);
    s->work = mem_zalloc((LSQ_PARTS + 1) * n + 2 * (n + 1), sizeof *s->work);
    s->scale = mem_zalloc(n, sizeof *s->scale);
    s->even_scale = mem_zalloc(n, sizeof *s->even_scale);
    s->gathered = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *s->gathered);
    s->even_fits = mem_zalloc(n + 1, sizeof *s->even_fits);
    for (size_t i = 0; i < n; i++)
        s->least += fabs(s->d[i]) / (double)n;
    s->least = 0.01 * s->least + quantum;
    s->log_n = log((double)n);
    s->log_odd = log(PRIOR_ODD / (double)n);
    for (size_t i = 0; i < s->ncauses; i++)
        s->included[i] = -INFINITY;
    for (size_t i = 0; i < s->nkinds; i++)
        s->requests[i] = -INFINITY;
    search_causes(s, b, from, d);
    whiten(s, b, from);
    c = mem_zalloc(s->ncauses, sizeof *c);
    m = search_candidates(s, c, &drivers);
    try_small_sets(s, c, m, drivers);
    grow_best(s, c, m);
    free(c);
}

void search_close(struct search *s)
{
    for (int w = 0; w < SEARCH_NOISES; w++) {
        whitener_release(&s->white[w]);
        free(s->white_x[w]);
        free(s->white_odd[w]);
        free(s->odd_square[w]);
    }
    for (size_t i = 0; i < s->ncauses; i++) {
        mixture_release(&s->says[i]);
        free(s->cause[i].only);
    }
    free(s->even_fits);
    free(s->gathered);
    free(s->scale);
    free(s->even_scale);
    free(s->alike_sets);
    free(s->cause);
    free(s->says);
    free(s->included);
    free(s->requests);
    free(s->work);
}
