/* The tables of report.html that speak of the run: requests, processes,
 * events, what was run and what it cost. */
#include "reports/html_impl.h"

#include "reports/say.h"

#include <math.h>
#include <string.h>

#define KINDS_SHOWN 200
#define PROCESSES_SHOWN 100
#define EVENTS_SHOWN 500

static void more(struct buf *out, size_t all, size_t shown, int columns,
                 const char *where)
{
    if (all > shown)
        buf_addf(out, "<tr><td colspan=\"%d\">and %zu more in %s</td></tr>\n",
                 columns, all - shown, where);
}

static void kind_row(struct buf *out, const struct view *v, size_t i)
{
    const struct view_kind *k = &v->kinds[i];

    buf_adds(out, "<tr>");
    html_td(out, k->name);
    html_td_amount(out, k->weight, METRIC_COUNT);
    html_td_count(out, isnan(k->sent) ? k->requests : k->sent);
    html_td_count(out, k->ok);
    html_td_count(out, k->errors);
    html_td_count(out, k->late);
    html_td_amount(out, k->p50_ms, METRIC_COUNT);
    html_td_amount(out, k->p99_ms, METRIC_COUNT);
    buf_adds(out, "</tr>\n");
}

void html_kinds(struct buf *out, const struct view *v)
{
    if (v->nkinds == 0)
        return;
    buf_adds(out,
             "<section><h2>Requests</h2><p class=\"dim\">p50: the typical "
             "second's median; p99: the worst second's. Latency counts from "
             "the moment a request was due.</p><div class=\"scroll\"><table>\n"
             "<tr><th>request</th><th class=\"n\">weight</th><th "
             "class=\"n\">sent</th><th class=\"n\">ok</th><th "
             "class=\"n\">errors</th><th class=\"n\">late</th><th "
             "class=\"n\">p50 ms</th><th class=\"n\">p99 ms</th></tr>\n");
    for (size_t i = 0; i < v->nkinds && i < KINDS_SHOWN; i++)
        kind_row(out, v, i);
    more(out, v->nkinds, KINDS_SHOWN, 8, "verdict.json");
    buf_adds(out, "</table></div></section>\n");
}

void html_processes(struct buf *out, const struct view *v)
{
    const struct record *r = v->in->record;

    if (r->nprocesses == 0)
        return;
    buf_addf(out,
             "<section><details%s><summary>Processes (%zu)</summary><div "
             "class=\"scroll\"><table>\n<tr><th class=\"n\">pid</th><th>"
             "command</th><th class=\"n\">seen from</th><th "
             "class=\"n\">to</th><th class=\"n\">RSS first</th><th "
             "class=\"n\">last</th><th class=\"n\">highest</th><th "
             "class=\"n\">PSS last</th></tr>\n",
             r->nprocesses <= 12 ? " open=\"\"" : "", r->nprocesses);
    for (size_t i = 0; i < r->nprocesses && i < PROCESSES_SHOWN; i++) {
        const struct record_process *p = &r->processes[i];

        buf_addf(out, "<tr><td class=\"n\">%lld</td><td class=\"w\"><code>",
                 (long long)p->pid);
        html_text(out, p->command);
        buf_addf(out,
                 "</code></td><td class=\"n\">%.1f s</td><td "
                 "class=\"n\">%.1f s</td>",
                 p->first_s, p->last_s);
        html_td_amount(out, p->rss_first, METRIC_BYTES);
        html_td_amount(out, p->rss_last, METRIC_BYTES);
        html_td_amount(out, p->rss_max, METRIC_BYTES);
        html_td_amount(out, p->pss_last, METRIC_BYTES);
        buf_adds(out, "</tr>\n");
    }
    more(out, r->nprocesses, PROCESSES_SHOWN, 8, "processes.csv");
    buf_adds(out, "</table></div></details></section>\n");
}

void html_events(struct buf *out, const struct view *v)
{
    const struct record *r = v->in->record;

    if (r->nevents == 0)
        return;
    buf_addf(out,
             "<section><details><summary>Events (%zu)</summary><div "
             "class=\"scroll\"><table>\n<tr><th class=\"n\">at</th><th>event"
             "</th><th class=\"n\">pid</th><th>detail</th></tr>\n",
             r->nevents);
    for (size_t i = 0; i < r->nevents && i < EVENTS_SHOWN; i++) {
        const struct record_event *e = &r->events[i];

        if (isfinite(e->t_s))
            buf_addf(out, "<tr><td class=\"n\">%.1f s</td>", e->t_s);
        else
            buf_adds(out, "<tr><td class=\"n\">-</td>");
        html_td(out, e->what);
        if (e->pid != 0)
            buf_addf(out, "<td class=\"n\">%lld</td>", (long long)e->pid);
        else
            buf_adds(out, "<td></td>");
        buf_adds(out, "<td class=\"w\">");
        html_text(out, e->detail);
        buf_adds(out, "</td></tr>\n");
    }
    more(out, r->nevents, EVENTS_SHOWN, 4, "events.ndjson");
    buf_adds(out, "</table></div></details></section>\n");
}

/* ---- what was run, and what it cost ---- */

static void fact(struct buf *out, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    buf_addf(out, "<tr><td class=\"dim\">%s</td><td class=\"w\">", name);
    html_text(out, value);
    buf_adds(out, "</td></tr>\n");
}

static void fact_amount(struct buf *out, const char *name, double v,
                        enum metric_unit u, const char *unit)
{
    if (!isfinite(v))
        return;
    buf_addf(out, "<tr><td class=\"dim\">%s</td><td>", name);
    say_amount(out, v, u);
    buf_addf(out, "%s</td></tr>\n", unit);
}

static void costs(struct buf *out, const struct record *r)
{
    fact_amount(out, "harness: CPU", r->harness_cpu_s, METRIC_SECONDS, "");
    if (r->duration_s > 0 && isfinite(r->harness_cpu_s)) {
        buf_adds(out, "<tr><td class=\"dim\">harness: share of one "
                      "CPU</td><td>");
        say_percent(out, r->harness_cpu_s / r->duration_s);
        buf_adds(out, "</td></tr>\n");
    }
    fact_amount(out, "harness: own memory (RSS)", r->harness_rss_bytes,
                METRIC_BYTES, "");
    fact_amount(out, "harness: time spent reading", r->sampler_cost_s,
                METRIC_SECONDS, "");
    fact_amount(out, "requests sent late, p99", r->late_p99_ms, METRIC_COUNT,
                " ms");
}

static void notes(struct buf *out, const struct record *r)
{
    if (r->nnotes == 0)
        return;
    buf_adds(out, "<section><h2>What this run could not see or do</h2><ul>\n");
    for (size_t i = 0; i < r->nnotes; i++) {
        buf_adds(out, "<li>");
        html_text(out, r->notes[i]);
        buf_adds(out, "</li>\n");
    }
    buf_adds(out, "</ul></section>\n");
}

void html_run(struct buf *out, const struct view *v)
{
    const struct record *r = v->in->record;

    notes(out, r);
    buf_adds(out, "<section><h2>The run</h2><div "
                  "class=\"scroll\"><table>\n");
    fact(out, "target", r->url);
    fact(out, "command", r->command);
    fact(out, "ended", run_end_name(r->end));
    fact(out, "", r->end_detail);
    fact(out, "partial", r->partial ? "yes: it did not write its end" : "");
    fact_amount(out, "memory limit", r->limit_bytes, METRIC_BYTES, "");
    fact(out, "engine", r->engine);
    fact(out, "why this engine", r->engine_why);
    fact(out, "host", r->host);
    fact(out, "kernel", r->kernel);
    costs(out, r);
    buf_adds(out, "</table></div>");
    if (r->scenario_text != NULL) {
        buf_adds(out, "<details><summary>Effective scenario</summary><pre>");
        html_text(out, r->scenario_text);
        buf_adds(out, "</pre></details>");
    }
    buf_adds(out, "</section>\n");
}
