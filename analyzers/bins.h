/* From many readings to a few dozen robust points: equal shares of each
 * life, and of each share its middle or its floor. */
#ifndef PLATEAU_ANALYZERS_BINS_H
#define PLATEAU_ANALYZERS_BINS_H

#include "analyzers/fit.h"
#include "analyzers/rows.h"

enum bins_stat {
    BINS_MIDDLE, /* mean without the outer fifths */
    BINS_FLOOR,  /* mean of the lowest fifth: follows the troughs of a
                    collector and does not see bursts */
};

struct bins {
    struct fit_points points;
    double scale; /* a slope per unit of age, times this, is growth over the
                     whole span of the rows */
    size_t from[FIT_POINTS_MAX], to[FIT_POINTS_MAX]; /* cells of each point */
    int lives_used;
};

struct bins_plan {
    const struct rows *rows;
    const double *x; /* the clock or the request counter of `rows` */
    const double *y; /* readings, NaN: none */
    double from;     /* share of the run left out at its start */
    double late;     /* share of each life left out at its start */
    int want;        /* about how many points */
    enum bins_stat stat;
};

/* Makes the points of `plan`. Returns false when there are too few
 * readings. */
bool bins_make(const struct bins_plan *plan, struct bins *out);

#endif
