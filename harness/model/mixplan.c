#include "harness/model/mixplan.h"

#include "harness/base/mem.h"
#include "harness/base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    RESTARTS = 24,
    SWEEPS = 12,         /* exchange passes over all columns */
    WORK_MAX = 40000000, /* multiplications spent on the search, about */
    SCALINGS = 2000,     /* Sinkhorn steps; a few dozen are the rule */
};

/* Where a kind is scarce it keeps this part of its weight: every request is
   still seen in every block. */
#define SCARCE 0.15

struct plan {
    size_t kinds, blocks;
    double *weight;      /* normalised */
    double *sign;        /* kinds x blocks: standardised pattern, 0: constant */
    double *best;        /* the best `sign` of all restarts */
    double *corr, *next; /* correlations of one kind with all and the trend */
    size_t *highs;       /* blocks in which the kind is common; 0: constant */
};

static void plan_weights(struct plan *p, const double *weights)
{
    double sum = 0;

    for (size_t k = 0; k < p->kinds; k++) {
        double w = weights[k];

        p->weight[k] = isfinite(w) && w > 0 ? w : 0;
        sum += p->weight[k];
    }
    for (size_t k = 0; k < p->kinds; k++)
        p->weight[k] = sum > 0 ? p->weight[k] / sum : 1.0 / (double)p->kinds;
}

/* How many blocks each kind is common in. The one kind that makes up most of
   the mix follows from the others, so it keeps a constant pattern. */
static void plan_highs(struct plan *p)
{
    size_t live = 0, top = 0;

    for (size_t k = 0; k < p->kinds; k++) {
        live += p->weight[k] > 0;
        if (p->weight[k] > p->weight[top])
            top = k;
    }
    for (size_t k = 0; k < p->kinds; k++) {
        double w = p->weight[k];
        bool rare = w <= 0.05 && w < 0.5 / (double)live;

        p->highs[k] = p->blocks / 2;
        if (rare && p->blocks >= 6)
            p->highs[k] = p->blocks / 6 > 2 ? p->blocks / 6 : 2;
        if (w == 0)
            p->highs[k] = 0;
    }
    if (live == 2 || p->weight[top] > 0.5)
        p->highs[top] = 0;
}

/* A random pattern with mean 0 and mean square 1 for every kind. */
static void plan_shuffle(struct plan *p, struct rng *rng)
{
    double n = (double)p->blocks;

    for (size_t k = 0; k < p->kinds; k++) {
        double *s = p->sign + k * p->blocks;
        double h = (double)p->highs[k];

        for (size_t b = 0; b < p->blocks; b++)
            s[b] = p->highs[k] == 0  ? 0
                   : b < p->highs[k] ? sqrt((n - h) / h)
                                     : -sqrt(h / (n - h));
        for (size_t b = p->blocks; b > 1; b--) {
            size_t o = (size_t)rng_below(rng, b);
            double t = s[b - 1];

            s[b - 1] = s[o];
            s[o] = t;
        }
    }
}

/* A straight line over the blocks, mean square 1. */
static double trend_at(const struct plan *p, size_t b)
{
    double n = (double)p->blocks;

    return (2 * (double)b - (n - 1)) / sqrt((n * n - 1) / 3);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* What a correlation of two patterns costs. The fourth power makes one bad
   pair worse than several mediocre ones; two kinds that always move together
   cannot be told apart at all. */
static double pair_cost(double r)
{
    double q = r * r;

    return q + 4 * q * q + (r > 0.999 ? 10 : 0);
}

/* How far kind `k`'s pattern is from orthogonal to the others and to the
   trend: growth that bends is no kind of request.
   Keeps every correlation in `p->corr`, the trend's last. */
static double column_cost(struct plan *p, size_t k)
{
    const double *s = p->sign + k * p->blocks;
    double n = (double)p->blocks, t = 0, cost = 0;

    for (size_t j = 0; j < p->kinds; j++) {
        p->corr[j] =
            j == k ? 0 : dot(s, p->sign + j * p->blocks, p->blocks) / n;
        cost += pair_cost(p->corr[j]);
    }
    for (size_t b = 0; b < p->blocks; b++)
        t += s[b] * trend_at(p, b) / n;
    p->corr[p->kinds] = t;
    return cost + t * t;
}

/* The cost after blocks `a` and `b` of kind `k` are swapped; the correlations
   go to `p->next`. */
static double swap_cost(struct plan *p, size_t k, size_t a, size_t b)
{
    const double *s = p->sign + k * p->blocks;
    double d = (s[b] - s[a]) / (double)p->blocks, t, cost = 0;

    for (size_t j = 0; j < p->kinds; j++) {
        const double *o = p->sign + j * p->blocks;

        p->next[j] = j == k ? 0 : p->corr[j] + d * (o[a] - o[b]);
        cost += pair_cost(p->next[j]);
    }
    t = p->corr[p->kinds] + d * (trend_at(p, a) - trend_at(p, b));
    p->next[p->kinds] = t;
    return cost + t * t;
}

static double plan_cost(struct plan *p)
{
    double cost = 0;

    for (size_t k = 0; k < p->kinds; k++)
        cost += column_cost(p, k);
    return cost;
}

/* Swaps two blocks of one kind wherever that helps. */
static bool column_improve(struct plan *p, size_t k)
{
    double *s = p->sign + k * p->blocks;
    double cost = column_cost(p, k);
    bool moved = false;

    for (size_t a = 0; a < p->blocks; a++)
        for (size_t b = a + 1; b < p->blocks; b++) {
            double now, t = s[a], *c = p->corr;

            if (s[a] == s[b])
                continue;
            now = swap_cost(p, k, a, b);
            if (now >= cost - 1e-9)
                continue;
            s[a] = s[b];
            s[b] = t;
            p->corr = p->next;
            p->next = c;
            cost = now;
            moved = true;
        }
    return moved;
}

static void plan_search(struct plan *p, struct rng *rng)
{
    double best = INFINITY, n = (double)p->blocks, k = (double)p->kinds;
    double sweep = k * k * n * n / 2;
    int sweeps = sweep * SWEEPS > WORK_MAX ? (int)(WORK_MAX / sweep) : SWEEPS;
    double restarts = WORK_MAX / (sweep * SWEEPS);

    for (int r = 0; r == 0 || (r < RESTARTS && r < restarts && best > 1e-9);
         r++) {
        bool moved = true;
        double cost;

        plan_shuffle(p, rng);
        for (int i = 0; i < sweeps && moved; i++) {
            moved = false;
            for (size_t j = 0; j < p->kinds; j++)
                if (p->highs[j] > 0 && column_improve(p, j))
                    moved = true;
        }
        cost = plan_cost(p);
        if (cost < best) {
            best = cost;
            for (size_t i = 0; i < p->kinds * p->blocks; i++)
                p->best[i] = p->sign[i];
        }
    }
}

/* Patterns into shares: weight times a high or a low factor, then scaled in
   turn until rows sum to 1 and columns to the weights (Sinkhorn and Knopp
   1967: a positive matrix always converges). */
static void plan_fill(const struct plan *p, double *share)
{
    double n = (double)p->blocks;

    for (size_t k = 0; k < p->kinds; k++)
        for (size_t b = 0; b < p->blocks; b++) {
            double h = (double)p->highs[k], factor = 1;

            if (p->best[k * p->blocks + b] > 0)
                factor = (n - (n - h) * SCARCE) / h;
            else if (p->highs[k] > 0)
                factor = SCARCE;
            share[b * p->kinds + k] = p->weight[k] * factor;
        }
    for (int i = 0; i < SCALINGS; i++) {
        double off = 0;

        for (size_t k = 0; k < p->kinds; k++) {
            double sum = 0;

            for (size_t b = 0; b < p->blocks; b++)
                sum += share[b * p->kinds + k];
            if (sum == 0)
                continue;
            off = fmax(off, fabs(sum / (p->weight[k] * n) - 1));
            for (size_t b = 0; b < p->blocks; b++)
                share[b * p->kinds + k] *= p->weight[k] * n / sum;
        }
        for (size_t b = 0; b < p->blocks; b++) {
            double sum = 0;

            for (size_t k = 0; k < p->kinds; k++)
                sum += share[b * p->kinds + k];
            for (size_t k = 0; k < p->kinds; k++)
                share[b * p->kinds + k] /= sum;
        }
        if (i > 0 && off < 1e-13)
            break;
    }
}

void mixplan_make(const double *weights, size_t kinds, size_t blocks,
                  uint64_t seed, double *share)
{
    struct plan p = {.kinds = kinds, .blocks = blocks};
    struct rng rng;

    if (kinds == 0 || blocks == 0)
        return;
    rng_init(&rng, seed);
    p.weight = mem_zalloc(kinds, sizeof *p.weight);
    p.sign = mem_zalloc(kinds * blocks, sizeof *p.sign);
    p.best = mem_zalloc(kinds * blocks, sizeof *p.best);
    p.highs = mem_zalloc(kinds, sizeof *p.highs);
    p.corr = mem_zalloc(kinds + 1, sizeof *p.corr);
    p.next = mem_zalloc(kinds + 1, sizeof *p.next);
    plan_weights(&p, weights);
    if (kinds > 1 && blocks > 1) {
        plan_highs(&p);
        plan_search(&p, &rng);
    }
    plan_fill(&p, share);
    free(p.next);
    free(p.corr);
    free(p.highs);
    free(p.best);
    free(p.sign);
    free(p.weight);
}
