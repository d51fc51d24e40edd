/* What nobody listed: loads, collectors, clocks and counters that behave as
 * they do in production and seldom in examples. Healthy and leaking kinds,
 * each named for what is odd. */
#include "tests/calibrate/world.h"

#include <math.h>
#include <stddef.h>

/* Nobody asks at night: `nights` pauses, each a fifth to a third of a day. */
static void idle_nights(struct world *w)
{
    int nights = 2 + (int)rng_below(&w->r, 3);
    double share = world_uniform(w, 0.2, 0.35), r = w->rate[0];

    for (int i = 0; i < w->n; i++) {
        double day = w->t[i] / w->span * (nights + 0.7);

        w->rate[i] = day - floor(day) > 1 - share ? 0 : r;
    }
    world_rates(w);
}

/* At night a part of the memory is given back; by day it is taken again. */
static void nights(struct world *w)
{
    double part = world_uniform(w, 0, 0.15);

    idle_nights(w);
    world_follow_load(w, part);
}

static void leak_nights(struct world *w)
{
    nights(w);
    world_leak(w, world_leak_size(w, 2, 10), 0);
    w->truth->slope_per_hour = NAN;
}

/* Two kinds of load by turns; only the second leaks. */
static void leak_by_turns(struct world *w)
{
    int turns = 3 + (int)rng_below(&w->r, 4);
    double leak = world_leak_size(w, 2.5, 12), share = 0.5, at = 0;

    for (int i = 0; i < w->n; i++) {
        double turn = w->u[i] * turns, in = turn - floor(turn);

        at = floor(turn) + fmax(0, in - share) / (1 - share);
        w->y[i] += leak * at / turns;
    }
}

/* A collector that runs a few times in the whole run, over a floor that
 * rises. */
static void leak_rare_collector(struct world *w)
{
    double leak = world_leak_size(w, 3, 12);
    double cycles = world_uniform(w, 5, 9);

    world_leak(w, leak, 0);
    world_saw(w, leak * world_uniform(w, 0.5, 2), cycles);
}

/* Huge pages: nothing is seen to move by less than 2 MiB. */
static void in_huge_pages(struct world *w)
{
    world_ar1(w, w->y, w->base * 0.002, 0.6);
    for (int i = 0; i < w->n; i++)
        w->y[i] = floor(w->y[i] / 2097152) * 2097152;
    w->plain = true;
    w->noise = 0;
}

static void huge_pages(struct world *w)
{
    w->base = fmax(w->base, 100e6);
    world_rise(w, w->base * 0.2, world_uniform(w, 0.01, 0.05), 0);
    in_huge_pages(w);
}

static void leak_huge_pages(struct world *w)
{
    w->base = fmax(w->base, 100e6);
    world_leak(w, fmax(world_leak_size(w, 2, 8), 30e6), 0);
    in_huge_pages(w);
}

/* Page cache fills the control group to its limit and is reclaimed there
 * again and again; the processes are level. */
static void reclaim(struct world *w)
{
    double room = w->base * world_uniform(w, 0.3, 1.5), fill = 0;
    double speed = room / world_uniform(w, 0.15, 0.6);

    w->has_cgroup = true;
    for (int i = 0; i < w->n; i++) {
        fill += i > 0 ? speed * (w->u[i] - w->u[i - 1]) : 0;
        if (fill > room)
            fill *= world_uniform(w, 0.7, 0.95);
        w->cgroup[i] = w->base * 0.95 + fill;
    }
}

/* A sampler that is late as it pleases: intervals from a fifth to ten times
 * the usual. */
static void uneven(struct world *w)
{
    double t = 0;

    for (int i = 0; i < w->n; i++) {
        w->t[i] = t;
        t += w->dt * world_log_uniform(w, 0.2, 10);
    }
    w->span = w->t[w->n - 1];
    w->least = w->base * fmax(0.02, 0.08 * 300 / w->span);
    world_rates(w);
}

static void uneven_samples(struct world *w)
{
    double tau;

    uneven(w);
    tau = world_uniform(w, 0.01, 0.06);
    world_rise(w, w->base * world_uniform(w, 0, 0.3), tau, 0);
}

static void leak_uneven_samples(struct world *w)
{
    uneven(w);
    world_leak(w, world_leak_size(w, 1.5, 10), 0);
}

/* Rows written twice, and a clock that steps back and forth. */
static void bad_clock(struct world *w)
{
    for (int i = 1; i < w->n; i++)
        if (world_chance(w, 0.03))
            w->t[i] = w->t[i - 1];
        else if (world_chance(w, 0.01))
            w->t[i] -= 5 * w->dt;
}

static void leak_bad_clock(struct world *w)
{
    world_leak(w, world_leak_size(w, 1.5, 10), 0);
    bad_clock(w);
}

/* The counter of requests starts again where a process did. */
static void leak_counter_reset(struct world *w)
{
    int at = (int)(world_uniform(w, 0.2, 0.8) * w->n);
    double before = w->q[at];

    world_leak(w, world_leak_size(w, 1.5, 10), 0);
    for (int i = at; i < w->n; i++)
        w->q[i] -= before;
}

/* Noise that grows with what the service does; now and then far off. */
static void fat_noise(struct world *w)
{
    double size = w->base * world_uniform(w, 0.001, 0.004);

    for (int i = 0; i < w->n; i++) {
        double u = world_uniform(w, 0.02, 0.98);

        w->y[i] += size * tan(3.14159 * (u - 0.5)) * (0.3 + w->u[i]);
    }
}

static void leak_fat_noise(struct world *w)
{
    world_leak(w, world_leak_size(w, 2, 10), 0);
    fat_noise(w);
}

/* One cache fills, and when it has, another. */
static void two_fills(struct world *w)
{
    double first = world_uniform(w, 0.1, 0.25);
    double from = first + world_uniform(w, 0, 0.1);
    double to = from + world_uniform(w, 0.1, 0.2);
    double size = w->base * world_log_uniform(w, 0.1, 1);
    double more = w->base * world_log_uniform(w, 0.1, 1);

    for (int i = 0; i < w->n; i++)
        w->y[i] += size * fmin(w->u[i] / first, 1) +
                   more * fmin(fmax(w->u[i] - from, 0) / (to - from), 1);
}

/* A job in the middle of the run that takes memory and gives it back. */
static void leak_long_job(struct world *w)
{
    double a = world_uniform(w, 0.2, 0.4), b = a + world_uniform(w, 0.1, 0.2);
    double size = w->base * world_uniform(w, 0.1, 0.6);

    world_leak(w, world_leak_size(w, 2.5, 10), 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] += w->u[i] > a && w->u[i] < b ? size : 0;
}

/* The load falls, and the memory that followed it; the leak goes on. */
static void leak_load_drop(struct world *w)
{
    double at = world_uniform(w, 0.3, 0.6), to = world_uniform(w, 0.3, 0.7);
    double r = w->rate[0];

    for (int i = 0; i < w->n; i++)
        w->rate[i] = r * (w->t[i] > at * w->span ? to : 1);
    world_rates(w);
    world_follow_load(w, world_uniform(w, 0.05, 0.3));
    world_leak(w, world_leak_size(w, 3, 12), 0);
    w->truth->slope_per_hour = NAN;
}

/* Restarts that nobody counted, each life growing to its end. */
static void leak_unseen_restarts(struct world *w)
{
    double lives = world_uniform(w, 3, 8);
    double leak = w->base * world_uniform(w, 0.1, 0.5);

    w->has_starts = false;
    w->plain = true;
    for (int i = 0; i < w->n; i++) {
        double age = w->u[i] * lives;

        w->y[i] += leak * (age - floor(age));
    }
}

/* An allocator that fragments ever more slowly, like a root. */
static void creep_root(struct world *w)
{
    double creep = w->base * world_uniform(w, 0.008, 0.025);
    double tau = world_uniform(w, 0.01, 0.06);

    world_rise(w, w->base * world_uniform(w, 0, 0.4), tau, 0);
    for (int i = 0; i < w->n; i++)
        w->y[i] += creep * sqrt(w->t[i] / w->span);
}

/* A runtime takes memory at once, in steps of any size, and gives it back in
 * minutes: level, though nothing ever falls suddenly. */
static void slow_release(struct world *w)
{
    double tau = world_uniform(w, 0.004, 0.02) * w->span;
    double often = world_uniform(w, 0.5, 1.5) / tau, kept = 0;

    for (int i = 1; i < w->n; i++) {
        double dt = w->t[i] - w->t[i - 1];

        kept *= exp(-dt / tau);
        if (world_chance(w, 1 - exp(-dt * often)))
            kept = fmax(kept, w->base * world_uniform(w, 0.05, 0.2));
        w->y[i] += kept;
    }
}

/* A cache of keys of a heavy-tailed kind: new ones turn up like a power of all
 * that were asked for, ever more slowly, and nobody knows how many there are.
 */
static void keys_without_end(struct world *w)
{
    double size = w->base * world_log_uniform(w, 0.5, 2);
    double power = world_uniform(w, 0.35, 0.6);

    w->plain = true;
    for (int i = 0; i < w->n; i++)
        w->y[i] += size * pow(w->u[i], power);
}

/* Keys that are asked for all the time come first; the others take longer than
 * the run. */
static void hot_and_cold_keys(struct world *w)
{
    double size = w->base * world_log_uniform(w, 0.5, 2);
    double hot = world_uniform(w, 0.2, 0.6), tau = world_uniform(w, 0.02, 0.06);

    w->plain = true;
    world_rise(w, size * hot, tau, 0);
    world_rise(w, size * (1 - hot), world_uniform(w, 0.45, 1), 0);
}

#define I OUTCOME_INCONCLUSIVE
#define P OUTCOME_PASS
#define L OUTCOME_LEAK

const struct kind unusual_kinds[] = {
    {"nights", P, 1, 0, 0, nights},
    {"huge_pages", P, 0, 0, 0, huge_pages},
    {"reclaim", P, 0, 0, 0, reclaim},
    {"uneven_samples", P, 0, 0, 0, uneven_samples},
    {"bad_clock", P, 0, 0, 0, bad_clock},
    {"fat_noise", P, 0, 0, 0, fat_noise},
    {"two_fills", P, 0, 0, 0, two_fills},
    {"leak_nights", L, 1, 0, 0, leak_nights},
    {"leak_by_turns", L, 1, 0, 0, leak_by_turns},
    {"leak_rare_collector", L, 1, 0, 0, leak_rare_collector},
    {"leak_huge_pages", L, 0, 0, 0, leak_huge_pages},
    {"leak_uneven_samples", L, 0, 0, 0, leak_uneven_samples},
    {"leak_bad_clock", L, 0, 0, 0, leak_bad_clock},
    {"leak_counter_reset", L, 0, 0, 0, leak_counter_reset},
    {"leak_fat_noise", L, 0, 0, 0, leak_fat_noise},
    {"leak_long_job", L, 0, 0, 0, leak_long_job},
    {"leak_load_drop", L, 1, 0, 0, leak_load_drop},
    {"leak_unseen_restarts", L, 1, 0, 0, leak_unseen_restarts},
    {"creep_root", P, 1, 0, 0, creep_root},
    {"slow_release", P, 1, 0, 0, slow_release},
    {"keys_without_end", I, 1, 0, 0, keys_without_end},
    {"hot_and_cold_keys", I, 1, 0, 0, hot_and_cold_keys},
    {NULL, L, 0, 0, 0, NULL},
};
