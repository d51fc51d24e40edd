#include "harness/load/worker.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 250
#define SLICE_NS 100000u /* the shortest there is */

static int64_t second_now(const struct worker *w)
{
    int64_t origin =
        atomic_load_explicit(&w->shared->origin_ns, memory_order_relaxed);

    return origin > 0 ? (clock_now_ns() - origin) / CLOCK_NS_PER_S : 0;
}

static void publish_stats(struct worker *w)
{
    struct engine_stats s;

    engine_get_stats(w->engine, &s);
    counters_from_engine(&w->counters, &s);
}

void worker_idle(struct worker *w)
{
    w->running = false;
    publish_stats(w);
    /* Release: whoever sees us idle sees all our counts. */
    if (atomic_fetch_sub_explicit(&w->shared->busy, 1, memory_order_acq_rel) ==
        1)
        uv_async_send(w->shared->idle);
}

static void on_tick(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    seconds_pass(w->seconds, second_now(w));
    if (w->running)
        publish_stats(w);
}

static void on_alarm(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;

    (void)status;
    (void)events;
    /* Not read: setting it anew clears it, and the pump always does. */
    w->alarm_ns = 0;
    dispatch_pump(w);
}

static void on_engine_closed(void *user)
{
    struct worker *w = user;

    w->engine_closed = true;
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->alarm, NULL);
}

static void on_wake(uv_async_t *async)
{
    struct worker *w = async->data;
    struct load_shared *s = w->shared;
    uint64_t phase = atomic_load_explicit(&s->phase_no, memory_order_acquire);

    if (atomic_load_explicit(&s->quit, memory_order_acquire)) {
        if (w->running) {
            dispatch_end(w, clock_now_ns(), true);
            dispatch_cut(w);
            w->running = false;
        }
        if (w->engine != NULL)
            engine_close(&w->engine, on_engine_closed, w);
        return;
    }
    if (phase != w->phase_no) {
        w->phase_no = phase;
        w->running = true;
        dispatch_begin(w);
    }
    if (w->running &&
        atomic_load_explicit(&s->stop_no, memory_order_acquire) >= phase)
        dispatch_end(w, clock_now_ns(), true);
    dispatch_pump(w);
}

/* The worker's signals are the main thread's business. */
static void block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* Asks for a short time slice: since Linux 6.12 a thread that has one is let
 * in ahead of who is in the middle of a longer slice, so that a request is not
 * sent milliseconds late since somebody else is on the core. Takes no more
 * than its share of the CPU, needs no privilege; older kernels ignore it. */
static void be_punctual(void)
{
#ifdef SYS_sched_setattr
    /* struct sched_attr of the first kernel that had it; glibc has none. */
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice_ns, deadline_ns, period_ns;
    } a = {.size = sizeof a, .policy = SCHED_OTHER, .slice_ns = SLICE_NS};

    errno = 0;
    a.nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && sched_getscheduler(0) == SCHED_OTHER)
        (void)syscall(SYS_sched_setattr, 0, &a, 0u);
#endif
}

/* In the closed model without think time requests go out as fast as it goes,
 * not at a time that somebody gave. */
static bool may_rest(const struct worker *w)
{
    const struct scenario *sc = w->shared->sc;
    bool thinks = sc->load.think_min_ns > 0 || sc->load.think_max_ns > 0;

    for (size_t i = 0; i < sc->nflows; i++)
        thinks = thinks || sc->flows[i].think_min_ns > 0 ||
                 sc->flows[i].think_max_ns > 0;
    return !worker_is_open_model(w) && !thinks;
}

static int open_loop(struct worker *w, struct err *err)
{
    struct load_shared *s = w->shared;
    struct engine_config cfg = {
        .loop = &w->loop,
        .scenario = s->sc,
        .connections = w->connections,
        .sessions = w->nusers,
        .worker = w->index,
        .may_rest = may_rest(w),
    };

    w->alarm_ns = INT64_MAX;
    w->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->alarm_fd < 0)
        return err_set(err, "timerfd: %s", strerror(errno));
    uv_async_init(&w->loop, &w->wake, on_wake);
    uv_timer_init(&w->loop, &w->tick);
    uv_poll_init(&w->loop, &w->alarm, w->alarm_fd);
    w->wake.data = w->tick.data = w->alarm.data = w;
    uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    uv_poll_start(&w->alarm, UV_READABLE, on_alarm);
    if (pool_open(w, err) != 0 ||
        engine_open(s->engine_name, &cfg, &w->engine, err) != 0) {
        on_engine_closed(w);
        return -1;
    }
    engine_on_ready(w->engine, dispatch_pump, w);
    return 0;
}

static void thread_main(void *arg)
{
    struct worker *w = arg;
    struct timespec cpu;

    block_signals();
    pthread_setname_np(pthread_self(), "load");
    if (worker_is_open_model(w))
        be_punctual();
    if (uv_loop_init(&w->loop) != 0) {
        w->open_rc = err_set(&w->open_err, "cannot make an event loop");
        uv_sem_post(&w->opened);
        return;
    }
    w->open_rc = open_loop(w, &w->open_err);
    uv_sem_post(&w->opened);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    /* The loop must close empty: a handle left is a bug of ours. */
    assert(uv_loop_close(&w->loop) == 0);
    if (w->alarm_fd >= 0)
        close(w->alarm_fd);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    atomic_store(&w->final_cpu_ns,
                 (int64_t)cpu.tv_sec * CLOCK_NS_PER_S + cpu.tv_nsec);
}

int worker_start(struct worker *w, struct err *err)
{
    size_t n = w->shared->sc->nrequests;

    counters_init(&w->counters, w->shared->traffic.nkinds, n);
    w->service = histogram_new();
    w->lateness = histogram_new();
    w->by_request = mem_zalloc(n, sizeof(struct histogram *));
    for (size_t i = 0; i < n; i++)
        w->by_request[i] = histogram_new();
    w->seconds = seconds_new(n);
    w->joined = true;
    w->alarm_fd = -1;
    uv_sem_init(&w->opened, 0);
    if (uv_thread_create(&w->thread, thread_main, w) != 0)
        return err_set(err, "cannot start a load thread");
    w->joined = false;
    uv_sem_wait(&w->opened);
    if (w->open_rc == 0)
        return 0;
    if (err != NULL)
        *err = w->open_err;
    return -1;
}

void worker_join(struct worker *w)
{
    if (w->joined)
        return;
    if (w->open_rc == 0)
        uv_async_send(&w->wake);
    uv_thread_join(&w->thread);
    w->joined = true;
}

void worker_release(struct worker *w)
{
    assert(w->joined);
    pool_release(w);
    counters_release(&w->counters);
    histogram_free(w->service);
    histogram_free(w->lateness);
    for (size_t i = 0; i < w->shared->sc->nrequests; i++)
        histogram_free(w->by_request[i]);
    free(w->by_request);
    seconds_free(w->seconds);
    uv_sem_destroy(&w->opened);
}

int64_t worker_cpu_ns(struct worker *w)
{
    int64_t done = atomic_load(&w->final_cpu_ns);
    clockid_t id;
    struct timespec ts;

    if (done > 0 || w->joined)
        return done;
    if (pthread_getcpuclockid(w->thread, &id) != 0 ||
        clock_gettime(id, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}
