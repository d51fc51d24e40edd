/* May the run stop before its planned end? Looking after every block and
 * stopping at the first answer multiplies the chances of error, so each look
 * pays: the n-th spends 1 / ((n - 2)(n - 1)) of the whole, which adds up to
 * the promised error however long the run (a spending rule after Lan and
 * DeMets 1983, over a series that ends by itself). And a leak is certain only
 * when what would still bend has been excluded as well: no cache of the usual
 * size is still filling. Pure. */
#ifndef PLATEAU_ANALYZERS_SEQUENTIAL_H
#define PLATEAU_ANALYZERS_SEQUENTIAL_H

#include "analyzers/barriers.h"
#include "analyzers/verdict.h"

/* The rule of the look after `blocks` blocks (at least three). */
void sequential_rule(const struct policy *p, size_t blocks,
                     struct barriers_rule *rule);

/* True when `v`, judged from all of `r`, would not change by going on. */
bool sequential_certain(const struct record *r, const struct verdict *v);

/* True when there is nothing more to learn from a certain `v`: it is no leak,
 * or it is known which request leaks (or that time or connections do), or
 * there is but one kind of request. */
bool sequential_told(const struct record *r, const struct verdict *v);

#endif
