/* Which blocks of a heap nothing reaches: the collector's own rule (count what
 * refers to each object from within; who has more references than that is held
 * from without, and holds on), by words alone, so that no object's layout need
 * be known. A word that points into a block holds it, wherever it is: what is
 * left over from before can make garbage look held, never the other way round.
 *
 * Works on copies: no process, no I/O. */
#ifndef PLATEAU_SAMPLER_INSPECT_REACH_H
#define PLATEAU_SAMPLER_INSPECT_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reach_kind {
    REACH_PLAIN,  /* memory without a count of its own: a list's buffer */
    REACH_OBJECT, /* counted */
    REACH_LEAF,   /* counted, refers to nothing: text, numbers */
    REACH_WEAK,   /* counted, a weak reference: holds its callback alone */
};

/* One block. References point at `object`, which may lie behind a head that
 * holds nothing; what lies before the head belongs to the object. */
struct reach_block {
    uint64_t addr;
    uint32_t size;
    uint32_t used;         /* of it: what lies behind is left over */
    uint32_t object, head; /* offset of the object; size of the head before */
    enum reach_kind kind;
    bool tracked; /* by the cyclic collector */
    bool pooled;  /* counts as a block of Python's allocator */
};

/* What nothing reaches. */
struct reach_count {
    int64_t tracked, pooled;
};

struct reach;

/* For blocks of at most `most` bytes together. `count_bits`: how many of the
 * lower bits of an object's first word are its count. */
struct reach *reach_new(uint64_t most, unsigned count_bits);
void reach_free(struct reach *r);

/* Adds `b`, whose contents are `bytes`: `b->size` of them, or just the 16 at
 * the object's beginning for a leaf. Returns whether there was room. */
bool reach_add(struct reach *r, const struct reach_block *b,
               const unsigned char *bytes);

/* All blocks are there. Blocks that overlap make nothing sure: false. */
bool reach_ready(struct reach *r);

/* What lies from `start` to `end` of one block is left over. */
void reach_wipe(struct reach *r, uint64_t start, uint64_t end);

/* What `word`, found outside all blocks, points at is held. */
void reach_root(struct reach *r, uint64_t word);

/* All roots are there: counts. */
void reach_settle(struct reach *r, struct reach_count *out);

#endif
