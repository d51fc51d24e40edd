#include "analyzers/mixture.h"

#include "analyzers/student.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    CERTAINTIES_TRIED = 3,
    BINARY_ORDERS = 64,
};

/* Thousands of so light ones weigh nothing together. */
#define LIGHTEST (-18)

void mixture_init(struct mixture *m)
{
    *m = (struct mixture){0};
}

/* Heaviest first; equal ones in a fixed order, so that the same data give
   the same bytes. */
static int by_weight(const void *a, const void *b)
{
    const struct opinion *x = a, *y = b;

    if (x->log_weight != y->log_weight)
        return x->log_weight < y->log_weight ? 1 : -1;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->scale > y->scale) - (x->scale < y->scale);
}

/* The place of a weight, at most 1, with this binary exponent. */
static int order_of(int exponent)
{
    int order = 1 - exponent;

    return order < 0 ? 0 : order < BINARY_ORDERS ? order : BINARY_ORDERS - 1;
}

/* Leaves out weights so light that all of them together are less than half of
   what may be lost: they would only be sorted to be dropped. */
static void drop_lightest(struct mixture *m, double sum, double negligible)
{
    double in[BINARY_ORDERS] = {0}, light = 0; /* weights from 2^-i-1 to 2^-i */
    size_t n = 0;
    int least = BINARY_ORDERS, order;

    for (size_t i = 0; i < m->n; i++) {
        frexp(m->v[i].log_weight, &order);
        in[order_of(order)] += m->v[i].log_weight;
    }
    while (least > 0 && light + in[least - 1] < negligible / 2 * sum)
        light += in[--least];
    for (size_t i = 0; i < m->n; i++) {
        frexp(m->v[i].log_weight, &order);
        if (order_of(order) < least)
            m->v[n++] = m->v[i];
    }
    m->n = n;
}

/* Keeps the heaviest of weights that sum to `sum`, and scales them to 1. */
static void keep_heaviest(struct mixture *m, double sum, double negligible)
{
    double kept = 0;
    size_t n = 0;

    drop_lightest(m, sum, negligible);
    if (m->n > 1)
        qsort(m->v, m->n, sizeof *m->v, by_weight);
    while (n < m->n && (n == 0 || kept < sum * (1 - negligible)))
        kept += m->v[n++].log_weight;
    m->n = n;
    for (size_t i = 0; i < n; i++)
        m->v[i].log_weight /= kept;
}

/* Weights instead of their logarithms, up to a factor, and without those below
   exp(`least`) of the greatest. Returns their sum. */
static double weigh(struct mixture *m, double least)
{
    double top = -INFINITY, sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        top = fmax(top, m->v[i].log_weight);
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].log_weight - top < least)
            continue; /* thousands of these weigh nothing together */
        m->v[n] = m->v[i];
        m->v[n].log_weight = exp(m->v[i].log_weight - top);
        sum += m->v[n++].log_weight;
    }
    m->n = n;
    return sum;
}

void mixture_close(struct mixture *m, double negligible)
{
    keep_heaviest(m, weigh(m, log(negligible / 1e5)), negligible);
}

void mixture_weigh(struct mixture *m)
{
    double sum = weigh(m, LIGHTEST);

    for (size_t i = 0; i < m->n; i++)
        m->v[i].log_weight /= sum;
}

static double below(const struct opinion *o, double x)
{
    if (o->scale > 0)
        return o->log_weight * student_cdf((x - o->at) / o->scale, o->df);
    return x >= o->at ? o->log_weight : 0;
}

double mixture_share(const struct mixture *m, unsigned tags)
{
    double share = 0;

    for (size_t i = 0; i < m->n; i++)
        if ((tags >> m->v[i].tag & 1) != 0)
            share += m->v[i].log_weight;
    return share;
}

bool mixture_reaches(const struct mixture *m, unsigned tags, double x, double p)
{
    double share = mixture_share(m, tags), sum = 0;

    for (size_t i = 0; i < m->n && !(sum / share >= p); i++)
        if ((tags >> m->v[i].tag & 1) != 0)
            sum += below(&m->v[i], x);
    return sum / share >= p;
}

double mixture_cdf_of(const struct mixture *m, unsigned tags, double x,
                      double *share)
{
    double p = 0;

    *share = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct opinion *o = &m->v[i];

        if ((tags >> o->tag & 1) == 0)
            continue;
        *share += o->log_weight;
        p += below(o, x);
    }
    return p;
}

double mixture_cdf(const struct mixture *m, double x)
{
    double share;

    return mixture_cdf_of(m, ~0u, x, &share);
}

/* Where a quantile is sought, and the distribution function there as log
   odds, in which it is nearly straight, less those of the quantile. */
struct bracket {
    double lo, hi, at_lo, at_hi;
};

static double odds(double f)
{
    double inside = fmin(fmax(f, 1e-12), 1 - 1e-12);

    return log(inside / (1 - inside));
}

static struct bracket enclose(const struct mixture *m, double p)
{
    double lo = INFINITY, hi = -INFINITY, width = 0, seen = 0;
    struct bracket k;

    for (size_t i = 0; i < m->n && seen < 0.8; i++) {
        lo = fmin(lo, m->v[i].at - 3 * m->v[i].scale);
        hi = fmax(hi, m->v[i].at + 3 * m->v[i].scale);
        seen += m->v[i].log_weight;
    }
    width = hi - lo + 1e-12 * (fabs(lo) + fabs(hi)) + 1e-300;
    k = (struct bracket){lo, hi, odds(mixture_cdf(m, lo)) - odds(p),
                         odds(mixture_cdf(m, hi)) - odds(p)};
    for (int i = 0; i < 60 && k.at_lo >= 0; i++) {
        k.lo -= width * ldexp(1, i);
        k.at_lo = odds(mixture_cdf(m, k.lo)) - odds(p);
    }
    for (int i = 0; i < 60 && k.at_hi < 0; i++) {
        k.hi += width * ldexp(1, i);
        k.at_hi = odds(mixture_cdf(m, k.hi)) - odds(p);
    }
    return k;
}

/* Whether the p-quantile is one of the heaviest certainties. */
static bool at_certainty(const struct mixture *m, double p, double *at)
{
    double last = NAN;
    int tried = 0;

    for (size_t i = 0; i < m->n && tried < CERTAINTIES_TRIED; i++) {
        double mass = 0, below;

        if (m->v[i].scale > 0 || m->v[i].at == last)
            continue;
        last = *at = m->v[i].at;
        tried++;
        for (size_t k = 0; k < m->n; k++)
            mass += m->v[k].scale == 0 && m->v[k].at == last
                        ? m->v[k].log_weight
                        : 0;
        below = mixture_cdf(m, last);
        if (below - mass < p && p <= below)
            return true;
    }
    return false;
}

/* Regula falsi (Illinois variant), and halving at every third step: a spread is
   met in a few steps, and a certainty, where the function jumps, to the last
   bit. */
double mixture_quantile(const struct mixture *m, double p)
{
    double enough = 5e-3 * fmin(p, 1 - p), sure;
    struct bracket k;

    if (m->n == 0)
        return NAN;
    if (at_certainty(m, p, &sure))
        return sure;
    k = enclose(m, p);
    for (int i = 0, side = 0; i < 300; i++) {
        double at = (k.lo * k.at_hi - k.hi * k.at_lo) / (k.at_hi - k.at_lo), f;

        if (i % 3 == 2 || !(at > k.lo && at < k.hi))
            at = k.lo + (k.hi - k.lo) / 2;
        if (at <= k.lo || at >= k.hi ||
            k.hi - k.lo <= 1e-12 * (fabs(k.lo) + fabs(k.hi)))
            break;
        f = mixture_cdf(m, at);
        if (fabs(f - p) < enough)
            return at;
        if (f < p) {
            k.lo = at;
            k.at_lo = odds(f) - odds(p);
            k.at_hi = side < 0 ? k.at_hi / 2 : k.at_hi;
            side = -1;
        } else {
            k.hi = at;
            k.at_hi = odds(f) - odds(p);
            k.at_lo = side > 0 ? k.at_lo / 2 : k.at_lo;
            side = 1;
        }
    }
    for (size_t i = 0; i < m->n; i++) /* a certainty is met exactly */
        if (m->v[i].scale == 0 && m->v[i].at >= k.lo && m->v[i].at <= k.hi)
            return m->v[i].at;
    return k.lo + (k.hi - k.lo) / 2;
}

double mixture_quantile_of(const struct mixture *m, unsigned tags, double p)
{
    struct mixture part = {.v = mem_zalloc(m->n, sizeof *m->v)};
    double share = mixture_share(m, tags), x;

    for (size_t i = 0; i < m->n; i++)
        if ((tags >> m->v[i].tag & 1) != 0) {
            part.v[part.n] = m->v[i];
            part.v[part.n++].log_weight /= share;
        }
    x = mixture_quantile(&part, p);
    free(part.v);
    return x;
}

void mixture_release(struct mixture *m)
{
    free(m->v);
    mixture_init(m);
}
