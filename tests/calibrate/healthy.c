/* Behaviour that is bounded. */
#include "tests/calibrate/world.h"

#include <math.h>
#include <stddef.h>

static void flat(struct world *w)
{
    (void)w;
}

static void flat_ar1(struct world *w)
{
    double phi = world_uniform(w, 0.88, 0.95);
    double sd = w->base * world_uniform(w, 0.004, 0.02);

    w->plain = true;
    world_ar1(w, w->y, sd, phi);
}

static void reverting_walk(struct world *w)
{
    double tau = world_uniform(w, 3, w->n / 45.0);

    w->plain = true;
    world_ar1(w, w->y, w->base * world_uniform(w, 0.01, 0.05), exp(-1 / tau));
}

void world_rise(struct world *w, double size, double tau, int shape)
{
    for (int i = 0; i < w->n; i++) {
        double u = w->u[i], done = 1 - exp(-u / tau);

        if (shape == 1) /* logistic */
            done =
                1 / (1 + exp(-(u - 3 * tau) / (0.6 * tau))) - 1 / (1 + exp(5));
        else if (shape == 2) /* two stages */
            done = 0.5 * done + 0.5 * (1 - exp(-u / (tau / 4)));
        else if (shape == 3) /* stretched */
            done = 1 - exp(-pow(u / tau, 0.7));
        w->y[i] += size * done;
    }
}

static void warmup(struct world *w, double from, double to)
{
    int shape = (int)rng_below(&w->r, 4);
    double tau = world_uniform(w, from, to);

    world_rise(w, w->base * world_log_uniform(w, 0.1, 1.5), tau, shape);
}

static void warmup_fast(struct world *w)
{
    warmup(w, 0.015, 0.04);
}

static void warmup_mid(struct world *w)
{
    warmup(w, 0.05, 0.095);
}

static void warmup_slow(struct world *w)
{
    warmup(w, 0.11, 0.16);
}

void world_fill(struct world *w, double full)
{
    double size = w->base * world_log_uniform(w, 0.15, 3);

    for (int i = 0; i < w->n; i++)
        w->y[i] += size * fmin(w->u[i] / full, 1);
}

static void fill_30(struct world *w)
{
    world_fill(w, world_uniform(w, 0.24, 0.36));
}

static void fill_60(struct world *w)
{
    world_fill(w, world_uniform(w, 0.5, 0.65));
}

static void fill_80(struct world *w)
{
    world_fill(w, world_uniform(w, 0.76, 0.84));
}

/* A sawtooth of about `cycles` teeth; `lift` raises the floor (0 .. 1). */
void world_saw(struct world *w, double size, double cycles)
{
    double x = world_uniform(w, 0, 1), length = 1;

    for (int i = 1; i < w->n; i++) {
        x += (w->u[i] - w->u[i - 1]) * cycles / length;
        if (x >= 1) {
            x = 0;
            length = world_uniform(w, 0.75, 1.3);
        }
        w->y[i] += size * x * length;
    }
}

static void saw_fast(struct world *w)
{
    double cycles = world_log_uniform(w, 12, 60);

    world_saw(w, w->base * world_uniform(w, 0.04, 0.5), cycles);
}

static void saw_slow(struct world *w)
{
    double cycles = world_uniform(w, 5.5, 8);

    world_saw(w, w->base * world_uniform(w, 0.04, 0.4), cycles);
}

static void bursts(struct world *w)
{
    int n = 5 + (int)rng_below(&w->r, 7);

    for (int k = 0; k < n; k++) {
        double at = world_uniform(w, 0.02, 0.9) * w->span;
        double on = world_uniform(w, 0.004, 0.03) * w->span;
        double tau = world_uniform(w, 0.002, 0.012) * w->span;
        double size = w->base * world_log_uniform(w, 0.1, 1.2);

        for (int i = 0; i < w->n; i++) {
            double d = w->t[i] - at;

            if (d >= 0)
                w->y[i] += size * (d < on ? 1 : exp(-(d - on) / tau));
        }
    }
}

static void steps_stop(struct world *w)
{
    int n = 4 + (int)rng_below(&w->r, 8);
    double last = world_uniform(w, 0.2, 0.45);

    for (int k = 0; k < n; k++) {
        double at = last * world_uniform(w, k, k + 0.9) / (n - 0.5);
        double size = w->base * world_uniform(w, 0.005, 0.03);

        for (int i = 0; i < w->n; i++)
            w->y[i] += w->u[i] > at ? size : 0;
    }
}

static void log_growth(struct world *w)
{
    double size = w->base * world_uniform(w, 0.05, 0.25);
    double c = world_log_uniform(w, 0.005, 0.05);

    for (int i = 0; i < w->n; i++)
        w->y[i] += size * log1p(w->u[i] / c) / log1p(1 / c);
}

/* Allocators creep like a logarithm after they have filled. */
static void frag_creep(struct world *w)
{
    double full = world_uniform(w, 0.02, 0.2);
    double creep = w->base * world_uniform(w, 0.01, 0.035);
    double size = w->base * world_uniform(w, 0.1, 0.5);

    for (int i = 0; i < w->n; i++)
        w->y[i] += size * fmin(w->u[i] / full, 1) +
                   creep * log1p(w->t[i] / 60) / log1p(5.0);
}

/* Every key costs memory once; popular keys come first. */
static void coupon_zipf(struct world *w)
{
    double size = w->base * world_uniform(w, 0.1, 0.6);
    double asked = world_uniform(w, 6, 30); /* draws per key, whole run */

    for (int i = 0; i < w->n; i++) {
        double seen = 0;

        for (int k = 1; k <= 60; k++) {
            double p = pow(k, -0.6);

            seen += 1 - exp(-w->u[i] * asked * p * 3);
        }
        w->y[i] += size * seen / 60;
    }
}

static void highwater(struct world *w)
{
    double heap[WORLD_ROWS_MAX] = {0}, top = 0;
    double phi = world_uniform(w, 0.3, 0.8);

    world_ar1(w, heap, w->base * world_uniform(w, 0.02, 0.08), phi);
    for (int i = 0; i < w->n; i++) {
        top = i == 0 ? heap[0] : fmax(top, heap[i]);
        w->y[i] += top;
    }
    w->noise = 0.0002;
}

void world_follow_load(struct world *w, double share)
{
    double typical = 0, state = NAN;
    double tau = world_uniform(w, 0.002, 0.03) * w->span;

    for (int i = 0; i < w->n; i++)
        typical += w->rate[i] / w->n;
    for (int i = 0; i < w->n; i++) {
        double keep = i > 0 ? exp(-(w->t[i] - w->t[i - 1]) / tau) : 0;

        state =
            isnan(state) ? w->rate[i] : keep * state + (1 - keep) * w->rate[i];
        w->y[i] += w->base * share * state / typical;
    }
}

static void periodic(struct world *w)
{
    double cycles = world_uniform(w, 5, 9), phase = world_uniform(w, 0, 6.28);
    double depth = world_uniform(w, 0.3, 0.75), r = w->rate[0];

    for (int i = 0; i < w->n; i++)
        w->rate[i] =
            r * (1 + depth * sin(6.2832 * cycles * w->t[i] / w->span + phase));
    world_rates(w);
    world_follow_load(w, world_uniform(w, 0.05, 0.4));
}

static void ramp(struct world *w, double until)
{
    double from = world_uniform(w, 0.2, 0.5), r = w->rate[0];

    for (int i = 0; i < w->n; i++)
        w->rate[i] =
            r * (from + (1 - from) * fmin(w->t[i] / w->span / until, 1));
    world_rates(w);
    world_follow_load(w, world_uniform(w, 0.05, 0.4));
}

static void ramp_part(struct world *w)
{
    ramp(w, world_uniform(w, 0.25, 0.6));
}

static void ramp_full(struct world *w)
{
    ramp(w, 1);
}

static void load_drop(struct world *w)
{
    double at = world_uniform(w, 0.4, 0.7), to = world_uniform(w, 0.2, 0.6);
    double r = w->rate[0];

    for (int i = 0; i < w->n; i++)
        w->rate[i] = r * (w->t[i] > at * w->span ? to : 1);
    world_rates(w);
    world_follow_load(w, world_uniform(w, 0.05, 0.3));
}

/* Forked workers touch shared pages: RSS rises, PSS does not. */
static void fork_cow(struct world *w)
{
    double size = w->base * world_uniform(w, 0.1, 0.5);
    double until = world_uniform(w, 0.35, 1.2);

    w->has_pss = w->own_pss = true;
    w->has_objects = false;
    for (int i = 0; i < w->n; i++) {
        w->pss[i] = w->base * 0.7;
        w->y[i] += size * fmin(w->u[i] / until, 1);
    }
    world_ar1(w, w->pss, w->noise * w->base, 0);
}

/* Shared pages become private: PSS rises until all are, RSS is flat. */
static void cow_unshare(struct world *w)
{
    double size = w->base * world_uniform(w, 0.1, 0.4);
    double tau = world_uniform(w, 0.05, 0.4);

    w->has_pss = w->own_pss = true;
    for (int i = 0; i < w->n; i++)
        w->pss[i] = w->base * 0.6 + size * (1 - exp(-w->u[i] / tau));
    world_ar1(w, w->pss, w->noise * w->base, 0);
}

static void page_cache(struct world *w)
{
    double size = w->base * world_uniform(w, 0.2, 2);

    w->has_cgroup = true;
    for (int i = 0; i < w->n; i++)
        w->cgroup[i] = w->base * 0.95 + size * w->u[i];
}

/* Workers that end after so many requests; each life levels off (`leak` 0)
 * or climbs by `leak` bytes per request, all workers together. */
static void recycled(struct world *w, int workers, double lives, double tau,
                     double size, double leak)
{
    double born[8], length[8];
    double life = w->total / lives;

    w->starts[0] = workers - 1;
    for (int k = 0; k < workers; k++) {
        born[k] = 0;
        length[k] = life * (k + 1) / workers * world_uniform(w, 0.85, 1.15);
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

            w->y[i] += size / workers * (1 - exp(-age / (tau * life))) +
                       leak / workers * age;
        }
    }
}

static void recycle_flat(struct world *w)
{
    double size = w->base * world_uniform(w, 0.1, 0.5);
    double tau = world_uniform(w, 0.02, 0.1);
    double lives = world_uniform(w, 4, 12);

    w->has_starts = true;
    w->plain = true;
    recycled(w, 1 + (int)rng_below(&w->r, 4), lives, tau, size, 0);
}

static void config_step(struct world *w)
{
    double at = world_uniform(w, 0.2, 0.62);
    double size = w->base * world_uniform(w, 0.03, 0.4);

    for (int i = 0; i < w->n; i++)
        w->y[i] += w->u[i] > at ? size : 0;
}

static void outliers(struct world *w)
{
    for (int i = 3; i < w->n - 3; i++)
        if (world_chance(w, 0.02))
            w->y[i] =
                world_chance(w, 0.3) ? 0 : w->base * world_uniform(w, 0.2, 3);
}

static void missing(struct world *w)
{
    int hole = (int)world_uniform(w, 0.2, 0.7) * w->n;

    for (int i = 1; i < w->n; i++)
        if (world_chance(w, 0.15) || (i > hole && i < hole + w->n / 12))
            w->y[i] = NAN;
}

static void whole_mib(struct world *w)
{
    w->plain = true;
    for (int i = 0; i < w->n; i++)
        w->y[i] += w->base * w->noise * rng_normal(&w->r);
    for (int i = 0; i < w->n; i++)
        w->y[i] = round(w->y[i] / 1048576) * 1048576;
    w->noise = 0;
}

/* `n` restarts at random; after each, the same warm-up (and leak). */
static void restarts(struct world *w, int n, double leak)
{
    double size = w->base * world_uniform(w, 0.1, 0.6);
    double tau = world_uniform(w, 0.01, 0.04), born = 0;
    int k = 0;

    w->plain = true;
    for (int i = 0; i < w->n; i++) {
        double next = (k + 1.0) / (n + 1) + 0.05 * sin(7.0 * k);

        if (k < n && w->u[i] > next) {
            k++;
            born = w->u[i];
        }
        w->starts[i] = k;
        w->y[i] +=
            size * (1 - exp(-(w->u[i] - born) / tau)) + leak * (w->u[i] - born);
    }
}

static void restart_mid(struct world *w)
{
    w->has_starts = true;
    restarts(w, 1 + (int)rng_below(&w->r, 2), 0);
}

static void start_peak(struct world *w)
{
    double size = w->base * world_uniform(w, 0.1, 0.8);
    double tau = world_uniform(w, 0.02, 0.1);

    for (int i = 0; i < w->n; i++)
        w->y[i] += size * exp(-w->u[i] / tau);
}

static void heap_target(struct world *w)
{
    double size = w->base * world_uniform(w, 0.2, 0.7), x = 0;
    double until = world_uniform(w, 0.15, 0.4);
    double cycles = world_uniform(w, 25, 60);

    for (int i = 1; i < w->n; i++) {
        x += (w->u[i] - w->u[i - 1]) * cycles;
        if (x >= 1)
            x = 0;
        w->y[i] += size * x * (0.25 + 0.75 * fmin(w->u[i] / until, 1));
    }
}

static void two_level(struct world *w)
{
    double size = w->base * world_uniform(w, 0.02, 0.1);
    bool high = false;

    for (int i = 0; i < w->n; i++) {
        if (world_chance(w, 30.0 / w->n))
            high = !high;
        w->y[i] += high ? size : 0;
    }
}

static void pss_external(struct world *w)
{
    double level = 0;

    w->has_pss = w->own_pss = true;
    for (int i = 0; i < w->n; i++) {
        if (world_chance(w, 6.0 / w->n))
            level = world_uniform(w, -3.5e6, 3.5e6);
        w->pss[i] = w->base * 0.8 + level;
    }
    world_ar1(w, w->pss, w->noise * w->base, 0);
}

static void object_waves(struct world *w)
{
    double x = 0, top = world_uniform(w, 0.02, 0.08);
    double cycles = world_uniform(w, 15, 60);

    w->has_objects = w->own_objects = true;
    for (int i = 0; i < w->n; i++) {
        x += i > 0 ? (w->u[i] - w->u[i - 1]) * cycles : 0;
        if (x >= 1)
            x = 0;
        w->objects[i] = 2e5 * (1 + top * x);
        w->blocks[i] = 6e5 * (1 + top * x);
    }
}

static void mixed(struct world *w)
{
    if (world_chance(w, 0.5))
        warmup(w, 0.02, 0.07);
    if (world_chance(w, 0.5))
        saw_fast(w);
    else
        bursts(w);
    if (world_chance(w, 0.3))
        config_step(w);
}

/* Not in any list: memory that shrinks slowly after start. */
static void slow_shrink(struct world *w)
{
    double size = w->base * world_uniform(w, 0.03, 0.2);

    for (int i = 0; i < w->n; i++)
        w->y[i] -= size * w->u[i];
}

/* Not in any list: a compiler's warm-up in stages, each a step and a dip. */
static void jit_stages(struct world *w)
{
    double at = 0;

    for (int k = 0; k < 4; k++) {
        double size = w->base * world_uniform(w, 0.01, 0.06);

        at += world_uniform(w, 0.02, 0.1);
        for (int i = 0; i < w->n; i++)
            w->y[i] += w->u[i] > at
                           ? size * (1 - 0.4 * exp(-(w->u[i] - at) / 0.02))
                           : 0;
    }
}

/* Not in any list: a small interpreter process in pages of 4 KiB, creeping
 * like a logarithm by a few hundred kilobytes. */
static void small_process(struct world *w)
{
    w->base = world_uniform(w, 9e6, 30e6);
    w->plain = true;
    w->noise = 0.0001;
    world_shorten(w, world_uniform(w, 100, 600));
    double creep = world_uniform(w, 50e3, 300e3);

    for (int i = 0; i < w->n; i++)
        w->y[i] += creep * log1p(w->t[i] / 10) / log1p(15.0);
}

/* Not in any list: handles that come and go with connections. */
static void fds_busy(struct world *w)
{
    double x = 0;

    w->has_fds = true;
    for (int i = 0; i < w->n; i++) {
        x = 0.9 * x + rng_normal(&w->r) * 2;
        w->fds[i] = 40 + round(x);
    }
}

/* Not in any list: a nightly job in the middle of the run that recovers. */
static void long_job(struct world *w)
{
    double a = world_uniform(w, 0.2, 0.4), b = a + world_uniform(w, 0.1, 0.2);
    double size = w->base * world_uniform(w, 0.1, 0.6);

    for (int i = 0; i < w->n; i++)
        w->y[i] += w->u[i] > a && w->u[i] < b ? size : 0;
}

#define P OUTCOME_PASS

const struct kind healthy_kinds[] = {
    {"flat", P, 0, 0, 0, flat},
    {"flat_ar1", P, 0, 0, 0, flat_ar1},
    {"reverting_walk", P, 0, 0, 0, reverting_walk},
    {"warmup_fast", P, 0, 0, 0, warmup_fast},
    {"warmup_mid", P, 0, 0, 0, warmup_mid},
    {"warmup_slow", P, 1, 0, 0, warmup_slow},
    {"fill_30", P, 0, 0, 0, fill_30},
    {"fill_60", P, 0, 0, 0, fill_60},
    {"fill_80", P, 1, 0, 0, fill_80},
    {"saw_fast", P, 0, 0, 0, saw_fast},
    {"saw_slow", P, 1, 0, 0, saw_slow},
    {"bursts", P, 0, 0, 0, bursts},
    {"steps_stop", P, 0, 0, 0, steps_stop},
    {"log_growth", P, 1, 0, 0, log_growth},
    {"frag_creep", P, 1, 0, 0, frag_creep},
    {"coupon_zipf", P, 1, 0, 0, coupon_zipf},
    {"highwater", P, 1, 0, 0, highwater},
    {"periodic", P, 0, 0, 0, periodic},
    {"ramp_part", P, 0, 0, 0, ramp_part},
    {"ramp_full", P, 1, 0, 0, ramp_full},
    {"load_drop", P, 0, 0, 0, load_drop},
    {"fork_cow", P, 0, 0, 0, fork_cow},
    {"cow_unshare", P, 0, 0, 0, cow_unshare},
    {"page_cache", P, 0, 0, 0, page_cache},
    {"recycle_flat", P, 0, 0, 0, recycle_flat},
    {"config_step", P, 0, 0, 0, config_step},
    {"outliers", P, 0, 0, 0, outliers},
    {"missing", P, 0, 0, 0, missing},
    {"whole_mib", P, 0, 0, 0, whole_mib},
    {"restart_mid", P, 0, 0, 0, restart_mid},
    {"start_peak", P, 0, 0, 0, start_peak},
    {"heap_target", P, 0, 0, 0, heap_target},
    {"two_level", P, 1, 0, 0, two_level},
    {"pss_external", P, 1, 0, 0, pss_external},
    {"object_waves", P, 0, 0, 0, object_waves},
    {"mixed", P, 0, 0, 0, mixed},
    {"slow_shrink", P, 0, 0, 0, slow_shrink},
    {"jit_stages", P, 0, 0, 0, jit_stages},
    {"small_process", P, 1, 0, 0, small_process},
    {"fds_busy", P, 0, 0, 0, fds_busy},
    {"long_job", P, 0, 0, 0, long_job},
    {NULL, P, 0, 0, 0, NULL},
};
