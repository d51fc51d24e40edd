#include "analyzers/attribution_search.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXHAUSTIVE = 3,    /* all sets up to this size are tried */
    CANDIDATES = 24,   /* kinds that enter the larger sets */
    DRIVERS_TRIED = 6, /* drivers that enter sets, one at a time */
    SCATTER = 3,       /* noise in proportion to the growth */
};

enum { ODD_MAX = 40 }; /* with more blocks none is left to itself */

/* So much lighter than the best, a set has no say; so much lighter under even
   noise, it is not asked under another: exp(-40), exp(-100). */
#define HOPELESS 40
#define HOPELESS_EVEN 100

static const double noise_rho[SEARCH_NOISES] = {0, 0.5, 1, 0};

/* How likely is guilt beforehand: one kind in a handful of runs. */
#define PRIOR_KIND 0.25 /* shared by all kinds, per further guilty kind */
#define PRIOR_ALIKE 0.1
#define PRIOR_TIME 0.05
#define PRIOR_DRIVER 0.1 /* shared by all drivers */
#define PRIOR_ODD 0.1    /* one block is odd */

static bool solve_set(struct search *s, const size_t *set, size_t size,
                      int noise, struct lsq *q)
{
    size_t n = s->n, bytes = n * sizeof(double);

    for (size_t j = 0; j < size; j++)
        memcpy(s->work + j * n, s->white_x[noise] + set[j] * n, bytes);
    memcpy(s->work + LSQ_PARTS * n, s->white_x[noise] + s->ncauses * n, bytes);
    return lsq_solve(s->work, n, size, q);
}

/* Again, each block weighed by the growth that `q` found in it: what leaks at
   random scatters most where most of it happens. */
static bool solve_scatter(struct search *s, const size_t *set, size_t size,
                          size_t odd, struct lsq *q)
{
    double least = s->least, product = 1, *log_det = &s->white[SCATTER].log_det;
    size_t n = s->n;

    *log_det = 0;
    for (size_t i = 0; i < n; i++) {
        double fitted = 0, var;

        for (size_t j = 0; j < size; j++)
            fitted += q->b[j] * s->cause[set[j]].x[i];
        var = (fabs(fitted) + least) / least;
        s->scale[i] = 1 / sqrt(var);
        product *= var;
        if (product > 1e200 || i + 1 == n) { /* few logarithms: they are dear */
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

/* What a set of `p` parameters weighs under one noise. */
static double weight_of(const struct search *s, const struct lsq *q, int noise,
                        double log_prior)
{
    double pp = (double)q->p, nn = (double)s->n, spare = nn - pp - 1;
    double floor = s->quantum * s->quantum / 6;

    return log_prior - 0.5 * (nn * log((q->rss + floor) / nn) +
                              s->white[noise].log_det + pp * s->log_n +
                              2 * pp * (pp + 1) / (spare > 0.5 ? spare : 0.5));
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

/* The set under one of the noises that do not hang on the growth, with all
   blocks and with each of them left to itself; `weights` are filled with what
   those weigh, all blocks last, and under even noise `s->even_fits` with the
   fits. */
static void try_noise(struct search *s, const size_t *set, size_t size,
                      int noise, double log_prior, double *weights)
{
    size_t n = s->n, odds = n <= ODD_MAX && n >= size + 3 ? n : 0;
    const double *left = s->work + LSQ_PARTS * n;
    struct lsq q, with;

    for (size_t odd = 0; odd <= n; odd++)
        weights[odd] = -INFINITY;
    if (n < size + 2 || !solve_set(s, set, size, noise, &q))
        return;
    weights[n] = weight_of(s, &q, noise, log_prior);
    if (noise == 0)
        s->even_fits[n] = q;
    hear_set(s, set, size, &q, weights[n]);
    for (size_t odd = 0; odd < odds && size < LSQ_PARTS; odd++) {
        if (!lsq_extend(s->work, left, n, &q, s->white_odd[noise] + odd * n,
                        odd, s->white[noise].plain ? odd + 1 : n, &with))
            continue;
        weights[odd] = weight_of(s, &with, noise, log_prior + s->log_odd);
        if (noise == 0)
            s->even_fits[odd] = with;
        hear_set(s, set, size, &with, weights[odd]);
    }
}

/* The set under scatter in proportion to its growth. That can make much of a
   set which is poor under even noise, but not everything: `even` is what that
   weighs. */
static void try_scatter(struct search *s, const size_t *set, size_t size,
                        double log_prior, const double *even)
{
    size_t n = s->n;

    for (size_t i = 0; i <= n; i++) {
        size_t odd = i == 0 ? n : i - 1;
        double prior = log_prior + (odd < n ? s->log_odd : 0);
        struct lsq q;

        if (!(even[odd] >= s->best - HOPELESS_EVEN) || even[odd] == -INFINITY)
            continue;
        q = s->even_fits[odd];
        if (!solve_scatter(s, set, size, odd, &q))
            continue;
        hear_set(s, set, size, &q, weight_of(s, &q, SCATTER, prior));
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

/* Adds to c[m..) the causes from..to - 1 that lower the misfit most, one after
   the other, until there are `want` (orthogonal matching pursuit, Pati et al.
   1993). `left` is the misfit so far. Gives how many there are then. */
static size_t pick(const struct search *s, size_t from, size_t to, size_t want,
                   double *left, size_t *c, size_t m)
{
    size_t n = s->n;

    while (m < want) {
        double best = -1, gain = 0;
        size_t taken = 0;

        for (size_t i = from; i < to; i++) {
            const double *x = s->cause[i].x;
            double xx = lsq_dot(x, x, n), xy = lsq_dot(x, left, n), g;
            bool seen = !(xx > 0) || !(s->cause[i].prior > 0);

            for (size_t j = 0; j < m; j++)
                seen |= c[j] == i;
            g = seen ? -1 : xy * fabs(xy) / xx;
            if (!seen && (g > best || best < 0)) {
                best = fmax(g, 0);
                gain = xy / xx;
                taken = i;
            }
        }
        if (best < 0)
            break;
        c[m++] = taken;
        for (size_t i = 0; m <= 8 && gain > 0 && i < n; i++)
            left[i] -= gain * s->cause[taken].x[i];
    }
    return m;
}

/* Which causes may enter sets: all of them when few, drivers last. Gives their
   number; `*drivers` is where those begin. */
static size_t pick_candidates(const struct search *s, size_t *c,
                              size_t *drivers)
{
    size_t plain = s->time + 1, n = s->n, m;
    double *left = mem_zalloc(n, sizeof *left);

    memcpy(left, s->d, n * sizeof *left);
    m = pick(s, 0, plain, plain < CANDIDATES ? plain : CANDIDATES, left, c, 0);
    *drivers = m;
    /* A driver does what a kind would do, and better: judged by all growth. */
    memcpy(left, s->d, n * sizeof *left);
    m = pick(s, plain, s->ncauses, m + DRIVERS_TRIED, left, c, m);
    free(left);
    return m;
}

/* True when driver `x` is another cause by another name. */
static bool not_apart(const struct search *s, const double *x)
{
    for (size_t i = 0; i < s->ncauses; i++)
        if (s->cause[i].prior > 0 && s->cause[i].x != NULL &&
            driven_apart(x, s->cause[i].x, s->n) < DRIVEN_APART_LEAST)
            return true;
    return false;
}

static void make_causes(struct search *s, const struct blocks *b, size_t from,
                        const struct driven *d)
{
    size_t nd = d != NULL ? d->n : 0;
    double prior = nd > 0 ? PRIOR_DRIVER / (double)nd : 0;

    s->cause = mem_zalloc(s->ncauses, sizeof *s->cause);
    for (size_t k = 0; k < s->nkinds; k++)
        s->cause[k] = (struct search_cause){
            (b->nkinds > 0 ? b->kinds[k] : b->requests) + from,
            PRIOR_KIND / (double)s->nkinds, NULL, NULL};
    /* With one kind, every request alike is that kind. */
    s->cause[s->alike] = (struct search_cause){
        b->requests + from, s->nkinds > 1 ? PRIOR_ALIKE : 0, NULL, NULL};
    s->cause[s->time] =
        (struct search_cause){b->hours + from, PRIOR_TIME, NULL, NULL};
    for (size_t i = 0; i < nd; i++) {
        struct search_cause *c = &s->cause[s->time + 1 + i];

        *c = (struct search_cause){d->at[i].x, 0, &d->at[i], NULL};
        c->only = mem_zalloc(d->at[i].nkinds, sizeof *c->only);
        for (size_t k = 0; k < d->at[i].nkinds; k++)
            c->only[k] = -INFINITY;
    }
    /* Where each step sends a new value, it is called the step. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = s->time + 1; i < s->ncauses; i++) {
            struct search_cause *c = &s->cause[i];

            if ((c->group->what == RECORD_STEP) == (pass == 0) &&
                !not_apart(s, c->x))
                c->prior = prior;
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
    make_causes(s, b, from, d);
    whiten(s, b, from);
    c = mem_zalloc(s->ncauses, sizeof *c);
    m = pick_candidates(s, c, &drivers);
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
    }
    for (size_t i = 0; i < s->ncauses; i++) {
        mixture_release(&s->says[i]);
        free(s->cause[i].only);
    }
    free(s->even_fits);
    free(s->scale);
    free(s->alike_sets);
    free(s->cause);
    free(s->says);
    free(s->included);
    free(s->requests);
    free(s->work);
}
