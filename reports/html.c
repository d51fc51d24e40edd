/* report.html: one file, no network, readable on a phone, in the dark and on
 * paper; without script, too. Its content policy allows nothing but its own
 * style sheet and script, so that even a text that got through unescaped
 * could not run or fetch. */
#include "reports/report_impl.h"

#include "harness/base/escape.h"
#include "reports/html_impl.h"
#include "reports/say.h"

#include <math.h>
#include <string.h>

void html_text(struct buf *out, const char *s)
{
    if (s != NULL)
        escape_html(out, s, strlen(s));
}

void html_td(struct buf *out, const char *s)
{
    buf_adds(out, "<td>");
    html_text(out, s);
    buf_adds(out, "</td>");
}

void html_td_count(struct buf *out, double v)
{
    buf_adds(out, "<td class=\"n\">");
    say_count(out, v);
    buf_adds(out, "</td>");
}

void html_td_amount(struct buf *out, double v, enum metric_unit u)
{
    buf_adds(out, "<td class=\"n\">");
    say_amount(out, v, u);
    buf_adds(out, "</td>");
}

void html_td_interval(struct buf *out, const struct interval *v,
                      enum metric_unit u)
{
    buf_adds(out, "<td class=\"n\">");
    say_interval(out, v, u);
    buf_adds(out, "</td>");
}

static void head(struct buf *out, const struct view *v)
{
    buf_adds(out,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta "
             "charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
             "content=\"default-src 'none'; style-src '");
    buf_addf(out, "%s'; script-src '%s'", html_style_hash, html_script_hash);
    buf_adds(out,
             "; base-uri 'none'; form-action 'none'\">\n<meta "
             "name=\"viewport\" content=\"width=device-width, "
             "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
             "dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<title>");
    buf_addf(out, "%s ", v->word);
    html_text(out, v->in->record->name);
    buf_adds(out, "</title>\n<style>");
    buf_adds(out, html_style);
    buf_adds(out, "</style>\n</head>\n");
}

/* ---- the band at the top: understood in five seconds ---- */

static void tile_start(struct buf *out)
{
    buf_adds(out, "<div class=\"tile\"><b>");
}

static void tile_end(struct buf *out, const char *what, const char *metric)
{
    buf_addf(out, "</b><span>%s", what);
    if (metric != NULL) {
        buf_adds(out, " (");
        html_text(out, metric);
        buf_addc(out, ')');
    }
    buf_adds(out, "</span></div>\n");
}

/* What one request of the guilty kind keeps. */
static void blame_tile(struct buf *out, const struct view *v,
                       const struct finding *f)
{
    const struct blame *b = view_only_blame(v, f);

    if (b == NULL)
        return;
    tile_start(out);
    say_growth(out, b->per_request.value, f->metric.unit);
    buf_adds(out, "</b><span>kept by each request of ");
    html_text(out, v->kinds[b->kind].name);
    buf_adds(out, " (");
    html_text(out, f->name);
    buf_adds(out, ")</span></div>\n");
}

static void tiles(struct buf *out, const struct view *v)
{
    const struct finding *f = verdict_lead(v->in->verdict);
    bool by_request;

    if (f == NULL && v->njudged > 0)
        f = v->metrics[0];
    if (f == NULL)
        return;
    by_request = isfinite(f->per_request.value);
    buf_adds(out, "<div class=\"tiles\">\n");
    blame_tile(out, v, f);
    tile_start(out);
    say_amount(out, by_request ? f->per_request.value : f->per_hour.value,
               f->metric.unit);
    tile_end(out,
             by_request ? "growth per request, over all kinds"
                        : "growth per hour",
             f->name);
    if (by_request) {
        tile_start(out);
        say_amount(out, f->per_hour.value, f->metric.unit);
        tile_end(out, "growth per hour at this load", f->name);
    }
    tile_start(out);
    say_amount(out, by_request ? f->minimum_per_request : f->minimum_per_hour,
               f->metric.unit);
    tile_end(out,
             by_request ? "per request: the smallest leak that could have been "
                          "missed"
                        : "per hour: the smallest leak that could have been "
                          "missed",
             NULL);
    if (isfinite(f->limit_s.value)) {
        tile_start(out);
        say_time_interval(out, &f->limit_s);
        tile_end(out, "until the memory limit", NULL);
    }
    buf_adds(out, "</div>\n");
}

/* The first sentence large, because often nobody reads a second one. */
static void reason(struct buf *out, const char *text)
{
    size_t n = say_sentence(text);

    buf_adds(out, "<p class=\"reason\">");
    escape_html(out, text, n);
    buf_adds(out, "</p>\n");
    if (text[n] == '\0')
        return;
    buf_adds(out, "<p class=\"reason\">");
    html_text(out, text + n + 1);
    buf_adds(out, "</p>\n");
}

static void evidence(struct buf *out, const struct view *v)
{
    size_t labelled = 0;

    for (size_t i = 0; i < v->nlines; i++) {
        if (v->lines[i].label[0] != '\0') {
            labelled++;
            continue;
        }
        reason(out, v->lines[i].text);
    }
    tiles(out, v);
    if (labelled == 0)
        return;
    buf_adds(out, "<dl class=\"why\">\n");
    for (size_t i = 0; i < v->nlines; i++) {
        if (v->lines[i].label[0] == '\0')
            continue;
        buf_addf(out, "<dt>%s</dt><dd>", v->lines[i].label);
        html_text(out, v->lines[i].text);
        buf_adds(out, "</dd>\n");
    }
    buf_adds(out, "</dl>\n");
}

static void hero(struct buf *out, const struct view *v)
{
    const struct verdict *d = v->in->verdict;

    buf_addf(out,
             "<div class=\"hero %s\"><div class=\"top\"><h1>%s</h1><span "
             "class=\"name\">",
             v->style, v->word);
    html_text(out, v->in->record->name);
    buf_adds(out, "</span><span class=\"facts\">");
    html_text(out, v->facts);
    buf_adds(out, "</span></div>\n");
    evidence(out, v);
    if (d->advice[0] != '\0') {
        buf_adds(out, "<p class=\"next\"><b>What to do:</b> ");
        html_text(out, d->advice);
        buf_adds(out, "</p>\n");
    }
    buf_adds(out, "</div>\n");
}

static void footer(struct buf *out, const struct view *v)
{
    const struct record *r = v->in->record;

    buf_adds(out, "<footer>Plateau");
    if (r->tool_version != NULL) {
        buf_addc(out, ' ');
        html_text(out, r->tool_version);
    }
    if (r->started_utc != NULL) {
        buf_adds(out, ", run started ");
        html_text(out, r->started_utc);
    }
    buf_adds(out, "</footer>\n");
}

static int render(const struct report_input *in, struct buf *out,
                  struct err *err)
{
    struct view v;

    (void)err;
    view_init(&v, in);
    head(out, &v);
    buf_adds(out, "<body>\n<main>\n");
    hero(out, &v);
    html_growth_charts(out, &v);
    html_charts(out, &v);
    html_metrics(out, &v);
    html_blames(out, &v);
    html_types(out, &v);
    html_diagnosis(out, &v);
    html_kinds(out, &v);
    html_processes(out, &v);
    html_events(out, &v);
    html_run(out, &v);
    footer(out, &v);
    buf_adds(out, "</main>\n<script>");
    buf_adds(out, html_script);
    buf_adds(out, "</script>\n</body>\n</html>\n");
    view_release(&v);
    return 0;
}

const struct report_ops report_ops_html = {"html", "report.html", render};
