/* The parts of report.html that say who holds what grows and who asked for
 * it: the types that grow, the chains, the allocation sites, drawn and in
 * tables. */
#include "reports/html_impl.h"

#include "analyzers/explain.h"
#include "reports/chain_words.h"
#include "reports/html_draw.h"
#include "reports/say.h"

#include <math.h>

#define TYPES_DRAWN 12
#define SITES_DRAWN 10
#define ROWS_SHOWN 30
#define BOUND_TEXT_MAX 4000

void html_type_bars(struct buf *out, const struct verdict *v)
{
    struct bar bars[TYPES_DRAWN];
    size_t n = 0;

    for (size_t i = 0; i < v->ntypes && n < TYPES_DRAWN; i++)
        if (v->types[i].count_per_request.value > 0)
            bars[n++] =
                (struct bar){.label = v->types[i].type,
                             .value = v->types[i].count_per_request.value,
                             .low = v->types[i].count_per_request.low,
                             .high = v->types[i].count_per_request.high,
                             .strong = v->types[i].significant};
    html_bars(out, "growth per request by type", bars, n, METRIC_COUNT);
}

static void paragraph(struct buf *out, struct buf *words)
{
    if (words->len > 0) {
        buf_adds(out, "<p>");
        html_text(out, buf_str(words));
        buf_adds(out, "</p>\n");
    }
    buf_release(words);
}

/* What its container holds; and one that takes no more than so many may be all
 * there is. */
static void container(struct buf *out, const struct view *v,
                      const struct diagnosis_chain *c)
{
    struct buf words;

    buf_init(&words, BOUND_TEXT_MAX);
    chain_deep_words(&words, c);
    paragraph(out, &words);
    buf_init(&words, BOUND_TEXT_MAX);
    chain_bound_words(&words, v, c);
    paragraph(out, &words);
}

static void chain_head(struct buf *out, const struct view *v,
                       const struct diagnosis_chain *c)
{
    buf_adds(out, "<p class=\"dim\">");
    if (c->sampled > 0) {
        say_percent(out, c->found / c->sampled);
        buf_adds(out, " of the ");
    }
    buf_adds(out, "<code>");
    html_text(out, c->type);
    buf_adds(out, "</code> that were followed; ");
    say_count(out, c->instances);
    buf_adds(out, explain_proven(v->in->verdict, c->type)
                      ? " alive</p>\n"
                      : " alive; not proven to grow</p>\n");
}

/* Drawn where the graph does not show it; its text is folded away where the
 * drawing is beside it on every page. */
static void chain(struct buf *out, const struct view *v,
                  const struct diagnosis_chain *c, bool wide, bool narrow)
{
    buf_adds(out, "<div class=\"held\">");
    chain_head(out, v, c);
    if (wide || narrow)
        html_boxes(out, c->text, explain_proven(v->in->verdict, c->type), wide,
                   narrow);
    if (wide)
        buf_adds(out, "<details><summary class=\"dim\">as text</summary>");
    buf_adds(out, "<pre>");
    html_text(out, c->text);
    buf_adds(out, "</pre>");
    buf_adds(out, wide ? "</details>" : "");
    container(out, v, c);
    buf_adds(out, "</div>\n");
}

static void graph(struct buf *out, const struct graph *g)
{
    if (g->wide.placed)
        html_graph(out, g, &g->wide, false);
    if (g->narrow.placed)
        html_graph(out, g, &g->narrow, true);
}

static void chains(struct buf *out, const struct view *v)
{
    const struct diagnosis *d = &v->in->record->diagnosis;
    const struct graph *g = v->in->graph;
    size_t drawn = 0;

    if (d->nchains == 0)
        return;
    buf_adds(out, "<h3>What holds the growing objects</h3>\n"
                  "<p class=\"dim\">Arrows lead from the holder to what it "
                  "holds; what surely grows is framed in red.</p>\n");
    if (g != NULL)
        graph(out, g);
    for (size_t i = 0; i < d->nchains && i < ROWS_SHOWN; i++) {
        const struct diagnosis_chain *c = &d->chains[i];
        bool draw = explain_tells(v->in->verdict, d, c);

        if (!draw && c->text != NULL && *c->text != '\0')
            continue;
        draw = draw && drawn++ < GRAPH_CHAINS;
        chain(out, v, c, draw && (g == NULL || !g->wide.placed),
              draw && (g == NULL || !g->narrow.placed));
    }
}

static void site_bars(struct buf *out, const struct diagnosis_site *s, size_t n)
{
    struct bar bars[SITES_DRAWN];
    size_t k = 0;

    for (size_t i = 0; i < n && k < SITES_DRAWN; i++)
        bars[k++] = (struct bar){.label = s[i].where != NULL ? s[i].where : "?",
                                 .value = s[i].bytes_per_request,
                                 .low = NAN,
                                 .high = NAN};
    html_bars(out, "bytes kept per request by allocation site", bars, k,
              METRIC_BYTES);
}

static void sites(struct buf *out, const struct diagnosis_site *sites, size_t n)
{
    if (n == 0)
        return;
    site_bars(out, sites, n);
    buf_adds(out, "<div class=\"scroll\"><table>\n<tr><th>place</th><th "
                  "class=\"n\">bytes per request</th><th class=\"n\">blocks "
                  "per request</th></tr>\n");
    for (size_t i = 0; i < n && i < ROWS_SHOWN; i++) {
        const struct diagnosis_site *s = &sites[i];

        buf_adds(out, "<tr><td class=\"w\"><code>");
        html_text(out, s->where);
        buf_adds(out, "</code>");
        if (s->trace != NULL && *s->trace != '\0') {
            buf_adds(out, "<details class=\"by\"><summary>called "
                          "by</summary><pre>");
            html_text(out, s->trace);
            buf_adds(out, "</pre></details>");
        }
        buf_adds(out, "</td>");
        html_td_amount(out, s->bytes_per_request, METRIC_BYTES);
        html_td_amount(out, s->count_per_request, METRIC_COUNT);
        buf_adds(out, "</tr>\n");
    }
    buf_adds(out, "</table></div>\n");
}

static void native(struct buf *out, const struct diagnosis *d)
{
    if (d->native_tool == NULL)
        return;
    buf_adds(out, "<h3>Native memory that stayed</h3><p class=\"dim\">The "
                  "command once more, under ");
    html_text(out, d->native_tool);
    buf_adds(out, ", in ");
    say_time(out, d->native_seconds);
    buf_adds(out, " with ");
    say_count(out, d->native_requests);
    buf_adds(out, d->nnatives > 0
                      ? " requests that count; not measured.</p>\n"
                      : " requests that count: no block that stayed was "
                        "found. Not measured.</p>\n");
    sites(out, d->natives, d->nnatives);
}

static void mappings(struct buf *out, const struct diagnosis *d)
{
    if (d->nmappings == 0)
        return;
    buf_adds(out, "<h3>Mappings that grew during the diagnosis</h3><div "
                  "class=\"scroll\"><table>\n<tr><th>mapping</th><th "
                  "class=\"n\">grown</th><th "
                  "class=\"n\">resident</th></tr>\n");
    for (size_t i = 0; i < d->nmappings && i < ROWS_SHOWN; i++) {
        buf_adds(out, "<tr>");
        html_td(out, d->mappings[i].name);
        html_td_amount(out, d->mappings[i].grown_bytes, METRIC_BYTES);
        html_td_amount(out, d->mappings[i].resident_bytes, METRIC_BYTES);
        buf_adds(out, "</tr>\n");
    }
    buf_adds(out, "</table></div>\n");
}

void html_diagnosis(struct buf *out, const struct view *v)
{
    const struct diagnosis *d = &v->in->record->diagnosis;

    if (!d->ran)
        return;
    buf_adds(out, "<section><h2>Diagnosis</h2><p class=\"dim\">Taken after "
                  "the verdict, ");
    html_text(out, d->method);
    if (d->seconds > 0) {
        buf_adds(out, ", in ");
        say_time(out, d->seconds);
    }
    if (d->requests > 0) {
        buf_adds(out, " with ");
        say_count(out, d->requests);
        buf_adds(out, " more requests");
    }
    buf_adds(out, ". It does not change the verdict.</p>\n");
    if (d->flamegraph != NULL) {
        buf_adds(out, "<p><a href=\"");
        html_text(out, d->flamegraph);
        buf_adds(out, "\">Flame graph of what stayed, by memray</a> (a file "
                      "beside this one)</p>\n");
    }
    chains(out, v);
    if (d->nsites > 0)
        buf_adds(out, "<h3>Where it was allocated</h3>\n");
    sites(out, d->sites, d->nsites);
    native(out, d);
    mappings(out, d);
    for (size_t i = 0; i < d->nnotes; i++) {
        buf_adds(out, "<p class=\"dim\">");
        html_text(out, d->notes[i]);
        buf_adds(out, "</p>\n");
    }
    buf_adds(out, "</section>\n");
}
