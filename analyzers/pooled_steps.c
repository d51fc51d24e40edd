#include "analyzers/pooled_parts.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 12 }; /* of sorting readings into two levels */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Where to cut `r` so that both parts are closest to their means (two means in
   one dimension, exactly: Fisher 1958). */
static double best_cut(const double *r, size_t n)
{
    double *v = mem_zalloc(n, sizeof *v), sum = 0, low = 0, best = -1, cut;

    memcpy(v, r, n * sizeof *v);
    qsort(v, n, sizeof *v, by_value);
    cut = v[0];
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    for (size_t i = 1; i < n; i++) {
        double m = (double)i, k = (double)(n - i), gain;

        low += v[i - 1];
        gain = low * low / m + (sum - low) * (sum - low) / k;
        if (v[i] > v[i - 1] && gain > best) {
            best = gain;
            cut = (v[i] + v[i - 1]) / 2;
        }
    }
    free(v);
    return cut;
}

/* A line in age with a level for each of the two parts. */
struct levels {
    double slope, mean[2], rss;
};

static void levels_fit(const struct pooled *p, const bool *up,
                       struct levels *out)
{
    double n[2] = {0}, x[2] = {0}, y[2] = {0}, xx = 0, xy = 0;

    for (size_t i = 0; i < p->n; i++) {
        n[up[i]]++;
        x[up[i]] += p->at[i].age;
        y[up[i]] += p->at[i].held;
    }
    for (int k = 0; k < 2; k++) {
        x[k] /= fmax(n[k], 1);
        y[k] /= fmax(n[k], 1);
    }
    for (size_t i = 0; i < p->n; i++) {
        double dx = p->at[i].age - x[up[i]];

        xx += dx * dx;
        xy += dx * (p->at[i].held - y[up[i]]);
    }
    out->slope = xx > 0 ? xy / xx : 0;
    out->rss = 0;
    for (int k = 0; k < 2; k++)
        out->mean[k] = y[k] - out->slope * x[k];
    for (size_t i = 0; i < p->n; i++) {
        double e = p->at[i].held - out->mean[up[i]] - out->slope * p->at[i].age;

        out->rss += e * e;
    }
}

/* Sorts the readings into two levels about lines of one slope. */
static void sort_levels(const struct pooled *p, double slope, bool *up,
                        struct levels *out)
{
    double *r = mem_zalloc(p->n, sizeof *r), cut;

    out->slope = slope;
    for (int round = 0; round < ROUNDS; round++) {
        double before = out->slope;

        for (size_t i = 0; i < p->n; i++)
            r[i] = p->at[i].held - out->slope * p->at[i].age;
        cut = best_cut(r, p->n);
        for (size_t i = 0; i < p->n; i++)
            up[i] = r[i] > cut;
        levels_fit(p, up, out);
        if (out->slope == before)
            break;
    }
    free(r);
}

void pooled_find_steps(struct pooled *p, double quantum)
{
    double n = (double)p->n, floor = n * quantum * quantum / 6;
    bool *up = mem_zalloc(p->n, sizeof *up);
    bool *best_up = mem_zalloc(p->n, sizeof *best_up);
    struct levels one, two, best = {.rss = INFINITY};

    levels_fit(p, up, &one);
    for (int from = 0; from < 3; from++) {
        sort_levels(p, one.slope * from / 2, up, &two);
        if (!(two.rss < best.rss))
            continue;
        best = two;
        memcpy(best_up, up, p->n * sizeof *up);
    }
    p->stepped = 0.5 * n * log((one.rss + floor) / (best.rss + floor)) >
                 n * log(2) + 1.5 * log(n);
    for (size_t i = 0; i < p->n; i++)
        p->at[i].step =
            p->stepped && best_up[i] ? best.mean[1] - best.mean[0] : 0;
    free(best_up);
    free(up);
}
