#include "harness/cli/conductor_impl.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/cli/options.h"
#include "harness/cli/target_log.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 250, MOST_ROOTS = 64 };

static const int signals[CONDUCTOR_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

/* ---- what the sampler's thread asks ---- */

static uint64_t ask_requests(void *user)
{
    struct conductor *c = user;

    return c->load != NULL ? load_requests(c->load) : 0;
}

static int64_t ask_origin(void *user)
{
    struct conductor *c = user;

    if (c->cfg->observe)
        return atomic_load(&c->origin_ns);
    return c->load != NULL ? load_origin_ns(c->load) : 0;
}

static void on_sampler_alarm(void *user, const char *what, const char *detail)
{
    struct conductor *c = user;

    uv_mutex_lock(&c->alarm_lock);
    if (c->alarm_text[0] == '\0')
        snprintf(c->alarm_text, sizeof c->alarm_text, "%s", detail);
    uv_mutex_unlock(&c->alarm_lock);
    (void)what;
    uv_async_send(&c->alarm);
}

/* ---- the end ---- */

double conductor_seconds(struct conductor *c)
{
    int64_t origin = ask_origin(c);

    return origin > 0 ? (double)(clock_now_ns() - origin) / 1e9 : 0;
}

/* Everything is recorded: write the last documents, let the target go. */
static void stop_target(struct conductor *c)
{
    struct err err = {""};

    c->stage = STAGE_STOPPING;
    if (c->sampler != NULL)
        sampler_stop(c->sampler);
    if (c->recorder != NULL &&
        recorder_meta(c->recorder, &c->ending, &err) != 0)
        c->err = err;
    progress_phase(c->progress, "stopping the target");
    if (c->target != NULL)
        target_stop(c->target);
    else
        uv_stop(&c->loop);
}

/* ---- the diagnosis: on a thread of libuv's pool, so that signals are heard
 * meanwhile ---- */

static void on_diagnosed(uv_work_t *work, int status)
{
    struct conductor *c = work->data;

    (void)status;
    diagnose_write(c->diagnose, c->diagnosis_note);
    stop_target(c);
}

static void run_after(uv_work_t *work)
{
    struct conductor *c = work->data;

    diagnose_after(c->diagnose,
                   (double)(load_requests(c->load) - c->step_done));
}

void conductor_diagnosed(struct conductor *c)
{
    uv_queue_work(&c->loop, &c->work, run_after, on_diagnosed);
}

static void run_before(uv_work_t *work)
{
    struct conductor *c = work->data;

    diagnose_before(c->diagnose);
}

static void on_prepared(uv_work_t *work, int status)
{
    struct conductor *c = work->data;
    struct load_phase phase = {
        .requests = c->sc->load.block_requests,
        .rate_from_rps = c->sc->load.rate_rps,
        .rate_to_rps = c->sc->load.rate_rps,
    };

    (void)status;
    c->step_done = load_requests(c->load);
    if (c->diagnosis_note[0] != '\0') { /* nobody to send requests to */
        conductor_diagnosed(c);
        return;
    }
    diagnose_bound(c->diagnose, c->sc, &phase);
    load_start(c->load, &phase);
}

/* A leak is worth a look at its holder while the target still lives. */
static bool start_diagnosis(struct conductor *c)
{
    struct proc_id roots[MOST_ROOTS];
    int64_t guardian = 0;
    size_t n = target_roots(c->target, roots, MOST_ROOTS, &guardian);

    if (!diagnose_open(c->rd, c->sc, roots, n, guardian, &c->diagnose))
        return false;
    c->stage = STAGE_DIAGNOSING;
    progress_phase(c->progress, "a leak; looking for its holder");
    rundir_event(c->rd, conductor_seconds(c), "phase", 0, "diagnose");
    sampler_set_phase(c->sampler, PHASE_DIAGNOSE);
    c->work.data = c;
    uv_queue_work(&c->loop, &c->work, run_before, on_prepared);
    return true;
}

/* The verdict stands; the diagnosis ends with what it has. */
static void cut_diagnosis(struct conductor *c, const char *why)
{
    if (c->diagnosis_note[0] == '\0')
        snprintf(c->diagnosis_note, sizeof c->diagnosis_note,
                 "the diagnosis was cut short: %.400s", why);
    diagnose_hurry(c->diagnose);
    if (!load_is_idle(c->load))
        load_stop(c->load);
}

/* Says what a failed request looked like; known only when the load is idle. */
static void add_example(struct conductor *c)
{
    const char *example = load_failure_example(c->load, 0);
    size_t n = strlen(c->ending.detail);

    if (example != NULL && n < sizeof c->ending.detail)
        snprintf(c->ending.detail + n, sizeof c->ending.detail - n, ", e.g. %s",
                 example);
}

void conductor_wind_up(struct conductor *c)
{
    struct err err = {""};
    enum run_end end = c->ending.end;

    uv_timer_stop(&c->settle);
    uv_timer_stop(&c->limit);
    c->ending.duration_s = conductor_seconds(c);
    if (c->error_storm)
        add_example(c);
    if (c->recorder != NULL && recorder_freeze(c->recorder, &err) != 0)
        c->err = err;
    if (c->sc->policy.diagnose != DIAGNOSE_OFF && c->load != NULL &&
        (end == RUN_COMPLETE || end == RUN_CERTAIN || end == RUN_MAX_TIME) &&
        start_diagnosis(c))
        return;
    stop_target(c);
}

/* The first word on how the run ends; later ones are not heard. */
static void say_ending(struct conductor *c, enum run_end end, const char *text)
{
    if (c->ending.end != RUN_UNKNOWN)
        return;
    c->ending.end = end;
    c->ending.target_failed = end == RUN_TARGET_FAILED;
    snprintf(c->ending.detail, sizeof c->ending.detail, "%s", text);
    if (c->rd != NULL)
        rundir_event(c->rd, conductor_seconds(c), "end", 0, "%s%s%s",
                     run_end_name(end), text[0] != '\0' ? ": " : "", text);
}

void conductor_finish(struct conductor *c, enum run_end end, const char *fmt,
                      ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    say_ending(c, end, text);
    if (c->stage == STAGE_DIAGNOSING)
        cut_diagnosis(c, text);
    if (c->stage >= STAGE_ENDING)
        return;
    if (c->load != NULL && !load_is_idle(c->load)) {
        c->stage = STAGE_ENDING;
        sampler_set_phase(c->sampler, PHASE_DRAIN);
        load_stop(c->load);
        return; /* on_idle goes on */
    }
    conductor_wind_up(c);
}

void conductor_failed(struct conductor *c, const struct err *err)
{
    if (c->err.msg[0] == '\0')
        c->err = *err;
    conductor_finish(c, RUN_HARNESS_FAILED, "%s", err->msg);
}

/* ---- the target's life ---- */

static int open_sampler(struct conductor *c, struct err *err)
{
    struct proc_id roots[MOST_ROOTS];
    int64_t guardian = 0;
    size_t n = target_roots(c->target, roots, MOST_ROOTS, &guardian);
    struct sampler_config cfg = {
        .sample = &c->sc->sample,
        .scenario = c->sc,
        .rundir = c->rd,
        .roots = roots,
        .nroots = n,
        .guardian = guardian,
        .cgroup = target_cgroup(c->target),
        .limit_bytes = c->sc->policy.limit_bytes > 0
                           ? c->sc->policy.limit_bytes
                           : c->sc->target.memory_limit_bytes,
        .requests = c->cfg->observe ? NULL : ask_requests,
        .origin_ns = ask_origin,
        .alarm = on_sampler_alarm,
        .user = c,
    };
    const char *const *names;

    c->ending.target_pid = n > 0 ? roots[0].pid : 0;
    if (sampler_open(&cfg, &c->sampler, err) != 0)
        return -1;
    c->values =
        mem_zalloc(sampler_metrics(c->sampler, &names), sizeof *c->values);
    return 0;
}

static void begin_observing(struct conductor *c)
{
    atomic_store(&c->origin_ns, clock_now_ns());
    sampler_start(c->sampler);
    sampler_set_phase(c->sampler, PHASE_LOAD);
    c->stage = STAGE_LOADING;
    if (c->cfg->observe_ns > 0)
        progress_phase(c->progress, "observing for %.0f s",
                       (double)c->cfg->observe_ns / 1e9);
    else
        progress_phase(c->progress, "observing until Ctrl-C");
}

static void begin(struct conductor *c)
{
    struct load_config lc = {.scenario = c->sc,
                             .loop = &c->loop,
                             .idle = conductor_on_idle,
                             .user = c};
    struct err err = {""};

    if (open_sampler(c, &err) != 0 ||
        (!c->cfg->observe && load_open(&lc, &c->load, &err) != 0) ||
        recorder_attach(c->recorder, c->load, c->sampler, &err) != 0) {
        conductor_failed(c, &err);
        return;
    }
    if (c->cfg->observe) {
        begin_observing(c);
        return;
    }
    sampler_set_phase(c->sampler, PHASE_START);
    sampler_start(c->sampler);
    conductor_begin_steps(c);
}

/* A command that is observed may come to its end; a service that we watch
 * may not vanish before the time asked for is over. */
static bool may_end(const struct conductor *c)
{
    return c->cfg->observe &&
           (c->cfg->observe_ns == 0 || target_is_ours(c->target));
}

static void on_target(void *user, enum target_event what, const char *detail)
{
    struct conductor *c = user;

    switch (what) {
    case TARGET_STARTED:
        rundir_event(c->rd, 0, "target_started", 0, "%s", detail);
        break;
    case TARGET_READY:
        rundir_event(c->rd, 0, "target_ready", 0, "%s", detail);
        if (c->stage == STAGE_STARTING)
            begin(c);
        break;
    case TARGET_NOT_READY:
        conductor_finish(c, RUN_TARGET_FAILED,
                         "the target did not get ready: %s", detail);
        break;
    case TARGET_EXITED:
        if (c->sampler != NULL)
            sampler_oom_recheck(c->sampler);
        if (may_end(c) && c->stage == STAGE_LOADING)
            conductor_finish(c, RUN_COMPLETE, "the observed process ended: %s",
                             detail);
        else
            conductor_finish(c, RUN_TARGET_FAILED, "the target ended: %s",
                             detail);
        break;
    case TARGET_STOPPED:
        c->stage = STAGE_DONE;
        uv_stop(&c->loop);
        break;
    }
}

static void on_alarm(uv_async_t *async)
{
    struct conductor *c = async->data;
    char text[sizeof c->alarm_text];

    uv_mutex_lock(&c->alarm_lock);
    memcpy(text, c->alarm_text, sizeof text);
    uv_mutex_unlock(&c->alarm_lock);
    if (may_end(c) && sampler_oom_kills(c->sampler) == 0)
        conductor_finish(c, RUN_COMPLETE, "%s", text);
    else
        conductor_finish(c, RUN_TARGET_FAILED, "%s", text);
}

/* ---- ticks and signals ---- */

static void show(struct conductor *c)
{
    struct progress_state s = {.block = c->last_block,
                               .blocks = c->sc->load.blocks,
                               .rate_rps = c->rate_rps,
                               .memory_first = c->memory_first,
                               .elapsed_s = conductor_seconds(c)};
    struct load_counts n;

    if (c->sampler == NULL)
        return;
    s.memory_name = "PSS";
    s.memory_bytes = sampler_peek(c->sampler, "pss_bytes");
    if (isnan(s.memory_bytes)) {
        s.memory_name = "RSS";
        s.memory_bytes = sampler_peek(c->sampler, "rss_bytes");
    }
    if (c->load != NULL) {
        load_get_counts(c->load, &n, NULL, NULL);
        s.requests = n.ok + n.errors;
        s.errors = (double)n.errors;
    }
    progress_tick(c->progress, &s);
}

static void on_tick(uv_timer_t *timer)
{
    struct conductor *c = timer->data;
    int64_t now = clock_now_ns();
    uint64_t requests = ask_requests(c);

    if (rundir_failed(c->rd) != NULL && c->stage < STAGE_ENDING) {
        struct err err = {""};

        err_set(&err, "%s", rundir_failed(c->rd));
        conductor_failed(c, &err);
        return;
    }
    if (now - c->last_tick_ns >= CLOCK_NS_PER_S) {
        c->rate_rps = (double)(requests - c->last_requests) * 1e9 /
                      (double)(now - c->last_tick_ns);
        c->last_requests = requests;
        c->last_tick_ns = now;
        if (c->load != NULL)
            recorder_seconds(c->recorder);
        if (c->load != NULL && c->stage == STAGE_LOADING &&
            conductor_check_errors(c))
            return;
    }
    if (c->cfg->observe && c->cfg->observe_ns > 0 &&
        c->stage == STAGE_LOADING &&
        now - atomic_load(&c->origin_ns) >= c->cfg->observe_ns)
        conductor_finish(c, RUN_COMPLETE, "%s", "");
    show(c);
}

/* The verdict does not need the log: without it the run goes on. */
static void mask_log(struct conductor *c)
{
    struct err err;

    if (c->log_fd >= 0 && target_log_mask(c->rd, c->sc, &err) != 0)
        complain("%s", err.msg);
}

/* First: stop, drain, judge what there is. Second: flush and leave; the
 * guardian ends the target when our pipe to it closes. */
static void on_signal(uv_signal_t *handle, int signum)
{
    struct conductor *c = handle->data;
    struct err err = {""};

    if (c->ending.signal != 0 || c->diagnosis_cut) {
        if (c->recorder != NULL)
            recorder_meta(c->recorder, &c->ending, &err);
        progress_close(&c->progress);
        mask_log(c);
        _exit(128 + signum);
    }
    if (c->stage == STAGE_DIAGNOSING) {
        c->diagnosis_cut = true;
        cut_diagnosis(c, strsignal(signum));
        return;
    }
    c->ending.signal = signum;
    progress_say(c->progress, "plateau: stopping (%s); once more to leave now",
                 strsignal(signum));
    if (c->stage == STAGE_SETTLING) {
        c->final_barrier = true;
        say_ending(c, RUN_INTERRUPTED, strsignal(signum));
        return;
    }
    conductor_finish(c, RUN_INTERRUPTED, "%s", strsignal(signum));
}

/* ---- set-up and tear-down ---- */

static void open_handles(struct conductor *c)
{
    uv_loop_init(&c->loop);
    uv_mutex_init(&c->alarm_lock);
    uv_timer_init(&c->loop, &c->tick);
    uv_timer_init(&c->loop, &c->settle);
    uv_timer_init(&c->loop, &c->limit);
    uv_async_init(&c->loop, &c->alarm, on_alarm);
    c->tick.data = c->settle.data = c->limit.data = c->alarm.data = c;
    uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
    for (int i = 0; i < CONDUCTOR_SIGNALS; i++) {
        uv_signal_init(&c->loop, &c->signal[i]);
        c->signal[i].data = c;
        uv_signal_start(&c->signal[i], on_signal, signals[i]);
    }
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void close_all(struct conductor *c)
{
    diagnose_close(&c->diagnose);
    sampler_close(&c->sampler);
    load_close(&c->load);
    target_close(&c->target);
    recorder_close(&c->recorder);
    progress_close(&c->progress);
    plan_release(&c->plan);
    uv_walk(&c->loop, close_handle, NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
    uv_mutex_destroy(&c->alarm_lock);
    mask_log(c);
    if (c->log_fd >= 0)
        close(c->log_fd);
    rundir_close(&c->rd);
    free(c->values);
}

/* --verbose: each event as it comes. Any thread. */
static void tell_event(void *ctx, double t_s, const char *what, int64_t pid,
                       const char *detail)
{
    struct buf line;

    (void)ctx;
    buf_init(&line, 1 << 14);
    buf_addf(&line, "plateau: %.3f s  %s", t_s, what);
    if (pid > 0)
        buf_addf(&line, " %" PRId64, pid);
    buf_addc(&line, ' ');
    escape_text(&line, detail, strlen(detail));
    fprintf(stderr, "%s\n", buf_str(&line));
    buf_release(&line);
}

static int open_all(struct conductor *c, struct conductor_result *result)
{
    struct target_config tc = {
        .scenario = c->sc, .loop = &c->loop, .on_event = on_target, .user = c};
    struct err err = {""};

    if (rundir_create(c->cfg->out_dir, c->sc->name, &c->rd, &c->err) != 0)
        return -1;
    result->dir = mem_strdup(rundir_path(c->rd));
    if (c->cfg->verbose)
        rundir_listen(c->rd, tell_event, NULL);
    progress_say(c->progress, "plateau: recording into %s", result->dir);
    c->log_fd = target_log_open(c->rd, c->sc, &c->err);
    if (c->log_fd < 0)
        return -1;
    tc.log_fd = c->log_fd;
    if (recorder_open(c->rd, c->sc,
                      c->sc->target.command ? c->sc->target.command : "",
                      &c->recorder, &c->err) != 0)
        return -1;
    progress_phase(c->progress, c->sc->target.command != NULL
                                    ? "starting the target"
                                    : "finding the target");
    if (target_open(&tc, &c->target, &err) != 0) {
        conductor_finish(c, RUN_TARGET_FAILED, "%s", err.msg);
        return 0;
    }
    return 0;
}

int conductor_run(const struct conductor_config *cfg,
                  struct conductor_result *result, struct err *err)
{
    struct conductor c = {.cfg = cfg,
                          .sc = cfg->scenario,
                          .log_fd = -1,
                          .memory_first = NAN,
                          .last_tick_ns = clock_now_ns()};

    *result = (struct conductor_result){.dir = NULL};
    open_handles(&c);
    c.progress = progress_open(cfg->quiet, cfg->color);
    if (cfg->verbose)
        progress_lines(c.progress);
    if (open_all(&c, result) == 0 && c.stage != STAGE_DONE)
        uv_run(&c.loop, UV_RUN_DEFAULT);
    result->ending = c.ending;
    close_all(&c);
    if (c.err.msg[0] == '\0')
        return 0;
    return err_set(err, "%s", c.err.msg);
}
