/* summary.md: what a CI job's summary page shows. */
#include "reports/report_impl.h"

#include "harness/base/escape.h"
#include "reports/say.h"
#include "reports/view.h"

#include <math.h>
#include <string.h>

#define TYPES_SHOWN 10
#define KINDS_SHOWN 20

static void add(struct buf *out, const char *s)
{
    escape_markdown(out, s, strlen(s));
}

static const char *mark(const char *style)
{
    return strcmp(style, "pass") == 0           ? "\xE2\x9C\x85"
           : strcmp(style, "inconclusive") == 0 ? "\xE2\x9D\x94"
                                                : "\xE2\x9D\x8C";
}

static void add_head(struct buf *out, const struct view *v)
{
    const struct verdict *d = v->in->verdict;

    buf_addf(out, "## %s %s: ", mark(v->style), v->word);
    add(out, v->in->record->name);
    buf_addf(out, "\n\n%s\n\n", v->facts);
    for (size_t i = 0; i < v->nlines; i++) {
        bool item = v->lines[i].label[0] != '\0';

        buf_adds(out, item ? "- " : "");
        add(out, v->lines[i].text);
        buf_adds(out, item ? "\n" : "\n\n");
    }
    if (d->advice[0] != '\0') {
        buf_adds(out, "\n**Next:** ");
        add(out, d->advice);
        buf_addc(out, '\n');
    }
}

static void add_metrics(struct buf *out, const struct view *v)
{
    if (v->njudged == 0)
        return;
    buf_addf(out,
             "\n| metric | verdict | growth per %s | could miss | per hour | "
             "shape |\n|---|---|--:|--:|--:|---|\n",
             v->by_request ? "request" : "hour");
    for (size_t i = 0; i < v->njudged; i++) {
        const struct finding *f = v->metrics[i];
        enum metric_unit u = f->metric.unit;

        buf_adds(out, "| ");
        add(out, f->name);
        buf_addf(out, " | %s%s%s | ", f->decisive ? "**" : "",
                 outcome_name(f->outcome), f->decisive ? "**" : "");
        say_interval(out, v->by_request ? &f->per_request : &f->per_hour, u);
        buf_adds(out, " | ");
        say_amount(out,
                   v->by_request ? f->minimum_per_request : f->minimum_per_hour,
                   u);
        buf_adds(out, " | ");
        say_amount(out, f->per_hour.value, u);
        buf_addf(out, " | %s |\n", shape_name(f->shape));
    }
}

static void add_types(struct buf *out, const struct verdict *d)
{
    const char *per = d->types_per_hour ? "hour" : "request";
    size_t n = 0;

    for (size_t i = 0; i < d->ntypes && n < TYPES_SHOWN; i++) {
        const struct type_growth *t = &d->types[i];

        if (!t->significant)
            continue;
        if (n++ == 0)
            buf_addf(out,
                     "\n| growing type | per %s | bytes per %s | count |\n"
                     "|---|--:|--:|--:|\n",
                     per, per);
        buf_adds(out, "| ");
        add(out, t->type);
        buf_adds(out, " | ");
        say_interval(out, &t->count_per_request, METRIC_COUNT);
        buf_adds(out, " | ");
        say_amount(out, t->bytes_per_request, METRIC_BYTES);
        buf_adds(out, " | ");
        say_count(out, t->count);
        buf_adds(out, " |\n");
    }
}

static void add_kinds(struct buf *out, const struct view *v)
{
    if (v->nkinds == 0)
        return;
    buf_adds(out, "\n| request | sent | ok | errors | p50 ms | p99 ms |\n"
                  "|---|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < v->nkinds && i < KINDS_SHOWN; i++) {
        const struct view_kind *k = &v->kinds[i];
        double cells[] = {isnan(k->sent) ? k->requests : k->sent, k->ok,
                          k->errors};

        buf_adds(out, "| ");
        add(out, k->name);
        for (size_t c = 0; c < 3; c++) {
            buf_adds(out, " | ");
            say_count(out, cells[c]);
        }
        buf_adds(out, " | ");
        say_amount(out, k->p50_ms, METRIC_COUNT);
        buf_adds(out, " | ");
        say_amount(out, k->p99_ms, METRIC_COUNT);
        buf_adds(out, " |\n");
    }
    if (v->nkinds > KINDS_SHOWN)
        buf_addf(out, "\n%zu more kinds of request are in report.html.\n",
                 v->nkinds - KINDS_SHOWN);
}

static int render(const struct report_input *in, struct buf *out,
                  struct err *err)
{
    const struct record *r = in->record;
    struct view v;

    (void)err;
    view_init(&v, in);
    add_head(out, &v);
    add_metrics(out, &v);
    add_types(out, in->verdict);
    add_kinds(out, &v);
    if (r->nnotes > 0)
        buf_adds(out, "\n**Notes**\n\n");
    for (size_t i = 0; i < r->nnotes; i++) {
        buf_adds(out, "- ");
        add(out, r->notes[i]);
        buf_addc(out, '\n');
    }
    view_release(&v);
    return 0;
}

const struct report_ops report_ops_markdown = {"markdown", "summary.md",
                                               render};
