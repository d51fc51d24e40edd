/* Which types of objects grow: the censuses of a run (objects.csv) against
 * its requests. Hundreds of types are looked at, so the false discovery rate
 * is what is kept (Benjamini and Hochberg 1995). Pure. */
#ifndef PLATEAU_ANALYZERS_TYPES_H
#define PLATEAU_ANALYZERS_TYPES_H

#include "analyzers/verdict.h"

#include <stddef.h>

/* What the growth is held against. */
struct types_driver {
    const double *done; /* cumulative, one per barrier row */
    double per_request; /* of it, in the mix that the scenario asks for; NaN:
                           as it came in this run */
};

/* Gives in `*out` the types that grow, ranked by confidence, then the
 * program's own types before the language's, then size in bytes (freed by
 * free()), and returns their number: every significant one up to TYPES_SHOWN,
 * then the largest others. `from_s`: censuses before that are warm-up
 * and left out, as far as they can be spared. `driver`: the requests of the
 * guilty kinds; NULL: all requests. Without a census at a barrier those of a
 * soak count: their growth is per hour, `*per_hour`, where nobody counted the
 * requests. */
size_t types_make(const struct record *r, double confidence, double from_s,
                  const struct types_driver *driver, struct type_growth **out,
                  bool *per_hour);

enum { TYPES_SHOWN = 40 };

#endif
