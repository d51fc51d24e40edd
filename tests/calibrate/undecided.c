/* Runs that do not hold enough to tell. */
#include "tests/calibrate/world.h"

#include <math.h>
#include <stddef.h>

static void short_flat(struct world *w)
{
    world_shorten(w, world_uniform(w, 30, 80));
}

static void short_rising(struct world *w)
{
    world_shorten(w, world_uniform(w, 25, 60));
    w->plain = true;
    if (world_chance(w, 0.5)) {
        double tau = world_uniform(w, 0.4, 1);

        world_rise(w, w->base * world_uniform(w, 0.08, 0.3), tau, 0);
    } else {
        world_leak(w, w->base * world_uniform(w, 0.06, 0.2), 0);
    }
    w->truth->slope_per_request = w->truth->slope_per_hour = NAN;
}

static void unfinished_warmup(struct world *w)
{
    double tau = world_uniform(w, 0.42, 0.8);

    w->plain = true;
    world_rise(w, w->base * world_uniform(w, 0.15, 1), tau, 0);
}

static void unfinished_fill(struct world *w)
{
    w->plain = true;
    world_fill(w, world_uniform(w, 1.15, 2));
}

static void few_cycles(struct world *w)
{
    double cycles = world_uniform(w, 1.5, 2.8);

    world_saw(w, w->base * world_uniform(w, 0.1, 0.4), cycles);
}

static void late_step(struct world *w)
{
    double at = world_uniform(w, 0.92, 0.965);
    double size = w->base * world_uniform(w, 0.03, 0.2);

    w->plain = true;
    for (int i = 0; i < w->n; i++)
        w->y[i] += w->u[i] > at ? size : 0;
}

static void late_onset(struct world *w)
{
    double from = world_uniform(w, 0.91, 0.94);

    w->plain = true;
    world_leak(w, w->base * world_uniform(w, 0.04, 0.1), from);
    w->truth->slope_per_request = w->truth->slope_per_hour = NAN;
}

static void drowned(struct world *w)
{
    double leak = world_leak_size(w, 0.6, 1.5);

    w->plain = true;
    world_leak(w, leak, 0);
    world_ar1(w, w->y, leak * world_uniform(w, 0.8, 2), 0.985);
    w->truth->slope_per_request = w->truth->slope_per_hour = NAN;
}

static void slow_wander(struct world *w)
{
    double phi = exp(-1 / (w->n * world_uniform(w, 0.1, 0.3)));

    w->plain = true;
    world_ar1(w, w->y, w->base * world_uniform(w, 0.02, 0.06), phi);
}

#define I OUTCOME_INCONCLUSIVE

const struct kind undecided_kinds[] = {
    {"short_flat", I, 1, 1, 0, short_flat},
    {"short_rising", I, 1, 0, 0, short_rising},
    {"unfinished_warmup", I, 1, 0, 0, unfinished_warmup},
    {"unfinished_fill", I, 1, 0, 1, unfinished_fill},
    {"few_cycles", I, 1, 1, 0, few_cycles},
    {"late_step", I, 1, 1, 0, late_step},
    {"late_onset", I, 1, 0, 1, late_onset},
    {"drowned", I, 1, 0, 1, drowned},
    {"slow_wander", I, 1, 1, 0, slow_wander},
    {NULL, I, 0, 0, 0, NULL},
};
