/* Is this process CPython, which version, and where are its runtime and its
 * collector: found through dynamic symbols, the interpreter's own debug
 * offsets (3.13 and later), and the version table. */
#ifndef PLATEAU_SAMPLER_INSPECT_PYRUNTIME_H
#define PLATEAU_SAMPLER_INSPECT_PYRUNTIME_H

#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyversions.h"

#include <stdbool.h>
#include <stdint.h>

enum pyruntime_kind {
    PYRUNTIME_NONE, /* no CPython in this process (yet) */
    PYRUNTIME_FINE,
    PYRUNTIME_UNKNOWN,       /* CPython of a version without a row */
    PYRUNTIME_FREE_THREADED, /* other object layout, other allocator */
};

struct pyruntime {
    enum pyruntime_kind kind;
    int minor;     /* of 3.minor; 0: unknown */
    char text[32]; /* "3.11.7", or "3.9" when the rest is not known */
    bool embedded; /* CPython lives in a program that is not named python */
    uint64_t type_type; /* address of `type` */
    uint64_t runtime;   /* address of _PyRuntime; 0 on 3.6 */
    uint64_t module;    /* address of the ELF object that holds `type` */
    /* As in the version table, or as the debug offsets say. */
    const struct pyversion *version;
    uint64_t interp_head, interp_next, gc_at;
    uint64_t gc_generation0; /* 3.6: address of the first list head, else 0 */
};

/* The collector's numbers, over all generations and interpreters. */
struct pygc {
    int64_t collections, collected, uncollectable; /* -1: unknown */
    int64_t tracked; /* live tracked objects (3.14 and later), or -1 */
    bool collecting; /* a collection was under way */
};

/* Looks for CPython in the process. */
void pyruntime_find(struct memview *v, struct pyruntime *out);

/* Does mapping `m` hold the writable data of the module that defines the
 * runtime (its file's, or the anonymous memory right behind)? */
bool pyruntime_is_data(const struct memview *v, const struct pyruntime *rt,
                       const struct memmap *m);

/* Reads the collector's numbers; unknown ones are -1. */
void pyruntime_gc(struct memview *v, const struct pyruntime *rt,
                  struct pygc *out);

/* Addresses of the collector states (at most `max`) into `out`; returns how
 * many: one per interpreter. */
int pyruntime_gc_states(struct memview *v, const struct pyruntime *rt,
                        uint64_t *out, int max);

/* Addresses of the interpreter states (at most `max`) into `out`. */
int pyruntime_interpreters(struct memview *v, const struct pyruntime *rt,
                           uint64_t *out, int max);

/* The address of the first generation's list head in the collector state at
 * `gc`: three circular lists in a row. 0: not found. */
uint64_t pyruntime_gc_lists(struct memview *v, const struct pyruntime *rt,
                            uint64_t gc);

/* Number of objects in the permanent generation (gc.freeze() puts them there,
 * 3.12 does so at its start): tracked, but not in gc.get_objects(). -1:
 * unknown. */
int64_t pyruntime_frozen(struct memview *v, const struct pyruntime *rt);

/* Which C library: by the mapped file names. */
enum libc_kind { LIBC_UNKNOWN, LIBC_GLIBC, LIBC_MUSL };
enum libc_kind libc_find(const struct memview *v);

/* The name of an allocator that replaces malloc ("jemalloc"), or NULL. */
const char *libc_allocator(const struct memview *v);

#endif
