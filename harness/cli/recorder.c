#include "harness/cli/recorder.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/procfs.h"
#include "harness/cli/drivers.h"
#include "harness/cli/latency_log.h"
#include "harness/cli/trouble.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { MAX_NOTES = 64 };

struct recorder {
    struct rundir *rd;
    const struct scenario *sc;
    struct load *load;
    struct sampler *sampler;
    struct rundir_table *barriers, *seconds;
    struct latency_log *latencies;
    struct drivers drivers;
    char *label;
    char started[32];
    char *notes[MAX_NOTES];
    size_t nnotes;
    bool frozen;
    struct load_counts final; /* once frozen */
    double late_p99_ms;
    char trouble[400];
};

int recorder_open(struct rundir *rd, const struct scenario *sc,
                  const char *target_label, struct recorder **out,
                  struct err *err)
{
    struct recorder *r = mem_zalloc(1, sizeof *r);
    struct buf text;

    r->rd = rd;
    r->sc = sc;
    r->label = scenario_mask(sc, target_label);
    clock_wall_iso(r->started);
    buf_init(&text, 256u << 20);
    scenario_write_effective(sc, &text, false);
    if (rundir_document(rd, "scenario.ini", &text, err) != 0 ||
        recorder_meta(r, NULL, err) != 0) {
        buf_release(&text);
        recorder_close(&r);
        return -1;
    }
    buf_release(&text);
    *out = r;
    return 0;
}

static int open_seconds(struct recorder *r, struct err *err)
{
    static const char *const columns[] = {"t_s",    "kind", "sent",   "ok",
                                          "errors", "late", "p50_ms", "p99_ms"};

    return rundir_table(r->rd, "requests.csv", columns, 8, &r->seconds, err);
}

/* The fixed columns of barriers.csv in front of the kinds. */
static const char *const barrier_front[] = {
    "block", "t_s", "requests", "phase", "proc_starts", "ok", "errors"};

enum { NFRONT = sizeof barrier_front / sizeof *barrier_front };

static int open_barriers(struct recorder *r, struct err *err)
{
    const char *const *metrics;
    size_t nmetrics = sampler_metrics(r->sampler, &metrics);
    size_t nkinds = scenario_kinds(r->sc), at_drivers = NFRONT + nkinds;
    size_t at_metrics = at_drivers + r->drivers.n, n = at_metrics + nmetrics;
    char **names = mem_zalloc(n, sizeof *names);
    int rc;

    for (size_t i = 0; i < NFRONT; i++)
        names[i] = mem_strdup(barrier_front[i]);
    for (size_t k = 0; k < nkinds; k++) {
        size_t at;

        names[NFRONT + k] = mem_printf(
            "%s:%s", scenario_kind_at(r->sc, k, &at) ? "flow" : "requests",
            scenario_kind_name(r->sc, k));
    }
    for (size_t i = 0; i < r->drivers.n; i++)
        names[at_drivers + i] = mem_strdup(r->drivers.at[i].column);
    for (size_t m = 0; m < nmetrics; m++)
        names[at_metrics + m] = mem_strdup(metrics[m]);
    rc = rundir_table(r->rd, "barriers.csv", (const char *const *)names, n,
                      &r->barriers, err);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return rc;
}

int recorder_attach(struct recorder *r, struct load *load,
                    struct sampler *sampler, struct err *err)
{
    r->load = load;
    r->sampler = sampler;
    if (load == NULL)
        return 0;
    drivers_find(r->sc, &r->drivers);
    if (open_barriers(r, err) != 0 || open_seconds(r, err) != 0 ||
        latency_log_open(r->rd, load, &r->latencies, err) != 0)
        return -1;
    return recorder_meta(r, NULL, err);
}

/* A number as a cell: whole numbers exactly, NaN empty. */
static char *cell(double v)
{
    if (!isfinite(v))
        return mem_strdup("");
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        return mem_printf("%.0f", v);
    return mem_printf("%.6f", v);
}

int recorder_barrier(struct recorder *r, int block, double t_s,
                     const double *values, struct err *err)
{
    const char *const *metrics;
    size_t nmetrics = sampler_metrics(r->sampler, &metrics);
    size_t nkinds = scenario_kinds(r->sc), at_drivers = NFRONT + nkinds;
    size_t at_metrics = at_drivers + r->drivers.n, n = at_metrics + nmetrics;
    double *driven = mem_zalloc(r->drivers.n, sizeof *driven);
    struct load_kind_counts *kinds = mem_zalloc(nkinds, sizeof *kinds);
    struct load_counts c;
    char **cells = mem_zalloc(n, sizeof *cells);
    int rc;

    load_get_counts(r->load, &c, kinds, NULL);
    drivers_read(&r->drivers, r->load, driven);
    cells[0] = cell(block);
    cells[1] = cell(t_s);
    cells[2] = cell((double)(c.ok + c.errors));
    cells[3] = mem_strdup("barrier");
    cells[4] = cell((double)sampler_proc_starts(r->sampler));
    cells[5] = cell((double)c.ok);
    cells[6] = cell((double)c.errors);
    for (size_t k = 0; k < nkinds; k++)
        cells[NFRONT + k] = cell((double)(kinds[k].ok + kinds[k].errors));
    for (size_t i = 0; i < r->drivers.n; i++)
        cells[at_drivers + i] = cell(driven[i]);
    for (size_t m = 0; m < nmetrics; m++)
        cells[at_metrics + m] = cell(values[m]);
    rc = rundir_row(r->barriers, (const char *const *)cells, n);
    if (rc != 0)
        err_set(err, "%s", rundir_failed(r->rd));
    else
        rc = latency_log_check(r->latencies, err);
    for (size_t i = 0; i < n; i++)
        free(cells[i]);
    free(cells);
    free(driven);
    free(kinds);
    return rc;
}

void recorder_seconds(struct recorder *r)
{
    const struct histogram *times;
    struct load_second s[64];
    size_t n;

    if (r->load == NULL || r->seconds == NULL || r->frozen)
        return;
    while ((n = load_take_seconds(r->load, s, 64, &times)) > 0) {
        if (times != NULL)
            latency_log_second(r->latencies, s[0].second, times);
        for (size_t i = 0; i < n; i++) {
            char *cells[8] = {cell((double)s[i].second),
                              mem_strdup(r->sc->requests[s[i].kind].name),
                              cell((double)s[i].sent),
                              cell((double)s[i].ok),
                              cell((double)s[i].errors),
                              cell((double)s[i].late),
                              cell(s[i].p50_ms),
                              cell(s[i].p99_ms)};

            rundir_row(r->seconds, (const char *const *)cells, 8);
            for (size_t k = 0; k < 8; k++)
                free(cells[k]);
        }
    }
}

void recorder_note(struct recorder *r, const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    for (size_t i = 0; s != NULL && i < r->nnotes; i++)
        if (strcmp(r->notes[i], s) == 0) {
            free(s);
            return;
        }
    if (s == NULL || r->nnotes == MAX_NOTES)
        free(s);
    else
        r->notes[r->nnotes++] = s;
}

/* Notes of the sampler and what its sources cost, beside our own. */
static void gather_notes(struct recorder *r)
{
    const char *s;

    if (r->sampler == NULL)
        return;
    for (size_t i = 0; (s = sampler_note(r->sampler, i)) != NULL; i++)
        recorder_note(r, "%s", s);
}

/* p99 of send minus due; NaN in the closed model or before any send. */
static double lateness_ms(const struct recorder *r)
{
    const struct histogram *late = load_lateness(r->load);

    if (r->sc->load.model != LOAD_OPEN || histogram_count(late) == 0)
        return NAN;
    return (double)histogram_at(late, 99) / 1e6;
}

static void find_trouble(struct recorder *r)
{
    int64_t origin = load_origin_ns(r->load);
    struct trouble t = {
        .late_p99_ms = r->late_p99_ms,
        .starved = r->final.by_error[TRANSFER_RESOURCE],
        .done = r->final.ok + r->final.errors,
        .cpu_s = (double)load_cpu_ns(r->load) / 1e9,
        .duration_s = origin > 0 ? (double)(clock_now_ns() - origin) / 1e9 : 0,
        .threads = load_threads(r->load),
    };

    trouble_text(&t, r->trouble, sizeof r->trouble);
}

static void fill_load(const struct recorder *r, struct run_meta *m)
{
    struct load_counts c = r->final;

    if (r->load == NULL)
        return;
    if (!r->frozen)
        load_get_counts(r->load, &c, NULL, NULL);
    m->requests_total = (double)(c.ok + c.errors);
    m->errors_total = (double)c.errors;
    m->engine = load_engine_name(r->load);
    m->engine_why = load_engine_why(r->load);
    if (!r->frozen)
        return;
    m->late_p99_ms = r->late_p99_ms;
    m->load_trouble = r->trouble[0] != '\0' ? r->trouble : NULL;
}

static void fill_harness(const struct recorder *r, struct run_meta *m)
{
    struct proc_stat self;

    m->harness_cpu_s = (double)clock_cpu_ns() / 1e9;
    if (procfs_stat(getpid(), &self) == 0)
        m->harness_rss_bytes = self.rss_bytes;
    if (r->sampler == NULL)
        return;
    m->sampler_cost_s = sampler_cost_s(r->sampler);
    m->limit_bytes = sampler_limit(r->sampler);
}

static void fill_ending(struct run_meta *m, const struct run_ending *e)
{
    if (e == NULL)
        return;
    m->end = run_end_name(e->end);
    m->end_detail = e->detail[0] != '\0' ? e->detail : NULL;
    m->signal = e->signal;
    m->target_failed = e->target_failed;
    m->rate_missed = e->rate_missed;
    m->target_pid = e->target_pid;
    m->duration_s = e->duration_s;
}

int recorder_meta(struct recorder *r, const struct run_ending *ending,
                  struct err *err)
{
    static const char *const python[] = {"auto", "off", "outside", "agent"};
    size_t nkinds = scenario_kinds(r->sc);
    const char **names = mem_zalloc(nkinds, sizeof *names);
    double *weights = mem_zalloc(nkinds, sizeof *weights);
    bool *flow = mem_zalloc(nkinds, sizeof *flow);
    struct utsname un;
    int rc;

    for (size_t k = 0; k < nkinds; k++) {
        size_t at;

        names[k] = scenario_kind_name(r->sc, k);
        weights[k] = scenario_kind_weight(r->sc, k);
        flow[k] = scenario_kind_at(r->sc, k, &at);
    }
    gather_notes(r);
    uname(&un);
    struct run_meta m = {
        .name = r->sc->name,
        .started_utc = r->started,
        .tool_version = PLATEAU_VERSION,
        .host = un.nodename,
        .kernel = un.release,
        .command = r->label,
        .url = r->sc->target.url.text,
        .python_mode = python[r->sc->sample.python],
        .limit_bytes = NAN,
        .late_p99_ms = NAN,
        .kind_names = names,
        .kind_is_flow = flow,
        .kind_weights = weights,
        .nkinds = nkinds,
        .drivers = r->drivers.at,
        .ndrivers = r->drivers.n,
        .notes = (const char *const *)r->notes,
        .nnotes = r->nnotes,
    };
    fill_load(r, &m);
    fill_harness(r, &m);
    fill_ending(&m, ending);
    rc = rundir_write_meta(r->rd, &m, err);
    free(names);
    free(weights);
    free(flow);
    return rc;
}

int recorder_freeze(struct recorder *r, struct err *err)
{
    struct buf text;
    int rc;

    if (r->load == NULL || r->frozen)
        return 0;
    recorder_seconds(r);
    load_get_counts(r->load, &r->final, NULL, NULL);
    r->late_p99_ms = lateness_ms(r);
    find_trouble(r);
    r->frozen = true;
    buf_init(&text, 4u << 20);
    histogram_write_hgrm(load_response_times(r->load), &text);
    rc = rundir_document(r->rd, "latency.hgrm", &text, err);
    if (rc == 0)
        rc = latency_log_end(r->latencies, r->sc, err);
    buf_release(&text);
    return rc;
}

void recorder_close(struct recorder **r)
{
    if (*r == NULL)
        return;
    for (size_t i = 0; i < (*r)->nnotes; i++)
        free((*r)->notes[i]);
    latency_log_close(&(*r)->latencies);
    drivers_release(&(*r)->drivers);
    free((*r)->label);
    free(*r);
    *r = NULL;
}
