/* Walks the lists of CPython's cyclic collector. Right only while the process
 * stands still: in a running one, an object that is freed under the walk cuts
 * the list. See freeze.h. */
#ifndef PLATEAU_SAMPLER_INSPECT_GCWALK_H
#define PLATEAU_SAMPLER_INSPECT_GCWALK_H

#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyruntime.h"

#include <stdint.h>

/* Calls `fn` with the address of each object in the three generations of all
 * interpreters (as gc.get_objects() gives them). Returns how many, or -1 when
 * the lists were not found or did not close. */
int64_t gcwalk(struct memview *v, const struct pyruntime *rt, int64_t until_ns,
               void (*fn)(void *ctx, uint64_t object), void *ctx);

/* Objects that no collection has looked at yet: the youngest generation. What
 * is garbage but not yet collected is among them, so that they tell readings
 * between two collections apart from growth. Needs a process that stands
 * still, as at a barrier. -1: a list did not close, or holds more than
 * `most`. */
int64_t gcwalk_young(struct memview *v, const struct pyruntime *rt,
                     int64_t most);

#endif
