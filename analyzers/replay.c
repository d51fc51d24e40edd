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

/* One run's noise: white draws with the spread of the residuals, which is
   itself known no better than they are many (its posterior, as Student had
   it), put together again as the best fit found it. Draw 0 is what was
   seen. */
static void draw_noise(const struct replay *r, int draw, double *noise)
{
    const struct growth *g = r->growth;
    size_t n = r->data->n;
    double left = fmax((double)n - (double)g->parameters, 1), sum = 0, z;
    double before = 0, spread;
    struct rng rng;

    if (draw == 0) {
        for (size_t i = 0; i < n; i++)
            noise[i] = r->data->d[i] - g->fitted[i];
        return;
    }
    rng_init(&rng, (uint64_t)draw);
    for (double i = 0; i < left; i++) {
        z = rng_normal(&rng);
        sum += z * z;
    }
    spread = sqrt((double)n / left) * sqrt(left / sum);
    for (size_t i = 0; i < n; i++) {
        z = spread * g->white[rng_below(&rng, n)];
        z = rng_u64(&rng) & 1 ? z : -z;
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
double replay_forecast(const struct replay *j)
{
    size_t n = j->data->n, most = 8 * n < 160 ? 8 * n : 160;
    double *v[5], answer = NAN, tail = growth_terminal(j->growth, 0.5);
    double goal = growth_asymptotic(j->growth, 0.5);
    struct growth_data data = *j->data;

    for (int i = 0; i < 5; i++)
        v[i] = mem_zalloc(most, sizeof **v);
    for (size_t i = 0; i < most; i++) {
        size_t o = i % n;
        double left = j->growth->fitted[o], fade;

        v[1][i] = data.requests[o];
        v[2][i] = data.hours[o];
        v[3][i] = data.restarts != NULL ? data.restarts[o] : 0;
        fade = exp(-(double)(i - n + 1) * j->growth->bend_rate);
        if (i >= n)
            left = data.requests[o] * (goal + (tail - goal) * fade);
        v[0][i] = left + data.d[o] - j->growth->fitted[o];
    }
    data.d = v[0];
    data.requests = v[1];
    data.hours = v[2];
    data.restarts = data.restarts != NULL ? v[3] : NULL;
    data.nkinds = 0;
    data.hours = NULL;
    data.lives = NULL;
    for (size_t m = n + 1; m <= most && isnan(answer); m += m < 8 ? 1 : m / 8) {
        struct growth g;
        double requests = 0;

        data.n = m;
        growth_fit(&data, &g);
        for (size_t i = 0; i < m; i++)
            requests += data.requests[i];
        if (ruling_outcome(j->ruling, &g, requests) != OUTCOME_INCONCLUSIVE)
            answer = requests - j->requests;
        growth_release(&g);
    }
    for (int i = 0; i < 5; i++)
        free(v[i]);
    return answer;
}
