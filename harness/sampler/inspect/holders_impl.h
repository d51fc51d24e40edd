/* What the search for holders (holders.c) hands to its words
 * (holders_text.c). For nobody else. */
#ifndef PLATEAU_SAMPLER_INSPECT_HOLDERS_IMPL_H
#define PLATEAU_SAMPLER_INSPECT_HOLDERS_IMPL_H

#include "harness/base/buf.h"
#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pytypes.h"
#include "harness/sampler/inspect/pyversions.h"

#include <stdbool.h>
#include <stdint.h>

/* One thing that was found to hold another. */
struct holder {
    uint64_t addr;  /* of the object, or of a plain block of memory */
    uint64_t size;  /* of the plain block; 0: an object */
    uint64_t hit;   /* address of the word that points at `child` */
    int32_t type;   /* index; -1: plain block */
    int32_t child;  /* what it holds: index; -1: it is a sampled instance */
    uint32_t depth; /* 0: sampled instance */
    uint32_t sample;
    uint32_t holders; /* found to hold this */
    int32_t same;     /* next node of this pass with this address, or -1 */
    bool root;
};

/* What reading needs. */
struct holder_world {
    struct memview *v;
    const struct pyversion *version;
    struct pytypes *types;
    const struct holder *nodes;
};

/* Is the dict at `addr` a module's namespace? Then its name into `name`. */
bool holder_namespace(const struct holder_world *w, uint64_t addr, char *name,
                      size_t cap);

/* Is the type of that index `name`? */
bool holder_is(const struct holder_world *w, int32_t type, const char *name);

/* Appends the chain from node `top` down to its sampled instance. */
void holder_text(const struct holder_world *w, int32_t top, struct buf *out);

#endif
