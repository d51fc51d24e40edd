/* The inside of a census reader, shared by the files that make it up:
 * census_open.c (opening, what cannot be seen), census.c (taking), and
 * census_types.c (the table). For nobody else. */
#ifndef PLATEAU_SAMPLER_INSPECT_CENSUS_IMPL_H
#define PLATEAU_SAMPLER_INSPECT_CENSUS_IMPL_H

#include "harness/sampler/inspect/census.h"
#include "harness/sampler/inspect/heapscan.h"
#include "harness/sampler/inspect/pyalloc.h"
#include "harness/sampler/inspect/pyblocks.h"
#include "harness/sampler/inspect/pyruntime.h"
#include "harness/sampler/inspect/pytypes.h"

#define CENSUS_NOTES_MAX 8

struct census_tally {
    uint64_t count, bytes, tracked;
};

struct census_reader {
    int64_t pid;
    int64_t start_time;
    struct memview *v;
    struct heapscan *scan;
    uint64_t first_module; /* a page that is there as long as the image is */
    struct pyruntime rt;
    struct pyalloc alloc;
    enum libc_kind libc;
    const char *allocator;
    struct pyblocks large;
    int64_t frozen; /* as last known */
    struct pytypes *types;
    struct census_tally *tally; /* by type index */
    uint64_t blocks, set_aside, objects, object_bytes, tracked;
    bool saw_pool;
    char *notes[CENSUS_NOTES_MAX];
    size_t nnotes;
};

/* Makes the reader speak of the process as it is now: it may have ended, have
 * called execve(), have loaded Python since, and it has other mappings. */
int census_attach(struct census_reader *r, struct err *err);

/* Adds a line to the notes, once. */
void census_add_note(struct census_reader *r, const char *text);

bool census_has_native(const struct census_reader *r);

/* The tallies as a table in `out`; classes of one name are one row. Counts
 * the asyncio tasks among them. */
void census_collect_types(struct census_reader *r, struct census *out);

#endif
