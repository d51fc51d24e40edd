/* The last resort when the guardian itself was killed: its wards lost their
 * subreaper, and only the session they were started in still marks them. */
#ifndef PLATEAU_TARGET_ORPHANS_H
#define PLATEAU_TARGET_ORPHANS_H

#include "harness/base/procfs.h"

/* Sends SIGKILL to every process of the session that `leader` opened (alive
 * or not), until none is left or a tenth of a second is over. */
void orphans_kill(struct proc_id leader);

#endif
