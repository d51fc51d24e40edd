/* How many requests of each kind a process had served at a moment of its life.
 * The plan varies the mix from block to block, so that of two lives of equal
 * age one may have served hardly any of the kind that leaks, and the other
 * nothing else: what leaks follows its kind, not the age. Pure. */
#ifndef PLATEAU_ANALYZERS_LIFE_KINDS_H
#define PLATEAU_ANALYZERS_LIFE_KINDS_H

#include "analyzers/lives.h"

/* True when the record tells the requests by kind at all barriers, of two
 * kinds or more. */
bool life_kinds_known(const struct record *r);

/* Fills `served`, one number for each kind of `r`, for life `i` of `l`, at the
 * reading `own` of it, when it was `age` requests old: the age it came to in
 * each block is shared out as the block's requests were. */
void life_kinds_at(const struct record *r, const struct lives *l, size_t i,
                   const struct record_own *own, double age, double *served);

#endif
