/* A load worker: one thread, one loop, one engine; pacer, runs, counters and
 * histograms of its own. Internal to harness/load: load.c starts workers and
 * tells them what to do through `struct load_shared`; dispatch.c decides what
 * is sent when; worker.c runs the thread and the phases. */
#ifndef PLATEAU_LOAD_WORKER_H
#define PLATEAU_LOAD_WORKER_H

#include "harness/load/counters.h"
#include "harness/load/order.h"
#include "harness/load/pacer.h"
#include "harness/load/run.h"
#include "harness/load/seconds.h"

#include <stdatomic.h>
#include <uv.h>

#define WORKER_EXAMPLES 16

/* A phase as all workers see it; written by the conductor while they idle. */
struct load_plan {
    struct load_phase phase;
    double *shares;        /* by kind */
    uint64_t arrivals;     /* of all workers; UINT64_MAX: no bound */
    uint64_t order_len;    /* for order_start */
    int64_t t0_ns, end_ns; /* end: INT64_MAX without bound */
    struct pacer pacer;
    uint64_t replay_from; /* entry of arrival 0 */
};

/* What the conductor and the workers share. */
struct load_shared {
    const struct scenario *sc;
    struct traffic traffic;
    const char *engine_name;
    struct load_plan plan;
    int nworkers;
    _Atomic uint64_t phase_no; /* the phase to run, from 1 */
    _Atomic uint64_t stop_no;  /* phases up to this one shall end */
    _Atomic bool quit;
    _Atomic int busy;              /* workers not idle yet */
    _Atomic uint64_t next_arrival; /* closed model */
    _Atomic uint64_t arrived;      /* begun in this phase, all workers */
    _Atomic int64_t origin_ns;
    uv_async_t *idle; /* sent by the last worker to idle */
};

/* A first example of each failure. */
struct example {
    int request, outcome, detail;
    char text[400];
};

struct worker {
    struct load_shared *shared;
    int index;
    int connections;
    int nusers; /* 0: open model */

    uv_thread_t thread;
    bool joined;
    uv_sem_t opened; /* posted when the thread is ready or has failed */
    int open_rc;
    struct err open_err;
    _Atomic int64_t final_cpu_ns; /* set when the thread ends */

    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick;
    uv_poll_t alarm;
    int alarm_fd;
    int64_t alarm_ns; /* what it is set to; INT64_MAX: off */
    struct engine *engine;
    bool engine_closed;

    struct counters counters;
    struct histogram *service, *lateness;
    struct histogram **by_request; /* response times */
    struct seconds *seconds;
    struct example examples[WORKER_EXAMPLES];
    size_t nexamples;

    struct order *order;
    uint64_t ordered;            /* arrivals drawn from `order` so far */
    struct capturers *capturers; /* by request */
    struct run *all_runs, *free_runs, **users;
    size_t nruns;
    struct keep *free_keeps, *keeps;     /* `keeps`: those made at the start */
    char *keeps_room;                    /* their bytes */
    struct run *waiting, **waiting_tail; /* rendered, for a connection */
    struct wakeups wakeups;

    uint64_t phase_no;
    bool running; /* a phase is on, arrivals or draining */
    bool ended;   /* no more arrivals */
    bool cut;     /* drained long enough: nothing goes on */
    bool pumping;
    bool starved;  /* the pool was empty for an arrival that is due */
    uint64_t next; /* next arrival of the open model */
    int64_t drain_at_ns;
    size_t active; /* runs within a kind */
};

/* Starts the thread; returns when its engine is open, or -1. */
int worker_start(struct worker *w, struct err *err);
/* Waits for the end of the thread (load_shared.quit set, wake sent). */
void worker_join(struct worker *w);
/* Frees what the worker kept; the thread has ended. */
void worker_release(struct worker *w);

int64_t worker_cpu_ns(struct worker *w);

/* The closed model has users, the open model arrivals. */
static inline bool worker_is_open_model(const struct worker *w)
{
    return w->nusers == 0;
}

/* pool.c, worker's thread (release: after it). */

/* Allocates runs, users, buffers; compiles captures. */
int pool_open(struct worker *w, struct err *err);
void pool_release(struct worker *w);
/* A run from the pool; NULL: too many are under way. */
struct run *pool_take(struct worker *w);
void pool_give(struct worker *w, struct run *r);
/* Lends `r` room for what its request keeps of an answer, if anything. */
void pool_lend_keep(struct worker *w, struct run *r);
void pool_return_keep(struct worker *w, struct run *r);

/* tally.c, worker's thread. */
void tally_sent(struct worker *w, const struct run *r, int64_t now_ns);
void tally_done(struct worker *w, const struct run *r,
                enum run_outcome outcome);

/* dispatch.c, worker's thread. */

/* The `done` of every run's transfer. */
void dispatch_done(struct transfer *t);
/* Begins and ends the arrivals of a phase. */
void dispatch_begin(struct worker *w);
void dispatch_end(struct worker *w, int64_t now_ns, bool early);
/* Sends what is due, sets the alarm. */
void dispatch_pump(void *worker);
/* Ends all that is not in flight; cancels what is. */
void dispatch_cut(struct worker *w);

/* worker.c: called by dispatch when nothing is active any more. */
void worker_idle(struct worker *w);

#endif
