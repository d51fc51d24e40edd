/* Room for connections: the limit on open files of this process. */
#ifndef PLATEAU_LOAD_DESCRIPTORS_H
#define PLATEAU_LOAD_DESCRIPTORS_H

#include "harness/base/err.h"

/* Raises the soft limit as far as `connections` beside everything else of ours
 * need it and the hard limit lets us. -1: that is not enough; nothing is
 * changed then. Processes started later inherit the limit: a target that is
 * to keep its own must run by then. */
int descriptors_reserve(int connections, struct err *err);

#endif
