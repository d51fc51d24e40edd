/* When start-up was over. */
#ifndef PLATEAU_ANALYZERS_STEADY_H
#define PLATEAU_ANALYZERS_STEADY_H

#include "analyzers/rows.h"

/* The time from which on the readings `y` keep to a band around a line of
 * slope `growth` per span through their later half; the run's start when
 * they always did, NaN when they still do not in its last quarter. */
double steady_from(const struct rows *r, const double *y, double growth,
                   double noise);

#endif
