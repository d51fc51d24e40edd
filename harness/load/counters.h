/* One worker's counters: written by its thread alone, read by any. */
#ifndef PLATEAU_LOAD_COUNTERS_H
#define PLATEAU_LOAD_COUNTERS_H

#include "harness/load/load.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

struct kind_counters {
    counter sent, ok, errors;
};

struct counters {
    struct kind_counters all;
    counter late, unsent, by_error[TRANSFER_ERRORS];
    counter unexpected_status, failed_checks, failed_captures;
    counter connects, retries, bytes_in, bytes_out;
    struct kind_counters *kinds, *requests;
    size_t nkinds, nrequests;
};

/* The single writer's increment: no locked instruction. */
static inline void counter_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t counter_get(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

void counters_init(struct counters *c, size_t nkinds, size_t nrequests);
void counters_release(struct counters *c);

/* Copies what the engine counts itself. Worker's thread. */
void counters_from_engine(struct counters *c, const struct engine_stats *s);

/* Adds `c` to the sums; `kinds` and `requests` may be NULL. Any thread. */
void counters_sum(const struct counters *c, struct load_counts *out,
                  struct load_kind_counts *kinds,
                  struct load_kind_counts *requests);

#endif
