#include "analyzers/guards.h"

#include "analyzers/stats.h"
#include "analyzers/steps.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum {
    BLOCKS = 20,
    STEPS_MAX = 64,
};

/* Share of the typical load that goes when the load is said to fall. */
#define LOAD_FALLS 0.15

/* A floor that falls by less of what the readings fall by is level: teeth of a
 * saw, ten and more of them. Longer ones may as well be lives. */
#define FLOOR_SWAYS 0.2

/* Median of the readings `from` .. `to`; NaN where there are none. */
static double level_of(const double *y, size_t from, size_t to)
{
    double *w = mem_zalloc(to - from, sizeof *w), level;
    size_t m = 0;

    for (size_t i = from; i < to; i++)
        if (!isnan(y[i]))
            w[m++] = y[i];
    level = m > 0 ? stats_median(w, m) : NAN;
    free(w);
    return level;
}

double guards_swing(const double *y, size_t n, double from)
{
    size_t at = (size_t)(from * (double)n);

    return stats_spread(y + at, n - at);
}

double guards_end_rise(const double *y, size_t n)
{
    double top = -INFINITY, last = NAN;

    for (size_t b = BLOCKS / 2; b < BLOCKS; b++) {
        double level = level_of(y, n * b / BLOCKS, n * (b + 1) / BLOCKS);

        if (isnan(level))
            continue;
        last = level;
        if (b + 1 < BLOCKS)
            top = fmax(top, last);
    }
    return last - top;
}

/* Most of what the steps added is still there. What went again slowly, as
 * from a runtime that gives memory back, has added nothing. */
static bool steps_stay(const double *y, size_t n, const struct step *st,
                       size_t k)
{
    double rise = level_of(y, st[k - 1].at, n) - level_of(y, 0, st[0].at),
           sum = 0;

    for (size_t i = 0; i < k; i++)
        sum += st[i].size;
    return rise > 0.5 * sum;
}

/* Treads between the steps: steps closer than a tenth of the longest pause
 * `gap` are one slope. */
static size_t treads(const struct step *st, size_t k, size_t gap)
{
    size_t n = 0;

    for (size_t i = 1; i < k; i++)
        n += 10 * (st[i].at - st[i - 1].at) >= gap;
    return n;
}

bool guards_stairs_pause(const double *y, size_t n, double least)
{
    struct step st[STEPS_MAX];
    size_t k = steps_find(y, n, least, st, STEPS_MAX), gap = 0;

    if (k < 3 || k == STEPS_MAX)
        return false;
    for (size_t i = 0; i < k; i++) {
        if (st[i].size < 0)
            return false;
        if (i > 0 && st[i].at - st[i - 1].at > gap)
            gap = st[i].at - st[i - 1].at;
    }
    if (treads(st, k, gap) < 2 || !steps_stay(y, n, st, k))
        return false;
    return 2 * (n - st[k - 1].at) < 5 * gap;
}

/* The deepest fall of the opened series below its own past. */
static double deepest_fall(const double *open, size_t n)
{
    double peak = -INFINITY, fall = 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(open[i]))
            continue;
        peak = fmax(peak, open[i]);
        fall = fmax(fall, peak - open[i]);
    }
    return fall;
}

/* The load, smoothed by a few cells, is less after cell `at` than before. */
static bool load_fell(const double *load, size_t n, size_t at)
{
    size_t side = n / BLOCKS;

    return at >= side && at + side < n &&
           load[at + side] < load[at - side] - LOAD_FALLS;
}

/* The greatest fall of what had come slowly. What fell as suddenly as it had
 * risen since start-up was a burst, and what fell with the load went with it:
 * neither is a process that ended. */
static double slow_fall(const struct step *st, size_t k, size_t n,
                        const double *load)
{
    double worst = 0, risen = 0;

    for (size_t i = 0; i < k; i++) {
        double left = risen + st[i].size;

        if (left < 0.5 * st[i].size &&
            !(load != NULL && load_fell(load, n, st[i].at)))
            worst = fmax(worst, -st[i].size);
        risen = st[i].at > n / BLOCKS ? fmax(left, 0) : 0;
    }
    return worst;
}

bool guards_guess_lives(const struct rows *r, const double *y,
                        const double *open, const double *load, double least,
                        struct rows *out, int *life)
{
    struct step st[STEPS_MAX];
    size_t k = steps_find(y, r->n, least, st, STEPS_MAX), at = 0;
    double worst = slow_fall(st, k, r->n, load);

    if (worst <= 0 || deepest_fall(open, r->n) < FLOOR_SWAYS * worst)
        return false;
    *out = *r;
    out->life = life;
    out->guessed = true;
    out->nlives = 1;
    for (size_t i = 0; i < r->n; i++) {
        for (; at < k && st[at].at <= i; at++)
            out->nlives++;
        life[i] = out->nlives - 1;
    }
    return true;
}
