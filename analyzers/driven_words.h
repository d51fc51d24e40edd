/* What a blame says of growth that goes with more than requests, in words.
 * Pure. */
#ifndef PLATEAU_ANALYZERS_DRIVEN_WORDS_H
#define PLATEAU_ANALYZERS_DRIVEN_WORDS_H

#include "analyzers/verdict.h"

#include <stddef.h>

/* "It grows with distinct values of q (2.00 KiB each), not with requests.",
 * or why the two cannot be told apart and what would tell; "" where requests
 * say it all. `b` is of `r`, its metric counts in `unit`. Names come from the
 * scenario: escape at the sink. */
void driven_words(const struct record *r, const struct blame *b,
                  enum metric_unit unit, char *out, size_t size);

#endif
