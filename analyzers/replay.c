#include "analyzers/replay.h"

#include "analyzers/lives.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

#include <math.h>
#include <stdlib.h>

enum {
    DRAWS = 19, /* the largest of 19 covers 19 of 20 others */
    STEPS = 12,
    RAISES = 12,
};

/* By so much a guess grows that did not suffice. */
#define RAISE 1.12

/* The spread of the noise over that of the residuals, which is itself known no
   better than they are many (its posterior, as Student had it). */
static double draw_spread(const struct growth *g, size_t n, struct rng *rng)
{
    size_t left = n > g->parameters ? n - g->parameters : 1;
    double sum = 0;

    for (size_t i = 0; i < left; i++) {
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
    data.brief = data.lasting = true;
    growth_fit(&data, &g);
    leak = ruling_accuses(r->ruling, &g, r->requests);
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
