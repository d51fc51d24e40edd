/* All products that the fits of one set of points need: those of the shapes
 * come from the memo, those of the jumps and the readings are its own. Only
 * fit.c includes this. */
#ifndef PLATEAU_ANALYZERS_FIT_GRAM_H
#define PLATEAU_ANALYZERS_FIT_GRAM_H

#include "analyzers/fit_design.h"

struct fit_gram {
    const struct fit_design *d;
    const struct basis *b[SHAPES_MAX]; /* the design's shapes, then jumps */
    int n, jumps;                      /* how many, and where those begin */
    /* Per correlation: products of the whitened functions, levels taken out.
       Index SHAPES_MAX is the readings. */
    double g[FIT_RHOS][SHAPES_MAX + 1][SHAPES_MAX + 1];
    struct basis jump[SHAPES_JUMPS];
    double own[FIT_POINTS_MAX * FIT_OWN]; /* those by point, and the readings */
    double level[FIT_RHOS][FIT_POINTS_MAX][FIT_OWN]; /* of each life */
};

/* Fills `out`, which must be zero or have been filled with the same memo. It
 * is good until the next call. */
void fit_gram_make(struct fit_memo *m, const struct fit_points *p,
                   struct fit_gram *out);

#endif
