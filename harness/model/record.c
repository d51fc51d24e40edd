#include "harness/model/record.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/model/record_impl.h"
#include "harness/model/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *run_end_name(enum run_end e)
{
    static const char *const names[] = {
        "unknown",     "complete",      "certain",       "max-time",
        "interrupted", "target-failed", "harness-failed"};

    return names[e];
}

/* ---- parts that record_meta.c and record_tables.c share ---- */

void record_note(struct record *r, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    r->notes = mem_realloc(r->notes, r->nnotes + 1, sizeof *r->notes);
    r->notes[r->nnotes++] = mem_strdup(line);
}

/* Only regular files: a FIFO in a directory that somebody mailed must not
 * block us. */
static bool is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *record_slurp(struct record *r, const char *file, size_t *len)
{
    char *path = file_join(r->dir, file);
    char *text = NULL;
    struct err err = {""};

    if (is_regular(path) &&
        file_read(path, RECORD_FILE_MAX, &text, len, &err) != 0)
        record_note(r, "not read: %s", err.msg);
    free(path);
    return text;
}

/* ---- putting it together ---- */

static void record_init(struct record *r)
{
    *r = (struct record){.requests_total = NAN,
                         .errors_total = NAN,
                         .duration_s = NAN,
                         .limit_bytes = NAN,
                         .harness_cpu_s = NAN,
                         .harness_rss_bytes = NAN,
                         .sampler_cost_s = NAN,
                         .late_p99_ms = NAN};
    policy_default(&r->policy);
}

/* The last part of a path: "runs/shop-x/" is "shop-x". */
static char *base_name(const char *path)
{
    size_t n = strlen(path), from;

    while (n > 1 && path[n - 1] == '/')
        n--;
    for (from = n; from > 0 && path[from - 1] != '/'; from--)
        continue;
    return mem_strndup(path + from, n - from);
}

/* Loads `dir`/`file` when it is there. Returns 1 loaded, 0 not there, -1 with
 * `err` set. */
static int load_series(const char *dir, const char *file, struct series *out,
                       struct err *err)
{
    char *path = file_join(dir, file);
    int rc = 0;

    if (is_regular(path))
        rc = series_load(path, out, err) == 0 ? 1 : -1;
    free(path);
    return rc;
}

static bool has_meta(const char *dir)
{
    char *path = file_join(dir, "run.json");
    bool there = is_regular(path);

    free(path);
    return there;
}

static int load_both_series(struct record *r, struct err *err)
{
    struct err first = {""}, second = {""};
    int samples = load_series(r->dir, "samples.csv", &r->samples, &first);
    int barriers = load_series(r->dir, "barriers.csv", &r->barriers, &second);

    if (samples == 0 && barriers == 0 && has_meta(r->dir))
        return 0; /* the target failed before it was ever sampled */
    if (samples == 0 && barriers == 0)
        return err_set(err,
                       "%s: no run directory: it has neither samples.csv nor "
                       "barriers.csv",
                       r->dir);
    if (samples <= 0 && barriers <= 0)
        return err_set(err, "%s", samples < 0 ? first.msg : second.msg);
    if (samples < 0)
        record_note(r, "samples.csv was not used: %s", first.msg);
    if (barriers < 0)
        record_note(r, "barriers.csv was not used: %s", second.msg);
    return 0;
}

static double last_finite(const double *v, size_t n)
{
    while (v != NULL && n-- > 0)
        if (!isnan(v[n]))
            return v[n];
    return NAN;
}

/* What a killed run could not sum up, from its last readings. */
static void fill_totals(struct record *r)
{
    const struct series *both[] = {&r->samples, &r->barriers};
    double t = NAN, requests = NAN;

    for (int i = 0; i < 2; i++) {
        t = fmax(t, last_finite(both[i]->t_s, both[i]->n));
        requests = fmax(requests, last_finite(both[i]->requests, both[i]->n));
    }
    /* run.json is written at phase changes, so in a partial run its totals
       are older than the tables. */
    if (isnan(r->duration_s) || (r->partial && t > r->duration_s))
        r->duration_s = t;
    if (isnan(r->requests_total) ||
        (r->partial && requests > r->requests_total))
        r->requests_total = requests;
}

static void note_dropped(struct record *r, const char *file,
                         const struct series *s)
{
    if (s->dropped_rows > 0)
        record_note(r, "%s: %zu row%s had no usable time and %s dropped", file,
                    s->dropped_rows, s->dropped_rows == 1 ? "" : "s",
                    s->dropped_rows == 1 ? "was" : "were");
    if (s->bad_cells > 0)
        record_note(r, "%s: %zu cell%s no number%s and count%s as no value",
                    file, s->bad_cells, s->bad_cells == 1 ? " is" : "s are",
                    s->bad_cells == 1 ? "" : "s", s->bad_cells == 1 ? "s" : "");
}

/* A diagnosis that cannot be read is none: the verdict does not need it. */
static void load_diagnosis(struct record *r)
{
    char *path = file_join(r->dir, "diagnosis.json");
    struct err err;

    if (diagnosis_load(path, &r->diagnosis, &err) != 0)
        r->diagnosis.ran = false;
    free(path);
}

static void load_policy(struct record *r)
{
    char *path = file_join(r->dir, "scenario.ini");
    struct err err = {""};
    size_t len;

    r->scenario_text = record_slurp(r, "scenario.ini", &len);
    if (r->scenario_text != NULL &&
        scenario_load_policy(path, &r->policy, &err) != 0)
        record_note(r, "tolerances are defaults: %s", err.msg);
    free(path);
}

int record_load(const char *dir, struct record *out, struct err *err)
{
    struct stat st;

    if (stat(dir, &st) != 0)
        return err_set(err, "%s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "%s: no directory", dir);
    record_init(out);
    out->dir = mem_strdup(dir);
    if (load_both_series(out, err) != 0) {
        record_release(out);
        return -1;
    }
    record_read_meta(out);
    if (out->name == NULL)
        out->name = base_name(dir);
    record_split_barriers(out);
    record_read_seconds(out);
    record_read_objects(out);
    record_read_processes(out);
    record_read_own_objects(out);
    record_read_events(out);
    load_policy(out);
    load_diagnosis(out);
    fill_totals(out);
    note_dropped(out, "samples.csv", &out->samples);
    note_dropped(out, "barriers.csv", &out->barriers);
    return 0;
}

int record_from_csv(const char *path, struct record *out, struct err *err)
{
    size_t set_back;

    record_init(out);
    if (series_load(path, &out->samples, err) != 0)
        return -1;
    out->name =
        strcmp(path, "-") == 0 ? mem_strdup("standard input") : base_name(path);
    set_back = series_mend_clock(&out->samples);
    if (set_back == 1)
        record_note(out, "%s: the clock was set back; counted on from there",
                    out->name);
    else if (set_back > 1)
        record_note(out,
                    "%s: the clock was set back %zu times; counted on from "
                    "there",
                    out->name, set_back);
    fill_totals(out);
    note_dropped(out, out->name, &out->samples);
    return 0;
}

/* ---- release ---- */

static void release_lists(struct record *r)
{
    for (size_t i = 0; i < r->nkinds; i++) {
        free(r->kinds[i].name);
        free(r->kinds[i].completed);
    }
    for (size_t i = 0; i < r->ndrivers; i++) {
        free(r->drivers[i].column);
        free(r->drivers[i].name);
        free(r->drivers[i].kinds);
        free(r->drivers[i].times);
        free(r->drivers[i].count);
    }
    free(r->drivers);
    for (size_t i = 0; i < r->nsteps; i++)
        free(r->steps[i]);
    for (size_t i = 0; i < r->nobjects; i++)
        free(r->objects[i].type);
    for (size_t i = 0; i < r->nown_objects; i++)
        free(r->own_objects[i].type);
    free(r->own_objects);
    for (size_t i = 0; i < r->nevents; i++) {
        free(r->events[i].what);
        free(r->events[i].detail);
    }
    for (size_t i = 0; i < r->nprocesses; i++) {
        free(r->processes[i].command);
        free(r->processes[i].own);
    }
    for (size_t i = 0; i < r->nnotes; i++)
        free(r->notes[i]);
    free(r->kinds);
    free(r->steps);
    free(r->objects);
    free(r->events);
    free(r->seconds);
    free(r->processes);
    free(r->notes);
}

void record_release(struct record *r)
{
    series_release(&r->samples);
    series_release(&r->barriers);
    free(r->barrier_block);
    release_lists(r);
    policy_release(&r->policy);
    diagnosis_release(&r->diagnosis);
    free(r->dir);
    free(r->name);
    free(r->end_detail);
    free(r->load_trouble);
    free(r->started_utc);
    free(r->tool_version);
    free(r->host);
    free(r->kernel);
    free(r->command);
    free(r->url);
    free(r->engine);
    free(r->engine_why);
    free(r->scenario_text);
    record_init(r);
}
