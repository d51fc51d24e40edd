/* A container with a limit on the chain of what grows (the last thousand tasks,
 * a memo of ten thousand answers): how much more fills it. Until then it looks
 * like a leak, and no short run can tell the two apart. Never changes a
 * verdict. Pure. */
#ifndef PLATEAU_ANALYZERS_BOUND_H
#define PLATEAU_ANALYZERS_BOUND_H

#include "analyzers/verdict.h"
#include "harness/model/diagnosis.h"

#include <stdbool.h>

/* Is there such a container on chain `c`, and do most of the instances that
 * were followed hang on it? */
bool bound_found(const struct diagnosis_chain *c);

/* Requests until the container of `c` is full, of the kind v->types_kind where
 * one makes what grows; hours where nobody counted requests
 * (v->types_per_hour). By the growth of the type of its entries; where several
 * processes grow, each fills its own. 0: it is full. NaN: its entries are not
 * known to grow. */
double bound_more(const struct verdict *v, const struct diagnosis_chain *c);

#endif
