/* Which of the growing types hangs nearest to the root. Who keeps an exception
 * keeps its traceback, its frames and the request in them: twenty types grow
 * in step, and only the one the container holds says what to mend. Pure. */
#ifndef PLATEAU_CLI_NEAREST_H
#define PLATEAU_CLI_NEAREST_H

#include "harness/model/diagnosis.h"

#include <stddef.h>

/* Of `grown[0..n)` the type that comes first, seen from the root, on most of
 * the instances that the chains of `d` speak for, each type's alike, of equals
 * the one that comes first in `grown`; plain containers, frames and
 * values do not count, for they hold everything. NULL: none on at least half.
 * Borrowed from `grown`. */
const char *nearest_type(const struct diagnosis *d, const char *const *grown,
                         size_t n);

#endif
