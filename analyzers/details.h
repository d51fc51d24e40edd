/* What a verdict adds once something grows: which requests, which types. */
#ifndef PLATEAU_ANALYZERS_DETAILS_H
#define PLATEAU_ANALYZERS_DETAILS_H

#include "analyzers/verdict.h"

/* Fills `v->blames` for every finding that leaks and `v->types`. */
void details_fill(const struct record *r, const struct policy *p,
                  struct verdict *v);

#endif
