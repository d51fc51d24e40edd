#include "harness/cli/check_view.h"

#include "harness/base/escape.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "harness/model/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_SHOWN = 20, HINTS_MAX = 16 };

/* What the plan amounts to. Times in seconds; NaN: depends on the target. */
struct check_plan {
    double warmup_s, block_s, total_s;
    double requests; /* in all blocks; NaN: depends on the target */
    bool cut;        /* max_time ends it before its last block */
};

static struct check_plan check_plan_of(const struct scenario *sc)
{
    const struct scenario_load *l = &sc->load;
    double blocks = l->blocks, settle = (double)l->settle_ns / 1e9;
    struct check_plan p = {.warmup_s = (double)l->warmup_ns / 1e9,
                           .block_s = (double)l->block_ns / 1e9,
                           .requests = NAN};
    double rate = l->model == LOAD_OPEN ? l->rate_rps : NAN;
    double most = (double)l->max_time_ns / 1e9;

    if (l->warmup_requests > 0)
        p.warmup_s = (double)l->warmup_requests / rate;
    if (l->block_requests > 0)
        p.block_s = (double)l->block_requests / rate;
    if (l->blocks == 0) {
        p.total_s = most;
        p.requests = rate * (most - p.warmup_s);
        return p;
    }
    p.requests = l->block_requests > 0 ? (double)l->block_requests * blocks
                                       : rate * p.block_s * blocks;
    p.total_s = p.warmup_s + blocks * (p.block_s + settle) + settle;
    p.cut = p.total_s > most;
    if (p.cut)
        p.total_s = most;
    return p;
}

static void add_escaped(struct buf *out, const char *s)
{
    escape_text(out, s, strlen(s));
}

/* "2 min 33 s", "1.5 s", "3 h 20 min". */
static void add_time(struct buf *out, double s)
{
    long whole = lround(s);

    if (s < 10)
        buf_addf(out, "%.3g s", s);
    else if (whole < 60)
        buf_addf(out, "%ld s", whole);
    else if (whole < 3600)
        buf_addf(out, "%ld min %ld s", whole / 60, whole % 60);
    else if (whole < 172800)
        buf_addf(out, "%ld h %ld min", whole / 3600, whole % 3600 / 60);
    else
        buf_addf(out, "%.3g days", s / 86400);
}

/* "24,000". */
static void add_count(struct buf *out, double v)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.0f", v);

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf_addc(out, ',');
        buf_addc(out, digits[i]);
    }
}

static void target_text(const struct scenario *sc, struct buf *out)
{
    const struct scenario_target *t = &sc->target;
    char *masked;

    buf_adds(out, "  target   ");
    if (t->command != NULL) {
        masked = scenario_mask(sc, t->command);
        buf_adds(out, "starts: ");
        add_escaped(out, masked);
        free(masked);
    } else if (t->pid > 0) {
        buf_addf(out, "attaches to process %lld", (long long)t->pid);
    } else if (t->pidfile != NULL) {
        buf_adds(out, "attaches to the process in ");
        add_escaped(out, t->pidfile);
    } else if (t->cgroup != NULL) {
        buf_adds(out, "attaches to the control group ");
        add_escaped(out, t->cgroup);
    } else {
        buf_addf(out, "attaches to whoever listens on port %d", t->port);
    }
    buf_addc(out, '\n');
    if (t->ready.path != NULL) {
        buf_addf(out, "           ready when %s ", t->ready.method);
        add_escaped(out, t->ready.path);
        buf_adds(out, " answers, within ");
        add_time(out, (double)t->ready.within_ns / 1e9);
        buf_addc(out, '\n');
    }
}

static void load_text(const struct scenario *sc, struct buf *out)
{
    const struct scenario_load *l = &sc->load;
    struct check_plan p = check_plan_of(sc);

    buf_adds(out, "  load     ");
    if (sc->replay.file != NULL) {
        buf_addf(out, "%zu recorded requests, %gx as fast, to ",
                 sc->replay.nentries, sc->replay.speed);
    } else if (l->model == LOAD_OPEN) {
        buf_addf(out, "%g requests/s, at most %d connections, to ", l->rate_rps,
                 l->connections);
    } else {
        buf_addf(out, "%d users, each waiting for its answer, to ", l->users);
    }
    add_escaped(out, sc->target.url.text);
    buf_adds(out, "\n  plan     warm-up of ");
    if (l->warmup_requests > 0)
        buf_addf(out, "%llu requests", (unsigned long long)l->warmup_requests);
    else
        add_time(out, p.warmup_s);
    if (l->blocks == 0) {
        buf_adds(out, ", one soak without a break");
    } else {
        buf_addf(out, ", %d blocks of ", l->blocks);
        if (l->block_requests > 0) {
            add_count(out, (double)l->block_requests);
            buf_adds(out, " requests");
        } else {
            add_time(out, p.block_s);
        }
        buf_adds(out, ", after each a pause of ");
        add_time(out, (double)l->settle_ns / 1e9);
        buf_adds(out, " and an exact reading");
    }
    buf_adds(out, "\n           ");
    if (isfinite(p.requests)) {
        add_count(out, p.requests);
        buf_adds(out, " requests, ");
    }
    buf_adds(out, isfinite(p.total_s) && !p.cut ? "about " : "at most ");
    add_time(out,
             isfinite(p.total_s) ? p.total_s : (double)l->max_time_ns / 1e9);
    buf_addc(out, '\n');
}

static double total_weight(const struct scenario *sc, size_t kinds)
{
    double sum = 0;

    for (size_t k = 0; k < kinds; k++)
        sum += scenario_kind_weight(sc, k);
    return sum > 0 ? sum : 1;
}

static void mix_text(const struct scenario *sc, struct buf *out)
{
    size_t kinds = scenario_kinds(sc), index;
    double requests = check_plan_of(sc).requests;
    double total = kinds <= KINDS_SHOWN ? total_weight(sc, kinds) : 1;

    if (kinds > KINDS_SHOWN) {
        buf_addf(out, "  mix      %zu kinds of requests\n", kinds);
        return;
    }
    for (size_t k = 0; k < kinds; k++) {
        bool flow = scenario_kind_at(sc, k, &index);
        double share = scenario_kind_weight(sc, k) / total;
        struct buf name;

        buf_init(&name, 1024);
        add_escaped(&name, scenario_kind_name(sc, k));
        buf_addf(out, "  %-8s %-20s %5.1f %%", k == 0 ? "mix" : "",
                 buf_str(&name), share * 100);
        buf_release(&name);
        if (flow)
            buf_addf(out, "   a flow of %zu steps", sc->flows[index].nsteps);
        else if (isfinite(requests) && sc->nflows == 0) {
            buf_adds(out, "   about ");
            add_count(out, requests * share);
        }
        buf_addc(out, '\n');
    }
}

/* True for a tolerance key or a metric that is measured in bytes. */
static bool is_bytes(const char *name)
{
    struct metric m;

    for (int i = 0; metric_at(i) != NULL; i++)
        if (metric_at(i)->tolerance != NULL &&
            strcmp(metric_at(i)->tolerance, name) == 0)
            return metric_at(i)->unit == METRIC_BYTES;
    metric_describe(name, &m);
    return m.unit == METRIC_BYTES;
}

static void verdict_text(const struct scenario *sc, struct buf *out)
{
    const struct policy *p = &sc->policy;

    buf_adds(out, "  sample   every ");
    add_time(out, (double)sc->sample.every_ns / 1e9);
    buf_addf(out, ":%s%s%s%s", sc->sample.process ? " process" : "",
             sc->sample.cgroup ? " cgroup" : "",
             sc->sample.python_listed && sc->sample.python != PYTHON_OFF
                 ? " python"
                 : "",
             sc->sample.jvm ? " jvm" : "");
    for (size_t i = 0; i < sc->sample.ncustom; i++) {
        buf_addc(out, ' ');
        add_escaped(out, sc->sample.custom[i].name);
    }
    buf_adds(out, "\n  verdict  ");
    for (size_t i = 0; i < p->ntolerances; i++) {
        add_escaped(out, p->tolerances[i].metric);
        buf_addf(out, " <= %.6g%s/%s, ", p->tolerances[i].value,
                 is_bytes(p->tolerances[i].metric) ? " B" : "",
                 p->tolerances[i].per == TOLERANCE_PER_HOUR ? "hour"
                                                            : "request");
    }
    if (p->ntolerances == 0)
        buf_adds(out, "the analyzers' own tolerances, ");
    if (p->survive_s > 0) {
        buf_adds(out, "no limit reached within ");
        add_time(out, p->survive_s);
        buf_adds(out, ", ");
    }
    buf_addf(out, "at %.4g %% confidence\n", p->confidence * 100);
}

/* ---- hints: right, but perhaps not what was meant ---- */

struct hints {
    char *at[HINTS_MAX];
    size_t n;
};

static void hint(struct hints *h, char *text)
{
    if (h->n < HINTS_MAX)
        h->at[h->n++] = text;
    else
        free(text);
}

static void find_hints(const struct scenario *sc, struct hints *h)
{
    const struct scenario_load *l = &sc->load;
    struct check_plan p = check_plan_of(sc);
    size_t kinds = scenario_kinds(sc);

    if (p.cut)
        hint(h, mem_printf("load.max_time ends the run before its last "
                           "block: raise it, or use fewer or shorter blocks"));
    if (l->blocks > 0 && l->blocks < 6)
        hint(h, mem_printf("%d block%s wide intervals: 10 or more decide "
                           "sooner",
                           l->blocks, l->blocks == 1 ? " gives" : "s give"));
    if (l->blocks > 0 && kinds > 1 && l->vary_mix && sc->replay.file == NULL &&
        (size_t)l->blocks < kinds + 3)
        hint(h, mem_printf("to tell which of %zu kinds of requests leaks, "
                           "%zu blocks or more are needed",
                           kinds, kinds + 3));
    if (l->blocks == 0)
        hint(h, mem_printf("without blocks there are no exact readings: a "
                           "small leak takes much longer to see"));
    if (l->model == LOAD_OPEN && l->connections < l->rate_rps / 1000)
        hint(h, mem_printf("%d connections may be too few for %g requests/s",
                           l->connections, l->rate_rps));
    if (sc->target.port > 0 && sc->target.url.port > 0 &&
        sc->target.port != sc->target.url.port)
        hint(h, mem_printf("requests go to port %d, memory is read from "
                           "whoever listens on port %d",
                           sc->target.url.port, sc->target.port));
    if (sc->target.url.tls && !sc->target.tls_verify)
        hint(h, mem_printf("tls_verify = off: the server's certificate is not "
                           "checked"));
    if (sc->policy.survive_s > 0 && sc->policy.limit_bytes == 0)
        hint(h, mem_printf("survive needs a memory limit: the control "
                           "group's, or verdict.limit"));
    if (!sc->sample.process && !sc->sample.cgroup)
        hint(h, mem_printf("neither process nor cgroup is sampled: no memory "
                           "is judged"));
}

static void release_hints(struct hints *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->at[i]);
}

void check_text(const struct scenario *sc, struct buf *out)
{
    struct hints h = {.n = 0};

    add_escaped(out, sc->file);
    buf_adds(out, " is right: ");
    add_escaped(out, sc->name);
    buf_addc(out, '\n');
    target_text(sc, out);
    load_text(sc, out);
    mix_text(sc, out);
    verdict_text(sc, out);
    find_hints(sc, &h);
    for (size_t i = 0; i < h.n; i++) {
        buf_addf(out, "  %-8s ", i == 0 ? "hint" : "");
        add_escaped(out, h.at[i]);
        buf_addc(out, '\n');
    }
    release_hints(&h);
}

void check_effective(const struct scenario *sc, struct buf *out)
{
    const char *section = "";

    for (size_t i = 0; i < sc->neffective; i++) {
        const struct effective *e = &sc->effective[i];
        size_t before;

        if (strcmp(section, e->section) != 0) {
            buf_addf(out, "%s[", i > 0 ? "\n" : "");
            add_escaped(out, e->section);
            buf_adds(out, "]\n");
            section = e->section;
        }
        before = out->len;
        add_escaped(out, e->key);
        buf_adds(out, " = ");
        add_escaped(out, e->value);
        for (size_t n = out->len - before; n < 44; n++)
            buf_addc(out, ' ');
        buf_adds(out, "  ; ");
        add_escaped(out, e->origin);
        buf_addc(out, '\n');
    }
}

static void json_kinds(const struct scenario *sc, struct jsonw *w)
{
    size_t kinds = scenario_kinds(sc), index;

    jsonw_array(w, "kinds");
    for (size_t k = 0; k < kinds; k++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "name", scenario_kind_name(sc, k));
        jsonw_bool(w, "flow", scenario_kind_at(sc, k, &index));
        jsonw_double(w, "weight", scenario_kind_weight(sc, k));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void json_effective(const struct scenario *sc, struct jsonw *w)
{
    jsonw_array(w, "effective");
    for (size_t i = 0; i < sc->neffective; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "section", sc->effective[i].section);
        jsonw_string(w, "key", sc->effective[i].key);
        jsonw_string(w, "value", sc->effective[i].value);
        jsonw_string(w, "origin", sc->effective[i].origin);
        jsonw_bool(w, "secret", sc->effective[i].secret);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void check_json(const struct scenario *sc, bool effective, struct buf *out)
{
    struct check_plan p = check_plan_of(sc);
    struct hints h = {.n = 0};
    struct jsonw w;

    find_hints(sc, &h);
    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    jsonw_bool(&w, "valid", true);
    jsonw_string(&w, "file", sc->file);
    jsonw_string(&w, "name", sc->name);
    jsonw_string(&w, "url", sc->target.url.text);
    jsonw_string(&w, "model", sc->load.model == LOAD_OPEN ? "open" : "closed");
    jsonw_int(&w, "blocks", sc->load.blocks);
    jsonw_double(&w, "requests", p.requests);
    jsonw_double(&w, "duration_s", p.total_s);
    jsonw_double(&w, "max_time_s", (double)sc->load.max_time_ns / 1e9);
    json_kinds(sc, &w);
    jsonw_array(&w, "hints");
    for (size_t i = 0; i < h.n; i++)
        jsonw_string(&w, NULL, h.at[i]);
    jsonw_array_end(&w);
    if (effective)
        json_effective(sc, &w);
    jsonw_array(&w, "mistakes");
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_addc(out, '\n');
    release_hints(&h);
}

void check_json_mistakes(const struct mistakes *m, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    jsonw_bool(&w, "valid", false);
    jsonw_array(&w, "mistakes");
    for (size_t i = 0; i < m->n; i++) {
        jsonw_object(&w, NULL);
        jsonw_string(&w, "file", m->at[i].file);
        if (m->at[i].line > 0)
            jsonw_int(&w, "line", m->at[i].line);
        else
            jsonw_null(&w, "line");
        jsonw_string(&w, "text", m->at[i].text);
        if (m->at[i].hint != NULL)
            jsonw_string(&w, "hint", m->at[i].hint);
        else
            jsonw_null(&w, "hint");
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_int(&w, "more", (int64_t)m->more);
    jsonw_object_end(&w);
    buf_addc(out, '\n');
}
