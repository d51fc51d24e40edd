/* Garbage that waits for CPython's cyclic collector, counted from outside: the
 * objects that a collection would free if it were made now. Nothing is
 * stopped; right while the process rests, as at a barrier.
 *
 * Copies the blocks of the heap, then follows every word (reach.h) from the
 * rest of the writable memory. Where that is not to be had (too large, other
 * allocators, no time) nothing is said. */
#ifndef PLATEAU_SAMPLER_INSPECT_UNREACHED_H
#define PLATEAU_SAMPLER_INSPECT_UNREACHED_H

#include "harness/sampler/inspect/census_impl.h"
#include "harness/sampler/inspect/reach.h"

#include <stdbool.h>
#include <stdint.h>

/* Counts into `out`; false: unknown. The reader has been attached, and its
 * types are those of a census. */
bool unreached_count(struct census_reader *r, int64_t until_ns,
                     struct reach_count *out);

#endif
