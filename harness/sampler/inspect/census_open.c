#include "harness/sampler/inspect/census_impl.h"

#include "harness/base/mem.h"
#include "harness/base/procfs.h"
#include "harness/sampler/inspect/procmem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void census_add_note(struct census_reader *r, const char *text)
{
    for (size_t i = 0; i < r->nnotes; i++)
        if (strcmp(r->notes[i], text) == 0)
            return;
    if (r->nnotes < CENSUS_NOTES_MAX)
        r->notes[r->nnotes++] = mem_strdup(text);
}

static void notes_clear(struct census_reader *r)
{
    for (size_t i = 0; i < r->nnotes; i++)
        free(r->notes[i]);
    r->nnotes = 0;
}

/* Names what this kind of process does not show. */
static void name_limits(struct census_reader *r)
{
    char text[400];

    notes_clear(r);
    if (r->rt.kind == PYRUNTIME_UNKNOWN) {
        snprintf(text, sizeof text,
                 "CPython %s is not a version whose layout is known (3.6 to "
                 "3.15): no object counts, the verdict rests on memory alone; "
                 "python = agent counts from inside",
                 r->rt.minor ? r->rt.text : "of an unknown version");
        census_add_note(r, text);
    }
    if (r->rt.kind == PYRUNTIME_FREE_THREADED)
        census_add_note(
            r, "a free-threaded CPython build keeps its objects elsewhere: "
               "no object counts from outside, the verdict rests on memory "
               "alone; python = agent counts from inside");
    if (r->rt.kind == PYRUNTIME_FINE && r->rt.embedded)
        census_add_note(
            r, "CPython is embedded in another program: memory of the host "
               "program is in no object count; weigh native_inuse_bytes too");
    if (r->rt.kind == PYRUNTIME_FINE && !r->alloc.pools)
        census_add_note(
            r, "PYTHONMALLOC sends objects straight to malloc: no block "
               "count, objects are counted from glibc's chunks instead; unset "
               "PYTHONMALLOC to count blocks");
    if (r->rt.kind == PYRUNTIME_FINE && r->alloc.pools && r->alloc.skew)
        census_add_note(
            r, "PYTHONMALLOC=debug or development mode: each block is 32 "
               "bytes larger than in production; unset it to measure bytes");
    if (r->libc == LIBC_MUSL)
        census_add_note(
            r, "the C library is musl: native heap in use and free are "
               "unknown, objects above 512 bytes are not counted; a leak of "
               "native memory shows in RSS and PSS only");
    else if (r->allocator) {
        snprintf(text, sizeof text,
                 "%s replaces malloc: native heap in use and free are unknown, "
                 "objects above 512 bytes are not counted; a leak of native "
                 "memory shows in RSS and PSS only",
                 r->allocator);
        census_add_note(r, text);
    } else if (r->libc == LIBC_UNKNOWN)
        census_add_note(
            r, "no glibc in this process (static program?): native heap in "
               "use and free are unknown; a leak of native memory shows in "
               "RSS and PSS only");
}

bool census_has_native(const struct census_reader *r)
{
    return r->libc == LIBC_GLIBC && !r->allocator;
}

/* Learns what the process is, from its maps as they are now. */
static void discover(struct census_reader *r)
{
    size_t n;
    const struct memmap *maps = memview_maps(r->v, &n);

    r->first_module = 0;
    for (size_t i = 0; i < n && !r->first_module; i++)
        if (maps[i].inode && maps[i].readable)
            r->first_module = maps[i].start;
    if (r->types)
        memset(r->tally, 0, pytypes_count(r->types) * sizeof *r->tally);
    pytypes_free(r->types);
    r->types = NULL;
    r->saw_pool = false;
    pyruntime_find(r->v, &r->rt);
    r->libc = libc_find(r->v);
    r->allocator = libc_allocator(r->v);
    pyalloc_of(r->pid, &r->alloc);
    r->frozen = 0;
    if (census_is_python(r)) {
        pyblocks_find(r->v, &r->rt, &r->large);
        r->types = pytypes_new(r->v, r->rt.version, r->rt.type_type);
        if (!r->tally)
            r->tally = mem_zalloc(PYTYPES_MAX, sizeof *r->tally);
    }
    name_limits(r);
}

static void unplug(struct census_reader *r)
{
    if (r->types)
        memset(r->tally, 0, pytypes_count(r->types) * sizeof *r->tally);
    pytypes_free(r->types);
    r->types = NULL;
    heapscan_free(r->scan);
    r->scan = NULL;
    memview_close(&r->v);
}

static int plug(struct census_reader *r, struct err *err)
{
    enum procmem_trouble trouble;

    unplug(r);
    r->v = procmem_open(r->pid, &trouble, err);
    if (r->v) {
        r->scan = heapscan_new(r->v);
        discover(r);
        return 0;
    }
    switch (trouble) {
    case PROCMEM_GONE:
        return err_set(err, "process %" PRId64 ": no such process", r->pid);
    case PROCMEM_OTHER_UID:
        return err_set(err,
                       "process %" PRId64 " belongs to another user: no object "
                       "counts, the verdict rests on memory alone; run plateau "
                       "as that user, or as root",
                       r->pid);
    case PROCMEM_YAMA:
        return err_set(
            err,
            "process %" PRId64 ": kernel.yama.ptrace_scope forbids "
            "reading its memory: no object counts, the verdict rests "
            "on memory alone; let plateau start the target, run "
            "as root, or set ptrace_scope to 0",
            r->pid);
    default:
        return err_set(err,
                       "process %" PRId64 " does not let itself be read (not "
                       "dumpable, or a security module): no object counts, the "
                       "verdict rests on memory alone; run plateau as root",
                       r->pid);
    }
}

struct census_reader *census_open(int64_t pid, struct err *err)
{
    struct census_reader *r = mem_zalloc(1, sizeof *r);
    struct proc_stat st;

    r->pid = pid;
    if (procfs_stat(pid, &st) != 0) {
        err_set(err, "process %" PRId64 ": no such process", pid);
        census_close(&r);
        return NULL;
    }
    r->start_time = st.id.start;
    if (plug(r, err) != 0)
        census_close(&r);
    return r;
}

void census_close(struct census_reader **rp)
{
    struct census_reader *r = *rp;

    *rp = NULL;
    if (!r)
        return;
    unplug(r);
    notes_clear(r);
    free(r->tally);
    free(r);
}

int census_attach(struct census_reader *r, struct err *err)
{
    char probe[4];
    struct proc_stat st;

    if (procfs_stat(r->pid, &st) != 0 || st.id.start != r->start_time)
        return err_set(err, "process %" PRId64 ": has ended", r->pid);
    if (!r->v)
        return plug(r, err);
    if (procmem_refresh(r->v, r->pid, err) != 0)
        return -1;
    if (memview_read(r->v, r->first_module, probe, sizeof probe) != 0)
        return plug(r, err);
    if (r->rt.kind == PYRUNTIME_NONE)
        discover(r);
    return 0;
}

const char *census_note(const struct census_reader *r, size_t i)
{
    return i < r->nnotes ? r->notes[i] : NULL;
}

bool census_is_python(const struct census_reader *r)
{
    return r->rt.kind == PYRUNTIME_FINE;
}
