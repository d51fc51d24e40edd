#include "harness/sampler/inspect/census.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/inspect/freeze.h"
#include "harness/sampler/inspect/gcwalk.h"
#include "harness/sampler/inspect/heapscan.h"
#include "harness/sampler/inspect/procmem.h"
#include "harness/sampler/inspect/pyalloc.h"
#include "harness/sampler/inspect/pyblocks.h"
#include "harness/sampler/inspect/pyruntime.h"
#include "harness/sampler/inspect/pytypes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_LIMIT_NS (30 * CLOCK_NS_PER_S)
#define NOTES_MAX 8
#define SMALL_MAX 512u /* larger requests go to malloc */
#define COLLECTING_WAIT_NS (5 * CLOCK_NS_PER_MS)
#define COLLECTING_TRIES 20

struct tally {
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
    struct tally *tally; /* by type index */
    uint64_t blocks, objects, object_bytes, tracked;
    bool saw_pool;
    char *notes[NOTES_MAX];
    size_t nnotes;
};

/* What a running measurement started from. */
struct meter {
    int64_t wall_ns, cpu_ns;
    struct memview_cost cost;
};

static void note(struct census_reader *r, const char *text)
{
    for (size_t i = 0; i < r->nnotes; i++)
        if (strcmp(r->notes[i], text) == 0)
            return;
    if (r->nnotes < NOTES_MAX)
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
        note(r, text);
    }
    if (r->rt.kind == PYRUNTIME_FREE_THREADED)
        note(r, "a free-threaded CPython build keeps its objects elsewhere: "
                "no object counts from outside, the verdict rests on memory "
                "alone; python = agent counts from inside");
    if (r->rt.kind == PYRUNTIME_FINE && r->rt.embedded)
        note(r, "CPython is embedded in another program: memory of the host "
                "program is in no object count; weigh native_inuse_bytes too");
    if (r->rt.kind == PYRUNTIME_FINE && !r->alloc.pools)
        note(r, "PYTHONMALLOC sends objects straight to malloc: no block "
                "count, objects are counted from glibc's chunks instead; unset "
                "PYTHONMALLOC to count blocks");
    if (r->rt.kind == PYRUNTIME_FINE && r->alloc.pools && r->alloc.skew)
        note(r, "PYTHONMALLOC=debug or development mode: each block is 32 "
                "bytes larger than in production; unset it to measure bytes");
    if (r->libc == LIBC_MUSL)
        note(r, "the C library is musl: native heap in use and free are "
                "unknown, objects above 512 bytes are not counted; a leak of "
                "native memory shows in RSS and PSS only");
    else if (r->allocator) {
        snprintf(text, sizeof text,
                 "%s replaces malloc: native heap in use and free are unknown, "
                 "objects above 512 bytes are not counted; a leak of native "
                 "memory shows in RSS and PSS only",
                 r->allocator);
        note(r, text);
    } else if (r->libc == LIBC_UNKNOWN)
        note(r, "no glibc in this process (static program?): native heap in "
                "use and free are unknown; a leak of native memory shows in "
                "RSS and PSS only");
}

static bool has_native(const struct census_reader *r)
{
    return r->libc == LIBC_GLIBC && !r->allocator;
}

static bool has_python(const struct census_reader *r)
{
    return r->rt.kind == PYRUNTIME_FINE;
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
    pytypes_free(r->types);
    r->types = NULL;
    r->saw_pool = false;
    pyruntime_find(r->v, &r->rt);
    r->libc = libc_find(r->v);
    r->allocator = libc_allocator(r->v);
    pyalloc_of(r->pid, &r->alloc);
    r->frozen = 0;
    if (has_python(r)) {
        pyblocks_find(r->v, &r->rt, &r->large);
        r->types = pytypes_new(r->v, r->rt.version, r->rt.type_type);
        if (!r->tally)
            r->tally = mem_zalloc(PYTYPES_MAX, sizeof *r->tally);
    }
    name_limits(r);
}

static void unplug(struct census_reader *r)
{
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

    r->pid = pid;
    r->start_time = procmem_start_time(pid);
    if (r->start_time < 0) {
        err_set(err, "process %" PRId64 ": no such process", pid);
        census_close(&r);
    } else if (plug(r, err) != 0) {
        census_close(&r);
    }
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

/* Makes the reader speak of the process as it is now: it may have ended, have
 * called execve(), have loaded Python since, and it has other mappings. */
static int attach(struct census_reader *r, struct err *err)
{
    char probe[4];

    if (procmem_start_time(r->pid) != r->start_time)
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

static int64_t thread_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

static void meter_start(struct census_reader *r, struct meter *m)
{
    m->wall_ns = clock_now_ns();
    m->cpu_ns = thread_cpu_ns();
    m->cost = r->v ? *memview_cost(r->v) : (struct memview_cost){0};
}

static void meter_stop(struct census_reader *r, const struct meter *m,
                       struct census_count *out)
{
    const struct memview_cost *now = memview_cost(r->v);

    out->wall_ns = clock_now_ns() - m->wall_ns;
    out->cpu_ns = thread_cpu_ns() - m->cpu_ns;
    /* After a new start of the view its counters begin at zero. */
    out->bytes_copied =
        now->bytes - (now->bytes >= m->cost.bytes ? m->cost.bytes : 0);
    out->swapped_pages =
        now->swapped_pages - (now->swapped_pages >= m->cost.swapped_pages
                                  ? m->cost.swapped_pages
                                  : 0);
}

static void count_object(struct census_reader *r, const struct pyobject *o,
                         uint64_t bytes)
{
    struct tally *t = &r->tally[o->type];

    t->count++;
    t->bytes += bytes;
    t->tracked += o->tracked;
    r->objects++;
    r->object_bytes += bytes;
    r->tracked += o->tracked;
}

static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    struct census_reader *r = ctx;
    uint32_t skew = r->alloc.skew;

    (void)addr;
    (void)torn; /* a free block shows no plausible reference count */
    r->blocks += p->count;
    r->saw_pool = true;
    if (!bytes || p->block < skew * 2 + 16)
        return;
    for (uint32_t i = 0; i < p->carved; i++) {
        const unsigned char *b = bytes + POOL_HEADER + i * p->block + skew;
        struct pyobject o;

        if (!pool_is_free(free, i) &&
            pytypes_object(r->types, b, p->block - skew, &o))
            count_object(r, &o, p->block);
    }
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    struct census_reader *r = ctx;
    struct pyobject o;
    uint32_t skew = r->alloc.skew;

    (void)addr;
    if (n <= (r->alloc.pools ? SMALL_MAX : skew + 16))
        return;
    if (pytypes_object(r->types, head + skew, CHUNKS_HEAD - skew, &o))
        count_object(r, &o, n);
}

/* Under a freeze: one object of the collector's lists. */
static void on_listed(void *ctx, uint64_t object)
{
    struct census_reader *r = ctx;
    int32_t type = pytypes_at(r->types, object);
    struct pyobject o = {.type = (uint32_t)type, .tracked = true};

    if (type >= 0)
        count_object(r, &o, pytypes_basicsize(r->types, o.type));
}

static void blank(struct census_count *c)
{
    memset(c, 0, sizeof *c);
    c->blocks = c->tracked = c->frozen = c->objects = c->object_bytes =
        c->tasks = -1;
    c->gc_collections = c->gc_uncollectable = c->threads = -1;
    c->native_inuse = c->native_free = c->native_largest_free = -1;
}

static void fill_native(struct census_reader *r, const struct chunks_total *t,
                        struct census_count *out)
{
    /* A heap that could mostly not be made sense of is another allocator's. */
    if (!has_native(r) || out->partial ||
        t->gap_bytes > (t->inuse_bytes + t->free_bytes) / 4)
        return;
    out->native_inuse = (int64_t)t->inuse_bytes;
    out->native_free = (int64_t)t->free_bytes;
    out->native_largest_free = (int64_t)t->largest_free;
}

static void fill_gc(struct census_reader *r, struct census_count *out)
{
    struct pygc gc;

    pyruntime_gc(r->v, &r->rt, &gc);
    out->gc_collections = gc.collections;
    out->gc_uncollectable = gc.uncollectable;
    if (gc.tracked >= 0 && out->tracked < 0)
        out->tracked = gc.tracked;
}

/* Scans; `full`: contents too. */
static void scan(struct census_reader *r, bool full, int64_t until_ns,
                 struct census_count *out)
{
    struct chunks_total native = {0};
    struct heapscan_options o = {
        .pool_size = has_python(r) && r->alloc.pools ? r->rt.version->pool : 0,
        .headers_only = !full || !has_python(r),
        .native = has_native(r),
        .until_ns = until_ns,
    };
    struct heapscan_sink sink = {
        .pool = on_pool,
        .chunk = full && has_python(r) ? on_chunk : NULL,
        .ctx = r,
    };

    r->blocks = 0;
    out->partial |= !heapscan_run(r->scan, &o, &sink, &native);
    if (has_python(r) && r->alloc.pools && !out->partial && r->saw_pool) {
        out->blocks = pyblocks_read(r->v, &r->large, r->blocks);
        if (out->blocks < 0)
            out->blocks = (int64_t)r->blocks;
    }
    fill_native(r, &native, out);
}

static bool is_task(const char *name)
{
    return strcmp(name, "_asyncio.Task") == 0 ||
           strcmp(name, "asyncio.tasks.Task") == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct census_type *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int by_count(const void *a, const void *b)
{
    const struct census_type *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* The tallies as a table; classes of one name are one row. */
static void collect_types(struct census_reader *r, struct census *out)
{
    size_t n = pytypes_count(r->types), cap = 0, rows = 0;

    for (size_t i = 0; i < n; i++) {
        const struct tally *t = &r->tally[i];

        if (t->count == 0)
            continue;
        out->types =
            mem_grow(out->types, out->ntypes, &cap, sizeof *out->types);
        out->types[out->ntypes++] = (struct census_type){
            mem_strdup(pytypes_name(r->types, (uint32_t)i)), t->count, t->bytes,
            t->tracked};
    }
    if (out->ntypes == 0)
        return;
    qsort(out->types, out->ntypes, sizeof *out->types, by_name);
    for (size_t i = 1; i < out->ntypes; i++) {
        struct census_type *a = &out->types[rows], *b = &out->types[i];

        if (strcmp(a->name, b->name) == 0) {
            a->count += b->count;
            a->bytes += b->bytes;
            a->tracked += b->tracked;
            free(b->name);
        } else {
            out->types[++rows] = *b;
        }
    }
    out->ntypes = rows + 1;
    qsort(out->types, out->ntypes, sizeof *out->types, by_count);
}

/* Stops the process at a moment when its collector is not at work (it takes
 * the lists apart meanwhile). */
static struct freeze *freeze_quiet(struct census_reader *r, struct err *err)
{
    for (int i = 0; i < COLLECTING_TRIES; i++) {
        struct freeze *f = freeze_start(r->pid, err);
        struct pygc gc;

        if (!f)
            return NULL;
        memview_forget(r->v);
        pyruntime_gc(r->v, &r->rt, &gc);
        if (!gc.collecting)
            return f;
        freeze_end(&f);
        clock_sleep_until(clock_now_ns() + COLLECTING_WAIT_NS);
    }
    err_set(err, "process %" PRId64 ": its collector is always at work",
            r->pid);
    return NULL;
}

/* The frozen census: the collector's lists for the types, pool headers for
 * the blocks. */
static int take_frozen(struct census_reader *r, int64_t until_ns,
                       struct census_count *n, struct err *err)
{
    struct freeze *f = freeze_quiet(r, err);
    int64_t listed;

    if (!f)
        return -1;
    if (procmem_refresh(r->v, r->pid, err) != 0) {
        freeze_end(&f);
        return -1;
    }
    listed = gcwalk(r->v, &r->rt, until_ns, on_listed, r);
    if (listed >= 0)
        scan(r, false, until_ns, n);
    n->pause_ns = freeze_end(&f);
    if (listed < 0)
        return err_set(err,
                       "process %" PRId64 ": the collector's lists could not "
                       "be walked; take the census without --freeze",
                       r->pid);
    return 0;
}

static void reset(struct census_reader *r)
{
    memview_forget(r->v);
    r->objects = r->object_bytes = r->tracked = 0;
    if (has_python(r)) {
        pytypes_begin(r->types);
        memset(r->tally, 0, PYTYPES_MAX * sizeof *r->tally);
    }
}

static int64_t limit_of(const struct census_options *o)
{
    return clock_now_ns() +
           (o->time_limit_ns ? o->time_limit_ns : TIME_LIMIT_NS);
}

/* How many objects gc.freeze() has set aside; a list that moves under the walk
 * keeps the number known before. */
static void count_frozen(struct census_reader *r)
{
    for (int i = 0; i < 3; i++) {
        int64_t n = pyruntime_frozen(r->v, &r->rt);

        if (n >= 0) {
            r->frozen = n;
            return;
        }
        memview_forget(r->v);
    }
}

static void finish_python(struct census_reader *r, struct census *c,
                          bool frozen_walk)
{
    c->n.python = true;
    c->n.objects = (int64_t)r->objects;
    c->n.object_bytes = (int64_t)r->object_bytes;
    c->n.tracked = (int64_t)r->tracked;
    c->n.frozen = 0;
    if (!frozen_walk) {
        count_frozen(r);
        c->n.frozen = r->frozen < c->n.tracked ? r->frozen : 0;
        c->n.tracked -= c->n.frozen;
    }
    c->n.tasks = 0;
    collect_types(r, c);
    for (size_t i = 0; i < c->ntypes; i++)
        if (is_task(c->types[i].name))
            c->n.tasks += (int64_t)c->types[i].count;
    if (r->alloc.pools && !r->saw_pool && !c->n.partial)
        note(r, "no pymalloc pools found: its allocator was replaced; objects "
                "cannot be counted from outside, python = agent counts from "
                "inside");
}

int census_take(struct census_reader *r, const struct census_options *o,
                struct census *out, struct err *err)
{
    struct meter m;

    memset(out, 0, sizeof *out);
    blank(&out->n);
    meter_start(r, &m);
    if (attach(r, err) != 0)
        return -1;
    reset(r);
    if (r->rt.kind != PYRUNTIME_NONE)
        snprintf(out->version, sizeof out->version, "%s", r->rt.text);
    if (!o->freeze || !has_python(r))
        scan(r, true, limit_of(o), &out->n);
    else if (take_frozen(r, limit_of(o), &out->n, err) != 0)
        return -1;
    if (has_python(r)) {
        finish_python(r, out, o->freeze);
        fill_gc(r, &out->n);
    }
    out->n.threads = procmem_threads(r->pid);
    if (procmem_start_time(r->pid) != r->start_time || out->n.threads < 0) {
        census_release(out);
        return err_set(err, "process %" PRId64 ": ended during the census",
                       r->pid);
    }
    meter_stop(r, &m, &out->n);
    return 0;
}

int census_count(struct census_reader *r, const struct census_options *o,
                 struct census_count *out, struct err *err)
{
    struct meter m;

    blank(out);
    meter_start(r, &m);
    if (attach(r, err) != 0)
        return -1;
    memview_forget(r->v);
    scan(r, false, limit_of(o), out);
    if (has_python(r)) {
        out->python = true;
        fill_gc(r, out);
    }
    out->threads = procmem_threads(r->pid);
    if (procmem_start_time(r->pid) != r->start_time || out->threads < 0)
        return err_set(err, "process %" PRId64 ": has ended", r->pid);
    meter_stop(r, &m, out);
    return 0;
}

void census_release(struct census *c)
{
    for (size_t i = 0; i < c->ntypes; i++)
        free(c->types[i].name);
    free(c->types);
    memset(c, 0, sizeof *c);
}

const char *census_note(const struct census_reader *r, size_t i)
{
    return i < r->nnotes ? r->notes[i] : NULL;
}

bool census_is_python(const struct census_reader *r)
{
    return has_python(r);
}

const struct census_type *census_find(const struct census *c, const char *name)
{
    for (size_t i = 0; i < c->ntypes; i++)
        if (strcmp(c->types[i].name, name) == 0)
            return &c->types[i];
    return NULL;
}
