/* Which Python type an object has: recognises objects in blocks of memory by
 * a plausible reference count followed by the address of a verified type, and
 * names types "module.qualname". Nothing is believed: an address is a type
 * when its own type is `type` or a metaclass derived from it.
 *
 * Caches types by address over many censuses; pytypes_begin() makes each be
 * looked at again once, since a class can be freed and another put there. */
#ifndef PLATEAU_SAMPLER_INSPECT_PYTYPES_H
#define PLATEAU_SAMPLER_INSPECT_PYTYPES_H

#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyversions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTYPES_MAX 65536u
#define PYTYPES_NAME_MAX 256u /* with the NUL; longer names are cut */
#define PYTYPES_OTHER 0       /* index of the types beyond the limit */

struct pytypes;

/* What a block holds. */
struct pyobject {
    uint32_t type; /* index for pytypes_name */
    uint32_t at;   /* offset of the object in its block */
    bool tracked;  /* by the cyclic collector */
};

/* Makes the cache of a process whose `type` lies at `type_type`. Borrows the
 * view and the version for its life. */
struct pytypes *pytypes_new(struct memview *v, const struct pyversion *version,
                            uint64_t type_type);
void pytypes_free(struct pytypes *t);

/* Starts a census: forgets what was not a type, distrusts what was. Indexes
 * stay the same until pytypes_begin() is called with more than three quarters
 * of PYTYPES_MAX in use. */
void pytypes_begin(struct pytypes *t);

/* The index of the type at `addr`, or -1: that is no type. */
int32_t pytypes_lookup(struct pytypes *t, uint64_t addr);

/* Looks for an object in the first `n` bytes of a block (a pymalloc block or
 * what malloc returned). Returns whether there is one. */
bool pytypes_object(struct pytypes *t, const unsigned char *block, size_t n,
                    struct pyobject *out);

/* Can the object `o`, found in `block`, have the `n` bytes that malloc gave? A
 * bytes object that is cut to size and moves (a buffer that was read into)
 * leaves its header behind, alive to the eye; the next block at that place may
 * be anybody's, and is as a rule smaller than the header says. Needs
 * o->at + 24 bytes of the block. */
bool pytypes_fits(const struct pytypes *t, const struct pyobject *o,
                  const unsigned char *block, uint64_t n);

/* Does a block that holds no live object hold one that CPython has put aside
 * on a free list? Dead (no reference count, or in 3.14 and later the link to
 * the next in its place), but still marked with its built-in type. Such blocks
 * are nobody's: a list takes up to 2,000 tuples of a length, until the next
 * full collection empties it. */
bool pytypes_set_aside(struct pytypes *t, const unsigned char *block, size_t n);

/* Reads the object header at `addr` itself (where references point). Returns
 * its type's index, or -1: no object. */
int32_t pytypes_at(struct pytypes *t, uint64_t addr);

/* The type's name: bytes from the target, escape at the sink. Borrowed until
 * pytypes_begin(). */
const char *pytypes_name(const struct pytypes *t, uint32_t index);

/* The type's address, flags and size of an instance. */
uint64_t pytypes_address(const struct pytypes *t, uint32_t index);
uint64_t pytypes_flags(const struct pytypes *t, uint32_t index);
uint64_t pytypes_basicsize(const struct pytypes *t, uint32_t index);

/* Number of indexes in use. */
size_t pytypes_count(const struct pytypes *t);

#endif
