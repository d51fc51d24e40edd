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
    LONGER = 8,       /* times as many blocks, at most, ... */
    BLOCKS_MAX = 160, /* ... but not more than this, or than twice as many */
    LOOKS_MAX = 64,
    BLOCKS_FINE = 16, /* up to here a fit of all shapes costs little */
    STREAM = 1000,    /* seeds apart from those of replay.c */
};

/* From look to look a run grows by so much. */
#define LOOK_RATIO 1.15

struct futures {
    const struct replay *replay;
    struct growth_data data;        /* as many blocks as the longest */
    double *requests, *restarts;    /* of each block */
    double *d;                      /* of the futures, `most` apart */
    size_t most;                    /* blocks */
    size_t look[LOOKS_MAX], nlooks; /* after so many blocks */
    double after[LOOKS_MAX];        /* requests by then */
    double share[LOOKS_MAX];        /* decided then; below 0: not asked */
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

/* All futures at one look. The first is asked alone: it leaves in the memo what
   all others find there, and none of them adds anything. */
struct asked {
    const struct futures *f;
    size_t look, first; /* the futures before have been asked */
    bool decided[FUTURES];
};

static void ask(void *work, size_t i, size_t hand)
{
    struct asked *a = work;

    (void)hand;
    i += a->first;
    a->decided[i] = decided_at(a->f, i, a->look);
}

/* The share of the futures that is decided at look `k`. */
static double share_at(struct futures *f, size_t k)
{
    struct asked a = {.f = f, .look = k};
    size_t n = 0;

    if (f->share[k] >= 0)
        return f->share[k];
    ask(&a, 0, 0);
    a.first = 1;
    crew_share(FUTURES - 1, crew_hands(), ask, &a);
    for (size_t i = 0; i < FUTURES; i++)
        n += a.decided[i];
    return f->share[k] = (double)n / FUTURES;
}

/* The requests after which `goal` of the futures are decided; NaN: not in
   time. Shares grow with the length, by and large: each look is twice as far as
   the last, then between the two that hold the goal. */
static double when(struct futures *f, double goal)
{
    size_t low = 0, high = 1; /* looks + 1; 0: none */
    double before, step;

    if (f->nlooks == 0)
        return NAN;
    while (share_at(f, high - 1) < goal) {
        if (high == f->nlooks)
            return NAN;
        low = high;
        high = 2 * high + 1 < f->nlooks ? 2 * high + 1 : f->nlooks;
    }
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (share_at(f, middle - 1) < goal)
            low = middle;
        else
            high = middle;
    }
    if (low == 0)
        return f->after[0];
    before = share_at(f, low - 1);
    step = (goal - before) / (share_at(f, high - 1) - before);
    return f->after[low - 1] + step * (f->after[high - 1] - f->after[low - 1]);
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
        if (!isfinite(requests))
            break;
        f->look[f->nlooks] = i + 1;
        f->share[f->nlooks] = -1;
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

/* The length at which most are decided, of those that were asked for; 0: none.
   The shortest of equals. */
static size_t best_look(const struct futures *f)
{
    size_t best = 0;

    for (size_t k = 1; k < f->nlooks; k++)
        if (f->share[k] > f->share[best])
            best = k;
    return best;
}

static void tell(struct futures *f, struct forecast *out)
{
    double had = f->replay->requests;
    size_t best;

    out->more = when(f, FORECAST_SHARE) - had;
    out->chance = FORECAST_SHARE;
    if (isnan(out->more)) { /* as good as it gets */
        best = best_look(f);
        out->chance = f->nlooks > 0 ? f->share[best] : NAN;
        if (!(out->chance >= FORECAST_HALF)) {
            out->chance = NAN;
            return;
        }
        out->more = f->after[best] - had;
    }
    out->half = fmin(when(f, FORECAST_HALF) - had, out->more);
}

void forecast_make(const struct replay *r, struct forecast *out)
{
    const struct growth_draw *drawn[FUTURES];
    struct futures f;

    *out = (struct forecast){NAN, NAN, NAN};
    if (r->growth->ndraws == 0)
        return;
    pick(r->growth, drawn);
    futures_open(&f, r);
    for (size_t k = 0; k < FUTURES; k++) {
        struct rng rng;

        rng_init(&rng, STREAM + k);
        memcpy(f.d + k * f.most, r->data->d, r->data->n * sizeof *f.d);
        carry_on(&f, drawn[k], &rng, f.d + k * f.most);
    }
    tell(&f, out);
    futures_close(&f);
}
