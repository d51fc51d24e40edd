/* Student's t distribution for whole degrees of freedom, without a table:
 * what small numbers of blocks need for honest intervals. */
#ifndef PLATEAU_ANALYZERS_STUDENT_H
#define PLATEAU_ANALYZERS_STUDENT_H

/* P(T <= t) with `df` >= 1 degrees of freedom; closed form (Abramowitz and
 * Stegun 26.7.3-4), above 60 the normal with Hill's (1970) correction. */
double student_cdf(double t, int df);

/* The value that T stays below with probability `p`, 0 < p < 1. */
double student_quantile(double p, int df);

#endif
