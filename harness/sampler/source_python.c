/* Objects of CPython and the native heap of any glibc process, read from
 * outside (inspect/census.h): nothing is installed in the target and nothing
 * is stopped.
 *
 * At a barrier every process gets a full census. At ticks the cheap counts are
 * read, and a full census only as often as its measured cost allows; where
 * there are no barriers, those tell the types. Each forked worker is read on
 * its own. */
#include "harness/sampler/source_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/inspect/census.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Readers kept open; what a service has beyond that is opened for each
 * census, so that our memory stays bounded. */
#define READERS_KEPT 32
/* A full census at a tick may take this part of the time at most. */
#define TICK_SHARE 100
/* Looking for garbage takes this part of a barrier's time at most. */
#define GARBAGE_SHARE 4

enum {
    NATIVE_INUSE,
    NATIVE_FREE,
    NATIVE_N,
    BLOCKS = NATIVE_N,
    GC_OBJECTS,
    TASKS,
    COLLECTIONS,
    UNCOLLECTABLE,
    YOUNG,
    UNREACHED,
    UNREACHED_BLOCKS,
    N,
};

static const char *const metric_names[N] = {
    "native_inuse_bytes",  "native_free_bytes", "py_blocks",
    "py_gc_objects",       "py_tasks",          "py_gc_collections",
    "py_gc_uncollectable", "py_gc_young",       "py_gc_unreached",
    "py_blocks_unreached",
};

/* One process of the tree. */
struct worker {
    struct proc_id id;
    struct census_reader *reader; /* NULL: not kept, or not readable */
    int64_t set_aside;            /* blocks on its free lists, as last known */
    bool unreadable;
    bool seen; /* in the tree as of this read */
};

struct python_source {
    struct worker *workers;
    size_t nworkers, cap;
    size_t n;             /* metrics promised: NATIVE_N or N */
    int64_t next_full_ns; /* no full census at a tick before this */
    bool soak;            /* no barriers: types are told at ticks */
};

static struct worker *worker_of(struct python_source *s, struct proc_id id)
{
    for (size_t i = 0; i < s->nworkers; i++)
        if (s->workers[i].id.pid == id.pid &&
            s->workers[i].id.start == id.start)
            return &s->workers[i];
    s->workers = mem_grow(s->workers, s->nworkers, &s->cap, sizeof *s->workers);
    s->workers[s->nworkers] = (struct worker){.id = id};
    return &s->workers[s->nworkers++];
}

/* Closes the readers of processes that have left the tree. */
static void forget_gone(struct python_source *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->nworkers; i++) {
        if (s->workers[i].seen) {
            s->workers[i].seen = false;
            s->workers[kept++] = s->workers[i];
        } else {
            census_close(&s->workers[i].reader);
        }
    }
    s->nworkers = kept;
}

static void close_python(void *state)
{
    struct python_source *s = state;

    if (!s)
        return;
    for (size_t i = 0; i < s->nworkers; i++)
        census_close(&s->workers[i].reader);
    free(s->workers);
    free(s);
}

/* The reader of a worker, opened if need be; NULL: cannot be read. */
static struct census_reader *reader_of(const struct source_host *host,
                                       struct worker *w)
{
    struct err err = {""};

    if (w->reader || w->unreadable)
        return w->reader;
    w->reader = census_open(w->id.pid, &err);
    if (!w->reader && procfs_alive(w->id)) {
        w->unreadable = true;
        host->note(host->host, "%s", err.msg);
    }
    return w->reader;
}

static void tell_notes(const struct source_host *host,
                       const struct census_reader *r)
{
    const char *text;

    for (size_t i = 0; (text = census_note(r, i)) != NULL; i++)
        host->note(host->host, "%s", text);
}

/* A block on a free list is nobody's, though CPython counts it as allocated:
 * a service that shortens a tuple per request would seem to keep one block
 * per request until the lists are full or emptied. Quick counts do not see
 * them and take the last census's word. */
static void leave_set_aside(struct worker *w, struct census_count *c)
{
    if (c->set_aside >= 0)
        w->set_aside = c->set_aside;
    if (c->blocks >= w->set_aside)
        c->blocks -= w->set_aside;
}

static double known(int64_t n)
{
    return n < 0 ? NAN : (double)n;
}

/* What process `i` holds by itself: a worker's life shows in its own readings,
 * not in the sum. A quick count does not know what is set aside and young. */
static void tell_process(const struct source_host *host, size_t i, bool full,
                         const struct census_count *c)
{
    host->process(host->host, i, SOURCE_NATIVE, known(c->native_inuse));
    if (!full || !c->python || c->python_hidden)
        return;
    host->process(host->host, i, SOURCE_BLOCKS, known(c->blocks));
    host->process(host->host, i, SOURCE_GC_OBJECTS, known(c->tracked));
    host->process(host->host, i, SOURCE_YOUNG, known(c->young));
}

/* Reads the worker of process `i` into `sum`; false when it could not be
 * read. Where nothing runs, at a barrier, garbage is told from what lives. */
static bool read_worker(const struct source_host *host, struct worker *w,
                        size_t i, bool full, const struct source_read *how,
                        struct census *sum)
{
    int64_t left_ns = how->deadline_ns - clock_now_ns();
    struct census_options o = {.time_limit_ns = left_ns};
    struct census_reader *r = reader_of(host, w);
    struct census one = {0};
    bool fine, whole;

    if (!r || left_ns <= 0)
        return false;
    if (how->exact)
        o.garbage_ns =
            left_ns / GARBAGE_SHARE / (int64_t)proctree_count(host->tree);
    fine = (full ? census_take(r, &o, &one, NULL)
                 : census_count(r, &o, &one.n, NULL)) == 0;
    if (fine) {
        tell_notes(host, r);
        leave_set_aside(w, &one.n);
        census_add(sum, &one);
        if (!one.n.partial)
            tell_process(host, i, full, &one.n);
        for (size_t k = 0; how->exact && !one.n.partial && k < one.ntypes; k++)
            host->own_object(host->host, i, one.types[k].name,
                             (double)one.types[k].count);
    } else {
        census_close(&w->reader);
    }
    whole = fine && !one.n.partial;
    census_release(&one);
    return whole;
}

static void give(const struct python_source *s, const struct census_count *c,
                 double *v)
{
    v[NATIVE_INUSE] = known(c->native_inuse);
    v[NATIVE_FREE] = known(c->native_free);
    if (s->n == NATIVE_N || !c->python || c->python_hidden)
        return;
    v[BLOCKS] = known(c->blocks);
    v[GC_OBJECTS] = known(c->tracked);
    v[TASKS] = known(c->tasks);
    v[COLLECTIONS] = known(c->gc_collections);
    v[UNCOLLECTABLE] = known(c->gc_uncollectable);
    v[YOUNG] = known(c->young);
    v[UNREACHED] = known(c->garbage);
    v[UNREACHED_BLOCKS] = known(c->garbage_blocks);
}

static void read_python(void *state, const struct source_host *host,
                        const struct source_read *how, double *v)
{
    struct python_source *s = state;
    size_t n = proctree_count(host->tree);
    bool full = how->exact || clock_now_ns() >= s->next_full_ns;
    bool whole = n > 0 && proctree_dropped(host->tree) == 0;
    struct census sum = {.n.processes = 0};
    int64_t began = clock_now_ns();

    for (size_t k = 0; k < s->n; k++)
        v[k] = NAN;
    for (size_t i = 0; i < n; i++) {
        struct worker *w = worker_of(s, proctree_at(host->tree, i)->id);

        w->seen = true;
        if (!read_worker(host, w, i, full, how, &sum))
            whole = false;
        if (i >= READERS_KEPT)
            census_close(&w->reader);
    }
    forget_gone(s);
    if (full)
        s->next_full_ns =
            clock_now_ns() + (clock_now_ns() - began) * TICK_SHARE;
    if (whole) {
        give(s, &sum.n, v);
        for (size_t i = 0; (how->exact || s->soak) && i < sum.ntypes; i++)
            host->object(host->host, sum.types[i].name,
                         (double)sum.types[i].count, (double)sum.types[i].bytes,
                         sum.types[i].tracked > 0);
    }
    census_release(&sum);
}

static int open_python(const struct source_host *host, void **state,
                       const char *const **names, size_t *n, struct err *err)
{
    const struct scenario_sample *sample = &host->scenario->sample;
    struct python_source *s;
    size_t readable = 0, python = 0;

    (void)err;
    *n = 0;
    if (sample->python == PYTHON_OFF || !sample->python_listed)
        return 0;
    s = mem_zalloc(1, sizeof *s);
    for (size_t i = 0; i < proctree_count(host->tree); i++) {
        struct worker *w = worker_of(s, proctree_at(host->tree, i)->id);
        struct census_reader *r = reader_of(host, w);

        readable += r != NULL;
        python += r && census_is_python(r);
        if (i >= READERS_KEPT)
            census_close(&w->reader);
    }
    if (readable == 0) {
        close_python(s);
        return 0;
    }
    if (python == 0 && sample->python != PYTHON_AUTO)
        host->note(host->host,
                   "no CPython of a known kind in the target yet: no object "
                   "counts until there is one; a leak of objects shows in "
                   "memory only");
    s->soak = host->scenario->load.blocks == 0;
    s->n = python > 0 || sample->python != PYTHON_AUTO ? N : NATIVE_N;
    *state = s;
    *names = metric_names;
    *n = s->n;
    return 0;
}

const struct source_ops source_ops_python = {
    .name = "python",
    .cost = SOURCE_RATIONED,
    .open = open_python,
    .read = read_python,
    .close = close_python,
};
