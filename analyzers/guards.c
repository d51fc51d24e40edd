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

double guards_end_rise(const double *y, size_t n)
{
    double *w = mem_zalloc(n, sizeof *w), top = -INFINITY, last = NAN;

    for (size_t b = BLOCKS / 2; b < BLOCKS; b++) {
        size_t m = 0;

        for (size_t i = n * b / BLOCKS; i < n * (b + 1) / BLOCKS; i++)
            if (!isnan(y[i]))
                w[m++] = y[i];
        if (m == 0)
            continue;
        last = stats_median(w, m);
        if (b + 1 < BLOCKS)
            top = fmax(top, last);
    }
    free(w);
    return last - top;
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

bool guards_guess_lives(const struct rows *r, const double *y,
                        const double *open, const double *load, double least,
                        struct rows *out, int *life)
{
    struct step st[STEPS_MAX];
    size_t k = steps_find(y, r->n, least, st, STEPS_MAX), at = 0;
    double worst = 0;

    for (size_t i = 0; i < k; i++)
        if (load == NULL || !load_fell(load, r->n, st[i].at))
            worst = fmax(worst, -st[i].size);
    if (worst <= 0 || deepest_fall(open, r->n) < 0.3 * worst)
        return false;
    *out = *r;
    out->life = life;
    out->nlives = 1;
    for (size_t i = 0; i < r->n; i++) {
        for (; at < k && st[at].at <= i; at++)
            out->nlives++;
        life[i] = out->nlives - 1;
    }
    return true;
}
