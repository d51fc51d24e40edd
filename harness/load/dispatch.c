/* What is sent when: arrivals of the open model by the schedule, users of the
 * closed model one after the other, steps of flows; and what becomes of each
 * answer. */
#include "harness/load/worker.h"

#include "harness/base/clock.h"

#include <stddef.h>
#include <sys/timerfd.h>

/* ---- runs ---- */

static void user_wait(struct worker *w, struct run *r, int64_t now_ns,
                      int64_t least_ns);

/* A scenario whose requests cannot be rendered fails them at this pace. */
#define UNSENDABLE_PAUSE_NS CLOCK_NS_PER_MS

static size_t kind_index(const struct worker *w, const struct run *r)
{
    return (size_t)(r->kind - w->shared->traffic.kinds);
}

/* A kind is through, well or badly. A user goes on after `least_ns`. */
static void run_finish(struct worker *w, struct run *r, bool ok, int64_t now_ns,
                       int64_t least_ns)
{
    struct kind_counters *k = &w->counters.kinds[kind_index(w, r)];

    if (r->begun)
        counter_add(ok ? &k->ok : &k->errors, 1);
    pool_return_keep(w, r);
    r->busy = false;
    w->active--;
    if (r->is_user)
        user_wait(w, r, now_ns, least_ns);
    else
        pool_give(w, r);
}

/* Puts a rendered run to the end of the line for a connection. */
static void enqueue(struct worker *w, struct run *r)
{
    r->next = NULL;
    *w->waiting_tail = r;
    w->waiting_tail = &r->next;
}

/* Renders the step that is due and queues it. */
static void step_due(struct worker *w, struct run *r, int64_t due_ns)
{
    r->t.due_ns = due_ns;
    if (run_render(r, &w->shared->traffic) == 0) {
        pool_lend_keep(w, r);
        enqueue(w, r);
        return;
    }
    /* It counts as sent and failed, or the block would never end. */
    r->t.error = TRANSFER_OK;
    r->t.status = 0;
    r->t.sent_ns = r->t.end_ns = due_ns;
    if (!r->begun)
        counter_add(&w->counters.kinds[kind_index(w, r)].sent, 1);
    r->begun = true;
    tally_sent(w, r, due_ns);
    tally_done(w, r, RUN_UNSENDABLE);
    run_finish(w, r, false, due_ns, UNSENDABLE_PAUSE_NS);
}

static int64_t think(struct run *r, int64_t min_ns, int64_t max_ns)
{
    if (max_ns <= min_ns)
        return min_ns > 0 ? min_ns : 0;
    return min_ns + (int64_t)(rng_unit(&r->rng) * (double)(max_ns - min_ns));
}

static void next_step(struct worker *w, struct run *r, int64_t now_ns)
{
    const struct flow *f = r->kind->flow;
    int64_t pause;

    r->request = f->steps[++r->step];
    pause = think(r, f->think_min_ns, f->think_max_ns);
    if (pause > 0)
        wakeups_add(&w->wakeups, &r->wakeup, now_ns + pause);
    else
        step_due(w, r, now_ns);
}

/* Sends who waits, while there are connections. */
static void flush(struct worker *w)
{
    while (w->waiting != NULL && engine_ready(w->engine)) {
        struct run *r = w->waiting;
        int64_t now;

        w->waiting = r->next;
        if (w->waiting == NULL)
            w->waiting_tail = &w->waiting;
        r->in_flight = true;
        if (engine_submit(w->engine, &r->t) != 0) {
            /* ready() promised: but rather wait than lose one. */
            r->in_flight = false;
            r->next = w->waiting;
            if (w->waiting == NULL)
                w->waiting_tail = &r->next;
            w->waiting = r;
            return;
        }
        if (r->hops > 0)
            continue;
        now = r->t.sent_ns;
        if (!r->begun)
            counter_add(&w->counters.kinds[kind_index(w, r)].sent, 1);
        r->begun = true;
        tally_sent(w, r, now);
    }
}

void dispatch_done(struct transfer *t)
{
    struct run *r = t->user;
    struct worker *w = r->worker;
    int64_t now = t->told_ns > t->end_ns ? t->told_ns : t->end_ns;
    enum run_outcome outcome;
    bool more;

    r->in_flight = false;
    run_take_cookies(r, &w->shared->traffic);
    if (!w->cut && run_redirect(r, &w->shared->traffic) == 1) {
        pool_lend_keep(w, r);
        enqueue(w, r);
        flush(w);
        return;
    }
    outcome = run_judge(r, &w->shared->traffic, &w->capturers[r->request]);
    tally_done(w, r, outcome);
    more = r->step + 1 < r->kind->steps;
    if (outcome == RUN_OK && more && !w->cut)
        next_step(w, r, now);
    else
        run_finish(w, r, outcome == RUN_OK && !more, now, 0);
    if (w->pumping)
        return;
    flush(w);
    if (w->ended || w->starved || w->wakeups.n > 0)
        dispatch_pump(w);
}

/* ---- arrivals ---- */

static const struct traffic_kind *kind_of(struct worker *w, uint64_t i)
{
    const struct load_shared *s = w->shared;
    const struct replay *rp = &s->sc->replay;
    size_t k = 0;

    if (rp->nentries > 0) {
        const struct replay_entry *e =
            &rp->entries[(s->plan.replay_from + i) % rp->nentries];
        int kind = s->traffic.kind_of_request[e->request];

        return &s->traffic.kinds[kind >= 0 ? kind : 0];
    }
    /* The order is the same in every worker: skip the others' arrivals. */
    for (; w->ordered <= i; w->ordered++)
        k = order_next(w->order);
    return &s->traffic.kinds[k];
}

/* Recorded entries go round and round; between the last and the first lies
 * one average gap. */
static int64_t replay_due(const struct load_plan *p, const struct replay *rp,
                          uint64_t i)
{
    int64_t last = rp->entries[rp->nentries - 1].at_ns;
    int64_t round =
        last + (rp->nentries > 1 ? last / (int64_t)(rp->nentries - 1)
                                 : CLOCK_NS_PER_S);
    uint64_t at = p->replay_from + i;
    uint64_t rounds = at / rp->nentries - p->replay_from / rp->nentries;

    return p->t0_ns + (int64_t)rounds * round +
           rp->entries[at % rp->nentries].at_ns -
           rp->entries[p->replay_from % rp->nentries].at_ns;
}

static int64_t due_of(const struct worker *w, uint64_t i)
{
    const struct load_plan *p = &w->shared->plan;
    const struct replay *rp = &w->shared->sc->replay;

    if (i >= p->arrivals)
        return INT64_MAX;
    return rp->nentries > 0 ? replay_due(p, rp, i) : pacer_due(&p->pacer, i);
}

static void begin_kind(struct worker *w, struct run *r, uint64_t i)
{
    struct load_shared *s = w->shared;

    if (s->sc->replay.nentries > 0)
        atomic_fetch_add_explicit(&s->arrived, 1, memory_order_relaxed);
    run_begin(r, &s->traffic, kind_of(w, i),
              s->plan.phase.seed + 0x9e3779b97f4a7c15u * (i + 1));
    if (s->sc->replay.nentries > 0)
        r->path =
            s->sc->replay
                .entries[(s->plan.replay_from + i) % s->sc->replay.nentries]
                .path;
    w->active++;
}

/* A user wants its next arrival now, or parks when there is none. */
static void user_next(struct worker *w, struct run *r, int64_t now_ns)
{
    struct load_shared *s = w->shared;
    uint64_t i;

    if (w->ended)
        return;
    i = atomic_fetch_add_explicit(&s->next_arrival, 1, memory_order_relaxed);
    if (i >= s->plan.arrivals) {
        dispatch_end(w, now_ns, false);
        return;
    }
    begin_kind(w, r, i);
    step_due(w, r, now_ns);
}

static void user_wait(struct worker *w, struct run *r, int64_t now_ns,
                      int64_t least_ns)
{
    const struct scenario_load *l = &w->shared->sc->load;
    int64_t pause;

    if (w->ended)
        return;
    pause = think(r, l->think_min_ns, l->think_max_ns);
    if (pause < least_ns)
        pause = least_ns;
    if (pause > 0)
        wakeups_add(&w->wakeups, &r->wakeup, now_ns + pause);
    else
        user_next(w, r, now_ns);
}

static struct run *run_of_wakeup(struct wakeup *u)
{
    return (struct run *)(void *)((char *)u - offsetof(struct run, wakeup));
}

static void wake_due(struct worker *w, int64_t now_ns)
{
    struct wakeup *u;

    while ((u = wakeups_first(&w->wakeups)) != NULL && u->at_ns <= now_ns) {
        struct run *r = run_of_wakeup(u);

        wakeups_remove(&w->wakeups, u);
        if (r->busy)
            step_due(w, r, u->at_ns);
        else
            user_next(w, r, u->at_ns);
        flush(w);
    }
}

/* Waits, busily, for a deadline at most spin_ns away. */
static int64_t spin_until(const struct worker *w, int64_t due_ns,
                          int64_t now_ns)
{
    if (due_ns > now_ns && due_ns - now_ns <= w->shared->sc->load.spin_ns)
        while (now_ns < due_ns)
            now_ns = clock_now_ns();
    return now_ns;
}

static int64_t arrive(struct worker *w, int64_t now_ns)
{
    uint64_t arrivals = w->shared->plan.arrivals;

    while (!w->ended && engine_ready(w->engine)) {
        int64_t due;
        struct run *r;

        if (w->next >= arrivals) {
            dispatch_end(w, now_ns, false);
            break;
        }
        due = due_of(w, w->next);
        now_ns = spin_until(w, due, now_ns);
        if (due > now_ns || due >= w->shared->plan.end_ns)
            break;
        r = pool_take(w);
        w->starved = r == NULL;
        if (r == NULL)
            break;
        begin_kind(w, r, w->next);
        w->next += (uint64_t)w->shared->nworkers;
        step_due(w, r, due);
        flush(w);
        now_ns = clock_now_ns();
    }
    return now_ns;
}

/* ---- phases ---- */

void dispatch_begin(struct worker *w)
{
    struct load_shared *s = w->shared;
    const struct load_plan *p = &s->plan;
    const struct scenario_load *l = &s->sc->load;

    w->ended = w->cut = w->starved = false;
    w->ordered = 0;
    w->next = (uint64_t)w->index;
    w->drain_at_ns = INT64_MAX;
    if (s->traffic.nkinds > 0)
        order_start(w->order, p->shares, p->order_len, p->phase.seed);
    for (int i = 0; i < w->nusers; i++) {
        struct run *r = w->users[i];

        /* Users come in over one think time, or they all knock at once. */
        rng_init(&r->rng,
                 p->phase.seed ^ (uint64_t)(i * s->nworkers + w->index + 1));
        wakeups_add(&w->wakeups, &r->wakeup,
                    p->t0_ns + think(r, 0, l->think_max_ns));
    }
}

static int64_t drain_limit(const struct worker *w)
{
    const struct load_phase *p = &w->shared->plan.phase;

    return p->drain_ns > 0 ? p->drain_ns : w->shared->sc->load.timeout_ns;
}

/* Of our arrivals, those that were due and never sent. */
static void count_unsent(struct worker *w, int64_t now_ns)
{
    const struct load_plan *p = &w->shared->plan;
    uint64_t n = (uint64_t)w->shared->nworkers;
    int64_t until = now_ns < p->end_ns ? now_ns : p->end_ns;

    if (!worker_is_open_model(w))
        return;
    if (w->shared->sc->replay.nentries == 0) {
        uint64_t due = pacer_due_before(&p->pacer, until);

        if (due > p->arrivals)
            due = p->arrivals;
        if (due > w->next)
            counter_add(&w->counters.unsent, (due - w->next + n - 1) / n);
        return;
    }
    for (uint64_t i = w->next; due_of(w, i) < until; i += n)
        counter_add(&w->counters.unsent, 1);
}

/* Takes out of the line who has not begun. */
static void drop_waiting(struct worker *w, bool all, int64_t now_ns)
{
    struct run *r = w->waiting;

    w->waiting = NULL;
    w->waiting_tail = &w->waiting;
    while (r != NULL) {
        struct run *next = r->next;

        if (r->begun && !all) {
            enqueue(w, r);
        } else {
            if (!r->begun && worker_is_open_model(w))
                counter_add(&w->counters.unsent, 1);
            run_finish(w, r, false, now_ns, 0);
        }
        r = next;
    }
}

void dispatch_end(struct worker *w, int64_t now_ns, bool early)
{
    if (w->ended)
        return;
    w->ended = true;
    w->drain_at_ns = now_ns + drain_limit(w);
    if (early) {
        count_unsent(w, now_ns);
        drop_waiting(w, false, now_ns);
    }
    /* Users between two arrivals think no further. */
    for (int i = 0; i < w->nusers; i++)
        if (!w->users[i]->busy)
            wakeups_remove(&w->wakeups, &w->users[i]->wakeup);
}

void dispatch_cut(struct worker *w)
{
    struct wakeup *u;
    int64_t now = clock_now_ns();

    w->cut = true;
    drop_waiting(w, true, now);
    while ((u = wakeups_first(&w->wakeups)) != NULL) {
        wakeups_remove(&w->wakeups, u);
        run_finish(w, run_of_wakeup(u), false, now, 0);
    }
    engine_cancel_all(w->engine);
}

static void set_alarm(struct worker *w, int64_t at_ns)
{
    struct itimerspec ts = {0};

    if (at_ns == w->alarm_ns)
        return;
    w->alarm_ns = at_ns;
    if (at_ns != INT64_MAX) {
        if (at_ns < 1)
            at_ns = 1;
        ts.it_value.tv_sec = at_ns / CLOCK_NS_PER_S;
        ts.it_value.tv_nsec = at_ns % CLOCK_NS_PER_S;
    }
    timerfd_settime(w->alarm_fd, TFD_TIMER_ABSTIME, &ts, NULL);
}

/* When to look again without being told. */
static int64_t next_alarm(const struct worker *w)
{
    const struct load_plan *p = &w->shared->plan;
    const struct wakeup *u = wakeups_first(&w->wakeups);
    int64_t at = u != NULL ? u->at_ns : INT64_MAX;

    if (!w->running)
        return INT64_MAX;
    if (w->ended)
        return !w->cut && w->drain_at_ns < at ? w->drain_at_ns : at;
    if (p->end_ns < at)
        at = p->end_ns;
    if (worker_is_open_model(w) && !w->starved && engine_ready(w->engine)) {
        int64_t due = due_of(w, w->next);

        if (due != INT64_MAX && due - w->shared->sc->load.spin_ns < at)
            at = due - w->shared->sc->load.spin_ns;
    }
    return at;
}

void dispatch_pump(void *worker)
{
    struct worker *w = worker;
    int64_t now;

    if (w->pumping)
        return;
    if (!w->running) {
        set_alarm(w, INT64_MAX);
        return;
    }
    w->pumping = true;
    now = clock_now_ns();
    flush(w);
    wake_due(w, now);
    if (worker_is_open_model(w))
        now = arrive(w, now);
    if (!w->ended && now >= w->shared->plan.end_ns)
        dispatch_end(w, now, true);
    if (w->ended && !w->cut && w->active > 0 && now >= w->drain_at_ns)
        dispatch_cut(w);
    w->pumping = false;
    if (w->ended && w->active == 0 && w->running)
        worker_idle(w);
    set_alarm(w, next_alarm(w));
}
