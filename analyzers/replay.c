#include "analyzers/replay.h"

#include "analyzers/growth_memo.h"
#include "analyzers/lives.h"
#include "analyzers/student.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

#include <math.h>
#include <stdlib.h>

enum {
    DRAWS = 19, /* the largest of 19 covers 19 of 20 others */
    STEPS = 12,
    RAISES = 12,
    FUTURES = 9,
    FUTURES_EARLY = 2, /* of those, for the ends of the range ... */
    FUTURES_HALF = 5,
    FUTURES_LATE = 8, /* ... that holds four of five */
    STRIDE = 4,       /* no common factor with FUTURES: a permutation */
    NORMAL_DF = 100000,
};

/* By so much a guess grows that did not suffice. */
#define RAISE 1.12

/* The spread of the noise over that of the residuals, which is itself known no
   better than they are many (its posterior, as Student had it). */
static double draw_spread(const struct growth *g, size_t n, struct rng *rng)
{
    double left = fmax((double)n - (double)g->parameters, 1), sum = 0;

    for (double i = 0; i < left; i++) {
        double z = rng_normal(rng);

        sum += z * z;
    }
    return sqrt((double)n / sum);
}

static double draw_white(const struct growth *g, size_t n, double spread,
                         struct rng *rng)
{
    double z = spread * g->white[rng_below(rng, n)];

    return rng_u64(rng) & 1 ? z : -z;
}

/* One run's noise: white draws put together again as the best fit found them.
   Draw 0 is what was seen. */
static void draw_noise(const struct replay *r, int draw, double *noise)
{
    const struct growth *g = r->growth;
    size_t n = r->data->n;
    double before = 0, spread, z;
    struct rng rng;

    if (draw == 0) {
        for (size_t i = 0; i < n; i++)
            noise[i] = r->data->d[i] - g->fitted[i];
        return;
    }
    rng_init(&rng, (uint64_t)draw);
    spread = draw_spread(g, n, &rng);
    for (size_t i = 0; i < n; i++) {
        z = draw_white(g, n, spread, &rng);
        noise[i] = g->diag[i] * z + g->low[i] * before;
        before = z;
    }
}

/* What a leak of one per request leaves behind in each block: it goes with
   the process that held it. */
static void held_per_unit(const struct growth_data *data, double *x)
{
    if (data->lives != NULL) {
        lives_part(data->lives, lives_age, 0, x);
        return;
    }
    for (size_t i = 0; i < data->n; i++)
        x[i] = data->requests[i];
}

/* The blocks of a run that leaks `per_request`, with `noise`: what bends by
   itself stays, for it hides a leak. Readings come in whole quanta. */
static void plant(const struct replay *r, const double *noise,
                  double per_request, double *d)
{
    double level = 0, q = r->data->quantum, before = 0;
    double *x = mem_zalloc(r->data->n, sizeof *x);

    held_per_unit(r->data, x);
    for (size_t i = 0; i < r->data->n; i++) {
        double own =
            r->bent ? r->growth->fitted[i] - fmax(r->value, 0) * x[i] : 0;

        level += own + noise[i] + per_request * x[i];
        d[i] = q * floor(level / q + 0.5) - before;
        before += d[i];
    }
    free(x);
}

static bool called(const struct replay *r, const double *noise,
                   double per_request)
{
    struct growth_data data = *r->data;
    double *d = mem_zalloc(data.n, sizeof *d);
    struct growth g;
    bool leak;

    plant(r, noise, per_request, d);
    data.d = d;
    data.hours = NULL;
    data.nkinds = 0;
    data.brief = true;
    growth_fit(&data, &g);
    leak = ruling_outcome(r->ruling, &g, r->requests) == OUTCOME_LEAK;
    growth_release(&g);
    free(d);
    return leak;
}

/* The smallest growth that turns the noise that was seen into a leak, to a
   tenth; NaN: none. */
static double first_called(const struct replay *r, const double *noise)
{
    double lo = fmax(r->ruling->limits->leak, 0), found = NAN;
    double step = r->growth->sigma * sqrt((double)r->data->n) / r->requests;

    for (int i = 0; i < STEPS; i++) {
        double guess = lo + fmax(step, 0.1 * lo);

        if (called(r, noise, guess)) {
            found = guess;
            step /= 2;
        } else {
            lo = guess;
            step *= isnan(found) ? 2 : 0.5;
        }
        if (!isnan(found) && found - lo < 0.15 * found)
            break;
    }
    return found;
}

/* Without noise every draw is the same. */
static bool noisy(const struct replay *r)
{
    for (size_t i = 0; i < r->data->n; i++)
        if (r->growth->white[i] != 0)
            return true;
    return false;
}

double replay_minimum(const struct replay *r)
{
    double *noise = mem_zalloc(r->data->n, sizeof *noise), most;

    draw_noise(r, 0, noise);
    most = first_called(r, noise);
    for (int k = 1; k <= DRAWS && !isnan(most) && noisy(r); k++) {
        int raises = 0;

        draw_noise(r, k, noise);
        while (!called(r, noise, most) && raises++ < RAISES)
            most *= RAISE;
    }
    free(noise);
    return most;
}

/* How many blocks like these, this growth going on, it takes until the answer
   is no longer "inconclusive": the series is carried on by its best shape and
   its own residuals over again. NaN: more than eight times as many. */
/* One way the run may go on: the blocks it had, then more like them. */
struct future {
    double *d;
    double decided; /* total requests by then; NaN: not yet */
};

struct futures {
    const struct replay *replay;
    struct growth_data data; /* as many blocks as the longest */
    double *requests, *restarts;
    struct future v[FUTURES];
    size_t most;
    struct growth_memo *memo;
};

/* The same spread at the share `at` / FUTURES of what it may be (Wilson and
   Hilferty 1931), so that a few futures cover it evenly. */
static double even_spread(const struct growth *g, size_t n, double at)
{
    double left = fmax((double)n - (double)g->parameters, 1),
           a = 2 / (9 * left);
    double z = student_quantile(1 - at / FUTURES, NORMAL_DF);
    double root = fmax(1 - a + z * sqrt(a), 0.2);

    return sqrt((double)n / (left * root * root * root));
}

/* Carries future `k` on. What goes on is drawn from what the blocks left open,
   the noise as for any replay; what bends goes on bending. */
static void carry_on(struct futures *f, size_t k)
{
    const struct replay *r = f->replay;
    const struct growth *g = r->growth;
    size_t n = r->data->n;
    double goal = growth_asymptotic(g, ((double)k + 0.5) / FUTURES);
    double bend = growth_terminal(g, 0.5) - growth_asymptotic(g, 0.5);
    double before = g->white[n - 1], spread, z, *d = f->v[k].d;
    struct rng rng;

    rng_init(&rng, 1000 + k);
    spread = even_spread(g, n, (double)(k * STRIDE % FUTURES) + 0.5);
    for (size_t i = 0; i < n; i++)
        d[i] = r->data->d[i];
    for (size_t i = n; i < f->most; i++) {
        double fade = exp(-(double)(i - n + 1) * g->bend_rate);

        z = draw_white(g, n, spread, &rng);
        d[i] = f->requests[i] * (goal + bend * fade) + g->diag[n - 1] * z +
               g->low[n - 1] * before;
        before = z;
    }
}

static void futures_open(struct futures *f, const struct replay *r)
{
    size_t n = r->data->n, most = 8 * n < 160 ? 8 * n : 160;

    *f = (struct futures){.replay = r, .data = *r->data, .most = most};
    f->requests = mem_zalloc(most, sizeof *f->requests);
    f->restarts = mem_zalloc(most, sizeof *f->restarts);
    for (size_t i = 0; i < most; i++) {
        f->requests[i] = r->data->requests[i % n];
        if (r->data->restarts != NULL)
            f->restarts[i] = r->data->restarts[i % n];
    }
    f->memo = growth_memo_new();
    f->data.memo = f->memo;
    f->data.requests = f->requests;
    f->data.restarts = r->data->restarts != NULL ? f->restarts : NULL;
    f->data.lives = NULL;
    f->data.hours = NULL;
    f->data.nkinds = 0;
    f->data.brief = true;
    for (size_t k = 0; k < FUTURES; k++) {
        f->v[k].d = mem_zalloc(most, sizeof *f->v[k].d);
        f->v[k].decided = NAN;
        carry_on(f, k);
    }
}

static void futures_close(struct futures *f)
{
    for (size_t k = 0; k < FUTURES; k++)
        free(f->v[k].d);
    growth_memo_free(f->memo);
    free(f->requests);
    free(f->restarts);
}

/* Judges every open future after `m` blocks; returns how many are decided. */
static size_t futures_look(struct futures *f, size_t m)
{
    const struct replay *r = f->replay;
    struct ruling ruling = *r->ruling;
    struct limits limits = *ruling.limits;
    double requests = 0;
    size_t decided = 0;

    for (size_t i = 0; i < m; i++)
        requests += f->requests[i];
    if (r->data->lives == NULL) { /* the limits of a longer run */
        struct limits_at at = r->at;

        at.span_s *= requests / at.requests;
        at.requests = requests;
        limits_find(r->policy, r->name, r->metric, &at, &limits);
        ruling.limits = &limits;
    }
    f->data.n = m;
    for (size_t k = 0; k < FUTURES; k++) {
        struct growth g;

        if (isnan(f->v[k].decided)) {
            f->data.d = f->v[k].d;
            growth_fit(&f->data, &g);
            if (ruling_outcome(&ruling, &g, requests) != OUTCOME_INCONCLUSIVE)
                f->v[k].decided = requests;
            growth_release(&g);
        }
        decided += !isnan(f->v[k].decided);
    }
    return decided;
}

void replay_forecast(const struct replay *r, struct interval *more)
{
    size_t n = r->data->n, decided = 0;
    struct futures f;

    *more = (struct interval){NAN, NAN, NAN};
    futures_open(&f, r);
    for (size_t m = n + 1; m <= f.most && decided < FUTURES_LATE;
         m += m < 24 ? 1 : m / 12) {
        double requests = -r->requests;

        decided = futures_look(&f, m);
        for (size_t i = 0; i < m; i++)
            requests += f.requests[i];
        if (isnan(more->low) && decided >= FUTURES_EARLY)
            more->low = requests;
        if (isnan(more->value) && decided >= FUTURES_HALF)
            more->value = requests;
        if (isnan(more->high) && decided >= FUTURES_LATE)
            more->high = requests;
    }
    futures_close(&f);
}
