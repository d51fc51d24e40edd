/* Java virtual machines of the target: heap left by collections, classes,
 * collections, summed over the tree (inspect/jvm.h). */
#include "harness/sampler/source_impl.h"

#include "harness/sampler/inspect/jvm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USED, AFTER_GC, CLASSES, COLLECTIONS, UNLOADING, N };

static const char *const metric_names[N] = {
    "jvm_heap_used_bytes", "jvm_heap_after_gc_bytes", "jvm_classes",
    "jvm_gc_collections",  "jvm_gc_unloading",
};

static void close_jvm(void *state)
{
    (void)state;
}

static void read_jvm(void *state, const struct source_host *host,
                     const struct source_read *how, double *v)
{
    size_t machines = 0;

    (void)state;
    (void)how;
    for (int k = 0; k < N; k++)
        v[k] = 0;
    for (size_t i = 0; i < proctree_count(host->tree); i++) {
        int64_t pid = proctree_at(host->tree, i)->id.pid;
        struct jvm_counts c = {NAN, NAN, NAN, NAN, NAN, NAN};
        struct err err = {""};

        if (!jvm_is(pid))
            continue;
        machines++;
        if (jvm_read(pid, &c, &err) != 0)
            host->note(host->host, "%s", err.msg);
        v[USED] += c.heap_used_bytes;
        v[AFTER_GC] += c.heap_after_gc_bytes;
        v[CLASSES] += c.classes;
        v[COLLECTIONS] += c.collections;
        v[UNLOADING] += c.unloading;
    }
    for (int k = 0; k < N; k++)
        if (machines == 0 || proctree_dropped(host->tree) > 0)
            v[k] = NAN;
}

/* `sources = jvm` asks for it; otherwise it is read where there is one. */
static int open_jvm(const struct source_host *host, void **state,
                    const char *const **names, size_t *n, struct err *err)
{
    bool any = false;

    (void)err;
    *state = NULL;
    *n = 0;
    for (size_t i = 0; !any && i < proctree_count(host->tree); i++)
        any = jvm_is(proctree_at(host->tree, i)->id.pid);
    if (!any && host->scenario->sample.jvm)
        host->note(host->host,
                   "sources = jvm, but no process of the target is a Java "
                   "virtual machine that can be seen: the verdict rests on "
                   "memory alone");
    if (!any)
        return 0;
    *names = metric_names;
    *n = N;
    return 0;
}

const struct source_ops source_ops_jvm = {
    .name = "jvm",
    .cost = SOURCE_RATIONED, /* a map to read per process */
    .open = open_jvm,
    .read = read_jvm,
    .close = close_jvm,
};
