/* After a leak: who holds it, who allocates it, where it lies. Starts by
 * itself, bounded in time, never changes the verdict; what happens to the
 * target from here on is not measured (phase "diagnose").
 *
 * Conductor's thread; the calls block for seconds. */
#ifndef PLATEAU_CLI_DIAGNOSE_H
#define PLATEAU_CLI_DIAGNOSE_H

#include "harness/base/procfs.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct diagnose;

/* Judges the run recorded so far in `rd`; when it is a leak, gives a
 * diagnosis that is ready for its stretch of load, and returns true. `roots`
 * and `guardian` as from target_roots. */
bool diagnose_open(struct rundir *rd, const struct scenario *sc,
                   const struct proc_id *roots, size_t nroots, int64_t guardian,
                   struct diagnose **out);

/* Before the load: marks where memory lies, starts to trace allocations where
 * the agent can. */
void diagnose_before(struct diagnose *d);

/* After `requests` more requests: what has grown, who holds it; writes
 * diagnosis.json. */
void diagnose_after(struct diagnose *d, double requests);

void diagnose_close(struct diagnose **d);

#endif
