#include "harness/sampler/inspect/census_impl.h"

#include "harness/base/clock.h"
#include "harness/base/procfs.h"
#include "harness/sampler/inspect/freeze.h"
#include "harness/sampler/inspect/gcwalk.h"
#include "harness/sampler/inspect/procmem.h"
#include "harness/sampler/inspect/unreached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_LIMIT_NS (30 * CLOCK_NS_PER_S)
#define SMALL_MAX 512u /* larger requests go to malloc */
#define COLLECTING_WAIT_NS (5 * CLOCK_NS_PER_MS)
#define COLLECTING_TRIES 20
#define YOUNG_MAX 100000 /* more are not walked one by one */
#define YOUNG_TRIES 4    /* a service that ticks relinks the list meanwhile */

/* What a running measurement started from. */
struct meter {
    int64_t wall_ns, cpu_ns;
    struct memview_cost cost;
};

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
    struct census_tally *t = &r->tally[o->type];

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

        if (pool_is_free(free, i))
            continue;
        if (pytypes_object(r->types, b, p->block - skew, &o))
            count_object(r, &o, p->block);
        else
            r->set_aside += pytypes_set_aside(r->types, b, p->block - skew);
    }
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    struct census_reader *r = ctx;
    struct pyobject o;
    uint32_t skew = r->alloc.large_skew;

    (void)addr;
    if (n <= (r->alloc.pools ? SMALL_MAX : skew + 16))
        return;
    if (pytypes_object(r->types, head + skew, CHUNKS_HEAD - skew, &o) &&
        pytypes_fits(r->types, &o, head + skew, n - skew))
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
    c->gc_collections = c->gc_uncollectable = c->threads = c->young = -1;
    c->set_aside = c->garbage = c->garbage_blocks = -1;
    c->processes = 1;
    c->native_inuse = c->native_free = c->native_largest_free = -1;
}

static void fill_native(struct census_reader *r, const struct chunks_total *t,
                        struct census_count *out)
{
    /* A heap that could mostly not be made sense of is another allocator's. */
    if (!census_has_native(r) || out->partial ||
        t->gap_bytes > (t->inuse_bytes + t->free_bytes) / 4)
        return;
    out->native_inuse = (int64_t)t->inuse_bytes;
    out->native_free = (int64_t)t->free_bytes;
    out->native_largest_free = (int64_t)t->largest_free;
}

static void fill_gc(struct census_reader *r, bool full,
                    struct census_count *out)
{
    struct pygc gc;

    for (int i = 0; full && i < YOUNG_TRIES && out->young < 0; i++) {
        memview_forget(r->v); /* pages of one moment fit together */
        out->young = gcwalk_young(r->v, &r->rt, YOUNG_MAX);
    }
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
        .pool_size =
            census_is_python(r) && r->alloc.pools ? r->rt.version->pool : 0,
        .headers_only = !full || !census_is_python(r),
        .native = census_has_native(r),
        .until_ns = until_ns,
    };
    struct heapscan_sink sink = {
        .pool = on_pool,
        .chunk = full && census_is_python(r) ? on_chunk : NULL,
        .ctx = r,
    };

    r->blocks = 0;
    out->native_hidden = !census_has_native(r);
    out->python_hidden = r->rt.kind != PYRUNTIME_NONE && !census_is_python(r);
    out->partial |= !heapscan_run(r->scan, &o, &sink, &native);
    if (census_is_python(r) && r->alloc.pools && !out->partial && r->saw_pool) {
        out->blocks = pyblocks_read(r->v, &r->large, r->blocks);
        if (out->blocks < 0)
            out->blocks = (int64_t)r->blocks;
    }
    fill_native(r, &native, out);
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
    r->set_aside = r->objects = r->object_bytes = r->tracked = 0;
    if (census_is_python(r)) {
        memset(r->tally, 0, pytypes_count(r->types) * sizeof *r->tally);
        pytypes_begin(r->types);
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
        c->n.set_aside = (int64_t)r->set_aside;
        count_frozen(r);
        c->n.frozen = r->frozen < c->n.tracked ? r->frozen : 0;
        c->n.tracked -= c->n.frozen;
    }
    census_collect_types(r, c);
    if (r->alloc.pools && !r->saw_pool && !c->n.partial)
        census_add_note(
            r, "no pymalloc pools found: its allocator was replaced; objects "
               "cannot be counted from outside, python = agent counts from "
               "inside");
}

static void look_for_garbage(struct census_reader *r, int64_t until_ns,
                             struct census_count *out)
{
    struct reach_count found;

    if (out->partial || !unreached_count(r, until_ns, &found))
        return;
    out->garbage = found.tracked;
    out->garbage_blocks = found.pooled;
}

/* Is it still that process, and how many threads has it? */
static bool is_there(const struct census_reader *r, int64_t *threads)
{
    struct proc_stat st;

    if (procfs_stat(r->pid, &st) != 0 || st.id.start != r->start_time ||
        !procfs_runs(&st))
        return false;
    *threads = st.threads;
    return true;
}

int census_take(struct census_reader *r, const struct census_options *o,
                struct census *out, struct err *err)
{
    struct meter m;

    memset(out, 0, sizeof *out);
    blank(&out->n);
    meter_start(r, &m);
    if (census_attach(r, err) != 0)
        return -1;
    reset(r);
    if (r->rt.kind != PYRUNTIME_NONE)
        snprintf(out->version, sizeof out->version, "%s", r->rt.text);
    if (!o->freeze || !census_is_python(r))
        scan(r, true, limit_of(o), &out->n);
    else if (take_frozen(r, limit_of(o), &out->n, err) != 0)
        return -1;
    if (census_is_python(r)) {
        finish_python(r, out, o->freeze);
        fill_gc(r, true, &out->n);
        if (o->garbage_ns > 0 && !o->freeze)
            look_for_garbage(r, clock_now_ns() + o->garbage_ns, &out->n);
    }
    if (!is_there(r, &out->n.threads)) {
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
    if (census_attach(r, err) != 0)
        return -1;
    memview_forget(r->v);
    scan(r, false, limit_of(o), out);
    if (census_is_python(r)) {
        out->python = true;
        fill_gc(r, false, out);
    }
    if (!is_there(r, &out->threads))
        return err_set(err, "process %" PRId64 ": has ended", r->pid);
    meter_stop(r, &m, out);
    return 0;
}
