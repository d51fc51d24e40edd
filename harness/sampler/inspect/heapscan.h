/* One pass over the writable anonymous memory of a process that sorts out what
 * lies there: pymalloc pools, glibc arenas, chunks that were mapped alone.
 * Says what it found to a sink; counts nothing itself but the native totals. */
#ifndef PLATEAU_SAMPLER_INSPECT_HEAPSCAN_H
#define PLATEAU_SAMPLER_INSPECT_HEAPSCAN_H

#include "harness/sampler/inspect/chunks.h"
#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pools.h"

#include <stdbool.h>
#include <stdint.h>

struct heapscan_sink {
    /* A pool with blocks in use. `bytes` (the whole pool) and `free` are NULL
     * when only headers are read; `torn`: the pool changed while it was read,
     * `free` is incomplete. */
    void (*pool)(void *ctx, uint64_t addr, const struct pool *p,
                 const unsigned char *bytes, const struct pool_free *free,
                 bool torn);
    chunks_fn chunk; /* may be NULL */
    void *ctx;
};

struct heapscan_options {
    uint32_t pool_size; /* 0: no Python, look for native memory only */
    bool headers_only;  /* counts of pools, not their contents */
    bool native;        /* walk glibc's chunks */
    int64_t until_ns;   /* monotonic; 0: no limit */
};

struct heapscan;

struct heapscan *heapscan_new(struct memview *v);
void heapscan_free(struct heapscan *s);

/* Scans. Returns false when the time ran out: what was found is a part. */
bool heapscan_run(struct heapscan *s, const struct heapscan_options *o,
                  const struct heapscan_sink *sink,
                  struct chunks_total *native);

#endif
