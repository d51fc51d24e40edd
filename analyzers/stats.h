/* Small statistics without state: order statistics, Student's t, mixtures of
 * t distributions. Not for fitting (fit.h). */
#ifndef PLATEAU_ANALYZERS_STATS_H
#define PLATEAU_ANALYZERS_STATS_H

#include <stddef.h>

/* Sorts `v` upward; no NaN inside. Deterministic, no allocation. */
void stats_sort(double *v, size_t n);

/* Value at share `p` (0 .. 1) of the sorted `v`, linear between neighbours;
 * NaN for none. */
double stats_quantile_sorted(const double *v, size_t n, double p);

/* Median of `v`, which is put into order. */
double stats_median(double *v, size_t n);

/* Mean of `v` without its lowest and highest fifth: nearly as sharp as the
 * mean, nearly as tough as the median. Puts `v` into order. */
double stats_middle(double *v, size_t n);

/* Mean of the lowest `share` of `v` (at least one), which is put into
 * order. */
double stats_floor(double *v, size_t n, double share);

/* Standard normal distribution function, good to 1e-7 (Abramowitz and
 * Stegun 26.2.17). */
double stats_normal_cdf(double z);

/* Distribution function of Student's t with `df` degrees of freedom (real,
 * > 0): the normal approximation of Wallace 1959, good to 0.002. */
double stats_t_cdf(double t, double df);

/* Quantile `p` of the same, by bisection. */
double stats_t_quantile(double p, double df);

/* One part of a mixture: weight, centre, scale (0: a point), degrees of
 * freedom. */
struct part {
    double weight, mean, scale, df;
};

/* Share of the mixture at or below `x`; the weights need not add up to 1. */
double stats_mixture_cdf(const struct part *p, size_t n, double x);

/* Quantile `q` of the mixture; NaN for an empty one. */
double stats_mixture_quantile(const struct part *p, size_t n, double q);

/* Rounds to `digits` significant decimal digits, so that printed numbers do
 * not depend on the last bits. */
double stats_round(double x, int digits);

/* Between the 2nd and the 98th percentile of `v` (NaN: none); 0 for none. */
double stats_spread(const double *v, size_t n);

#endif
