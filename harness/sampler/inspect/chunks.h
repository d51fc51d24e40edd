/* glibc's malloc seen from outside: walks the chunks of the main arena, of
 * thread arenas and single mapped chunks, and says what is in use, what is
 * free but kept, and the largest free piece. No symbols: a chunk's size word
 * leads to the next chunk, whose lowest bit says whether this one is in use
 * (chunks in the thread cache and in fast bins count as used, as in mallinfo).
 *
 * The heap may move while we walk: a chain that breaks is read again, then
 * picked up at the next place from which several chunks follow each other;
 * what lies between is counted as a gap. Not for jemalloc, tcmalloc, musl. */
#ifndef PLATEAU_SAMPLER_INSPECT_CHUNKS_H
#define PLATEAU_SAMPLER_INSPECT_CHUNKS_H

#include "harness/sampler/inspect/memview.h"

#include <stdbool.h>
#include <stdint.h>

#define CHUNKS_HEAD 96u /* bytes of each chunk's contents that are shown */
#define CHUNKS_ARENA (64ull << 20) /* thread heaps are aligned to this */

/* Sums over all that was walked. */
struct chunks_total {
    uint64_t inuse_bytes, inuse_chunks; /* with the 8 bytes of overhead */
    uint64_t free_bytes, free_chunks;   /* with the unused end of each arena */
    uint64_t largest_free;              /* one piece, in bytes */
    uint64_t mapped_bytes; /* part of inuse_bytes: chunks of their own */
    uint64_t arenas;       /* the main one included */
    uint64_t gap_bytes;    /* could not be made sense of */
};

/* Called for each chunk in use: `addr` is what malloc returned, `n` the usable
 * bytes, `head` the first CHUNKS_HEAD bytes of them (zeros beyond `n`). */
typedef void (*chunks_fn)(void *ctx, uint64_t addr, uint64_t n,
                          const unsigned char *head);

/* A walker: its buffer is kept for the next walk. */
struct chunks;

struct chunks *chunks_new(struct memview *v);
void chunks_free(struct chunks *c);

/* Walks the chunks from `start` (the first one's address) to `end`. `fn` may
 * be NULL. Adds to `total`. Stops when the clock passes `until_ns` (0: never);
 * returns whether it got to the end. */
bool chunks_walk(struct chunks *c, uint64_t start, uint64_t end,
                 int64_t until_ns, chunks_fn fn, void *ctx,
                 struct chunks_total *total);

/* Is there a thread arena's heap at `addr` (CHUNKS_ARENA-aligned)? Then gives
 * the address of its first chunk and its end. */
bool chunks_thread_heap(struct memview *v, uint64_t addr, uint64_t *first,
                        uint64_t *end);

/* Do the 16 bytes at `head`, found at `addr` (page-aligned), begin a chunk
 * that was mapped alone and ends no later than `end`? Returns its size or 0. */
uint64_t chunks_mapped(const unsigned char *head, uint64_t addr, uint64_t end);

#endif
