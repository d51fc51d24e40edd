/* Sources, for implementers: where a number comes from. One file, one const
 * ops struct, one line in the registry of sources.c.
 *
 * All calls come from one thread at a time (open and close: the conductor's;
 * read: the sampler's, or the source's own for SOURCE_SLOW). A read obeys its
 * time limit. "No value" is NaN, never 0. What cannot be read is named once,
 * through source_host.note. */
#ifndef PLATEAU_SAMPLER_SOURCE_IMPL_H
#define PLATEAU_SAMPLER_SOURCE_IMPL_H

#include "harness/base/err.h"
#include "harness/base/proctree.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum source_cost {
    SOURCE_EVERY_TICK,   /* microseconds */
    SOURCE_RATIONED,     /* at ticks only while a read costs little (see
                            budget in sampler.c), always at barriers */
    SOURCE_BARRIER_ONLY, /* stalls the target or costs much */
    SOURCE_SLOW, /* may wait for somebody: read in a thread of its own, so that
                    it delays nobody; must not touch host->tree */
};

/* What a source tells of one process, for processes.csv. */
enum source_field {
    SOURCE_RSS,
    SOURCE_PSS,
    SOURCE_USS,
    SOURCE_SWAP,
    SOURCE_THREADS,
    SOURCE_FDS,
    SOURCE_CPU,
    SOURCE_NATIVE,
    SOURCE_BLOCKS,
    SOURCE_GC_OBJECTS,
    SOURCE_YOUNG,
    SOURCE_FIELDS,
};

/* What the sampler offers its sources. */
struct source_host {
    const struct scenario *scenario;
    struct proctree *tree; /* as of this tick's scan; read only */
    const char *cgroup;    /* directory given by the user, or NULL */
    /* Names a degradation: one line, said once per text. */
    void (*note)(void *host, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
    /* One type of an object census: inside a barrier read, and in a soak
     * without barriers whenever a census is due. */
    void (*object)(void *host, const char *type, double count, double bytes,
                   bool tracked);
    /* The same of the i-th process of `tree` alone: behind `object`. */
    void (*own_object)(void *host, size_t i, const char *type, double count);
    /* One reading of the i-th process of `tree`. Not from SOURCE_SLOW. */
    void (*process)(void *host, size_t i, enum source_field field,
                    double value);
    void *host;
};

struct source_read {
    bool exact;          /* a barrier: everything, no rationing */
    int64_t deadline_ns; /* give up (NaN for the rest) when the clock is past */
};

struct source_ops {
    const char *name; /* as in `sources =` and in cost lines */
    enum source_cost cost;
    /* Opens for the processes in host->tree. Gives state in `*state` and the
       metric names (borrowed, valid until close) in `*names`, `*n`.
       Returns 0 with *n == 0 when there is nothing to read here (a note says
       why, if the user asked for it); -1 when the user asked for something
       that is plainly wrong. */
    int (*open)(const struct source_host *host, void **state,
                const char *const **names, size_t *n, struct err *err);
    /* Fills values[0..n). Sums over the tree; a metric that could not be read
       for one process is NaN, not a partial sum (a process that has just
       ended included: the sampler looks again and reads once more). */
    void (*read)(void *state, const struct source_host *host,
                 const struct source_read *how, double *values);
    void (*close)(void *state);
};

extern const struct source_ops source_ops_process; /* stat, fds, threads, cpu */
extern const struct source_ops source_ops_memory;  /* smaps_rollup */
extern const struct source_ops source_ops_cgroup;
extern const struct source_ops source_ops_http;
extern const struct source_ops source_ops_command;
extern const struct source_ops source_ops_python;
extern const struct source_ops source_ops_jvm;
extern const struct source_ops source_ops_agent;

#endif
