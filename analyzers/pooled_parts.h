/* What is no growth of a life, taken out of the readings of pooled.h in the
 * order of these functions. Private to pooled*.c. Pure. */
#ifndef PLATEAU_ANALYZERS_POOLED_PARTS_H
#define PLATEAU_ANALYZERS_POOLED_PARTS_H

#include "analyzers/pooled.h"

/* Objects that wait in caches with a bound are no leak: sets `filling`, `full`
 * and `cached`. */
void pooled_find_cached(struct pooled *p);

/* What is loaded at the first request of a seldom kind comes at another age in
 * each life: some readings have it, some do not, and between them lies
 * nothing. Such a step is no growth: sets `stepped` and each point's `step`.
 * Readings are no finer than `quantum`. To choose a level for each reading
 * costs it a bit. */
void pooled_find_steps(struct pooled *p, double quantum);

/* Takes out what comes with the entries of full caches, and the garbage that
 * waits for the collector: lowers each point's `held`. */
void pooled_clear_passing(struct pooled *p);

#endif
