/* One run of a kind of traffic: a single request, or a flow's steps one after
 * the other, with what they carry along (captures, cookies, feeder rows). In
 * the closed model a run is a virtual user and lives on. Renders and judges;
 * when to send is the worker's business. One thread. */
#ifndef PLATEAU_LOAD_RUN_H
#define PLATEAU_LOAD_RUN_H

#include "harness/base/rng.h"
#include "harness/load/capture.h"
#include "harness/load/cookies.h"
#include "harness/load/engine.h"
#include "harness/load/traffic.h"
#include "harness/load/wakeups.h"

struct worker;

/* Room for a response's kept bytes; lent to a run while it is in flight. */
struct keep {
    struct keep *next;
    char *body, *headers; /* one allocation */
    bool pooled;          /* the worker's, not its own */
};

/* The capturers of one request, compiled for one worker. */
struct capturers {
    struct capturer *at;
    size_t n;
};

struct run {
    struct transfer t; /* t.user is the run */
    struct wakeup wakeup;
    struct worker *worker;
    struct run *next; /* in a list of the worker's */
    struct run *all_next;
    const struct traffic_kind *kind;
    size_t step;
    int request;      /* index of the current step's request */
    const char *path; /* a replay's, as recorded; NULL: the request's own */
    bool is_user;     /* closed model: takes the next arrival when done */
    bool busy;        /* within a kind: a request is due, sent or thought
                         about */
    bool in_flight;
    bool begun; /* the first step of the kind was sent */
    int hops;   /* redirects followed for the current step */
    struct rng rng;
    size_t *feeder_row;
    struct buf target, headers, body, host, url;
    struct buf *captured; /* by place in scenario.captured */
    const char **captured_p;
    size_t *captured_len;
    size_t ncaptured;
    struct keep *keep;
    struct jar *jar; /* NULL: no cookies */
};

enum run_outcome {
    RUN_OK,
    RUN_TRANSPORT, /* t.error says which */
    RUN_STATUS,
    RUN_CHECK,
    RUN_CAPTURE,
    RUN_UNSENDABLE, /* a template rendered to something too long */
};

/* Gives a run for the scenario of `tr`, with the room its texts take. */
struct run *run_new(const struct traffic *tr);
void run_free(struct run *r);

/* Begins `kind`: takes the feeder rows, seeds the random numbers with
 * `seed`, forgets captures and cookies unless it is a user. */
void run_begin(struct run *r, struct traffic *t,
               const struct traffic_kind *kind, uint64_t seed);

/* Renders the current step into r->t. -1: it cannot be sent. */
int run_render(struct run *r, struct traffic *t);

/* Puts the cookies of the finished transfer into the run's jar, if any. */
void run_take_cookies(struct run *r, const struct traffic *t);

/* Judges the finished transfer and takes captures. */
enum run_outcome run_judge(struct run *r, struct traffic *t,
                           const struct capturers *capturers);

/* When the finished transfer is a redirect to be followed: makes r->t the
 * next hop and returns 1; 0: none; -1: one that must not be followed
 * (r->t.error becomes TRANSFER_REDIRECT). */
int run_redirect(struct run *r, struct traffic *t);

/* "GET /x: 500 (expected 200)" into `out`; secrets are masked by the reader
 * of it. */
void run_describe(const struct run *r, const struct request *rq,
                  enum run_outcome outcome, char *out, size_t max);

#endif
