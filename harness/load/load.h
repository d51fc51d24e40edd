/* The load: workers, pacers and counters, driven phase by phase by the
 * conductor. A machine, opaque.
 *
 * The conductor's thread opens, starts phases, stops and closes; load_counts
 * and load_requests may be called from any thread (the sampler's). Each
 * worker thread owns its loop, engine, pacer, users and histograms; they meet
 * the conductor through atomics and one uv_async handle. */
#ifndef PLATEAU_LOAD_LOAD_H
#define PLATEAU_LOAD_LOAD_H

#include "harness/base/err.h"
#include "harness/load/engine.h"
#include "harness/model/histogram.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct load;

/* What one phase shall do. It ends by itself at the first of its bounds, or
 * by load_stop; then in-flight transfers finish (drain), and `idle` fires. */
struct load_phase {
    uint64_t requests;   /* send this many (flows count their steps; a flow
                            begun is finished); 0: no bound */
    int64_t duration_ns; /* 0: no bound */
    double rate_from_rps, rate_to_rps; /* open model: linear between the two
                                          over duration_ns; equal: constant */
    const double *shares; /* mix by kind, summing to 1; NULL: the weights.
                             Copied. Requests of a block follow the shares
                             exactly (low-discrepancy order), not by chance */
    uint64_t seed;        /* of this phase's order */
    int64_t drain_ns;     /* longest wait for in-flight transfers, after that
                             they are cancelled and counted as errors; 0: the
                             request timeout */
};

/* Cumulative since load_open. */
struct load_kind_counts {
    uint64_t sent, ok, errors; /* completed = ok + errors */
};

struct load_counts {
    uint64_t sent, ok, errors;
    uint64_t late;   /* sent over 1 ms after they were due */
    uint64_t unsent; /* were due in a phase but never sent, since every
                        connection was busy until its time was over */
    uint64_t in_flight;
    uint64_t by_error[TRANSFER_ERRORS]; /* transport failures by class */
    uint64_t unexpected_status, failed_checks, failed_captures;
    uint64_t connects, retries, bytes_in, bytes_out;
};

/* One second of one request name, for requests.csv. A second in which a phase
 * ended may come in two parts: add them. */
struct load_second {
    int64_t second; /* since the load's origin */
    int kind;
    uint64_t sent, ok, errors, late;
    double p50_ms, p99_ms;
};

struct load_config {
    const struct scenario *scenario; /* borrowed for the load's life */
    struct uv_loop_s *loop;          /* the conductor's: `idle` fires there */
    void (*idle)(void *user);        /* a phase is over and drained */
    void *user;
};

/* Opens engine(s) and starts the worker threads, idle. Gives a machine. */
int load_open(const struct load_config *cfg, struct load **out,
              struct err *err);

/* Begins a phase; legal only when idle. The first phase sets the origin of
 * time (load_origin_ns). */
void load_start(struct load *l, const struct load_phase *phase);

/* Ends the phase early: no new requests, in-flight ones finish. */
void load_stop(struct load *l);

bool load_is_idle(const struct load *l);

/* When the first request was due, monotonic ns; 0 before that. Any thread. */
int64_t load_origin_ns(const struct load *l);

/* Completed requests so far, all kinds (ok and errors). Any thread. */
uint64_t load_requests(const struct load *l);

/* All counters; exact when idle. Any thread. `kinds` has room for
 * scenario_kinds(): a flow's counts are whole runs of it; NULL: not wanted.
 * `requests` has room for scenario.nrequests: requests by name, steps of
 * flows included; NULL: not wanted. */
void load_get_counts(const struct load *l, struct load_counts *out,
                     struct load_kind_counts *kinds,
                     struct load_kind_counts *requests);

/* Values first sent so far at scenario.sites[`site` - 1]; NaN: not counted, or
 * too many. Any thread. */
double load_distinct(const struct load *l, size_t site);

/* Takes at most `max` rows of the oldest finished second; returns how many, 0:
 * there is none. kind indexes scenario.requests. `*times`, unless `times` is
 * NULL, is what those of all kinds took to be answered in that second, or NULL
 * where the rows go on with the second of the call before; borrowed until the
 * next call. Conductor's thread. */
size_t load_take_seconds(struct load *l, struct load_second *out, size_t max,
                         const struct histogram **times);

/* What ran and why, static text. */
const char *load_engine_name(const struct load *l);
const char *load_engine_why(const struct load *l);

/* Merged over workers, exact when idle. Borrowed until the next call.
 * `response` counts from the due time, `service` from the send, `lateness` is
 * send minus due (open model; empty in the closed model). */
const struct histogram *load_response_times(struct load *l);
const struct histogram *load_service_times(struct load *l);
const struct histogram *load_lateness(struct load *l);
/* Response times of scenario.requests[`request`] alone. */
const struct histogram *load_request_times(struct load *l, size_t request);

/* A first example of each failure, for the report: "GET /x: 500 (expected
 * 200)". Escape at the sink. NULL behind the last. Conductor, when idle. */
const char *load_failure_example(const struct load *l, size_t i);

/* How many worker threads there are. */
int load_threads(const struct load *l);

/* CPU time of the worker threads so far, ns. Any thread. */
int64_t load_cpu_ns(const struct load *l);

/* Stops, cancels what is in flight, joins the threads, frees. Nulls. */
void load_close(struct load **l);

#endif
