/* The census of one live process, taken from outside: Python objects by type,
 * pymalloc blocks, the collector's numbers, the native heap. Nothing is
 * installed in the process, nothing injected, nothing stopped.
 *
 * A reader is opened once and kept over many censuses: it caches what it
 * learned about the process. It may be opened for any process; what is not
 * CPython gets its native heap read. Not thread-safe: one reader, one thread
 * at a time. Bounded: memory of our own about 5 MB plus names, time as the
 * options say. Text (type names, version) holds bytes from the target: escape
 * at the sink. */
#ifndef PLATEAU_SAMPLER_INSPECT_CENSUS_H
#define PLATEAU_SAMPLER_INSPECT_CENSUS_H

#include "harness/base/err.h"
#include "harness/sampler/inspect/chunks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One type. */
struct census_type {
    char *name; /* "module.qualname", e.g. "builtins.dict"; owned */
    uint64_t count;
    uint64_t bytes;   /* of the blocks the objects lie in, not what they own */
    uint64_t tracked; /* how many of them the cyclic collector tracks */
};

/* Counts. "Unknown" is -1. */
struct census_count {
    int64_t processes;    /* 1; more in a sum */
    bool python;          /* Python numbers could be read */
    bool python_hidden;   /* CPython is there, but of a kind that cannot be
                             counted (see the notes) */
    bool native_hidden;   /* the C library is not glibc: no native numbers */
    int64_t blocks;       /* in use: what sys.getallocatedblocks() says */
    int64_t set_aside;    /* of those, the dead objects on CPython's free lists;
                             read by a full census only */
    int64_t tracked;      /* in the collector's lists: len(gc.get_objects()) */
    int64_t frozen;       /* tracked, but set aside by gc.freeze(): not among
                             `tracked`, but in the types' numbers */
    int64_t objects;      /* all objects found, untracked ones included */
    int64_t object_bytes; /* of their blocks */
    int64_t tasks;        /* asyncio tasks */
    int64_t gc_collections, gc_uncollectable;
    int64_t young;   /* tracked objects no collection has looked at yet; read
                        by a full census only */
    int64_t garbage; /* tracked objects that a collection would free ... */
    int64_t garbage_blocks; /* ... and blocks; read if asked for */
    int64_t threads;
    int64_t native_inuse, native_free, native_largest_free; /* bytes, glibc */
    /* Cost of taking it. */
    int64_t cpu_ns, wall_ns, pause_ns; /* pause: of the target, with a freeze */
    uint64_t bytes_copied;
    bool partial;           /* the time ran out */
    uint64_t swapped_pages; /* not read: swapped out */
};

/* A census. */
struct census {
    struct census_count n;
    char version[32];          /* "3.11.7"; "" when it is no CPython */
    struct census_type *types; /* by count, largest first; then by name */
    size_t ntypes;
};

struct census_options {
    int64_t time_limit_ns; /* 0: 30 s */
    bool freeze; /* stop the process and walk the collector's lists: exact
                    for what is tracked, at the price of a pause */
    int64_t garbage_ns; /* time to look for what waits to be collected; 0: do
                           not. Not with a freeze */
};

struct census_reader;

/* Opens process `pid`. Gives a reader, or NULL when the process cannot be
 * read at all: then `err` says why and what would help. */
struct census_reader *census_open(int64_t pid, struct err *err);

/* Closes and nulls; NULL inside is legal. */
void census_close(struct census_reader **r);

/* Takes a full census. Gives `*out` to release. Fails when the process has
 * ended, or when another one has its pid. */
int census_take(struct census_reader *r, const struct census_options *o,
                struct census *out, struct err *err);

/* Takes counts only, at a tenth of the cost: `blocks`, `gc_*`, `native_*`,
 * `threads`; `tracked` on 3.14 and later; others are -1. */
int census_count(struct census_reader *r, const struct census_options *o,
                 struct census_count *out, struct err *err);

void census_release(struct census *c);

/* Adds `b` to `a` (zeroed, or a census of another process): counts, and types
 * by name. What is unknown in one Python process is unknown in the sum; the
 * pause and the largest free piece are the greatest, not the sum. */
void census_add(struct census *a, const struct census *b);

/* What cannot be seen in this process, one line each: what is missing, what
 * the verdict loses, what would help. NULL behind the last. Borrowed until the
 * next call with `r`; complete after the first census. */
const char *census_note(const struct census_reader *r, size_t i);

/* Is the process CPython of a kind that can be read? */
bool census_is_python(const struct census_reader *r);

/* The type of that name, or NULL. Borrowed. */
const struct census_type *census_find(const struct census *c, const char *name);

#endif
