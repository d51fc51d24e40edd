/* Is what was found large enough to be what leaks? A type that seems to grow by
 * 50 bytes per request does not explain two kilobytes of native memory. Pure.
 */
#ifndef PLATEAU_ANALYZERS_EXPLAIN_H
#define PLATEAU_ANALYZERS_EXPLAIN_H

#include "analyzers/verdict.h"

#include <stdbool.h>

/* Are `bytes` more per request, or per hour where v->types_per_hour, at least a
 * quarter of the growth that `v` rests on? True where that is not in bytes. */
bool explains(const struct verdict *v, double bytes);

/* Is the type `type` among those that surely grow? */
bool explain_proven(const struct verdict *v, const char *type);

/* Is chain `c` of `d` for people? It has a text; and where other chains hold
 * what surely grows, one that holds a part of what does not is none. */
bool explain_tells(const struct verdict *v, const struct diagnosis *d,
                   const struct diagnosis_chain *c);

#endif
