/* A weighted mixture of Student's t distributions: what several models say of
 * one number, each with the weight of its evidence (Hoeting et al. 1999). */
#ifndef PLATEAU_ANALYZERS_MIXTURE_H
#define PLATEAU_ANALYZERS_MIXTURE_H

#include <stddef.h>

struct opinion {
    double log_weight; /* any base: only differences count */
    double at, scale;  /* scale 0: certain */
    int df;
};

struct mixture {
    struct opinion *v;
    size_t n, cap;
};

void mixture_init(struct mixture *m);

/* Adds one; opinions that are not finite are ignored. */
void mixture_add(struct mixture *m, struct opinion o);

/* Turns logarithms into weights that sum to 1 and drops what has less than
 * `negligible` of the largest. Call once, before asking. Afterwards
 * `log_weight` holds the weight itself. */
void mixture_close(struct mixture *m, double negligible);

/* P(X <= x). */
double mixture_cdf(const struct mixture *m, double x);

/* The value below which X lies with probability `p`; NaN when empty. */
double mixture_quantile(const struct mixture *m, double p);

void mixture_release(struct mixture *m);

#endif
