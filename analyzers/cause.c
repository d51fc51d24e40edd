#include "analyzers/cause.h"

#include "analyzers/programs.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"
#include "harness/model/typename.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the sources say, gathered once. */
struct evidence {
    const struct record *r;
    const struct verdict *v;
    bool objects, blocks, native, memory, fds, threads, tasks, zombies;
    bool other_heap;   /* a JVM's or Go's live heap, other runtimes' objects */
    bool counts_known; /* Python's counters were read */
    bool native_known;
    const struct finding *kept, *file, *rss, *pss, *anon, *uss, *lead;
    const struct finding *outside; /* a counter of the scenario's that grows */
};

/* One class: when it holds, its words, what to do. */
struct class
{
    const char *name;
    const char *fix;
};

static const struct class classes[] = {
    {"masked_by_recycling",
     "Recycling hides it, at the price of restarts: fix the leak in one life "
     "of a worker, found by a run with recycling off."},
    {"tasks", "Await or cancel every task; keep a reference only while it runs "
              "(asyncio.TaskGroup, task.add_done_callback(set.discard))."},
    {"threads",
     "Join threads or use one pool of a fixed size; stop those that wait on "
     "queues nobody fills."},
    {"processes",
     "End every child (a time limit, terminate, then wait), or use one pool "
     "of a fixed size."},
    {"zombies",
     "Wait for every child: subprocess.run, Popen.wait, a handler of SIGCHLD; "
     "each takes a number of the process table until somebody does."},
    {"collector_off",
     "Turn the collector on again (gc.enable), or break the cycles: weakref "
     "for back references, close() for what holds callbacks."},
    {"live_objects",
     "Look for a container that only grows: a module's dict or list, a class "
     "attribute, handlers added per request, an unbounded cache. Bound it, "
     "use weakref, or delete when done."},
    {"untracked_blocks",
     "Look for bytes, str or numbers kept in a buffer, a cache keyed by "
     "input, or a C extension that misses Py_DECREF."},
    {"sockets",
     "Close sessions and clients (with, aclosing), share one client per "
     "process, bound the pool and its idle time."},
    {"descriptors",
     "Close what is opened: with open(...), tempfile context managers, "
     "subprocess pipes."},
    {"native_heap",
     "Look at what native code allocates (in Python: C extensions, numpy "
     "buffers, bindings); heaptrack or valgrind show the call stack."},
    {"undecided_counts",
     "Count them better: python = agent collects at each barrier; without "
     "recycled workers, or with longer blocks, less comes and goes."},
    {"unclassified",
     "Watch the service itself: plateau run, or plateau observe --pid PID, "
     "reads the kinds of memory apart and counts Python's objects."},
    {"kept_by_allocator",
     "Nothing is leaked; malloc_trim, MALLOC_ARENA_MAX=2 or another "
     "allocator gives memory back after bursts."},
    {"unsharing",
     "Nothing is leaked; gc.freeze() before forking keeps pages shared."},
    {"file_backed",
     "The kernel's cache of files, given back under pressure: judge anonymous "
     "memory (pss_anon) instead, or close mappings."},
    {"shared_memory",
     "Look for segments that are made and not removed: shared_memory.unlink(), "
     "files in /dev/shm, mmap.close(), multiprocessing queues."},
    {"other_process",
     "Look at that process: results that expire never, keys without a TTL, "
     "queues nobody drains."},
    {"cache_filling",
     "Bound the cache (maxsize, TTL), or run until it is full: then the "
     "growth must stop."},
    {"collector_bound",
     "Collect at barriers (python = agent), or judge the troughs."},
};

static void tell(struct verdict *v, const char *name, const char *text)
{
    struct cause *c = &v->cause;

    snprintf(c->class, sizeof c->class, "%s", name);
    snprintf(c->text, sizeof c->text, "%s", text);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].name, name) == 0)
            snprintf(c->fix, sizeof c->fix, "%s", classes[i].fix);
}

static const struct finding *named(const struct verdict *v, const char *name)
{
    const struct metric *m = metric_find(name);

    for (size_t i = 0; i < v->nfindings; i++)
        if (metric_find(v->findings[i].name) == m && m != NULL)
            return &v->findings[i];
    return NULL;
}

static bool leaks(const struct finding *f)
{
    return f != NULL && f->outcome == OUTCOME_LEAK;
}

static bool level(const struct finding *f)
{
    return f != NULL && f->outcome == OUTCOME_PASS;
}

/* The live heap or the objects of a runtime other than Python: read by us, or
   told by the service itself (node_heap_used_bytes). */
static bool is_live_heap(const struct finding *f)
{
    if (f->metric.role == METRIC_CUSTOM)
        return strstr(f->name, "heap") != NULL;
    return (f->metric.role == METRIC_HEAP ||
            f->metric.role == METRIC_OBJECTS) &&
           strncmp(f->name, "py_", 3) != 0 &&
           metric_find(f->name) != metric_find("native_inuse_bytes");
}

/* Read often enough to say something. */
static bool is_known(const struct finding *f)
{
    return f != NULL &&
           (f->outcome != OUTCOME_INCONCLUSIVE || isfinite(f->per_hour.low));
}

/* The first type that the censuses saw grow, the language's own or another's;
   NULL: none. */
static const char *growing_type(const struct verdict *v, bool own)
{
    for (size_t i = 0; i < v->ntypes; i++)
        if (v->types[i].significant &&
            typename_is_builtin(v->types[i].type) == own)
            return v->types[i].type;
    return NULL;
}

static void gather(const struct record *r, const struct verdict *v,
                   struct evidence *e)
{
    *e = (struct evidence){.r = r, .v = v, .lead = verdict_lead(v)};
    e->objects = leaks(named(v, "py_gc_objects"));
    e->blocks = leaks(named(v, "py_blocks"));
    e->counts_known = is_known(named(v, "py_blocks"));
    e->native = leaks(named(v, "native_inuse_bytes"));
    e->native_known = named(v, "native_inuse_bytes") != NULL;
    e->fds = leaks(named(v, "fds"));
    e->threads = leaks(named(v, "threads"));
    e->tasks = leaks(named(v, "py_tasks"));
    e->zombies = leaks(named(v, "zombies"));
    e->kept = named(v, "native_free_bytes");
    e->file = named(v, "pss_file_bytes");
    /* Without barriers no type is a column of its own. */
    e->objects |= e->blocks && r->barriers.n < 2 && growing_type(v, false);
    e->rss = named(v, "rss_bytes");
    e->pss = named(v, "pss_bytes");
    e->anon = named(v, "pss_anon_bytes");
    e->uss = named(v, "uss_bytes");
    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f->outcome != OUTCOME_LEAK)
            continue;
        /* One type that leaks is objects that leak, however the total of all
           swings with the collector. */
        e->objects |= f->judged && type_column_is(f->name);
        e->memory |= f->metric.role == METRIC_MEMORY;
        e->other_heap |= is_live_heap(f);
        if (f->metric.role == METRIC_CUSTOM && f->judged && !is_live_heap(f) &&
            (e->outside == NULL || f == e->lead))
            e->outside = f;
    }
}

/* Growth over the barriers of a cumulative counter; NaN unknown. */
static double counted(const struct record *r, const char *name)
{
    const struct column *c = series_column(&r->barriers, name);

    return c != NULL && r->barriers.n > 1 ? c->v[r->barriers.n - 1] - c->v[0]
                                          : NAN;
}

/* The last reading of a witness at the barriers; 0 unknown. */
static double at_last(const struct record *r, const char *name)
{
    const struct column *c = series_column(&r->barriers, name);
    double v = c != NULL && r->barriers.n > 0 ? c->v[r->barriers.n - 1] : NAN;

    return isfinite(v) ? v : 0;
}

/* More objects came to be than the young generation is let hold (700 to 2,000,
   by version), and no collection ran. */
static bool overdue(const struct evidence *e)
{
    const struct finding *f = named(e->v, "py_gc_objects");
    const struct column *procs = series_column(&e->r->barriers, "procs");
    double many = procs != NULL && e->r->barriers.n > 0
                      ? fmax(procs->v[e->r->barriers.n - 1], 1)
                      : 1;

    return counted(e->r, "py_gc_collections") == 0 && f != NULL &&
           f->grown > 2000 * many;
}

/* Cycles that nobody collects: the collector is off, or never ran. */
static bool tell_collector_off(const struct evidence *e, struct verdict *v)
{
    double off = at_last(e->r, "py_gc_off");

    if (off > 0)
        tell(v, "collector_off",
             "Objects that the collector tracks grow, and the collector is "
             "off (gc.disable) in ");
    else if (overdue(e))
        tell(v, "collector_off",
             "Objects that the collector tracks grow, and it did not run "
             "once: cycles are never freed.");
    else
        return false;
    if (off > 0)
        words_add(v->cause.text, sizeof v->cause.text,
                  "%.0f process%s: cycles are never freed.", off,
                  off == 1 ? "" : "es");
    snprintf(v->cause.against, sizeof v->cause.against,
             "Where a chain of references is found that holds them, it is the "
             "chain, not the collector.");
    return true;
}

static void tell_objects(const struct evidence *e, struct verdict *v)
{
    double garbage = counted(e->r, "py_garbage");
    double lost = counted(e->r, "py_gc_uncollectable");

    lost = fmax(isfinite(lost) ? lost : 0, 0) +
           fmax(isfinite(garbage) ? garbage : 0, 0);
    if (tell_collector_off(e, v))
        return;
    tell(v, "live_objects",
         e->r->barriers.n > 1
             ? "Python objects grow after settling: something still refers to "
               "them."
             : "Python objects grow under load: something still refers to "
               "them.");
    if (lost > 0) {
        words_add(v->cause.text, sizeof v->cause.text,
                  " %.0f were found uncollectable (gc.garbage).", lost);
        words_add(v->cause.fix, sizeof v->cause.fix,
                  " Empty gc.garbage and look at what its objects' __del__ "
                  "or C types keep.");
    }
    if (e->fds)
        words_add(v->cause.text, sizeof v->cause.text,
                  " They hold descriptors, which grow with them.");
    if (e->native)
        words_add(v->cause.text, sizeof v->cause.text,
                  " The native heap grows with them: they own buffers.");
    if (level(e->rss))
        snprintf(v->cause.against, sizeof v->cause.against,
                 "RSS is level so far: the allocator still has room, so a "
                 "memory graph would not show it yet.");
}

/* Descriptors whose file objects are gone: fewer than half as many of any
   object can have been added. */
static bool numbers_alone(const struct evidence *e, const struct finding *all)
{
    const struct finding *objects = named(e->v, "py_gc_objects");

    return is_known(objects) && growing_type(e->v, false) == NULL &&
           objects->per_request.high < 0.5 * all->per_request.value;
}

static void tell_descriptors(const struct evidence *e, struct verdict *v)
{
    const struct finding *all = named(e->v, "fds");
    const struct finding *sockets = named(e->v, "fds_socket");

    if (sockets != NULL &&
        sockets->per_request.value > 0.5 * all->per_request.value)
        tell(v, "sockets",
             "Open sockets grow, one for one with the descriptors: "
             "connections are opened and not closed.");
    else
        tell(v, "descriptors",
             "Open descriptors grow, and they are not sockets: files or "
             "pipes are opened and not closed.");
    if (numbers_alone(e, all))
        snprintf(v->cause.against, sizeof v->cause.against,
                 "Python's objects do not grow: the numbers are kept, not "
                 "the file objects (os.open, a C library).");
}

/* Could Python's own blocks, which are no larger than 512 bytes, be half of
   what memory grows by, for all that is known? */
static bool blocks_may(const struct evidence *e)
{
    const struct finding *f = named(e->v, "py_blocks");
    double grown = e->lead != NULL && e->lead->metric.unit == METRIC_BYTES
                       ? e->lead->per_request.value
                       : 0;

    return e->counts_known && f->outcome == OUTCOME_INCONCLUSIVE &&
           f->per_request.high * 512 > 0.5 * grown;
}

/* What the memory is, when only memory grows. */
static void tell_memory(const struct evidence *e, struct verdict *v)
{
    const struct finding *f = e->lead;
    double grown = f != NULL ? f->per_request.value : NAN;

    if (e->kept != NULL && e->native_known && !e->native &&
        e->kept->per_request.value > 0.5 * grown)
        tell(v, "kept_by_allocator",
             "The heap in use is level while its free part grows: memory "
             "that was freed and is kept (fragmentation or a burst).");
    else if (e->pss != NULL && e->anon != NULL && e->file != NULL &&
             e->pss->per_request.value - e->anon->per_request.value -
                     e->file->per_request.value >
                 0.7 * grown)
        tell(v, "shared_memory",
             "The growth is in shared memory: neither private pages nor "
             "files, but segments mapped by several (shared_memory, "
             "/dev/shm, MAP_SHARED).");
    else if (e->file != NULL && e->file->per_request.value > 0.7 * grown)
        tell(v, "file_backed",
             "The growth is file-backed: mapped files or shared memory, not "
             "the heap.");
    else if (leaks(e->uss) && level(e->rss))
        tell(v, "unsharing",
             "Private memory grows while RSS is level: forked workers write "
             "to pages they shared (copy on write).");
    else if (blocks_may(e))
        tell(v, "undecided_counts",
             "Memory grows; whether Python's objects grow with it could not "
             "be told in this run.");
    else if (e->counts_known && !e->objects && !e->blocks)
        tell(v, "native_heap",
             "Memory grows and Python's own counts do not: it is allocated "
             "outside Python's allocator.");
    else if (!e->counts_known && e->anon == NULL)
        tell(v, "unclassified",
             "Memory grows; which kind it is was not read: neither anonymous "
             "pages nor the counts of a runtime.");
    else if (!e->counts_known)
        tell(v, "native_heap",
             "Anonymous memory grows without a burst; no source looked "
             "inside the runtime.");
}

/* A counter that the scenario asked for grows, and no memory of ours. */
static void tell_outside(const struct evidence *e, struct verdict *v)
{
    char text[256];

    snprintf(text, sizeof text,
             "%.80s grows, and the memory of the service's processes does "
             "not: what it counts is kept elsewhere (a store, a queue, "
             "another host).",
             e->outside->name);
    tell(v, "other_process", text);
}

static void tell_native(const struct evidence *e, struct verdict *v)
{
    const char *type = growing_type(v, true);

    tell(v, "native_heap",
         !e->counts_known ? "The native heap in use grows: allocated and not "
                            "freed."
         : type != NULL   ? "The native heap in use grows: "
         : blocks_may(e)  ? "The native heap in use grows; whether Python's "
                            "objects grow with it could not be told."
                          : "The native heap in use grows and Python's counts "
                            "do not: a C extension or library keeps it.");
    if (!e->counts_known || type == NULL)
        return;
    words_add(v->cause.text, sizeof v->cause.text,
              "%.40s objects grow with it, and Python takes from there what "
              "is larger than 512 bytes.",
              type + 9);
    snprintf(v->cause.fix, sizeof v->cause.fix,
             "Find what keeps the %.40s objects; if nothing does, look at what "
             "native code allocates.",
             type + 9);
}

/* No process of the service was seen to start anew. */
static bool never_restarted(const struct record *r)
{
    const struct series *s = r->barriers.n > 1 ? &r->barriers : &r->samples;

    return s->proc_starts != NULL && s->n > 1 &&
           s->proc_starts[s->n - 1] <= s->proc_starts[0];
}

/* Are most of the threads that grow processes of their own? */
static bool are_processes(const struct verdict *v)
{
    const struct finding *all = named(v, "threads"), *procs = named(v, "procs");

    return procs != NULL &&
           procs->per_request.value > 0.5 * all->per_request.value;
}

static void tell_other(const struct program *other, struct verdict *v)
{
    const char *command = other->top->command;
    int name = (int)strcspn(command, " :");
    char text[256];

    if (other->processes > 1)
        snprintf(text, sizeof text,
                 "The growth is in %zu processes of another program, %.*s "
                 "(pid %lld grew most); the rest is level.",
                 other->processes, name > 120 ? 120 : name, command,
                 (long long)other->top->pid);
    else
        snprintf(text, sizeof text,
                 "The growth is in another process, pid %lld (%.120s); the "
                 "rest is level.",
                 (long long)other->top->pid, command);
    tell(v, "other_process", text);
}

static void tell_leak(const struct evidence *e, struct verdict *v)
{
    struct program other = {.top = NULL};

    if (!e->objects && !e->blocks)
        programs_other(e->r, &other);
    if (e->lead != NULL && e->lead->shape == SHAPE_SAWTOOTH &&
        !never_restarted(e->r))
        tell(v, "masked_by_recycling",
             "Every life of a worker grows and each restart gives it back: "
             "the total is bounded, the leak is not gone.");
    else if (e->tasks)
        tell(v, "tasks", "asyncio tasks grow: they are started and never end.");
    else if (e->threads && are_processes(v))
        tell(v, "processes",
             "Processes grow: children are started and never end.");
    else if (e->threads)
        tell(v, "threads", "Threads grow: they are started and never end.");
    else if (e->zombies)
        tell(v, "zombies",
             "Zombie processes grow: children are started and end, and their "
             "parent never waits for them.");
    else if (e->objects)
        tell_objects(e, v);
    else if (e->blocks)
        tell(v, "untracked_blocks",
             "Blocks of Python's allocator grow and collector-tracked "
             "objects do not: bytes, str, numbers, or references that C "
             "code never gave back.");
    else if (other.top != NULL)
        tell_other(&other, v);
    else if (e->fds)
        tell_descriptors(e, v);
    else if (e->native)
        tell_native(e, v);
    else if (e->other_heap)
        tell(v, "live_objects",
             "The runtime's live heap grows after collection: something "
             "still refers to the objects.");
    else if (e->outside != NULL && !e->memory)
        tell_outside(e, v);
    else if (e->memory)
        tell_memory(e, v);
}

/* The control group grows and its processes do not. */
static void tell_page_cache(const struct evidence *e, struct verdict *v)
{
    const struct finding *group = named(e->v, "cgroup_bytes");
    const struct finding *file = named(e->v, "cgroup_file_bytes");

    if (leaks(group) && file != NULL &&
        file->per_request.value > 0.7 * group->per_request.value)
        tell(v, "file_backed",
             "The control group's usage grows by page cache, the processes "
             "do not: files that were read or written.");
}

/* Some type grows, be it of objects that the totals do not count or that they
   drown in. */
static bool any_type_leaks(const struct verdict *v)
{
    for (size_t i = 0; i < v->nfindings; i++)
        if (type_column_is(v->findings[i].name) && leaks(&v->findings[i]))
            return true;
    return false;
}

/* What does not grow narrows it down: named behind the class. */
static void add_level(const struct verdict *v, char *out, size_t size)
{
    static const char *const names[] = {
        "py_gc_objects", "py_blocks", "native_inuse_bytes",
        "uss_bytes",     "fds",       "threads"};
    bool types = any_type_leaks(v), any = false;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct finding *f = named(v, names[i]);

        if (!level(f) || f->metric.title == NULL ||
            (types && f->metric.role == METRIC_OBJECTS))
            continue;
        words_add(out, size, "%s%s", any ? ", " : " Level: ", f->metric.title);
        any = true;
    }
    if (any)
        words_add(out, size, ".");
}

/* What rises follows values of which there may be only so many. */
static void tell_values(const struct record *r, struct verdict *v)
{
    const struct blame *b = &v->follows;
    const struct record_driver *d = &r->drivers[b->driver];
    const struct finding *f = &v->findings[b->finding];
    char each[WORDS_NUMBER], sent[WORDS_NUMBER];

    tell(v, "cache_filling",
         "The growth follows distinct values, not requests: ");
    words_add(v->cause.text, sizeof v->cause.text,
              "%s for each new %.60s of %.80s, of which %s were sent. It ends "
              "when no new ones come.",
              words_amount(b->per_driver.value, f->metric.unit, each), d->name,
              r->kinds[b->kind].name,
              words_number(d->count[r->barriers.n - 1], sent));
}

/* What is kept by value is mended at its key, whatever it is made of. */
static void mend_values(const struct record *r, struct verdict *v)
{
    const struct record_driver *d = NULL;

    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];

        if (b->finding == v->lead && b->named && b->kind >= 0 &&
            b->by == BLAME_DRIVER && (size_t)b->driver < r->ndrivers)
            d = &r->drivers[b->driver];
    }
    if (d == NULL || d->what != RECORD_DISTINCT ||
        (strcmp(v->cause.class, "live_objects") != 0 &&
         strcmp(v->cause.class, "untracked_blocks") != 0 &&
         strcmp(v->cause.class, "native_heap") != 0 &&
         strcmp(v->cause.class, "unclassified") != 0))
        return;
    snprintf(v->cause.fix, sizeof v->cause.fix,
             "Bound what is kept for each %.60s: a size or a time to live "
             "(functools.lru_cache(maxsize=...), cachetools.TTLCache), or a "
             "key of fewer values.",
             d->name);
}

void cause_find(const struct record *r, struct verdict *v)
{
    struct evidence e;

    v->cause = (struct cause){0};
    gather(r, v, &e);
    if (v->outcome == OUTCOME_LEAK) {
        tell_leak(&e, v);
        if (v->cause.text[0] != '\0')
            add_level(v, v->cause.text, sizeof v->cause.text);
        mend_values(r, v);
        return;
    }
    if (e.memory && v->outcome == OUTCOME_PASS) {
        for (size_t i = 0; i < v->nfindings && e.lead != NULL; i++)
            if (leaks(&v->findings[i]) &&
                v->findings[i].metric.role == METRIC_MEMORY)
                e.lead = &v->findings[i];
        tell_memory(&e, v);
        return;
    }
    if (v->outcome == OUTCOME_PASS) {
        tell_page_cache(&e, v);
        return;
    }
    if (v->outcome != OUTCOME_INCONCLUSIVE || e.lead == NULL)
        return;
    if (v->follows.named)
        tell_values(r, v);
    else if ((e.lead->shape == SHAPE_SATURATING ||
              e.lead->shape == SHAPE_LOGARITHMIC) &&
             !(e.lead->grown < 0)) /* what falls fills nothing */
        tell(v, "cache_filling",
             "The growth bends as a filling cache does, but is not over.");
    else if (e.lead->shape == SHAPE_SAWTOOTH)
        tell(v, "collector_bound",
             "The readings rise and fall with a collector: nothing is known "
             "of the level they return to.");
}
