/* Fits a family of shapes to a few dozen points and averages them by their
 * evidence. Knows nothing of columns, units or thresholds.
 *
 * Model: reading = level of its life + shape(age) + effect of load + noise,
 * the noise being autoregressive of lag one. Every shape of the family
 * (line, saturating exponentials, logarithms, kinks, jumps, and sums of two,
 * each with and without a straight part) is fitted by generalised least
 * squares at every correlation of a grid, and weighs exp(-BIC/2) times its
 * prior (Schwarz 1978; Hoeting et al. 1999). What is told apart by no
 * evidence stays apart in the answer, and makes its interval wide. */
#ifndef PLATEAU_ANALYZERS_FIT_H
#define PLATEAU_ANALYZERS_FIT_H

#include "analyzers/stats.h"

#include <stdbool.h>

enum {
    FIT_POINTS_MAX = 160,
    FIT_LOADS_MAX = 4,
    FIT_PARTS_MAX = 400,
};

/* The points. Ages are measured from the start of each life and scaled so
 * that the whole span is 1; readings may be in any unit. */
struct fit_points {
    int n;
    double age[FIT_POINTS_MAX];
    double y[FIT_POINTS_MAX];
    int life[FIT_POINTS_MAX]; /* rising; a new number is a new level */
    int nlives;
    double born; /* how much older than its age the first life is: creep goes
                    by the true age, in a window too */
    double load[FIT_LOADS_MAX][FIT_POINTS_MAX]; /* covariates, effect >= 0 */
    int nloads;
    double load_max;  /* greatest effect of one unit of load */
    double floor_var; /* variance below which a misfit means nothing */
};

/* Which parts a shape is made of, as a set. */
enum fit_form {
    FIT_LINE = 1,
    FIT_EXP = 2,
    FIT_LOG = 4,
    FIT_KINK = 8,
    FIT_JUMP = 16,
    FIT_TWO = 32, /* two of the same */
    FIT_LOAD = 64,
};

struct fit {
    double top;    /* log evidence of the best shape; comparable between fits of
                      the same readings */
    int best_form; /* enum fit_form: what the best shape is made of */
    double best_sigma; /* its residuals' standard deviation */
    double kink_at;    /* where it last bends or jumps, in ages; NaN */
    double rho;        /* mean lag-one correlation */
    double late_rise;  /* fitted rise over the last 30 %, averaged */
    int nparts;        /* of the arrays below, which are not touched else */
    struct part slope[FIT_PARTS_MAX];  /* growth per span that would go on */
    struct part future[FIT_PARTS_MAX]; /* growth over one more span */
};

struct fit_memo;

/* What fits of several sets of points at the same ages have in common; for one
 * thread at a time. The fits are the same to the last bit with and without. */
struct fit_memo *fit_memo_new(void);
void fit_memo_free(struct fit_memo *m);

/* Fits `p` (at least 5 points more than lives), with `m` or, NULL, without.
 * Returns false, with an empty mixture, when there are too few. */
bool fit_shapes(const struct fit_points *p, struct fit_memo *m,
                struct fit *out);

#endif
