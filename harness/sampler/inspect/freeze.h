/* Stops a whole process for a moment (ptrace: seize and interrupt each thread;
 * SIGSTOP would be seen by job control and by the parent) and lets it go on.
 * Opt-in: everything else in this folder reads a running process. */
#ifndef PLATEAU_SAMPLER_INSPECT_FREEZE_H
#define PLATEAU_SAMPLER_INSPECT_FREEZE_H

#include "harness/base/err.h"

#include <stdint.h>

struct freeze;

/* Stops all threads of `pid`. Gives a freeze to end, or NULL: nothing is
 * stopped then. Must be ended by the same thread. */
struct freeze *freeze_start(int64_t pid, struct err *err);

/* Lets the process go on, nulls, and returns how long it was stopped, in ns.
 * NULL inside is legal (returns 0). */
int64_t freeze_end(struct freeze **f);

#endif
