/* The functions of age that memory's shapes are sums of. Not their fitting
 * (fit.h). */
#ifndef PLATEAU_ANALYZERS_SHAPES_H
#define PLATEAU_ANALYZERS_SHAPES_H

#include "analyzers/fit.h"

enum {
    SHAPES_EXPS = 11,
    SHAPES_LOGS = 3,
    SHAPES_KINKS = 23,
    SHAPES_AFTERS = 24, /* creep that begins where a fill ends */
    SHAPES_LONGS = 2,   /* fills that are far from their end */
    SHAPES_POWERS = 12, /* fills that have none */
    SHAPES_SLOWS = SHAPES_LONGS + SHAPES_POWERS,
    SHAPES_JUMPS = 12,
    /* What hangs on the ages and the load alone. */
    SHAPES_STEADY = 1 + SHAPES_EXPS + SHAPES_LOGS + SHAPES_KINKS +
                    SHAPES_AFTERS + SHAPES_SLOWS + FIT_LOADS_MAX,
    SHAPES_MAX = SHAPES_STEADY + SHAPES_JUMPS,
};

/* One function of age, per unit of its coefficient. */
struct basis {
    double v[FIT_POINTS_MAX];
    double future; /* growth over one more span */
    double late;   /* rise over the last 30 % of a span */
    double at;     /* where it bends or jumps; NaN */
    double cost;   /* parameters beside its coefficient */
    enum fit_form form;
};

/* All but the jumps, each kind from its index on; number 0 is the line. The
 * kink that belongs to the i-th `after` is `kinks + i / 2 * 2`. None of them
 * looks at the readings. */
struct shapes {
    struct basis b[SHAPES_STEADY];
    int exps, logs, kinks, afters, slows, loads, n;
};

void shapes_build(const struct fit_points *p, struct shapes *out);

/* Jumps, where neighbouring readings differ most: up to SHAPES_JUMPS of them,
 * none where there are several lives. Returns how many. */
int shapes_jumps(const struct fit_points *p, struct basis *out);

/* Smooth parts that do many times what the readings of `p` do, and undo it
 * again, are no story of a program: with two bends there are such for any
 * curve, and what they say of its end is anything. `k` parts, with their
 * coefficients. */
bool shapes_cancel(const struct fit_points *p, const struct basis *const *part,
                   const double *c, int k);

/* The load around the point where the basis `b` jumps, after less before; 0
 * where it did not vary. */
double shapes_load_change(const struct fit_points *p, const struct basis *b);

#endif
