/* A run directory read back: everything the analyzers and the reports know
 * of a run. The only bridge between running and judging. Data, open to all.
 *
 * Not the writer (rundir.h). A directory that a killed run left behind loads
 * too, with `partial` set. */
#ifndef PLATEAU_MODEL_RECORD_H
#define PLATEAU_MODEL_RECORD_H

#include "harness/base/err.h"
#include "harness/model/diagnosis.h"
#include "harness/model/policy.h"
#include "harness/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a run ended, as run.json tells it. */
enum run_end {
    RUN_UNKNOWN,        /* no word: killed, or still running */
    RUN_COMPLETE,       /* all blocks or all the time */
    RUN_CERTAIN,        /* stopped early because the verdict was certain */
    RUN_MAX_TIME,       /* max_time came first */
    RUN_INTERRUPTED,    /* by a signal; see `signal` */
    RUN_TARGET_FAILED,  /* exit 4: not ready, died, OOM-killed, errors */
    RUN_HARNESS_FAILED, /* exit 5 */
};

const char *run_end_name(enum run_end e);

/* A kind of request (or a flow) and its weight in the mix. */
struct record_kind {
    char *name;
    bool flow;
    double weight;
    double *completed; /* cumulative, one per barrier row; NaN unknown.
                          Length: barriers.n */
};

/* What growth may follow beside the requests of a kind. */
enum record_driver_what {
    RECORD_DISTINCT,    /* distinct values sent at one place of a request */
    RECORD_STEP,        /* a request that is a part of several kinds */
    RECORD_CONNECTIONS, /* connections opened */
};

struct record_driver {
    enum record_driver_what what;
    char *column;  /* of barriers.csv */
    char *name;    /* "q", the request's name, "connections" */
    size_t group;  /* equal: to be counted together */
    int *kinds;    /* indices of the kinds that send it */
    double *times; /* how often in one run of that kind */
    size_t nkinds;
    double *count; /* cumulative, one per barrier row; NULL or NaN unknown */
};

/* One type in one census (objects.csv). */
struct record_object {
    double t_s;
    int block; /* barrier row it belongs to, -1: none */
    double requests;
    char *type; /* module.qualname; foreign bytes: escape at the sink */
    double count;
    double bytes;
    bool tracked;
};

/* What one process had of a type at a barrier (objects_own.csv). The rows of
 * one process and barrier are together; a type that is not among them it had
 * none of. */
struct record_own_object {
    size_t process; /* of record.processes */
    int block;      /* barrier row */
    double t_s;
    char *type; /* as in record_object */
    double count;
};

struct record_event {
    double t_s;
    char *what;   /* "process_start", "process_end", "oom_kill", "gap",
                     "phase", "lost_source", "late", ... */
    int64_t pid;  /* 0: none */
    char *detail; /* one line for people; may be "" */
};

/* One row of requests.csv. */
struct record_second {
    double t_s;
    int kind; /* index into kinds, -1: none of the mix */
    int step; /* then: index into steps; else -1 */
    double sent, ok, errors, late, p50_ms, p99_ms;
};

/* What one process held by itself at one moment. */
enum record_own_what {
    RECORD_OWN_RSS,
    RECORD_OWN_NATIVE,
    RECORD_OWN_BLOCKS,
    RECORD_OWN_OBJECTS,
    RECORD_OWN_YOUNG,
    RECORD_OWN,
};

/* The column of processes.csv, and of barriers.csv for the sum. */
const char *record_own_name(enum record_own_what w);

struct record_own {
    double t_s, cpu_s;
    double v[RECORD_OWN]; /* NaN unknown */
};

struct record_process {
    int64_t pid;
    int64_t start; /* clock ticks since boot: stat field 22 */
    char *command;
    double first_s, last_s; /* samples it was seen in */
    double rss_first, rss_last, rss_max, pss_last;
    double cpu_first, cpu_last; /* used by then, seconds; NaN: unknown */
    struct record_own *own;     /* its readings, by time */
    size_t nown;
};

struct record {
    char *dir;  /* NULL for a bare CSV */
    char *name; /* scenario name, or the file's name */
    struct series samples;
    struct series barriers; /* row 0: after warm-up; then one per block */
    int *barrier_block;     /* block number of each barrier row */
    struct record_kind *kinds;
    size_t nkinds;
    struct record_driver *drivers;
    size_t ndrivers;
    char **steps; /* requests that only flows send, as requests.csv has them */
    size_t nsteps;
    struct record_object *objects;
    size_t nobjects;
    struct record_own_object *own_objects;
    size_t nown_objects;
    struct record_event *events;
    size_t nevents;
    struct record_second *seconds;
    size_t nseconds;
    struct record_process *processes;
    size_t nprocesses;
    struct policy policy;       /* from scenario.ini in the directory */
    struct diagnosis diagnosis; /* from diagnosis.json; ran: false if none */

    /* From run.json; strings may be NULL. */
    enum run_end end;
    char *end_detail; /* one line: "worker 4711 was OOM-killed" */
    int signal;       /* with RUN_INTERRUPTED */
    bool partial;     /* the run did not get to write its end */
    bool target_failed;
    bool rate_missed;   /* the generator could not keep its rate */
    char *load_trouble; /* what was wrong with the generator; NULL: nothing */
    char *started_utc, *tool_version, *host, *kernel, *command, *url;
    char *engine, *engine_why; /* which engine ran, and why */
    char *scenario_text;       /* scenario.ini, secrets already masked */
    double requests_total, errors_total, duration_s;
    double limit_bytes; /* memory limit of the target; NaN: none known */
    double harness_cpu_s, harness_rss_bytes;
    double sampler_cost_s; /* time spent reading, all sources */
    double late_p99_ms;    /* send lateness; NaN: closed model */
    char **notes;          /* named degradations, one line each */
    size_t nnotes;
};

/* Loads a run directory. Needs at least samples.csv, barriers.csv or (a target
 * that failed before its first sample) run.json; all else may be missing or
 * cut short. Gives a record to release. */
int record_load(const char *dir, struct record *out, struct err *err);

/* Makes a record of a bare CSV: samples only, policy_default. */
int record_from_csv(const char *path, struct record *out, struct err *err);

void record_release(struct record *r);

#endif
