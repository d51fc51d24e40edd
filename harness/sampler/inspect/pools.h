/* Pools of CPython's small-object allocator (pymalloc), recognised by their
 * headers alone: no symbol, no list walk, no runtime layout. A pool is a
 * POOL-aligned piece of an anonymous mapping, cut into blocks of one size; the
 * header says how many blocks were ever handed out and which of them are free.
 *
 * Works on bytes that were copied out; the pool may have changed while it was
 * copied, or may be no pool at all: every field is checked, and a free list
 * that does not add up is reported, not followed. */
#ifndef PLATEAU_SAMPLER_INSPECT_POOLS_H
#define PLATEAU_SAMPLER_INSPECT_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_HEADER 48u
#define POOL_MAX 16384u
#define POOL_BLOCKS_MAX (POOL_MAX / 8u)

struct pool {
    uint32_t block;      /* bytes per block */
    uint32_t count;      /* blocks in use, as the header says */
    uint32_t carved;     /* blocks handed out at least once: the first ones */
    uint32_t first_free; /* offset of the free list's head, 0: empty list */
};

/* Which blocks are free: one bit per block index. */
struct pool_free {
    uint64_t bits[POOL_BLOCKS_MAX / 64];
};

/* Reads the header in `bytes` (POOL_HEADER of them) of the pool of `size`
 * bytes at `addr`. Returns whether this is the header of a pool with at least
 * one block in use. */
bool pool_header(const unsigned char *bytes, uint64_t addr, uint32_t size,
                 struct pool *out);

/* Is this the header of a pool, be it in use or given back? */
bool pool_was(const unsigned char *bytes, uint32_t size);

/* Follows the free list in the `size` bytes of the pool at `addr` into
 * `free`. Returns whether list and count agree (the copy is not torn); if not,
 * `free` holds what was found until the list went astray. */
bool pool_free_list(const unsigned char *bytes, uint64_t addr, uint32_t size,
                    const struct pool *p, struct pool_free *free);

static inline bool pool_is_free(const struct pool_free *f, uint32_t i)
{
    return f->bits[i / 64] >> (i % 64) & 1;
}

#endif
