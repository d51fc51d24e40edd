/* What a process has swapped out is its memory still: it left RSS, PSS and USS,
 * and not the machine. A leak whose oldest pages are swapped out looks level
 * in them, and one that is swapped in again looks like growth. Pure. */
#ifndef PLATEAU_ANALYZERS_SWAPPED_H
#define PLATEAU_ANALYZERS_SWAPPED_H

#include "analyzers/verdict.h"
#include "harness/model/record.h"

/* The readings of column `c` of `s` and what was swapped out when each was
 * taken, as last read by then. To free; NULL: `c` is not the memory of
 * processes, or nothing was ever swapped out. */
double *swapped_back(const struct series *s, const struct column *c);

/* Puts those readings in the place of the memory read at the barriers, in
 * `wide`, whose columns are a copy of those of `r`. To swapped_release. */
void swapped_into(const struct record *r, struct record *wide);

/* Says so in what was found at the barriers, and tells no time to a limit: one
 * on what is in memory does not count what is not. */
void swapped_tell(const struct record *r, const struct record *wide,
                  struct verdict *v);

void swapped_release(const struct record *r, struct record *wide);

#define SWAPPED_WORDS " What was swapped out is counted with it."

#endif
