/* Counts the distinct values that were sent at each site of a scenario
 * (sites.h): exactly, by a set of 64-bit hashes whose room is made at the
 * start. Values themselves are not kept. Any thread may add. */
#ifndef PLATEAU_MODEL_DISTINCT_H
#define PLATEAU_MODEL_DISTINCT_H

#include "harness/model/scenario.h"

struct distinct;

/* Makes the sets for `sc`, each large enough for `requests` values (0: not
 * known), but no more than DISTINCT_BYTES_MAX together. NULL without sites.
 * Gives a counter to free. */
struct distinct *distinct_new(const struct scenario *sc, double requests);
void distinct_free(struct distinct *d);

enum { DISTINCT_BYTES_MAX = 64 << 20 };

/* Site number `site` (from 1) sends `s`. Does not allocate. A value new to
 * the site's group counts for the site. */
void distinct_add(struct distinct *d, size_t site, const char *s, size_t n);

/* Values first sent at site number `site`, so far; NaN once a set was full. */
double distinct_count(const struct distinct *d, size_t site);

#endif
