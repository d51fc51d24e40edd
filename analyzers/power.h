/* What a run could have known: the smallest leak it would have called, and
 * how much longer it would have to be to decide. */
#ifndef PLATEAU_ANALYZERS_POWER_H
#define PLATEAU_ANALYZERS_POWER_H

#include "analyzers/bench.h"

/* A pass must have been able to see a leak of so many times what it calls
 * none. */
#define POWER_ENOUGH 5

/* The smallest growth per span that the bench, which has looked, would have
 * called a leak with 95 % probability: leaks are planted until it answers.
 * `thorough` when much depends on it: then all that could hold the verdict back
 * is asked, and what looks poor is tried again with all looks. NaN when not
 * even large ones would have been called. */
double power_minimum(const struct bench *b, bool thorough);

/* By which factor the run would have to be longer to be decided in three cases
 * of four, if things go on as they are. NaN: more than 50. */
double power_factor(const struct column_view *v, const struct column *c);

#endif
