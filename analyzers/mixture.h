/* A weighted mixture of Student's t distributions: what several models say of
 * one number, each with the weight of its evidence (Hoeting et al. 1999). */
#ifndef PLATEAU_ANALYZERS_MIXTURE_H
#define PLATEAU_ANALYZERS_MIXTURE_H

#include "harness/base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct opinion {
    double log_weight; /* any base: only differences count */
    double at, scale;  /* scale 0: certain */
    int df;
    int tag; /* the asker's: see mixture_cdf_of */
};

struct mixture {
    struct opinion *v;
    size_t n, cap;
};

void mixture_init(struct mixture *m);

/* Adds one; opinions that are not finite are ignored. */
static inline void mixture_add(struct mixture *m, struct opinion o)
{
    if (!isfinite(o.at) || !isfinite(o.scale) || !isfinite(o.log_weight))
        return;
    if (m->n == m->cap)
        m->v = mem_grow(m->v, m->n, &m->cap, sizeof *m->v);
    m->v[m->n++] = o;
}

/* Turns logarithms into weights that sum to 1 and drops the lightest ones, as
 * long as no more than `negligible` of the whole is lost. Call once, before
 * asking. Afterwards `log_weight` holds the weight itself. */
void mixture_close(struct mixture *m, double negligible);

/* The same without dropping any but the very lightest, and without an order:
 * enough for the functions below that give a weight. */
void mixture_weigh(struct mixture *m);

/* The weight of the opinions with X <= x whose tag is in the set `tags` (bit i:
 * tag i); `*share` is the weight of all of those. */
double mixture_cdf_of(const struct mixture *m, unsigned tags, double x,
                      double *share);

/* The weight of the opinions whose tag is in `tags`. */
double mixture_share(const struct mixture *m, unsigned tags);

/* Whether P(X <= x) by those opinions alone is `p` or more: knows it as soon as
 * it is. False without such opinions. */
bool mixture_reaches(const struct mixture *m, unsigned tags, double x,
                     double p);

/* P(X <= x). */
double mixture_cdf(const struct mixture *m, double x);

/* The value below which X lies with probability `p`, to half a hundredth of
 * the smaller tail; NaN when empty. */
double mixture_quantile(const struct mixture *m, double p);

/* The same by the opinions alone whose tag is in `tags`; NaN without any. */
double mixture_quantile_of(const struct mixture *m, unsigned tags, double p);

void mixture_release(struct mixture *m);

#endif
