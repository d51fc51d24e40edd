/* verdict.json and --json. The schema is in reports/verdict.schema.json; a
 * change that would break a reader raises its number. */
#include "reports/report_impl.h"

#include "analyzers/attribution.h"
#include "analyzers/bound.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "reports/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* name, name_low, name_high */
static void add_interval(struct jsonw *w, const char *name,
                         const struct interval *v)
{
    char *low = mem_printf("%s_low", name), *high = mem_printf("%s_high", name);

    jsonw_double(w, name, v->value);
    jsonw_double(w, low, v->low);
    jsonw_double(w, high, v->high);
    free(low);
    free(high);
}

static void add_metric(struct jsonw *w, const struct finding *f)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "name", f->name);
    jsonw_string(w, "title",
                 f->metric.role != METRIC_CUSTOM && f->metric.title != NULL
                     ? f->metric.title
                     : f->name);
    jsonw_string(w, "unit", view_unit_name(f->metric.unit));
    jsonw_string(w, "role", view_role_name(f->metric.role));
    jsonw_string(w, "verdict", outcome_name(f->outcome));
    jsonw_bool(w, "judged", f->judged);
    jsonw_bool(w, "decisive", f->decisive);
    jsonw_bool(w, "blocking", f->blocking);
    jsonw_string(w, "reason", f->reason);
    jsonw_string(w, "shape", shape_name(f->shape));
    jsonw_string(w, "basis", basis_name(f->basis));
    add_interval(w, "slope_per_request", &f->per_request);
    add_interval(w, "slope_per_hour", &f->per_hour);
    jsonw_double(w, "minimum_detectable_per_request", f->minimum_per_request);
    jsonw_double(w, "minimum_detectable_per_hour", f->minimum_per_hour);
    jsonw_double(w, "tolerance_per_request", f->tolerance_per_request);
    jsonw_double(w, "tolerance_per_hour", f->tolerance_per_hour);
    jsonw_double(w, "more_requests", f->more_requests);
    jsonw_double(w, "more_chance", f->more_chance);
    jsonw_double(w, "more_requests_half", f->more_requests_half);
    jsonw_double(w, "more_s", f->more_s);
    add_interval(w, "limit_s", &f->limit_s);
    jsonw_double(w, "level", f->level);
    jsonw_double(w, "grown", f->grown);
    jsonw_double(w, "certainty", f->certainty);
    jsonw_double(w, "steady_from_s", f->steady_from_s);
    jsonw_object(w, "window");
    jsonw_double(w, "from_s", f->from_s);
    jsonw_double(w, "to_s", f->to_s);
    jsonw_double(w, "from_requests", f->from_requests);
    jsonw_double(w, "to_requests", f->to_requests);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

/* What a kind's growth follows beside its requests. */
static void add_driver(struct jsonw *w, const struct record *r,
                       const struct blame *b)
{
    static const char *const by[] = {"requests", "driver", "either"};
    static const char *const what[] = {"distinct", "step", "connections"};
    const struct record_driver *d = b->by != BLAME_REQUESTS && b->driver >= 0 &&
                                            (size_t)b->driver < r->ndrivers
                                        ? &r->drivers[b->driver]
                                        : NULL;

    jsonw_string(w, "by", by[b->by]);
    jsonw_string(w, "driver", d != NULL ? what[d->what] : NULL);
    jsonw_string(w, "driver_name", d != NULL ? d->name : NULL);
    if (b->by == BLAME_DRIVER)
        add_interval(w, "per_driver", &b->per_driver);
}

static void add_blames(struct jsonw *w, const struct report_input *in)
{
    const struct verdict *v = in->verdict;
    const struct record *r = in->record;

    jsonw_array(w, "blames");
    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];
        bool time = b->kind < 0 || (size_t)b->kind >= r->nkinds;

        if (b->finding < 0 || (size_t)b->finding >= v->nfindings)
            continue;
        jsonw_object(w, NULL);
        jsonw_string(w, "metric", v->findings[b->finding].name);
        jsonw_string(w, "kind", time ? NULL : r->kinds[b->kind].name);
        jsonw_bool(w, "flow", !time && r->kinds[b->kind].flow);
        jsonw_string(w, "per",
                     b->kind == ATTRIBUTION_CONNECTIONS ? "connection"
                     : time                             ? "hour"
                                                        : "request");
        jsonw_bool(w, "named", b->named);
        add_interval(w, "slope", &b->per_request);
        jsonw_double(w, "minimum_detectable", b->minimum_per_request);
        add_driver(w, r, b);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void add_types(struct jsonw *w, const struct verdict *v)
{
    jsonw_array(w, "types");
    for (size_t i = 0; i < v->ntypes; i++) {
        const struct type_growth *t = &v->types[i];

        jsonw_object(w, NULL);
        jsonw_string(w, "type", t->type);
        add_interval(w,
                     v->types_per_hour ? "count_per_hour" : "count_per_request",
                     &t->count_per_request);
        jsonw_double(w,
                     v->types_per_hour ? "bytes_per_hour" : "bytes_per_request",
                     t->bytes_per_request);
        jsonw_double(w, "count", t->count);
        if (t->group >= 0)
            jsonw_int(w, "group", t->group);
        else
            jsonw_null(w, "group");
        jsonw_bool(w, "significant", t->significant);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

/* A container with a limit, and what fills it: requests or hours, as `types`
 * has them. */
static void add_bound(struct jsonw *w, const struct verdict *v,
                      const struct diagnosis_chain *c)
{
    if (!bound_found(c)) {
        jsonw_null(w, "bound");
        return;
    }
    jsonw_object(w, "bound");
    jsonw_string(w, "container", c->bound.container);
    jsonw_string(w, "entry", c->bound.entry);
    jsonw_double(w, "size", c->bound.size);
    jsonw_double(w, "limit", c->bound.limit);
    jsonw_double(w, v->types_per_hour ? "more_hours" : "more_requests",
                 bound_more(v, c));
    jsonw_object_end(w);
}

static void add_deep(struct jsonw *w, const struct diagnosis_chain *c)
{
    if (c->deep.holder == NULL) {
        jsonw_null(w, "deep");
        return;
    }
    jsonw_object(w, "deep");
    jsonw_string(w, "tool", "pympler");
    jsonw_string(w, "holder", c->deep.holder);
    jsonw_double(w, "bytes", c->deep.bytes);
    jsonw_bool(w, "whole", c->deep.whole);
    jsonw_bool(w, "least", c->deep.least);
    jsonw_object_end(w);
}

static void add_chain(struct jsonw *w, const struct verdict *v,
                      const struct diagnosis_chain *c)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "type", c->type);
    jsonw_string(w, "text", c->text);
    jsonw_double(w, "instances", c->instances);
    jsonw_double(w, "sampled", c->sampled);
    jsonw_double(w, "found", c->found);
    add_bound(w, v, c);
    add_deep(w, c);
    jsonw_object_end(w);
}

static void add_site(struct jsonw *w, const struct diagnosis_site *s)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "where", s->where);
    jsonw_string(w, "trace", s->trace);
    jsonw_double(w, "bytes_per_request", s->bytes_per_request);
    jsonw_double(w, "count_per_request", s->count_per_request);
    jsonw_object_end(w);
}

static void add_mapping(struct jsonw *w, const struct diagnosis_mapping *m)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "name", m->name);
    jsonw_double(w, "grown_bytes", m->grown_bytes);
    jsonw_double(w, "resident_bytes", m->resident_bytes);
    jsonw_object_end(w);
}

static void add_native(struct jsonw *w, const struct diagnosis *d)
{
    if (d->native_tool == NULL) {
        jsonw_null(w, "native");
        return;
    }
    jsonw_object(w, "native");
    jsonw_string(w, "tool", d->native_tool);
    jsonw_double(w, "seconds", d->native_seconds);
    jsonw_double(w, "requests", d->native_requests);
    jsonw_array(w, "sites");
    for (size_t i = 0; i < d->nnatives; i++)
        add_site(w, &d->natives[i]);
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void add_diagnosis(struct jsonw *w, const struct verdict *v,
                          const struct diagnosis *d)
{
    if (!d->ran) {
        jsonw_null(w, "diagnosis");
        return;
    }
    jsonw_object(w, "diagnosis");
    jsonw_string(w, "method", d->method);
    jsonw_double(w, "seconds", d->seconds);
    jsonw_double(w, "requests", d->requests);
    jsonw_array(w, "chains");
    for (size_t i = 0; i < d->nchains; i++)
        add_chain(w, v, &d->chains[i]);
    jsonw_array_end(w);
    jsonw_array(w, "sites");
    for (size_t i = 0; i < d->nsites; i++)
        add_site(w, &d->sites[i]);
    jsonw_array_end(w);
    jsonw_array(w, "mappings");
    for (size_t i = 0; i < d->nmappings; i++)
        add_mapping(w, &d->mappings[i]);
    jsonw_array_end(w);
    if (d->flamegraph != NULL)
        jsonw_string(w, "flamegraph", d->flamegraph);
    else
        jsonw_null(w, "flamegraph");
    add_native(w, d);
    jsonw_array(w, "notes");
    for (size_t i = 0; i < d->nnotes; i++)
        jsonw_string(w, NULL, d->notes[i]);
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void add_kinds(struct jsonw *w, const struct view *v)
{
    const struct record *r = v->in->record;

    jsonw_array(w, "kinds");
    for (size_t i = 0; i < v->nkinds; i++) {
        const struct view_kind *k = &v->kinds[i];
        bool mixed = i < r->nkinds;

        jsonw_object(w, NULL);
        jsonw_string(w, "name", mixed ? r->kinds[i].name : k->name);
        jsonw_bool(w, "flow", mixed && r->kinds[i].flow);
        jsonw_double(w, "weight", k->weight);
        jsonw_double(w, "requests", k->requests);
        jsonw_double(w, "sent", k->sent);
        jsonw_double(w, "ok", k->ok);
        jsonw_double(w, "errors", k->errors);
        jsonw_double(w, "late", k->late);
        jsonw_double(w, "p50_ms", k->p50_ms);
        jsonw_double(w, "p99_ms", k->p99_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void add_facts(struct jsonw *w, const struct report_input *in)
{
    const struct record *r = in->record;

    jsonw_string(w, "name", r->name);
    jsonw_string(w, "started", r->started_utc);
    jsonw_string(w, "end", run_end_name(r->end));
    jsonw_string(w, "end_detail", r->end_detail);
    if (r->signal > 0)
        jsonw_int(w, "signal", r->signal);
    else
        jsonw_null(w, "signal");
    jsonw_double(w, "duration_s", r->duration_s);
    jsonw_double(w, "requests", r->requests_total);
    jsonw_double(w, "errors", r->errors_total);
    jsonw_int(w, "blocks", r->barriers.n > 0 ? (int64_t)r->barriers.n - 1 : 0);
    jsonw_int(w, "samples", (int64_t)r->samples.n);
    jsonw_bool(w, "target_failed", r->target_failed);
    jsonw_bool(w, "rate_missed", r->rate_missed);
    jsonw_double(w, "confidence", r->policy.confidence);
    jsonw_double(w, "limit_bytes", r->limit_bytes);
    jsonw_object(w, "environment");
    jsonw_string(w, "tool_version", r->tool_version);
    jsonw_string(w, "host", r->host);
    jsonw_string(w, "kernel", r->kernel);
    jsonw_string(w, "command", r->command);
    jsonw_string(w, "url", r->url);
    jsonw_string(w, "engine", r->engine);
    jsonw_string(w, "engine_why", r->engine_why);
    jsonw_object_end(w);
    jsonw_object(w, "harness");
    jsonw_double(w, "cpu_s", r->harness_cpu_s);
    jsonw_double(w, "cpu_share",
                 r->duration_s > 0 ? r->harness_cpu_s / r->duration_s : NAN);
    jsonw_double(w, "rss_bytes", r->harness_rss_bytes);
    jsonw_double(w, "sampler_cost_s", r->sampler_cost_s);
    jsonw_double(w, "late_p99_ms", r->late_p99_ms);
    jsonw_object_end(w);
}

static void add_verdict(struct jsonw *w, const struct report_input *in)
{
    const struct verdict *d = in->verdict;

    jsonw_string(w, "schema", "plateau-verdict/1");
    jsonw_string(w, "verdict", outcome_name(d->outcome));
    jsonw_string(w, "reason", d->reason);
    jsonw_string(w, "advice", d->advice[0] != '\0' ? d->advice : NULL);
    jsonw_int(w, "exit_code", in->exit_code);
    jsonw_bool(w, "partial", d->partial || in->record->partial);
    jsonw_bool(w, "certain", d->certain);
    jsonw_double(w, "steady_from_s", d->steady_from_s);
    jsonw_double(w, "more_requests", d->more_requests);
    jsonw_double(w, "more_chance", d->more_chance);
    jsonw_double(w, "more_s", d->more_s);
    if (d->cause.class[0] != '\0') {
        jsonw_object(w, "cause");
        jsonw_string(w, "class", d->cause.class);
        jsonw_string(w, "text", d->cause.text);
        jsonw_string(w, "against", d->cause.against);
        jsonw_string(w, "fix", d->cause.fix);
        jsonw_object_end(w);
    } else {
        jsonw_null(w, "cause");
    }
    jsonw_object(w, "control");
    jsonw_bool(w, "ran", d->control_ran);
    jsonw_bool(w, "ok", d->control_ran && d->control_ok);
    jsonw_string(w, "text",
                 d->control_text[0] != '\0' ? d->control_text : NULL);
    jsonw_object_end(w);
}

void report_json(const struct report_input *in, struct buf *out)
{
    struct jsonw w;
    struct view v;

    view_init(&v, in);
    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    add_verdict(&w, in);
    add_facts(&w, in);
    jsonw_array(&w, "metrics");
    for (size_t i = 0; i < v.nmetrics; i++)
        add_metric(&w, v.metrics[i]);
    jsonw_array_end(&w);
    add_blames(&w, in);
    add_types(&w, in->verdict);
    add_diagnosis(&w, in->verdict, &in->record->diagnosis);
    add_kinds(&w, &v);
    jsonw_array(&w, "notes");
    for (size_t i = 0; i < in->record->nnotes; i++)
        jsonw_string(&w, NULL, in->record->notes[i]);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    view_release(&v);
}

static int render(const struct report_input *in, struct buf *out,
                  struct err *err)
{
    (void)err;
    report_json(in, out);
    return 0;
}

const struct report_ops report_ops_json = {"json", "verdict.json", render};
