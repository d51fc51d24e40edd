/* A memview of a live process, through /proc/PID/{mem,pagemap,maps}.
 *
 * A pid can be used again by another process: the start time (stat field 22)
 * names the process. A process that has called execve() keeps pid and start
 * time but has new memory, which files opened before do not show: reads then
 * fail, and the view must be opened anew. */
#ifndef PLATEAU_SAMPLER_INSPECT_PROCMEM_H
#define PLATEAU_SAMPLER_INSPECT_PROCMEM_H

#include "harness/base/err.h"
#include "harness/sampler/inspect/memview.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a process cannot be read. */
enum procmem_trouble {
    PROCMEM_FINE,
    PROCMEM_GONE,      /* no such process (any more) */
    PROCMEM_OTHER_UID, /* it belongs to someone else */
    PROCMEM_YAMA,      /* same uid, kernel.yama.ptrace_scope forbids */
    PROCMEM_DENIED,    /* forbidden for another reason (not dumpable) */
};

/* Opens process `pid`. Gives a view, or NULL with `*trouble` and `err`. */
struct memview *procmem_open(int64_t pid, enum procmem_trouble *trouble,
                             struct err *err);

/* Reads the maps again. Returns 0, or -1 when the process has ended. */
int procmem_refresh(struct memview *v, int64_t pid, struct err *err);

#endif
