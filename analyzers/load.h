/* The load as an explanation of memory: where the request rate moved, the
 * rate itself and slower versions of it (buffers and pools follow with a
 * delay) may take a share of what memory did. */
#ifndef PLATEAU_ANALYZERS_LOAD_H
#define PLATEAU_ANALYZERS_LOAD_H

#include "analyzers/bins.h"
#include "analyzers/rows.h"

#include <stdbool.h>

struct load {
    bool varied;              /* enough to explain anything */
    double *v[FIT_LOADS_MAX]; /* per cell; NULL when it did not vary */
};

/* Measures the load of `r`. Gives `out` to release. */
void load_measure(const struct rows *r, struct load *out);

/* Adds the load as covariates to the points of `b`, scaled to about 1. */
void load_apply(const struct load *l, struct bins *b);

void load_release(struct load *l);

#endif
