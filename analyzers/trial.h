/* One way of looking at a column: which part of the run, which statistic,
 * how many points, fitted against requests and against time. The column's
 * judge makes several and listens to the sharpest. */
#ifndef PLATEAU_ANALYZERS_TRIAL_H
#define PLATEAU_ANALYZERS_TRIAL_H

#include "analyzers/bins.h"
#include "analyzers/finding.h"
#include "analyzers/fit.h"
#include "analyzers/load.h"
#include "analyzers/rows.h"

struct trial_plan {
    const struct rows *rows;
    const struct load *load;
    struct fit_memo *memo; /* or NULL */
    const double *y;       /* cleaned readings, one per cell */
    double level;          /* taken off before fitting */
    double floor_var;
    double confidence;
    double from; /* share of the run left out at its start */
    double late; /* share of each life left out at its start */
    int points;
    enum bins_stat stat;
};

enum { TRIAL_PARTS_MAX = 2 * FIT_PARTS_MAX };

struct trial {
    bool ok;
    bool looked;            /* `ahead` is filled */
    struct interval growth; /* that would go on, per span of the whole run */
    struct interval ahead;  /* over one more span, bends included */
    double late_rise;       /* fitted, over the last 30 % */
    double rho, sigma;
    double late_range; /* of the points in the last 60 % of the run */
    int best_form;
    double kink_share; /* where the best shape last changed, 0..1; NaN */
    int nparts;        /* of the arrays below, which are not touched else */
    struct part slope[TRIAL_PARTS_MAX], future[TRIAL_PARTS_MAX];
};

/* Makes `t` one that has seen nothing; makes `to` the same as `from`. */
void trial_clear(struct trial *t);
void trial_copy(const struct trial *from, struct trial *to);

/* Carries out `p`. `out->ok` is false when there are too few readings. */
void trial_run(const struct trial_plan *p, struct trial *out);

/* Fills `t->ahead`, which costs time and is wanted of few, unless it is. */
void trial_look_ahead(struct trial *t, double confidence);

/* Posterior share of growth above `x` per span. */
double trial_above(const struct trial *t, double x);

#endif
