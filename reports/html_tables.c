/* The tables of report.html that speak of the verdict: metrics, guilty kinds
 * of request, object types. html_diagnosis.c says what holds them, html_run.c
 * has the run's. */
#include "reports/html_impl.h"

#include "analyzers/attribution.h"
#include "reports/say.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TYPES_SHOWN 50
#define BLAMES_SHOWN 100

static void section(struct buf *out, const char *heading, const char *lead)
{
    buf_addf(out, "<section><h2>%s</h2>", heading);
    if (lead != NULL)
        buf_addf(out, "<p class=\"dim\">%s</p>", lead);
    buf_adds(out, "\n<div class=\"scroll\"><table>\n<tr>");
}

static void section_end(struct buf *out)
{
    buf_adds(out, "</table></div></section>\n");
}

static void metric_row(struct buf *out, const struct view *v,
                       const struct finding *f)
{
    enum metric_unit u = f->metric.unit;

    buf_adds(out, "<tr class=\"pair\"><td class=\"w\">");
    html_text(out, f->name);
    if (f->metric.role != METRIC_CUSTOM && f->metric.title != NULL) {
        buf_adds(out, "<small>");
        html_text(out, f->metric.title);
        buf_adds(out, "</small>");
    }
    if (f->judged)
        buf_addf(out, "</td><td class=\"%s\"><span class=\"tag\">%s</span>",
                 outcome_name(f->outcome), outcome_name(f->outcome));
    else
        buf_adds(out, "</td><td>not judged");
    buf_addf(out, "<small>%s</small></td>", shape_name(f->shape));
    if (v->by_request)
        html_td_interval(out, &f->per_request, u);
    html_td_amount(
        out, v->by_request ? f->minimum_per_request : f->minimum_per_hour, u);
    html_td_interval(out, &f->per_hour, u);
    html_td_amount(out, f->level, u);
    /* Why, over the whole width: in a column of its own it would be a tower
       of short lines, and out of sight on a phone. */
    buf_addf(out, "</tr>\n<tr><td class=\"why\" colspan=\"%d\"><small>",
             v->by_request ? 6 : 5);
    html_text(out, f->reason);
    buf_adds(out, "</small></td></tr>\n");
}

void html_metrics(struct buf *out, const struct view *v)
{
    if (v->nmetrics == 0)
        return;
    section(out, "Metrics",
            "Growth that would go on, with its interval; \xE2\x80\x9C"
            "could "
            "miss\xE2\x80\x9D"
            " is the smallest leak that this run might not have "
            "noticed.");
    buf_adds(out, "<th>metric</th><th>verdict</th>");
    if (v->by_request)
        buf_adds(out, "<th class=\"n\">growth per request</th>");
    buf_adds(out, "<th class=\"n\">could miss</th><th class=\"n\">growth per "
                  "hour</th><th class=\"n\">level</th></tr>\n");
    for (size_t i = 0; i < v->nmetrics; i++)
        metric_row(out, v, v->metrics[i]);
    section_end(out);
}

static bool blame_valid(const struct verdict *d, const struct blame *b)
{
    return b->finding >= 0 && (size_t)b->finding < d->nfindings;
}

/* "requests", "distinct q", "requests or step login". */
static void follows_cell(struct buf *out, const struct record *r,
                         const struct blame *b)
{
    static const char *const what[] = {"distinct ", "step ", ""};
    const struct record_driver *d =
        b->driver >= 0 && (size_t)b->driver < r->ndrivers
            ? &r->drivers[b->driver]
            : NULL;

    buf_adds(out, "<td>");
    if (b->kind < 0)
        buf_adds(out,
                 b->kind == ATTRIBUTION_CONNECTIONS ? "connections" : "time");
    else if (b->by != BLAME_DRIVER || d == NULL)
        buf_adds(out, "requests");
    if (b->kind >= 0 && b->by != BLAME_REQUESTS && d != NULL) {
        buf_adds(out, b->by == BLAME_EITHER ? " or " : "");
        buf_adds(out, what[d->what]);
        html_text(out, d->name);
    }
    buf_adds(out, "</td>");
}

static void blame_row(struct buf *out, const struct view *v,
                      const struct blame *b)
{
    const struct finding *f = &v->in->verdict->findings[b->finding];
    char *name = view_kind_name(v->in->record, b->kind);

    buf_adds(out, "<tr>");
    html_td(out, name);
    html_td(out, f->name);
    buf_addf(out, "<td class=\"%s\"><span class=\"tag\">%s</span></td>",
             b->named ? "leak" : "pass", b->named ? "guilty" : "not seen");
    follows_cell(out, v->in->record, b);
    html_td_interval(out, &b->per_request, f->metric.unit);
    html_td_amount(out, b->minimum_per_request, f->metric.unit);
    buf_adds(out, "</tr>\n");
    free(name);
}

void html_blames(struct buf *out, const struct view *v)
{
    const struct verdict *d = v->in->verdict;
    size_t shown = 0, left = 0;

    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < d->nblames; i++) {
            if (d->blames[i].named != (named == 1) ||
                !blame_valid(d, &d->blames[i]))
                continue;
            if (shown >= BLAMES_SHOWN) {
                left++;
                continue;
            }
            if (shown++ == 0) {
                section(out, "Which request leaks",
                        "The mix of requests was varied from block to block; "
                        "growth is laid at the kind it follows. \xE2\x80\x9C"
                        "Not "
                        "seen\xE2\x80\x9D"
                        " reaches down to the last column.");
                buf_adds(out, "<th>request</th><th>metric</th><th></th>"
                              "<th>follows</th><th "
                              "class=\"n\">growth per request of this "
                              "kind</th><th class=\"n\">would be named "
                              "from</th></tr>\n");
            }
            blame_row(out, v, &d->blames[i]);
        }
    if (shown > 0) {
        if (left > 0)
            buf_addf(out,
                     "<tr><td colspan=\"6\">and %zu more in "
                     "verdict.json</td></tr>\n",
                     left);
        section_end(out);
    }
}

void html_types(struct buf *out, const struct view *v)
{
    const struct verdict *d = v->in->verdict;
    const char *per = d->types_per_hour ? "hour" : "request";

    if (d->ntypes == 0)
        return;
    buf_addf(out,
             "<section><h2>Object types</h2><p class=\"dim\">Live objects "
             "by type, counted %s: growth per %s, with its interval.</p>\n",
             d->types_per_hour ? "now and then" : "at the barriers", per);
    html_type_bars(out, d);
    buf_addf(out,
             "<div class=\"scroll\"><table>\n<tr><th>type</th><th></th><th "
             "class=\"n\">per %s</th><th class=\"n\">bytes per %s</th><th "
             "class=\"n\">at the end</th></tr>\n",
             per, per);
    for (size_t i = 0; i < d->ntypes && i < TYPES_SHOWN; i++) {
        const struct type_growth *t = &d->types[i];

        buf_adds(out, "<tr><td class=\"w\"><code>");
        html_text(out, t->type);
        buf_adds(out, "</code></td>");
        buf_adds(out, t->significant ? "<td class=\"leak\"><span class=\"tag\">"
                                       "grows</span></td>"
                                     : "<td></td>");
        html_td_interval(out, &t->count_per_request, METRIC_COUNT);
        html_td_amount(out, t->bytes_per_request, METRIC_BYTES);
        html_td_count(out, t->count);
        buf_adds(out, "</tr>\n");
    }
    if (d->ntypes > TYPES_SHOWN)
        buf_addf(out,
                 "<tr><td colspan=\"5\">and %zu more in "
                 "verdict.json</td></tr>\n",
                 d->ntypes - TYPES_SHOWN);
    section_end(out);
}
