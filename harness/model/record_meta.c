#include "harness/model/record_impl.h"

#include "harness/base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 1000
#define KINDS_MAX 200000

/* ---- run.json ---- */

static void take_string(const json_t *o, const char *key, char **to)
{
    const char *s = json_string_value(json_object_get(o, key));

    if (s == NULL)
        return;
    free(*to);
    *to = mem_strdup(s);
}

/* A number that is a size, a time or a count; anything else leaves NaN. */
static double take_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    double d = json_is_number(v) ? json_number_value(v) : NAN;

    return isfinite(d) && d >= 0 ? d : NAN;
}

static void take_kinds(struct record *r, const json_t *list)
{
    size_t n = json_array_size(list);

    if (n > KINDS_MAX)
        n = KINDS_MAX;
    r->kinds = mem_zalloc(n, sizeof *r->kinds);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(o, "name"));

        if (name == NULL)
            continue;
        r->kinds[r->nkinds++] = (struct record_kind){
            .name = mem_strdup(name),
            .flow = json_is_true(json_object_get(o, "flow")),
            .weight = take_number(o, "weight"),
        };
    }
}

static bool driver_what(const char *word, enum record_driver_what *out)
{
    static const char *const words[] = {"distinct", "step", "connections"};

    for (int i = 0; word != NULL && i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (enum record_driver_what)i;
            return true;
        }
    return false;
}

/* The kinds of one driver: indices into the record's, and how often. */
static void take_driver_kinds(const struct record *r, struct record_driver *d,
                              const json_t *list)
{
    size_t n = json_array_size(list);

    if (n > r->nkinds)
        n = r->nkinds;
    d->kinds = mem_zalloc(n, sizeof *d->kinds);
    d->times = mem_zalloc(n, sizeof *d->times);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        double kind = take_number(o, "kind"), times = take_number(o, "times");

        if (!(kind < (double)r->nkinds) || !(times > 0))
            continue;
        d->kinds[d->nkinds] = (int)kind;
        d->times[d->nkinds++] = times;
    }
}

static void take_drivers(struct record *r, const json_t *list)
{
    size_t n = json_array_size(list);

    if (n > KINDS_MAX)
        n = KINDS_MAX;
    r->drivers = mem_zalloc(n, sizeof *r->drivers);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        const char *column = json_string_value(json_object_get(o, "column"));
        const char *name = json_string_value(json_object_get(o, "name"));
        struct record_driver d = {.column = NULL};
        double group = take_number(o, "group");

        if (column == NULL || name == NULL || !(group < 1e9) ||
            !driver_what(json_string_value(json_object_get(o, "what")),
                         &d.what))
            continue;
        d.column = mem_strdup(column);
        d.name = mem_strdup(name);
        d.group = (size_t)group;
        take_driver_kinds(r, &d, json_object_get(o, "kinds"));
        r->drivers[r->ndrivers++] = d;
    }
}

static void take_notes(struct record *r, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && i < NOTES_MAX; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (s != NULL)
            record_note(r, "%s", s);
    }
}

static void take_end(struct record *r, const json_t *o)
{
    const char *s = json_string_value(json_object_get(o, "end"));
    double sig = take_number(o, "signal");

    r->partial = s == NULL;
    for (int e = RUN_UNKNOWN; s != NULL && e <= RUN_HARNESS_FAILED; e++)
        if (strcmp(s, run_end_name((enum run_end)e)) == 0)
            r->end = (enum run_end)e;
    take_string(o, "end_detail", &r->end_detail);
    r->signal = sig > 0 && sig < 128 ? (int)sig : 0;
    r->target_failed = json_is_true(json_object_get(o, "target_failed")) ||
                       r->end == RUN_TARGET_FAILED;
    r->rate_missed = json_is_true(json_object_get(o, "rate_missed"));
    take_string(o, "load_trouble", &r->load_trouble);
}

static void take_meta(struct record *r, const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "name"));

    if (name != NULL && *name != '\0')
        take_string(o, "name", &r->name);
    take_end(r, o);
    take_string(o, "started", &r->started_utc);
    take_string(o, "tool_version", &r->tool_version);
    take_string(o, "host", &r->host);
    take_string(o, "kernel", &r->kernel);
    take_string(o, "command", &r->command);
    take_string(o, "url", &r->url);
    take_string(o, "engine", &r->engine);
    take_string(o, "engine_why", &r->engine_why);
    r->requests_total = take_number(o, "requests");
    r->errors_total = take_number(o, "errors");
    r->duration_s = take_number(o, "duration_s");
    r->limit_bytes = take_number(o, "limit_bytes");
    if (r->limit_bytes == 0)
        r->limit_bytes = NAN;
    r->harness_cpu_s = take_number(o, "harness_cpu_s");
    r->harness_rss_bytes = take_number(o, "harness_rss_bytes");
    r->sampler_cost_s = take_number(o, "sampler_cost_s");
    r->late_p99_ms = take_number(o, "late_p99_ms");
    take_kinds(r, json_object_get(o, "kinds"));
    take_drivers(r, json_object_get(o, "drivers"));
    take_notes(r, json_object_get(o, "notes"));
}

void record_read_meta(struct record *r)
{
    size_t len;
    char *text = record_slurp(r, "run.json", &len);
    json_error_t why;
    json_t *o;

    r->partial = true;
    if (text == NULL) {
        record_note(r, "run.json is missing: how the run ended is unknown");
        return;
    }
    o = json_loadb(text, len, 0, &why);
    if (json_is_object(o))
        take_meta(r, o);
    else
        record_note(r, "run.json:%d: %s; how the run ended is unknown",
                    o == NULL ? why.line : 1,
                    o == NULL ? why.text : "no object");
    json_decref(o);
    free(text);
}

/* ---- events.ndjson ---- */

static bool take_event(struct record *r, const json_t *o, size_t *cap)
{
    const json_t *t = json_object_get(o, "t_s");
    const json_t *pid = json_object_get(o, "pid");
    const char *what = json_string_value(json_object_get(o, "event"));
    const char *detail = json_string_value(json_object_get(o, "detail"));

    if (what == NULL)
        return false;
    r->events = mem_grow(r->events, r->nevents, cap, sizeof *r->events);
    r->events[r->nevents++] = (struct record_event){
        .t_s = json_is_number(t) ? json_number_value(t) : NAN,
        .what = mem_strdup(what),
        .pid = json_is_integer(pid) ? json_integer_value(pid) : 0,
        .detail = mem_strdup(detail != NULL ? detail : ""),
    };
    return true;
}

void record_read_events(struct record *r)
{
    size_t len, cap = 0, bad = 0;
    char *text = record_slurp(r, "events.ndjson", &len);
    char *at = text, *nl;

    if (text == NULL)
        return;
    while ((nl = memchr(at, '\n', len - (size_t)(at - text))) != NULL) {
        json_t *o = json_loadb(at, (size_t)(nl - at), 0, NULL);

        if (nl > at && !take_event(r, o, &cap))
            bad++;
        json_decref(o);
        at = nl + 1;
    }
    if (bad > 0)
        record_note(r, "events.ndjson: %zu lines could not be understood", bad);
    free(text);
}
