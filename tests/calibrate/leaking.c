/* Services that keep something for every request, or every second. */
#include "tests/calibrate/world.h"

#include <math.h>
#include <stddef.h>

static void linear_slow(struct world *w)
{
    world_leak(w, world_leak_size(w, 1, 2.5), 0);
}

static void linear_fast(struct world *w)
{
    world_leak(w, world_leak_size(w, 4, 30), 0);
}

static void leak_saw(struct world *w)
{
    double leak = world_leak_size(w, 1.2, 6), x = 0;
    double size = leak / world_uniform(w, 0.25, 2.5);
    double cycles = world_log_uniform(w, 12, 55);

    world_leak(w, leak, 0);
    for (int i = 1; i < w->n; i++) {
        x += (w->u[i] - w->u[i - 1]) * cycles;
        if (x >= 1)
            x = 0;
        w->y[i] += size * x;
    }
}

/* Noise such that the leak stands `z` standard errors out of it. */
static void leak_in_noise(struct world *w, double z, double phi)
{
    double leak = world_leak_size(w, 1.2, 5);
    double independent = w->n * (1 - phi) / (1 + phi);

    w->plain = true;
    world_leak(w, leak, 0);
    world_ar1(w, w->y, leak * sqrt(independent / 12) / z, phi);
}

static void heavy_noise(struct world *w)
{
    double phi = world_uniform(w, 0, 0.8);

    leak_in_noise(w, world_uniform(w, 7, 15), phi);
}

static void ar1(struct world *w)
{
    double phi = world_uniform(w, 0.82, 0.94);

    leak_in_noise(w, world_uniform(w, 8, 18), phi);
}

/* The leak comes in `n` steps, evenly or at random. */
static void stairs(struct world *w, int n, double leak, bool even)
{
    double at[128];

    for (int k = 0; k < n; k++)
        at[k] = even ? (k + 0.5) / n : rng_unit(&w->r);
    for (int i = 0; i < w->n; i++)
        for (int k = 0; k < n; k++)
            w->y[i] += w->u[i] > at[k] ? leak / n : 0;
    w->truth->slope_per_request = leak / w->total;
    w->truth->slope_per_hour = leak / w->span * 3600;
}

static void leak_stairs(struct world *w)
{
    bool even = world_chance(w, 0.5);
    double leak = world_leak_size(w, 1.5, 10);

    stairs(w, 10 + (int)rng_below(&w->r, 12), leak, even);
}

static void stairs_few(struct world *w)
{
    bool even = world_chance(w, 0.5);
    double leak = world_leak_size(w, 1.5, 8);

    stairs(w, 4 + (int)rng_below(&w->r, 3), leak, even);
    w->truth->slope_per_request = w->truth->slope_per_hour = NAN;
}

static void leak_rare(struct world *w)
{
    double leak = world_leak_size(w, 1.3, 5);

    stairs(w, 24 + (int)rng_below(&w->r, 40), leak, false);
}

static void midway(struct world *w)
{
    double from = world_uniform(w, 0.3, 0.62);

    world_leak(w, world_leak_size(w, 1.5, 10), from);
}

static void quadratic(struct world *w)
{
    double leak = world_leak_size(w, 1.5, 20), p = world_uniform(w, 1.6, 2.4);

    for (int i = 0; i < w->n; i++)
        w->y[i] += leak * pow(w->u[i], p);
}

/* One to four workers, each climbs through its life. */
static void recycled(struct world *w)
{
    int workers = 1 + (int)rng_below(&w->r, 4);
    double life = w->total / world_uniform(w, 4, 9), born[4], length[4];
    double leak = w->base * world_uniform(w, 0.05, 0.3);

    w->plain = true;
    w->has_starts = true;
    w->starts[0] = workers - 1;
    for (int k = 0; k < workers; k++) {
        born[k] = 0;
        length[k] = life * (k + 1) / workers;
    }
    for (int i = 0; i < w->n; i++) {
        w->starts[i] = i > 0 ? w->starts[i - 1] : w->starts[0];
        for (int k = 0; k < workers; k++) {
            if (w->q[i] - born[k] > length[k]) {
                born[k] = w->q[i];
                length[k] = life * world_uniform(w, 0.85, 1.15);
                w->starts[i]++;
            }
            double age = w->q[i] - born[k];

            w->y[i] += leak / workers * age / life +
                       0.1 * w->base / workers * (1 - exp(-age / life / 0.05));
        }
    }
    w->truth->slope_per_request = leak / life;
    w->truth->slope_per_hour = NAN;
}

static void shrinking_cache(struct world *w)
{
    double leak = world_leak_size(w, 3, 15), tau = world_uniform(w, 0.04, 0.1);

    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] +=
            leak * world_uniform(w, 0.999, 1) * 0.6 * exp(-w->u[i] / tau);
}

static void oom_restart(struct world *w)
{
    int n = 1 + (int)rng_below(&w->r, 3), k = 0;
    double leak = w->base * world_uniform(w, 0.5, 3), born = 0;

    w->plain = true;
    w->has_starts = true;
    for (int i = 0; i < w->n; i++) {
        if (k < n && w->u[i] - born > 1 / (n + 0.6)) {
            k++;
            born = w->u[i];
        }
        w->starts[i] = k;
        w->y[i] += leak * (w->u[i] - born) +
                   0.2 * w->base * (1 - exp(-(w->u[i] - born) / 0.02));
    }
    w->truth->slope_per_request = leak / w->total;
    w->truth->slope_per_hour = leak / w->span * 3600;
}

static void objects_only(struct world *w)
{
    double kept = world_log_uniform(w, 0.04, 0.6);

    w->has_objects = w->own_objects = true;
    for (int i = 0; i < w->n; i++) {
        w->objects[i] = 2e5 * (1 + kept * w->u[i]);
        w->blocks[i] = 6e5 * (1 + kept * w->u[i]);
    }
}

static void native(struct world *w)
{
    w->has_objects = w->own_objects = true;
    for (int i = 0; i < w->n; i++) {
        w->objects[i] = 2e5;
        w->blocks[i] = 6e5;
    }
    world_leak(w, world_leak_size(w, 1.3, 8), 0);
}

static void varying_rate(struct world *w)
{
    double r = w->rate[0], from = world_uniform(w, 0.2, 0.5);
    int steps = 3 + (int)rng_below(&w->r, 4);
    bool ramp = world_chance(w, 0.5);

    for (int i = 0; i < w->n; i++)
        w->rate[i] =
            r *
            (ramp ? from + (1 - from) * w->t[i] / w->span
                  : from + (1 - from) *
                               ((int)(w->t[i] / w->span * steps * 0.999) % 2));
    world_rates(w);
    world_leak(w, world_leak_size(w, 2, 10), 0);
    w->truth->slope_per_hour = NAN;
}

static void after_warmup(struct world *w)
{
    double leak = world_leak_size(w, 1.5, 8),
           tau = world_uniform(w, 0.01, 0.07);
    double size = leak * world_log_uniform(w, 0.5, 10);

    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] += size * (1 - exp(-w->u[i] / tau));
}

static void after_fill(struct world *w)
{
    double leak = world_leak_size(w, 2, 10), full = world_uniform(w, 0.3, 0.48);
    double size = leak * world_log_uniform(w, 1, 8);

    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] += size * fmin(w->u[i] / full, 1);
}

static void periodic_leak(struct world *w)
{
    double cycles = world_uniform(w, 3.2, 8), r = w->rate[0];
    double phase = world_uniform(w, 0, 6.28), state = NAN;
    double leak = world_leak_size(w, 2, 8);
    double size = leak / world_uniform(w, 0.3, 1.6);

    for (int i = 0; i < w->n; i++)
        w->rate[i] =
            r * (1 + 0.6 * sin(6.2832 * cycles * w->t[i] / w->span + phase));
    world_rates(w);
    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++) {
        state = isnan(state) ? w->rate[i] : 0.8 * state + 0.2 * w->rate[i];
        w->y[i] += size * 0.6 * state / r;
    }
    w->truth->slope_per_hour = NAN;
}

static void whole_mib(struct world *w)
{
    double leak = fmax(world_leak_size(w, 1.2, 4), 8 * 1048576.0);

    w->plain = true;
    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] = round(w->y[i] / 1048576) * 1048576;
    w->noise = 0;
}

static void gaps(struct world *w)
{
    int hole = (int)(world_uniform(w, 0.2, 0.7) * w->n);

    world_leak(w, world_leak_size(w, 1.5, 8), 0);
    for (int i = 2; i < w->n - 2; i++) {
        if (world_chance(w, 0.1) || (i > hole && i < hole + w->n / 10))
            w->y[i] = NAN;
        else if (world_chance(w, 0.015))
            w->y[i] *= world_uniform(w, 0.3, 2.5);
    }
}

static void by_time(struct world *w)
{
    double leak = world_leak_size(w, 2, 10), r = w->rate[0];

    for (int i = 0; i < w->n; i++)
        w->rate[i] = r * (1 + 0.7 * sin(6.28 * 2.5 * w->t[i] / w->span));
    world_rates(w);
    for (int i = 0; i < w->n; i++)
        w->y[i] += leak * w->t[i] / w->span;
    w->truth->slope_per_hour = leak / w->span * 3600;
}

static void burst_residue(struct world *w)
{
    int n = 9 + (int)rng_below(&w->r, 12);
    double leak = world_leak_size(w, 3, 15);
    double size = leak * world_uniform(w, 0.5, 2);

    for (int k = 0; k < n; k++) {
        double at = (k + world_uniform(w, 0.1, 0.9)) / n * w->span;
        double on = world_uniform(w, 0.005, 0.02) * w->span;
        double tau = world_uniform(w, 0.003, 0.01) * w->span;

        for (int i = 0; i < w->n; i++) {
            double d = w->t[i] - at;

            if (d >= 0)
                w->y[i] +=
                    leak / n + size * (d < on ? 1 : exp(-(d - on) / tau));
        }
    }
    w->truth->slope_per_request = leak / w->total;
    w->truth->slope_per_hour = leak / w->span * 3600;
}

static void log_plus(struct world *w)
{
    double leak = world_leak_size(w, 3, 10);
    double size = leak / world_uniform(w, 1.5, 4.5);

    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] += size * log1p(w->u[i] / 0.01) / log1p(100.0);
    w->truth->slope_per_request = w->truth->slope_per_hour = NAN;
}

static void highwater(struct world *w)
{
    double heap[WORLD_ROWS_MAX] = {0}, leak = world_leak_size(w, 2, 10);
    double top = -1e300;

    world_ar1(w, heap, leak * world_uniform(w, 0.03, 0.12), 0.5);
    for (int i = 0; i < w->n; i++) {
        top = fmax(top, heap[i] + leak * w->u[i]);
        w->y[i] += top;
    }
}

static void mixed(struct world *w)
{
    double leak = world_leak_size(w, 2.5, 12),
           full = world_uniform(w, 0.1, 0.4);

    world_leak(w, leak, 0);
    for (int i = 0; i < w->n; i++) {
        w->y[i] += leak * fmin(w->u[i] / full, 1);
        w->y[i] += w->u[i] > 0.55 ? leak * 0.2 : 0;
        w->y[i] += fmod(w->u[i] * 9, 1) > 0.92 ? leak * 0.8 : 0;
    }
}

/* Not in any list: descriptors, one now and then. */
static void leak_fds(struct world *w)
{
    int n = (int)world_uniform(w, 15, 200);

    w->has_fds = true;
    for (int i = 0; i < w->n; i++)
        w->fds[i] = 30 + floor(n * w->u[i]) + (world_chance(w, 0.3) ? 1 : 0);
}

/* Not in any list: a small real-looking process, pages in chunks. */
static void small_process(struct world *w)
{
    w->base = world_uniform(w, 9e6, 30e6);
    w->plain = true;
    w->noise = 0.0001;
    world_shorten(w, world_uniform(w, 100, 600));
    world_leak(w, world_leak_size(w, 2, 10), 0);
    double chunk = world_chance(w, 0.5) ? 262144 : 65536;

    for (int i = 0; i < w->n; i++)
        w->y[i] = w->base + floor((w->y[i] - w->base) / chunk) * chunk +
                  60e3 * log1p(w->t[i]);
}

#define L OUTCOME_LEAK

const struct kind leaking_kinds[] = {
    {"leak_linear_slow", L, 0, 0, 0, linear_slow},
    {"leak_linear_fast", L, 0, 0, 0, linear_fast},
    {"leak_saw", L, 0, 0, 0, leak_saw},
    {"leak_heavy_noise", L, 0, 0, 0, heavy_noise},
    {"leak_ar1", L, 0, 0, 0, ar1},
    {"leak_stairs", L, 0, 0, 0, leak_stairs},
    {"leak_stairs_few", L, 1, 0, 0, stairs_few},
    {"leak_rare", L, 0, 0, 0, leak_rare},
    {"leak_midway", L, 0, 0, 0, midway},
    {"leak_quadratic", L, 0, 0, 0, quadratic},
    {"leak_recycled", L, 1, 0, 0, recycled},
    {"leak_shrinking_cache", L, 0, 0, 0, shrinking_cache},
    {"leak_oom_restart", L, 0, 0, 0, oom_restart},
    {"leak_objects_only", L, 0, 0, 0, objects_only},
    {"leak_native", L, 0, 0, 0, native},
    {"leak_varying_rate", L, 0, 0, 0, varying_rate},
    {"leak_after_warmup", L, 0, 0, 0, after_warmup},
    {"leak_after_fill", L, 0, 0, 0, after_fill},
    {"leak_periodic", L, 0, 0, 0, periodic_leak},
    {"leak_whole_mib", L, 0, 0, 0, whole_mib},
    {"leak_gaps", L, 0, 0, 0, gaps},
    {"leak_by_time", L, 0, 0, 0, by_time},
    {"leak_burst_residue", L, 0, 0, 0, burst_residue},
    {"leak_log_plus", L, 0, 0, 0, log_plus},
    {"leak_highwater", L, 0, 0, 0, highwater},
    {"leak_mixed", L, 0, 0, 0, mixed},
    {"leak_fds", L, 0, 0, 0, leak_fds},
    {"leak_small_process", L, 0, 0, 0, small_process},
    {NULL, L, 0, 0, 0, NULL},
};
