/* The words of a process's writable memory that may hold an object and lie in
 * no block of its heap: variables of programs and libraries, memory of unknown
 * allocators. Not stacks, nor what the interpreter and malloc have for
 * themselves: they are full of what was in use once. */
#ifndef PLATEAU_SAMPLER_INSPECT_ROOTS_H
#define PLATEAU_SAMPLER_INSPECT_ROOTS_H

#include "harness/sampler/inspect/census_impl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is looked at elsewhere, or dead. */
struct roots_skip {
    uint64_t start, end;
};

struct roots_skips {
    struct roots_skip *at;
    size_t n, cap;
};

void roots_skip(struct roots_skips *s, uint64_t start, uint64_t end);
void roots_skips_release(struct roots_skips *s);

/* Calls `fn` for each word outside `skips`, which it sorts and adds to: stacks
 * and the arenas of malloc. False: the time ran out. */
bool roots_walk(struct census_reader *r, struct roots_skips *skips,
                int64_t until_ns, void (*fn)(void *ctx, uint64_t word),
                void *ctx);

#endif
