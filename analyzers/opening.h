/* Morphological opening of a series (Serra 1982, in one dimension): what is
 * left when every rise that falls back within a width is taken off. Bursts
 * that recover and a collector's sawtooth become their floor; a line, a step
 * and a slope keep their place. */
#ifndef PLATEAU_ANALYZERS_OPENING_H
#define PLATEAU_ANALYZERS_OPENING_H

#include <stddef.h>

/* Writes the opening of `y` (length `n`, NaN = none, ignored) with windows of
 * 2 `half` + 1 into `out`. At either end `half` values are NaN: there, what
 * falls back later cannot be known. */
void opening(const double *y, size_t n, size_t half, double *out);

#endif
