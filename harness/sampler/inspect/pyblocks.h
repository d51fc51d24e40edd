/* What sys.getallocatedblocks() counts besides pymalloc's pools: requests too
 * large for a pool, which CPython passes to malloc and counts. The counter has
 * no symbol. Up to 3.11 the exported _Py_GetAllocatedBlocks loads it, so its
 * first instructions tell where it is; later it lies in the allocator's state,
 * which its own invariants give away. */
#ifndef PLATEAU_SAMPLER_INSPECT_PYBLOCKS_H
#define PLATEAU_SAMPLER_INSPECT_PYBLOCKS_H

#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyruntime.h"

#include <stdbool.h>
#include <stdint.h>

struct pyblocks {
    uint64_t at; /* address of the counter; 0: not found */
    bool total;  /* it counts pool blocks too (3.6 to 3.8) */
};

/* Looks for the counter of the runtime `rt`. */
void pyblocks_find(struct memview *v, const struct pyruntime *rt,
                   struct pyblocks *out);

/* The number of blocks in use, given those in pools, or -1: unknown. */
int64_t pyblocks_read(struct memview *v, const struct pyblocks *b,
                      uint64_t in_pools);

#endif
