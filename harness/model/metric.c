#include "harness/model/metric.h"

#include <stddef.h>
#include <string.h>

#define B METRIC_BYTES
#define N METRIC_COUNT
#define S METRIC_SECONDS

/* name, alias, tolerance key, title, unit, role, cumulative */
static const struct metric table[] = {
    {"rss_bytes", NULL, "rss", "resident memory (RSS)", B, METRIC_MEMORY, 0},
    {"pss_bytes", NULL, "pss", "proportional memory (PSS)", B, METRIC_MEMORY,
     0},
    {"pss_anon_bytes", NULL, "pss_anon", "anonymous PSS", B, METRIC_MEMORY, 0},
    {"uss_bytes", NULL, "uss", "unshared memory (USS)", B, METRIC_MEMORY, 0},
    {"pss_file_bytes", NULL, NULL, "file-backed PSS", B, METRIC_WITNESS, 0},
    {"swap_bytes", NULL, NULL, "swapped memory", B, METRIC_WITNESS, 0},
    {"cgroup_bytes", NULL, "cgroup", "cgroup usage", B, METRIC_CGROUP, 0},
    {"cgroup_working_bytes", NULL, "cgroup_working", "cgroup working set", B,
     METRIC_CGROUP, 0},
    {"cgroup_anon_bytes", NULL, "cgroup_anon", "cgroup anonymous memory", B,
     METRIC_CGROUP, 0},
    {"cgroup_file_bytes", NULL, NULL, "cgroup page cache", B, METRIC_WITNESS,
     0},
    {"cgroup_limit_bytes", NULL, NULL, "cgroup limit", B, METRIC_WITNESS, 0},
    {"cgroup_oom_kills", NULL, NULL, "OOM kills", N, METRIC_WITNESS, 1},
    {"native_inuse_bytes", "heap_inuse_bytes", "native", "native heap in use",
     B, METRIC_HEAP, 0},
    {"native_free_bytes", "heap_free_bytes", NULL, "native heap free but kept",
     B, METRIC_WITNESS, 0},
    {"py_gc_objects", NULL, "py_objects", "Python objects (gc-tracked)", N,
     METRIC_OBJECTS, 0},
    {"py_blocks", "py_allocated_blocks", "py_blocks", "Python allocator blocks",
     N, METRIC_OBJECTS, 0},
    {"py_tasks", NULL, "py_tasks", "asyncio tasks", N, METRIC_HANDLES, 0},
    {"py_garbage", NULL, NULL, "objects in gc.garbage", N, METRIC_WITNESS, 0},
    {"py_gc_off", NULL, NULL, "processes with the collector off", N,
     METRIC_WITNESS, 0},
    {"py_gc_collections", NULL, NULL, "collector runs", N, METRIC_WITNESS, 1},
    {"py_gc_young", NULL, NULL, "Python objects no collection has looked at", N,
     METRIC_WITNESS, 0},
    {"py_gc_unreached", NULL, NULL, "Python objects that wait to be collected",
     N, METRIC_WITNESS, 0},
    {"py_blocks_unreached", NULL, NULL,
     "Python blocks that wait to be collected", N, METRIC_WITNESS, 0},
    {"py_gc_uncollectable", NULL, NULL, "uncollectable objects", N,
     METRIC_WITNESS, 1},
    {"jvm_heap_used_bytes", NULL, NULL, "JVM heap in use", B, METRIC_WITNESS,
     0},
    {"jvm_heap_after_gc_bytes", NULL, "jvm_heap", "JVM heap after collection",
     B, METRIC_HEAP, 0},
    {"jvm_classes", NULL, "jvm_classes", "JVM loaded classes", N,
     METRIC_HANDLES, 0},
    {"jvm_gc_collections", NULL, NULL, "JVM collections", N, METRIC_WITNESS, 1},
    {"jvm_gc_unloading", NULL, NULL, "JVM collections that may unload classes",
     N, METRIC_WITNESS, 1},
    {"go_heap_objects", NULL, "go_objects", "Go heap objects", N,
     METRIC_OBJECTS, 0},
    {"go_heap_inuse_bytes", NULL, "go_heap", "Go heap in use", B, METRIC_HEAP,
     0},
    {"go_gc_collections", NULL, NULL, "Go collections", N, METRIC_WITNESS, 1},
    {"go_goroutines", NULL, "goroutines", "goroutines", N, METRIC_HANDLES, 0},
    {"fds", NULL, "fds", "file descriptors", N, METRIC_HANDLES, 0},
    {"fds_file", NULL, NULL, "open files", N, METRIC_WITNESS, 0},
    {"fds_socket", NULL, NULL, "open sockets", N, METRIC_WITNESS, 0},
    {"fds_pipe", NULL, NULL, "open pipes", N, METRIC_WITNESS, 0},
    {"fds_anon", NULL, NULL, "anonymous descriptors", N, METRIC_WITNESS, 0},
    {"threads", NULL, "threads", "threads", N, METRIC_HANDLES, 0},
    {"procs", NULL, NULL, "processes", N, METRIC_WITNESS, 0},
    {"zombies", NULL, "zombies", "zombie processes", N, METRIC_HANDLES, 0},
    {"minor_faults", NULL, NULL, "minor page faults", N, METRIC_WITNESS, 1},
    {"major_faults", NULL, NULL, "major page faults", N, METRIC_WITNESS, 1},
    {"cpu_s", NULL, NULL, "CPU time", S, METRIC_WITNESS, 1},
};

#undef B
#undef N
#undef S

const struct metric *metric_at(int i)
{
    if (i < 0 || (size_t)i >= sizeof table / sizeof *table)
        return NULL;
    return &table[i];
}

const struct metric *metric_find(const char *name)
{
    const struct metric *m;

    for (int i = 0; (m = metric_at(i)) != NULL; i++)
        if (strcmp(m->name, name) == 0 ||
            (m->alias != NULL && strcmp(m->alias, name) == 0))
            return m;
    return NULL;
}

const char *metric_collector(const struct metric *m)
{
    return strcmp(m->name, "go_heap_objects") == 0 ||
                   strcmp(m->name, "go_heap_inuse_bytes") == 0
               ? "go_gc_collections"
               : NULL;
}

const char *metric_swept_by(const struct metric *m)
{
    return strcmp(m->name, "jvm_classes") == 0 ? "jvm_gc_unloading"
                                               : metric_collector(m);
}

const char *metric_renewed_by(const struct metric *m)
{
    return strcmp(m->name, "jvm_heap_after_gc_bytes") == 0
               ? "jvm_gc_collections"
               : NULL;
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);

    return n > k && strcmp(s + n - k, tail) == 0;
}

void metric_describe(const char *name, struct metric *out)
{
    const struct metric *m = metric_find(name);

    if (m != NULL) {
        *out = *m;
        return;
    }
    *out = (struct metric){.name = name,
                           .title = name,
                           .unit = METRIC_COUNT,
                           .role = METRIC_CUSTOM};
    if (ends_with(name, "_bytes"))
        out->unit = METRIC_BYTES;
    else if (ends_with(name, "_s") || ends_with(name, "_seconds"))
        out->unit = METRIC_SECONDS;
    out->cumulative = ends_with(name, "_total");
    if (strncmp(name, METRIC_TYPE_PREFIX, strlen(METRIC_TYPE_PREFIX)) == 0) {
        out->unit = METRIC_COUNT;
        out->role = METRIC_OBJECTS;
        out->cumulative = false;
    }
}
