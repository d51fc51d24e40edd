/* Counting what was sent and what came of it, in the worker's own counters. */
#include "harness/load/worker.h"

#include "harness/base/clock.h"

#define LATE_NS CLOCK_NS_PER_MS

static int64_t second_of(const struct worker *w, int64_t t_ns)
{
    return (t_ns -
            atomic_load_explicit(&w->shared->origin_ns, memory_order_relaxed)) /
           CLOCK_NS_PER_S;
}

static void keep_example(struct worker *w, const struct run *r,
                         enum run_outcome outcome)
{
    int detail = outcome == RUN_TRANSPORT ? (int)r->t.error : r->t.status;
    struct example *e;

    for (size_t i = 0; i < w->nexamples; i++) {
        e = &w->examples[i];
        if (e->request == r->request && e->outcome == (int)outcome &&
            e->detail == detail)
            return;
    }
    if (w->nexamples == WORKER_EXAMPLES)
        return;
    e = &w->examples[w->nexamples++];
    e->request = r->request;
    e->outcome = (int)outcome;
    e->detail = detail;
    run_describe(r, &w->shared->sc->requests[r->request], outcome, e->text,
                 sizeof e->text);
}

static void count_failure(struct worker *w, const struct run *r,
                          enum run_outcome outcome)
{
    struct counters *c = &w->counters;

    switch (outcome) {
    case RUN_TRANSPORT:
        counter_add(&c->by_error[r->t.error], 1);
        break;
    case RUN_STATUS:
        counter_add(&c->unexpected_status, 1);
        break;
    case RUN_CHECK:
        counter_add(&c->failed_checks, 1);
        break;
    case RUN_CAPTURE:
    case RUN_UNSENDABLE:
        counter_add(&c->failed_captures, 1);
        break;
    case RUN_OK:
        return;
    }
    keep_example(w, r, outcome);
}

/* Latencies are those of answers, and of requests that waited in vain until
 * their timeout; a refused connection is no fast answer. */
static void count_times(struct worker *w, const struct run *r)
{
    const struct transfer *t = &r->t;

    if (t->status == 0 && t->error != TRANSFER_TIMEOUT)
        return;
    histogram_record(w->service, t->end_ns - t->sent_ns);
    histogram_record(w->by_request[r->request], t->end_ns - t->due_ns);
}

void tally_done(struct worker *w, const struct run *r, enum run_outcome outcome)
{
    const struct transfer *t = &r->t;
    struct kind_counters *rq = &w->counters.requests[r->request];
    bool ok = outcome == RUN_OK;
    bool answered = t->status != 0 || t->error == TRANSFER_TIMEOUT;

    if (!ok)
        count_failure(w, r, outcome);
    count_times(w, r);
    counter_add(ok ? &rq->ok : &rq->errors, 1);
    counter_add(ok ? &w->counters.all.ok : &w->counters.all.errors, 1);
    seconds_done(w->seconds, second_of(w, t->end_ns), (size_t)r->request, ok,
                 answered ? t->end_ns - t->due_ns : -1);
}

void tally_sent(struct worker *w, const struct run *r, int64_t now_ns)
{
    int64_t lateness = now_ns - r->t.due_ns;
    bool late = worker_is_open_model(w) && lateness > LATE_NS;

    counter_add(&w->counters.all.sent, 1);
    counter_add(&w->counters.requests[r->request].sent, 1);
    if (worker_is_open_model(w))
        histogram_record(w->lateness, lateness);
    if (late)
        counter_add(&w->counters.late, 1);
    seconds_sent(w->seconds, second_of(w, now_ns), (size_t)r->request, late);
}
