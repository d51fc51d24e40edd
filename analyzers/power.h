/* What a run could have known: the smallest leak it would have called, and
 * how much longer it would have to be to decide. */
#ifndef PLATEAU_ANALYZERS_POWER_H
#define PLATEAU_ANALYZERS_POWER_H

#include "analyzers/column.h"
#include "analyzers/trial.h"

/* The smallest growth per span that the trial `plan` would have found above
 * v->leak_above with 95 % probability: what grew is taken off the readings,
 * a leak is planted, and the same fit is made again until it answers. `found`
 * is the trial's own result. NaN when not even large leaks would have been. */
double power_minimum(const struct trial_plan *plan, const struct trial *found,
                     const struct column_view *v);

/* By which factor the run would have to be longer for its interval to stand
 * clear of a threshold, if things go on as they are. NaN: more than 50. */
double power_factor(const struct column_view *v, const struct column *c);

#endif
