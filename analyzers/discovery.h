/* Many series of one sort, each judged by itself: some seem to leak by chance
 * alone. Keeps the share of false ones among those that are called
 * (Benjamini and Hochberg 1995). */
#ifndef PLATEAU_ANALYZERS_DISCOVERY_H
#define PLATEAU_ANALYZERS_DISCOVERY_H

#include "analyzers/column.h"

#include <stddef.h>

/* Takes the verdict from counts of types ("objects:...") among the `n`
 * findings that would be called leaks, but not among so many looked at:
 * `sure` is the confidence the called ones shall have together. Sets
 * DOUBT_MANY in their views. Returns how many types were looked at. */
size_t discovery_keep(struct finding *f, struct column_view *v, size_t n,
                      double sure);

#endif
