/* The conductor's inside, shared by its two files: conductor.c (the target's
 * life, signals, the end) and conductor_steps.c (steps, barriers, errors). */
#ifndef PLATEAU_CLI_CONDUCTOR_IMPL_H
#define PLATEAU_CLI_CONDUCTOR_IMPL_H

#include "harness/cli/conductor.h"
#include "harness/cli/diagnose.h"
#include "harness/cli/plan.h"
#include "harness/cli/progress.h"
#include "harness/load/load.h"
#include "harness/sampler/sampler.h"
#include "harness/target/target.h"

#include <stdatomic.h>
#include <uv.h>

enum stage {
    STAGE_STARTING,   /* waiting for the target */
    STAGE_LOADING,    /* a step of the plan runs (or we observe) */
    STAGE_SETTLING,   /* drained; the settle timer runs */
    STAGE_ENDING,     /* load_stop was called; waiting for the drain */
    STAGE_DIAGNOSING, /* after the verdict; see diagnose.h */
    STAGE_STOPPING,   /* waiting for the target to stop */
    STAGE_DONE,
};

enum { CONDUCTOR_SIGNALS = 3 };

struct conductor {
    const struct conductor_config *cfg;
    const struct scenario *sc;
    uv_loop_t loop;
    uv_timer_t tick, settle, limit;
    uv_signal_t signal[CONDUCTOR_SIGNALS];
    uv_async_t alarm;
    uv_mutex_t alarm_lock; /* guards alarm_text; the sampler writes it */
    char alarm_text[512];

    struct rundir *rd;
    struct target *target;
    struct sampler *sampler;
    struct load *load;
    struct recorder *recorder;
    struct progress *progress;
    struct plan plan;
    size_t step; /* the step that runs, or the next one while settling */
    enum stage stage;
    bool error_storm;   /* too many requests failed: show one */
    bool final_barrier; /* the settle that runs is the last */
    int log_fd;
    atomic_llong origin_ns; /* of an observed run; else the load's */

    int64_t step_start_ns;
    uint64_t step_sent, step_done, step_errors; /* counters at its start */
    uint64_t last_requests;
    int64_t last_tick_ns;
    double rate_rps, memory_first;
    size_t missed, stepped;
    int last_block;
    double *values; /* one barrier's readings */
    struct run_ending ending;
    struct diagnose *diagnose;
    uv_work_t work;           /* of the diagnosis */
    char diagnosis_note[512]; /* why it was cut short; "": it was not */
    bool diagnosis_cut;       /* by a signal; the next one leaves */
    struct err err;           /* why the harness failed, if it did */
};

/* Seconds since load began. */
double conductor_seconds(struct conductor *c);

/* The run ends: drain, a last barrier where it is worth it, stop the target.
 * The first caller's words count; later ones are not heard. */
void conductor_finish(struct conductor *c, enum run_end end, const char *fmt,
                      ...) __attribute__((format(printf, 3, 4)));

/* As conductor_finish, for a fault of our own: exit code 5. */
void conductor_failed(struct conductor *c, const struct err *err);

/* All readings are taken: diagnoses where that is asked for and worth it,
 * writes the last documents, lets the target go. */
void conductor_wind_up(struct conductor *c);

/* The diagnosis' stretch of load is over. */
void conductor_diagnosed(struct conductor *c);

/* Makes the plan and starts its first step (or the first barrier). */
void conductor_begin_steps(struct conductor *c);

/* The load's `idle` callback. */
void conductor_on_idle(void *user);

/* True (and the run ends) when the step that runs fails too often. */
bool conductor_check_errors(struct conductor *c);

#endif
