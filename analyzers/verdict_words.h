/* The verdict's reason and advice, from its findings. Pure. */
#ifndef PLATEAU_ANALYZERS_VERDICT_WORDS_H
#define PLATEAU_ANALYZERS_VERDICT_WORDS_H

#include "analyzers/verdict.h"
#include "analyzers/vote.h"

/* Fills `v->reason` (unless it already holds one) and `v->advice`. */
void verdict_words(const struct record *r, const struct policy *p,
                   const struct vote *vote, struct verdict *v);

#endif
