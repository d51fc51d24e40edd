/* The sampler: reads all sources of the target at absolute deadlines, in a
 * thread of its own, into samples.csv and processes.csv, and reads them all
 * exactly at barriers. A machine, opaque.
 *
 * The conductor's thread opens, starts, sets phases, asks for barriers and
 * closes. The sampler's thread writes its tables and events. */
#ifndef PLATEAU_SAMPLER_SAMPLER_H
#define PLATEAU_SAMPLER_SAMPLER_H

#include "harness/base/err.h"
#include "harness/base/procfs.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"
#include "harness/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler;

struct sampler_config {
    const struct scenario_sample *sample; /* borrowed */
    const struct scenario *scenario;      /* url, allow_hosts, cgroup */
    struct rundir *rundir;                /* tables are made there */
    const struct proc_id *roots;
    size_t nroots;
    int64_t guardian;   /* see target_roots; 0: none */
    const char *cgroup; /* directory given by the user, or NULL: found
                           from the roots' /proc/PID/cgroup */
    double limit_bytes; /* the user's; 0: the cgroup's */
    /* Completed requests and time zero, asked from the sampler's thread.
       `origin_ns` 0: load has not begun, rows get negative t_s measured from
       the sampler's start... */
    uint64_t (*requests)(void *user);
    int64_t (*origin_ns)(void *user);
    /* Called from the sampler's thread when the target's whole tree has gone,
       or an OOM kill was witnessed; NULL: not wanted. */
    void (*alarm)(void *user, const char *what, const char *detail);
    void *user;
};

/* Opens the sources that can be read; each that cannot is named once, in
 * sampler_notes and as an event "lost_source". Fails when no source at all
 * gives memory of the target. */
int sampler_open(const struct sampler_config *cfg, struct sampler **out,
                 struct err *err);

/* Starts and ends the thread. After sampler_stop no row is written. */
void sampler_start(struct sampler *s);
void sampler_stop(struct sampler *s);

/* Labels the rows from now on. Conductor's thread. */
void sampler_set_phase(struct sampler *s, enum phase phase);

/* Reads every source once, exactly, expensive ones included, and returns when
 * done; the caller's thread waits (bounded by 30 s). `values` gets one reading
 * per metric, in the order of sampler_metrics; NaN = no value. `block` labels
 * the object census. Also written as a row of samples.csv with phase
 * "barrier". */
int sampler_barrier(struct sampler *s, int block, double *values,
                    struct err *err);

/* The metric names, the columns of samples.csv behind phase and proc_starts.
 * Fixed after sampler_open. */
size_t sampler_metrics(const struct sampler *s, const char *const **names);

/* Latest reading of a metric, NaN when none. Any thread (for progress). */
double sampler_peek(const struct sampler *s, const char *metric);

/* Processes seen to start so far. Any thread. */
int64_t sampler_proc_starts(const struct sampler *s);
/* Living processes at the last scan. Any thread. */
size_t sampler_procs(const struct sampler *s);
/* OOM kills witnessed since open. Any thread. */
int64_t sampler_oom_kills(const struct sampler *s);

/* The same asked from the kernel this moment, before the next tick: its kills
 * in the target's control group since open (in a group shared with others:
 * anybody's; without a group: the machine's). For the words about a target
 * that was killed by SIGKILL. Any thread. */
int64_t sampler_oom_recheck(const struct sampler *s);

/* Memory limit in bytes (minimum over the cgroup's ancestors and the user's),
 * NaN when there is none. */
double sampler_limit(const struct sampler *s);

/* Named degradations, one line each; NULL behind the last. Borrowed. */
const char *sampler_note(const struct sampler *s, size_t i);

/* Time spent reading so far, in seconds, and per source as one line of text
 * each for the report ("process: 0.02 ms x 600"). */
double sampler_cost_s(const struct sampler *s);
const char *sampler_cost_text(const struct sampler *s, size_t i);

/* Stops if need be, frees. Nulls. */
void sampler_close(struct sampler **s);

#endif
