#include "harness/sampler/sampler.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/cgroup_meter.h"
#include "harness/sampler/members.h"
#include "harness/sampler/notes.h"
#include "harness/sampler/oom.h"
#include "harness/sampler/sources.h"
#include "harness/sampler/tables.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BARRIER_WAIT_NS (30 * CLOCK_NS_PER_S)
#define EXACT_NS (20 * CLOCK_NS_PER_S) /* a barrier's reads give up then */
#define MIN_EVERY_NS (10 * CLOCK_NS_PER_MS)

struct sampler {
    struct sampler_config cfg;
    struct source_host host;
    struct sources *sources;
    struct tables *tables;
    struct notes notes;
    int64_t every_ns;
    double limit_bytes;

    /* The sampler's thread alone, once it runs. */
    struct members members;
    struct oom oom;
    size_t ended;      /* processes, since watch_life */
    bool tree_changed; /* since processes.csv was last written */
    bool gone_told;
    int64_t next_processes_ns, started_ns;
    int64_t asleep_ns; /* boot time less monotonic: grows by suspension */
    double *values;

    /* Peeked at from other threads. */
    _Atomic double *latest;
    atomic_int phase;
    atomic_llong starts, oom_kills, scan_ns;
    atomic_size_t procs;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake, served;
    bool end;
    bool asked;
    int block;
    uint64_t serial, done; /* barriers asked for, barriers read */
    double *barrier;
};

/* ---- time, notes, events ---- */

static double t_of(const struct sampler *s, int64_t at_ns)
{
    int64_t origin =
        s->cfg.origin_ns != NULL ? s->cfg.origin_ns(s->cfg.user) : 0;

    return origin > 0 ? (double)(at_ns - origin) / 1e9 : 0;
}

static void note(void *host, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void note(void *host, const char *fmt, ...)
{
    struct sampler *s = host;
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (notes_add(&s->notes, text))
        rundir_event(s->cfg.rundir, t_of(s, clock_now_ns()), "lost_source", 0,
                     "%s", text);
}

static void alarm_user(struct sampler *s, const char *what, const char *detail)
{
    if (s->cfg.alarm != NULL)
        s->cfg.alarm(s->cfg.user, what, detail);
}

/* ---- processes ---- */

static void on_change(void *user, int64_t pid, bool started,
                      const char *command)
{
    struct sampler *s = user;

    s->tree_changed = true;
    rundir_event(s->cfg.rundir, t_of(s, clock_now_ns()),
                 started ? "process_start" : "process_end", pid, "%s", command);
}

static void scan(struct sampler *s)
{
    int64_t from = clock_now_ns();

    /* The user's group may get processes that nobody in it forked. */
    if (s->cfg.cgroup != NULL && s->oom.has_cgroup)
        members_add_group(&s->members, &s->oom.cgroup);
    atomic_store(&s->procs, members_scan(&s->members));
    s->ended += s->members.ended;
    atomic_store(&s->starts, proctree_starts(s->members.tree));
    atomic_fetch_add(&s->scan_ns, clock_now_ns() - from);
}

/* Did somebody end or start under our hands? */
static bool tree_is_another(void *user)
{
    struct sampler *s = user;

    scan(s);
    if (s->members.started + s->members.ended == 0)
        return false;
    tables_objects_forget(s->tables, sources_reading(s->sources));
    return true;
}

static void on_process(void *host, size_t i, enum source_field field,
                       double value)
{
    struct sampler *s = host;

    if (i < s->members.n)
        s->members.rows[i].field[field] = value;
}

static void on_object(void *host, const char *type, double count, double bytes,
                      bool tracked)
{
    struct sampler *s = host;

    if (s->sources == NULL)
        return; /* a source is tried out before the first reading */
    tables_object(s->tables, sources_reading(s->sources), type, count, bytes,
                  tracked);
}

static void on_own_object(void *host, size_t i, const char *type, double count)
{
    struct sampler *s = host;

    if (s->sources != NULL && members_is_late(&s->members, i))
        tables_own_object(s->tables, sources_reading(s->sources),
                          s->members.rows[i].id, type, count);
}

/* ---- the end ---- */

static void tell_oom(struct sampler *s, int64_t now)
{
    char text[CGROUP_PATH + 128];

    atomic_store(&s->oom_kills, oom_count(&s->oom));
    snprintf(text, sizeof text,
             "the kernel's OOM killer ended a process of the target%s%s",
             s->oom.has_cgroup ? ", cgroup " : "",
             s->oom.has_cgroup ? s->oom.cgroup.dir : "");
    rundir_event(s->cfg.rundir, t_of(s, now), "oom_kill", 0, "%s", text);
    alarm_user(s, "oom_kill", text);
}

static void watch_life(struct sampler *s, int64_t now)
{
    if (oom_struck(&s->oom, now, 2 * s->every_ns + CLOCK_NS_PER_S / 2,
                   s->ended))
        tell_oom(s, now);
    s->ended = 0;
    if (s->members.n > 0 || s->gone_told || s->cfg.nroots == 0)
        return;
    s->gone_told = true;
    alarm_user(s, "gone", "no process of the target is left");
}

/* ---- a reading ---- */

static double requests(const struct sampler *s)
{
    return s->cfg.requests != NULL ? (double)s->cfg.requests(s->cfg.user) : NAN;
}

static void publish(struct sampler *s)
{
    const char *const *names;
    size_t n = sources_metrics(s->sources, &names);

    for (size_t i = 0; i < n; i++)
        if (!isnan(s->values[i]))
            atomic_store(&s->latest[i], s->values[i]);
}

/* processes.csv grows with the processes too: in a long run its rows keep a
 * distance of a six-hundredth of the time that has passed. */
static void write_processes(struct sampler *s, int64_t now, bool always)
{
    if (!always && !s->tree_changed && now < s->next_processes_ns)
        return;
    if (s->cfg.origin_ns != NULL && s->cfg.origin_ns(s->cfg.user) == 0)
        return; /* nobody knows its t_s yet */
    tables_processes(s->tables, t_of(s, now), s->members.rows, s->members.n);
    s->tree_changed = false;
    s->next_processes_ns = now + (now - s->started_ns) / 600;
}

static void read_all(struct sampler *s, bool exact, enum phase phase,
                     int64_t due_ns)
{
    int64_t now = clock_now_ns();
    struct source_read how = {exact,
                              exact ? now + EXACT_NS : due_ns + s->every_ns};
    struct sample_row row = {.at_ns = now, .phase = phase, .requests = NAN};

    row.requests = requests(s);
    scan(s);
    members_forget(&s->members);
    sources_read(s->sources, &how, tree_is_another, s, s->values);
    row.proc_starts = (double)proctree_starts(s->members.tree);
    publish(s);
    tables_sample(s->tables, &row, s->values,
                  s->cfg.origin_ns != NULL ? s->cfg.origin_ns(s->cfg.user)
                                           : s->started_ns);
    write_processes(s, now, exact);
    watch_life(s, now);
}

static void serve_barrier(struct sampler *s, int block, uint64_t serial)
{
    const char *const *names;
    size_t n = sources_metrics(s->sources, &names);
    int64_t now = clock_now_ns();
    double done = requests(s);

    read_all(s, true, PHASE_BARRIER, now);
    tables_objects_end(s->tables, t_of(s, now), block, done);
    members_settle(&s->members);
    pthread_mutex_lock(&s->lock);
    memcpy(s->barrier, s->values, n * sizeof *s->values);
    s->done = serial;
    pthread_cond_broadcast(&s->served);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

/* Time that went by unseen is told, never filled in. */
static void mark_gaps(struct sampler *s, int64_t now, int64_t late_ns)
{
    int64_t asleep = clock_suspended_ns(), slept = asleep - s->asleep_ns;

    s->asleep_ns = asleep;
    if (slept > CLOCK_NS_PER_S / 2)
        rundir_event(s->cfg.rundir, t_of(s, now), "gap", 0,
                     "the machine was suspended for %.1f s",
                     (double)slept / 1e9);
    if (late_ns >= s->every_ns)
        rundir_event(s->cfg.rundir, t_of(s, now), "gap", 0,
                     "no sample for %.3f s: the sampler did not get to run, "
                     "or a source took that long",
                     (double)(late_ns + s->every_ns) / 1e9);
}

/* Waits for the next tick, a barrier or the end. Returns the barrier's serial
 * or 0; lock held. */
static uint64_t await_work(struct sampler *s, int64_t due_ns)
{
    struct timespec ts = {due_ns / CLOCK_NS_PER_S, due_ns % CLOCK_NS_PER_S};

    while (!s->end && !s->asked && clock_now_ns() < due_ns)
        pthread_cond_timedwait(&s->wake, &s->lock, &ts);
    if (s->end || !s->asked)
        return 0;
    s->asked = false;
    return s->serial;
}

/* The types of a soak without barriers. */
static void write_types(struct sampler *s, enum phase phase)
{
    if (phase != PHASE_LOAD ||
        (s->cfg.origin_ns != NULL && s->cfg.origin_ns(s->cfg.user) == 0))
        tables_objects_drop(s->tables);
    else
        tables_objects_tick(s->tables, t_of(s, clock_now_ns()), requests(s));
}

static void tick(struct sampler *s, int64_t due_ns)
{
    enum phase phase = (enum phase)atomic_load(&s->phase);

    /* Only exact readings are labelled as barriers. */
    read_all(s, false, phase == PHASE_BARRIER ? PHASE_SETTLE : phase, due_ns);
    write_types(s, phase);
}

/* The grid of deadlines stays where it began: missed ones are dropped. */
static int64_t newest_due(const struct sampler *s, int64_t due, int64_t now)
{
    if (now < due + s->every_ns)
        return due;
    return due + (now - due) / s->every_ns * s->every_ns;
}

static void *run(void *arg)
{
    struct sampler *s = arg;
    int64_t due = s->started_ns;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        uint64_t serial = await_work(s, due);
        int block = s->block;
        int64_t now = clock_now_ns();

        if (s->end)
            break;
        pthread_mutex_unlock(&s->lock);
        if (serial != 0) {
            serve_barrier(s, block, serial);
            /* Its time is no gap: all was read, and exactly. */
            due = newest_due(s, due, clock_now_ns());
        } else {
            mark_gaps(s, now, now - due);
            due = newest_due(s, due, now);
            tick(s, due);
            due += s->every_ns;
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    tables_flush(s->tables, clock_now_ns());
    return NULL;
}

/* ---- opening ---- */

static void find_limit(struct sampler *s)
{
    double user = s->cfg.limit_bytes;

    s->limit_bytes =
        s->oom.has_cgroup ? cgroup_meter_limit(&s->oom.cgroup) : NAN;
    if (user > 0 && !(s->limit_bytes < user))
        s->limit_bytes = user;
}

static bool tells_memory(const char *name)
{
    struct metric m;

    metric_describe(name, &m);
    return m.role != METRIC_WITNESS && m.role != METRIC_HANDLES;
}

static int check_memory(const struct sampler *s, struct err *err)
{
    const char *const *names;
    size_t n = sources_metrics(s->sources, &names);

    for (size_t i = 0; i < n; i++)
        if (tells_memory(names[i]))
            return 0;
    if (s->members.n > 0)
        return err_set(err,
                       "no source tells the target's memory: put 'process' "
                       "into sample.sources, or name an endpoint there");
    return err_set(err, "no process of the target can be seen: its memory "
                        "can only be read on the machine it runs on (or name "
                        "an endpoint with sample.http.NAME)");
}

static void init_sync(struct sampler *s)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_cond_init(&s->served, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&s->phase, PHASE_START);
    notes_init(&s->notes);
}

static void init_host(struct sampler *s)
{
    s->host = (struct source_host){.scenario = s->cfg.scenario,
                                   .tree = s->members.tree,
                                   .cgroup = s->cfg.cgroup,
                                   .note = note,
                                   .object = on_object,
                                   .own_object = on_own_object,
                                   .process = on_process,
                                   .host = s};
}

static int open_all(struct sampler *s, struct err *err)
{
    const char *const *names;
    size_t n;

    for (size_t i = 0; i < s->cfg.nroots; i++)
        proctree_add(s->members.tree, s->cfg.roots[i]);
    s->cfg.roots = NULL; /* borrowed for this call only */
    scan(s);
    /* The group matters even when it is no source: for the limit and for the
       OOM killer's word. */
    oom_init(&s->oom, s->cfg.cgroup,
             s->members.n > 0 ? s->members.rows[0].id.pid : 0);
    if (s->cfg.cgroup != NULL)
        scan(s);
    find_limit(s);
    if (sources_open(&s->host, &s->sources, err) != 0 ||
        check_memory(s, err) != 0)
        return -1;
    n = sources_metrics(s->sources, &names);
    s->values = mem_zalloc(n, sizeof *s->values);
    s->barrier = mem_zalloc(n, sizeof *s->barrier);
    s->latest = mem_zalloc(n, sizeof *s->latest);
    for (size_t i = 0; i < n; i++)
        atomic_init(&s->latest[i], NAN);
    return tables_open(s->cfg.rundir, names, n, &s->tables, err);
}

int sampler_open(const struct sampler_config *cfg, struct sampler **out,
                 struct err *err)
{
    struct sampler *s = mem_zalloc(1, sizeof *s);

    s->cfg = *cfg;
    s->every_ns = cfg->sample->every_ns;
    if (s->every_ns < MIN_EVERY_NS)
        s->every_ns = MIN_EVERY_NS;
    members_init(&s->members, cfg->scenario, cfg->guardian);
    s->members.changed = on_change;
    s->members.user = s;
    init_sync(s);
    init_host(s);
    if (open_all(s, err) != 0) {
        sampler_close(&s);
        return -1;
    }
    *out = s;
    return 0;
}

void sampler_start(struct sampler *s)
{
    sigset_t all, old;

    if (s->running)
        return;
    s->started_ns = clock_now_ns();
    s->asleep_ns = clock_suspended_ns();
    s->end = false;
    /* Signals are the conductor's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    s->running = pthread_create(&s->thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    assert(s->running);
}

void sampler_stop(struct sampler *s)
{
    if (!s->running)
        return;
    pthread_mutex_lock(&s->lock);
    s->end = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->running = false;
}

void sampler_set_phase(struct sampler *s, enum phase phase)
{
    atomic_store(&s->phase, (int)phase);
}

int sampler_barrier(struct sampler *s, int block, double *values,
                    struct err *err)
{
    int64_t until = clock_now_ns() + BARRIER_WAIT_NS;
    struct timespec ts = {until / CLOCK_NS_PER_S, until % CLOCK_NS_PER_S};
    const char *const *names;
    size_t n = sources_metrics(s->sources, &names);
    uint64_t serial;
    bool done;

    if (!s->running)
        return err_set(err, "the sampler does not run");
    pthread_mutex_lock(&s->lock);
    s->asked = true;
    s->block = block;
    serial = ++s->serial;
    pthread_cond_broadcast(&s->wake);
    while (s->done < serial && clock_now_ns() < until)
        pthread_cond_timedwait(&s->served, &s->lock, &ts);
    done = s->done >= serial;
    if (done)
        memcpy(values, s->barrier, n * sizeof *values);
    pthread_mutex_unlock(&s->lock);
    return done ? 0
                : err_set(err, "the sources did not answer within %d s",
                          (int)(BARRIER_WAIT_NS / CLOCK_NS_PER_S));
}

/* ---- asking ---- */

size_t sampler_metrics(const struct sampler *s, const char *const **names)
{
    return sources_metrics(s->sources, names);
}

double sampler_peek(const struct sampler *s, const char *metric)
{
    const char *const *names;
    size_t n = sources_metrics(s->sources, &names);

    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], metric) == 0)
            return atomic_load(&s->latest[i]);
    return NAN;
}

int64_t sampler_proc_starts(const struct sampler *s)
{
    return atomic_load(&s->starts);
}

size_t sampler_procs(const struct sampler *s)
{
    return atomic_load(&s->procs);
}

int64_t sampler_oom_kills(const struct sampler *s)
{
    return atomic_load(&s->oom_kills);
}

int64_t sampler_oom_recheck(const struct sampler *s)
{
    return oom_count(&s->oom);
}

double sampler_limit(const struct sampler *s)
{
    return s->limit_bytes;
}

const char *sampler_note(const struct sampler *s, size_t i)
{
    return notes_at((struct notes *)&s->notes, i);
}

double sampler_cost_s(const struct sampler *s)
{
    return (double)(sources_cost_ns(s->sources) + atomic_load(&s->scan_ns)) /
           1e9;
}

const char *sampler_cost_text(const struct sampler *s, size_t i)
{
    return sources_cost_text(s->sources, i);
}

void sampler_close(struct sampler **sp)
{
    struct sampler *s = *sp;

    *sp = NULL;
    if (s == NULL)
        return;
    sampler_stop(s);
    sources_close(&s->sources);
    tables_free(s->tables);
    members_release(&s->members);
    notes_release(&s->notes);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->served);
    pthread_mutex_destroy(&s->lock);
    free(s->values);
    free(s->barrier);
    free((void *)s->latest);
    free(s);
}
