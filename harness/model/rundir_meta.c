#include "harness/model/rundir.h"

#include "harness/base/jsonw.h"

#include <math.h>

static void write_kinds(struct jsonw *w, const struct run_meta *m)
{
    jsonw_array(w, "kinds");
    for (size_t i = 0; i < m->nkinds; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "name", m->kind_names[i]);
        jsonw_bool(w, "flow", m->kind_is_flow != NULL && m->kind_is_flow[i]);
        jsonw_double(w, "weight",
                     m->kind_weights != NULL ? m->kind_weights[i] : NAN);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_drivers(struct jsonw *w, const struct run_meta *m)
{
    jsonw_array(w, "drivers");
    for (size_t i = 0; i < m->ndrivers; i++) {
        const struct run_driver *d = &m->drivers[i];

        jsonw_object(w, NULL);
        jsonw_string(w, "column", d->column);
        jsonw_string(w, "what", d->what);
        jsonw_string(w, "name", d->name);
        jsonw_int(w, "group", (int64_t)d->group);
        jsonw_array(w, "kinds");
        for (size_t k = 0; k < d->nkinds; k++) {
            jsonw_object(w, NULL);
            jsonw_int(w, "kind", d->kinds[k]);
            jsonw_double(w, "times", d->times[k]);
            jsonw_object_end(w);
        }
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_notes(struct jsonw *w, const struct run_meta *m)
{
    jsonw_array(w, "notes");
    for (size_t i = 0; i < m->nnotes; i++)
        jsonw_string(w, NULL, m->notes[i]);
    jsonw_array_end(w);
}

int rundir_write_meta(struct rundir *rd, const struct run_meta *m,
                      struct err *err)
{
    struct buf text;
    struct jsonw w;
    int rc;

    buf_init(&text, 64u << 20);
    jsonw_init(&w, &text, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "schema", "plateau-run/1");
    jsonw_string(&w, "name", m->name);
    jsonw_string(&w, "started", m->started_utc);
    jsonw_string(&w, "end", m->end);
    jsonw_string(&w, "end_detail", m->end_detail);
    jsonw_int(&w, "signal", m->signal);
    jsonw_bool(&w, "target_failed", m->target_failed);
    jsonw_bool(&w, "rate_missed", m->rate_missed);
    jsonw_string(&w, "load_trouble", m->load_trouble);
    jsonw_double(&w, "duration_s", m->duration_s);
    jsonw_double(&w, "requests", m->requests_total);
    jsonw_double(&w, "errors", m->errors_total);
    jsonw_double(&w, "limit_bytes", m->limit_bytes);
    jsonw_string(&w, "command", m->command);
    jsonw_int(&w, "target_pid", m->target_pid);
    jsonw_string(&w, "url", m->url);
    jsonw_string(&w, "engine", m->engine);
    jsonw_string(&w, "engine_why", m->engine_why);
    jsonw_string(&w, "python_mode", m->python_mode);
    jsonw_string(&w, "tool_version", m->tool_version);
    jsonw_string(&w, "host", m->host);
    jsonw_string(&w, "kernel", m->kernel);
    jsonw_double(&w, "harness_cpu_s", m->harness_cpu_s);
    jsonw_double(&w, "harness_rss_bytes", m->harness_rss_bytes);
    jsonw_double(&w, "sampler_cost_s", m->sampler_cost_s);
    jsonw_double(&w, "late_p99_ms", m->late_p99_ms);
    write_kinds(&w, m);
    write_drivers(&w, m);
    write_notes(&w, m);
    jsonw_object_end(&w);
    if (text.overflow)
        rc = err_set(err, "%s/run.json: over 64 MiB", rundir_path(rd));
    else
        rc = rundir_document(rd, "run.json", &text, err);
    buf_release(&text);
    return rc;
}
