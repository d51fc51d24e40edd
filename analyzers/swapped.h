/* What a process has swapped out is its memory still: it left RSS, PSS and USS,
 * and not the machine. A leak whose oldest pages are swapped out looks level
 * in them, and one that is swapped in again looks like growth. Pure. */
#ifndef PLATEAU_ANALYZERS_SWAPPED_H
#define PLATEAU_ANALYZERS_SWAPPED_H

#include "harness/model/series.h"

/* The readings of column `c` of `s` and what was swapped out when each was
 * taken, as last read by then. To free; NULL: `c` is not the memory of
 * processes, or nothing was ever swapped out. */
double *swapped_back(const struct series *s, const struct column *c);

#endif
