/* The half of a fit that does not look at the readings: the shapes at the
 * points' ages, and their products under each correlation of the noise. Looks
 * at other columns, and at the same one with a leak planted, have the same
 * ages: a memo makes it once for all of them. Only fit.c includes this. */
#ifndef PLATEAU_ANALYZERS_FIT_DESIGN_H
#define PLATEAU_ANALYZERS_FIT_DESIGN_H

#include "analyzers/fit.h"
#include "analyzers/shapes.h"

#include <stddef.h>

enum {
    FIT_RHOS = 6,
    FIT_STEADY = (SHAPES_STEADY + 3) / 4 * 4, /* columns of a block of those */
    FIT_OWN = (SHAPES_JUMPS + 1 + 3) / 4 * 4, /* jumps, and the readings */
};

/* Correlations of lag one that are tried. */
extern const double fit_rhos[FIT_RHOS];

/* Sums over the points of two functions' products, now and at lag one, from
 * which those whitened for any correlation follow. */
struct fit_products {
    double now[FIT_STEADY], lag[FIT_STEADY], past[FIT_STEADY];
};

struct fit_design {
    struct shapes s;
    int n, nlives;
    int begin[FIT_POINTS_MAX + 1]; /* first point of each life; the end */
    double at[FIT_POINTS_MAX * FIT_STEADY]; /* the shapes, point by point */
    double g[FIT_RHOS][SHAPES_STEADY][SHAPES_STEADY]; /* whitened products,
                                                         levels taken out */
    double *level;        /* per correlation and life: see fit_level */
    struct fit_points of; /* what it was made for; the readings do not count */
};

/* Products of `a` with the first `width` functions in `at`, which holds them
 * point by point, `stride` apart. */
void fit_multiply(const struct fit_design *d, const double *a, const double *at,
                  int stride, int width, struct fit_products *out);

/* Product of the whitened function `v` with the whitened constant of life `l`,
 * over the root of that constant's own. */
double fit_level(const struct fit_design *d, const double *v, int l,
                 double rho);

/* The levels of the shapes in life `l` under the correlation `rho`. */
const double *fit_levels(const struct fit_design *d, int rho, int l);

/* The design for the ages, lives and loads of `p`, from `m` if it is there,
 * else made and kept in the place of an older one. Good until the next call.
 * `*fresh`: it is not the one that the last call gave. */
const struct fit_design *fit_design_of(struct fit_memo *m,
                                       const struct fit_points *p, bool *fresh);

/* Storage that lives as long as `m`: `size` bytes, zero at first, the same at
 * each call. */
void *fit_memo_room(struct fit_memo *m, size_t size);

#endif
