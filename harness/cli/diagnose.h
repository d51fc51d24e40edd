/* After a leak: who holds it, who allocates it, where it lies. Starts by
 * itself, bounded in time, never changes the verdict; what happens to the
 * target from here on is not measured (phase "diagnose").
 *
 * Opened, written and closed by the conductor's thread. diagnose_before and
 * diagnose_after block for seconds: any one thread at a time may call them,
 * while the conductor's calls nothing but diagnose_hurry. */
#ifndef PLATEAU_CLI_DIAGNOSE_H
#define PLATEAU_CLI_DIAGNOSE_H

#include "harness/base/procfs.h"
#include "harness/load/load.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct diagnose;

/* Judges the run recorded so far in `rd`; when it is a leak, gives a
 * diagnosis that is ready for its stretch of load, and returns true. `roots`
 * and `guardian` as from target_roots. Its time, policy.diagnose_ns, runs from
 * here. */
bool diagnose_open(struct rundir *rd, const struct scenario *sc,
                   const struct proc_id *roots, size_t nroots, int64_t guardian,
                   struct diagnose **out);

/* Before the load: marks where memory lies and which objects there are,
 * starts to trace allocations where the agent can. */
void diagnose_before(struct diagnose *d);

/* Bounds the load that follows, drain included, by a share of what is left of
 * the time. */
void diagnose_bound(const struct diagnose *d, const struct scenario *sc,
                    struct load_phase *phase);

/* After `requests` more requests: what has grown, who holds it. */
void diagnose_after(struct diagnose *d, double requests);

/* Makes the calls above end early. Any thread. */
void diagnose_hurry(struct diagnose *d);

/* Writes diagnosis.json. `note`: one more line, or "". */
void diagnose_write(struct diagnose *d, const char *note);

void diagnose_close(struct diagnose **d);

#endif
