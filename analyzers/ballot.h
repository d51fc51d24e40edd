/* From columns to one answer: which of them vote, and how. Private growth
 * must show in every view of private memory; counts of objects or handles
 * speak for themselves; page cache never speaks alone. */
#ifndef PLATEAU_ANALYZERS_BALLOT_H
#define PLATEAU_ANALYZERS_BALLOT_H

#include "analyzers/column.h"
#include "analyzers/continuous.h"

/* Takes the accusation back from memory that grows by less than what the
 * collector's garbage moves it by anyway, and raises the minimum of all memory
 * to that. Before ballot_count(), with the views of all columns. */
void ballot_hold(struct continuous *c, struct column_view *views);

/* Sets `judged` and `decisive` of the findings of `c`, its outcome and its
 * lead, from the views (one per finding). Findings of memory that must agree
 * share the largest `minimum_*` among them. */
void ballot_count(struct continuous *c, const struct column_view *views);

/* Whether finding `i` is one of those that share their minimum. */
bool ballot_shares(const struct continuous *c, const struct column_view *views,
                   size_t i);

#endif
