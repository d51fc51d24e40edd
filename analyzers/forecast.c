#include "analyzers/forecast.h"

#include "analyzers/growth_memo.h"
#include "harness/base/crew.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FUTURES = 64,
    HELD = (4 * FUTURES + 4) / 5, /* of them: four of five */
    FEW = FUTURES / 4,
    LONGER = 8,       /* times as many blocks, at most, ... */
    BLOCKS_MAX = 160, /* ... but not more than this, or than twice as many */
    LOOKS_MAX = 64,
    CANDIDATES_MAX = 2000, /* numbers tried: over thirty decades */
    BLOCKS_FINE = 16,      /* up to here a fit of all shapes costs little */
    STREAM = 1000,         /* seeds apart from those of replay.c */
};

/* From look to look a run grows by so much, and candidates by so much. */
#define LOOK_RATIO 1.15
#define CANDIDATE_RATIO 1.04

/* What an excess that is right counts beside a total that is right: enough to
   choose among equals, however many there are. */
#define EXCESS_SHARE (0.5 / FUTURES)

struct futures {
    const struct replay *replay;
    struct growth_data data;        /* as many blocks as the longest */
    double *requests, *restarts;    /* of each block */
    double *d;                      /* of the futures, `most` apart */
    size_t most;                    /* blocks */
    size_t look[LOOKS_MAX], nlooks; /* after so many blocks */
    double after[LOOKS_MAX];        /* requests by then */
    struct growth_memo *own;        /* where the column brings none */
};

/* Picks explanations, each as often as its weight has it: those at even steps
   through the whole weight. */
static void pick(const struct growth *g, const struct growth_draw **out)
{
    double *upto = mem_zalloc(g->ndraws, sizeof *upto), top = -INFINITY;
    double sum = 0;
    size_t i = 0;

    for (size_t k = 0; k < g->ndraws; k++)
        top = fmax(top, g->draws[k].log_weight);
    for (size_t k = 0; k < g->ndraws; k++)
        upto[k] = sum += exp(g->draws[k].log_weight - top);
    for (size_t k = 0; k < FUTURES; k++) {
        while (i + 1 < g->ndraws && upto[i] < sum * ((double)k + 0.5) / FUTURES)
            i++;
        out[k] = &g->draws[i];
    }
    free(upto);
}

/* The noise as it may be, given how few residuals it is known from. */
static double draw_sigma(const struct growth_draw *o, struct rng *rng)
{
    double sum = 0;

    for (int i = 0; i < o->df; i++) {
        double z = rng_normal(rng);

        sum += z * z;
    }
    return o->sigma * sqrt(o->df / sum);
}

/* Carries the run on in `d` as explanation `o` has it; what bends goes on
   bending. */
static void carry_on(const struct futures *f, const struct growth_draw *o,
                     struct rng *rng, double *d)
{
    size_t n = f->replay->data->n;
    double sigma = draw_sigma(o, rng), q = f->replay->data->quantum;
    double goal = o->at + o->se * sigma * rng_normal(rng), before = o->last;

    for (size_t i = n; i < f->most; i++) {
        double fade = exp(-(double)(i - n + 1) * o->fade);
        double mean = f->requests[i] * (goal + o->bend * fade);
        double z = sigma * rng_normal(rng), diag = o->diag;

        if (o->least > 0)
            diag = sqrt((fabs(mean) + o->least) / o->least);
        d[i] = mean + diag * z + o->low * before;
        if (q > 0)
            d[i] = q * floor(d[i] / q + 0.5);
        before = z;
    }
}

/* Whether future `way` is decided at look `k`. */
static bool decided_at(const struct futures *f, size_t way, size_t k)
{
    const struct replay *r = f->replay;
    struct growth_data data = f->data;
    struct ruling ruling = *r->ruling;
    struct limits limits = *ruling.limits;
    struct limits_at at = r->at;
    double requests = f->after[k];
    struct growth g;
    bool decided;

    if (r->data->lives == NULL) { /* the limits of a longer run */
        at.span_s *= requests / at.requests;
        at.requests = requests;
        limits_find(r->policy, r->name, r->metric, &at, &limits);
        ruling.limits = &limits;
    }
    data.n = f->look[k];
    data.d = f->d + way * f->most;
    data.coarse = data.n > BLOCKS_FINE;
    growth_fit(&data, &g);
    decided = ruling_outcome(&ruling, &g, requests) != OUTCOME_INCONCLUSIVE;
    growth_release(&g);
    return decided;
}

/* Some ways at one look. */
struct ways {
    const struct futures *f;
    size_t look, first; /* the ways before have been asked */
    size_t way[FUTURES], n;
    bool decided[FUTURES];
};

static void ask(void *work, size_t i, size_t hand)
{
    struct ways *w = work;

    (void)hand;
    i += w->first;
    w->decided[i] = decided_at(w->f, w->way[i], w->look);
}

/* Fills w->decided. The first way is asked alone: it leaves in the memo what
   all others find there, and none of them adds anything. */
static void ask_all(struct ways *w)
{
    if (w->n == 0)
        return;
    w->first = 0;
    ask(w, 0, 0);
    w->first = 1;
    crew_share(w->n - 1, crew_hands(), ask, w);
}

/* Leaves the ways in `w` that are decided at look `k`. */
static void keep_decided(struct ways *w, size_t k)
{
    size_t n = 0;

    w->look = k;
    ask_all(w);
    for (size_t i = 0; i < w->n; i++)
        if (w->decided[i])
            w->way[n++] = w->way[i];
    w->n = n;
}

/* The requests at which a way is taken to be decided that was not so at the
   look before look `at`. A run looks after every block: the middle. */
static double after(const struct futures *f, size_t at)
{
    return at == 0 ? f->after[0]
                   : sqrt((f->after[at - 1] + f->requests[f->look[at - 1]]) *
                          f->after[at]);
}

/* The requests after which each future is decided; NaN: not in time. Every
   other look, then the one that was left out. When four of five are decided,
   the others are late: no more is said of them; nor of any when hardly one in
   four is by half of the time. */
static void decide(const struct futures *f, double *decided)
{
    size_t done = 0, half = (f->replay->data->n + f->most) / 2;
    struct ways w = {.f = f};

    for (size_t way = 0; way < FUTURES; way++)
        decided[way] = NAN;
    for (size_t k = 0; k < f->nlooks && done < HELD; k += 2) {
        if (f->look[k] > half && done < FEW)
            return; /* no number will come of it */
        if (!isfinite(f->after[k]))
            continue;
        w.n = 0;
        for (size_t way = 0; way < FUTURES; way++)
            if (isnan(decided[way]))
                w.way[w.n++] = way;
        keep_decided(&w, k);
        done += w.n;
        for (size_t i = 0; i < w.n; i++)
            decided[w.way[i]] = after(f, k);
        if (k == 0)
            continue;
        keep_decided(&w, k - 1);
        for (size_t i = 0; i < w.n; i++)
            decided[w.way[i]] = after(f, k - 1);
    }
}

static void futures_open(struct futures *f, const struct replay *r)
{
    size_t n = r->data->n, most = LONGER * n, m = n + 1;
    double requests = r->requests;

    if (most > BLOCKS_MAX)
        most = 2 * n > BLOCKS_MAX ? 2 * n : BLOCKS_MAX;
    *f = (struct futures){.replay = r, .data = *r->data, .most = most};
    f->requests = mem_zalloc(most, sizeof *f->requests);
    f->restarts = mem_zalloc(most, sizeof *f->restarts);
    f->d = mem_zalloc(FUTURES * most, sizeof *f->d);
    for (size_t i = 0; i < most; i++) {
        f->requests[i] = r->data->requests[i % n];
        if (r->data->restarts != NULL)
            f->restarts[i] = r->data->restarts[i % n];
    }
    for (size_t i = n; i < most && f->nlooks < LOOKS_MAX; i++) {
        requests += f->requests[i];
        if (i + 1 < m)
            continue;
        f->look[f->nlooks] = i + 1;
        f->after[f->nlooks++] = requests;
        m = (size_t)fmax((double)i + 2, LOOK_RATIO * ((double)i + 1));
    }
    /* Other columns look at as many blocks of as many requests. */
    f->data.memo = growth_memo_ahead(r->data->memo, f->nlooks);
    if (f->data.memo == NULL)
        f->data.memo = f->own = growth_memo_new();
    f->data.requests = f->requests;
    f->data.restarts = r->data->restarts != NULL ? f->restarts : NULL;
    f->data.lives = NULL;
    f->data.hours = NULL;
    f->data.nkinds = 0;
    f->data.brief = true;
    f->data.plain = true;
    f->data.draws = false;
}

static void futures_close(struct futures *f)
{
    growth_memo_free(f->own);
    free(f->requests);
    free(f->restarts);
    free(f->d);
}

/* Earliest first; what is not decided last. */
static int by_requests(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

static bool right(double said, double want)
{
    return said <= want * FORECAST_FACTOR * (1 + 1e-9) &&
           want <= said * FORECAST_FACTOR * (1 + 1e-9);
}

double forecast_best(const double *decided, size_t n, double had, double least)
{
    double from = NAN, to = NAN, most = -1, last = NAN, more = least;
    bool among = false; /* the best, without a break */
    size_t in_time = 0;

    while (in_time < n && isfinite(decided[in_time]))
        last = decided[in_time++];
    if (2 * in_time < n || in_time == 0)
        return NAN;
    for (int k = 0; k < CANDIDATES_MAX && had + more <= FORECAST_FACTOR * last;
         k++) {
        double score = 0;

        for (size_t i = 0; i < in_time; i++)
            score += right(had + more, decided[i]) +
                     EXCESS_SHARE * right(more, decided[i] - had);
        if (score > most + EXCESS_SHARE / 2) {
            most = score;
            from = more;
            among = true;
        }
        among = among && score > most - EXCESS_SHARE / 2;
        if (among)
            to = more;
        more *= CANDIDATE_RATIO;
    }
    return had + sqrt(from * to);
}

void forecast_range(const double *decided, size_t n, struct interval *out)
{
    size_t held = (4 * n + 4) / 5; /* four of five, rounded up */
    double narrowest = INFINITY;

    out->low = n > held ? decided[n - held] : NAN;
    out->high = NAN;
    for (size_t i = 0; i + held <= n && !isnan(decided[i + held - 1]); i++)
        if (decided[i + held - 1] < narrowest * decided[i]) {
            narrowest = decided[i + held - 1] / decided[i];
            out->low = decided[i];
            out->high = decided[i + held - 1];
        }
}

void forecast_make(const struct replay *r, struct interval *more)
{
    const struct growth_draw *drawn[FUTURES];
    double decided[FUTURES], had = r->requests, least;
    struct futures f;

    *more = (struct interval){NAN, NAN, NAN};
    if (r->growth->ndraws == 0)
        return;
    pick(r->growth, drawn);
    futures_open(&f, r);
    least = f.requests[r->data->n];
    for (size_t k = 0; k < FUTURES; k++) {
        struct rng rng;

        rng_init(&rng, STREAM + k);
        memcpy(f.d + k * f.most, r->data->d, r->data->n * sizeof *f.d);
        carry_on(&f, drawn[k], &rng, f.d + k * f.most);
    }
    decide(&f, decided);
    futures_close(&f);
    qsort(decided, FUTURES, sizeof *decided, by_requests);
    forecast_range(decided, FUTURES, more);
    more->low -= had;
    more->high -= had;
    more->value = forecast_best(decided, FUTURES, had, least) - had;
    if (isnan(more->low) || isnan(more->value))
        return;
    more->value = fmax(more->value, more->low);
    if (more->value > more->high)
        more->value = more->high;
}
