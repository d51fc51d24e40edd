/* The charts over time: load, memory, objects, handles and custom metrics on
 * one time axis, with barriers, events and the judged window. */
#include "reports/html_impl.h"

#include "harness/base/mem.h"
#include "reports/groups.h"
#include "reports/say.h"
#include "reports/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BARS_MAX 200
#define MARKS_MAX 200
#define LOAD_POINTS 1000

struct trace {
    const char *name;
    const double *x, *y; /* under load */
    size_t n;
    const double *dot_x, *dot_y; /* at barriers */
    size_t ndots;
};

struct panel {
    const char *title;
    enum metric_unit unit;
    struct trace traces[GROUP_LINES_MAX];
    size_t n;
    double least; /* span of the y axis at least, as a share of the highest */
    double limit; /* NaN: none */
};

/* What all panels share. */
struct time_axis {
    const struct view *v;
    double from, to;
    const struct finding *window; /* NULL: none known */
};

static struct time_axis find_axis(const struct view *v)
{
    const struct record *r = v->in->record;
    const struct finding *lead = verdict_lead(v->in->verdict);
    struct time_axis t = {v, NAN, NAN, NULL};

    axis_range(r->samples.t_s, r->samples.n, &t.from, &t.to);
    axis_range(r->barriers.t_s, r->barriers.n, &t.from, &t.to);
    if (lead == NULL && v->njudged > 0)
        lead = v->metrics[0];
    if (lead != NULL && isfinite(lead->from_s) && lead->to_s > lead->from_s)
        t.window = lead;
    return t;
}

static struct axis value_axis(const struct panel *p)
{
    double low = NAN, high = NAN, least;

    for (size_t i = 0; i < p->n; i++) {
        axis_range(p->traces[i].y, p->traces[i].n, &low, &high);
        axis_range(p->traces[i].dot_y, p->traces[i].ndots, &low, &high);
    }
    if (isnan(low))
        low = high = 0;
    if (p->limit <= high * 2)
        high = fmax(high, p->limit);
    least = fmax(fabs(high) * p->least, p->unit == METRIC_BYTES ? 65536 : 4);
    if (low > 0 && low < high * 0.25)
        low = 0; /* most of the height would be empty below: show it all */
    return axis_values(low, high, least, p->unit, 4);
}

static void draw_marks(struct svg *g, const struct time_axis *t)
{
    static const char *const quiet[] = {"phase", "end", "diagnose",
                                        "target_started", "target_ready"};
    const struct record *r = t->v->in->record;
    size_t drawn = 0;

    for (size_t i = 0; i < r->nevents && drawn < MARKS_MAX; i++) {
        const struct record_event *e = &r->events[i];
        bool skip =
            strncmp(e->what, "process_", 8) == 0 && e->t_s <= fmax(t->from, 0);
        char *text;

        for (size_t k = 0; k < sizeof quiet / sizeof *quiet; k++)
            skip = skip || strcmp(e->what, quiet[k]) == 0;
        if (skip || !isfinite(e->t_s))
            continue;
        text = mem_printf("%s at %.1f s: %s", e->what, e->t_s, e->detail);
        svg_mark(g, e->t_s,
                 strstr(e->what, "oom") != NULL ||
                     strstr(e->what, "crash") != NULL ||
                     strstr(e->what, "lost") != NULL,
                 text);
        free(text);
        drawn++;
    }
}

static void draw(struct buf *out, const struct panel *p,
                 const struct time_axis *t, bool narrow)
{
    const struct series *b = &t->v->in->record->barriers;
    struct axis x = axis_time(t->from, t->to, narrow ? 5 : 10);
    struct axis y = value_axis(p);
    struct svg g;

    svg_open(&g, out, "time", p->title, true, narrow, &x, &y, p->unit);
    if (t->window != NULL)
        svg_window(&g, t->window->from_s, t->window->to_s,
                   "the window that was judged");
    for (size_t i = 0; i < b->n; i += b->n / BARS_MAX + 1)
        svg_bar(&g, b->t_s[i]);
    if (isfinite(p->limit))
        svg_limit(&g, p->limit, "memory limit");
    for (size_t i = 0; i < p->n; i++)
        svg_line(&g, p->traces[i].x, p->traces[i].y, p->traces[i].n, (int)i,
                 "");
    for (size_t i = 0; i < p->n; i++)
        svg_dots(&g, p->traces[i].dot_x, p->traces[i].dot_y, p->traces[i].ndots,
                 (int)i);
    draw_marks(&g, t);
    svg_close(&g);
}

static double last_value(const struct trace *t)
{
    for (size_t i = t->n; i-- > 0;)
        if (isfinite(t->y[i]))
            return t->y[i];
    for (size_t i = t->ndots; i-- > 0;)
        if (isfinite(t->dot_y[i]))
            return t->dot_y[i];
    return NAN;
}

static void write_panel(struct buf *out, const struct panel *p,
                        const struct time_axis *t)
{
    if (p->n == 0)
        return;
    buf_adds(out, "<div class=\"chart\"><h3>");
    html_text(out, p->title);
    buf_adds(out, "</h3><ul class=\"key\">");
    for (size_t i = 0; i < p->n; i++) {
        buf_addf(out, "<li class=\"c%zu\" data-i=\"%zu\"><i></i>", i, i);
        html_text(out, p->traces[i].name);
        buf_adds(out, " <b>");
        say_amount(out, last_value(&p->traces[i]), p->unit);
        buf_adds(out, "</b></li>");
    }
    buf_adds(out, "</ul>\n");
    draw(out, p, t, false);
    draw(out, p, t, true);
    buf_adds(out, "</div>\n");
}

/* ---- load ---- */

/* Requests per second over time. */
struct load {
    double *t, *done, *errors;
    size_t n;
    bool any_error;
};

static struct load load_of_seconds(const struct record *r)
{
    double from = NAN, to = NAN, width;
    struct load l = {0};

    for (size_t i = 0; i < r->nseconds; i++)
        axis_range(&r->seconds[i].t_s, 1, &from, &to);
    if (!(to - from < 1e12)) /* nothing, or a clock that went mad */
        return l;
    width = fmax(1, ceil((to - from + 1) / LOAD_POINTS));
    l.n = (size_t)floor((to - from) / width) + 1;
    l.t = mem_zalloc(l.n, sizeof(double));
    l.done = mem_zalloc(l.n, sizeof(double));
    l.errors = mem_zalloc(l.n, sizeof(double));
    for (size_t i = 0; i < l.n; i++)
        l.t[i] = from + ((double)i + 0.5) * width;
    for (size_t i = 0; i < r->nseconds; i++) {
        const struct record_second *s = &r->seconds[i];
        size_t k = (size_t)((s->t_s - from) / width);

        if (isfinite(s->ok))
            l.done[k] += s->ok / width;
        if (isfinite(s->errors)) {
            l.done[k] += s->errors / width;
            l.errors[k] += s->errors / width;
            l.any_error = l.any_error || s->errors > 0;
        }
    }
    return l;
}

static struct load load_of_samples(const struct series *s)
{
    struct load l = {0};

    if (s->requests == NULL || s->n < 2)
        return l;
    l.n = s->n - 1;
    l.t = mem_zalloc(l.n, sizeof(double));
    l.done = mem_zalloc(l.n, sizeof(double));
    for (size_t i = 0; i < l.n; i++) {
        double dt = s->t_s[i + 1] - s->t_s[i];

        l.t[i] = s->t_s[i + 1];
        l.done[i] = dt > 0 ? (s->requests[i + 1] - s->requests[i]) / dt : NAN;
    }
    return l;
}

static void load_panel(struct buf *out, const struct time_axis *t)
{
    const struct record *r = t->v->in->record;
    struct load l =
        r->nseconds > 0 ? load_of_seconds(r) : load_of_samples(&r->samples);
    struct panel p = {.title = "Load, requests per second",
                      .unit = METRIC_COUNT,
                      .least = 1,
                      .limit = NAN};

    if (l.n > 0)
        p.traces[p.n++] = (struct trace){
            .name = "completed", .x = l.t, .y = l.done, .n = l.n};
    if (l.any_error)
        p.traces[p.n++] =
            (struct trace){.name = "errors", .x = l.t, .y = l.errors, .n = l.n};
    write_panel(out, &p, t);
    free(l.t);
    free(l.done);
    free(l.errors);
}

/* ---- metrics ---- */

static struct trace trace_of(const struct record *r, const char *name)
{
    const struct column *s = series_column(&r->samples, name);
    const struct column *b = series_column(&r->barriers, name);
    struct trace t = {.name = name};

    if (s != NULL) {
        t.x = r->samples.t_s;
        t.y = s->v;
        t.n = r->samples.n;
    }
    if (b != NULL) {
        t.dot_x = r->barriers.t_s;
        t.dot_y = b->v;
        t.ndots = r->barriers.n;
    }
    return t;
}

/* Columns of the group in the samples and those that only barriers have. */
static size_t names_of(const struct record *r, enum group g,
                       const char *names[GROUP_LINES_MAX])
{
    const struct column *c[GROUP_LINES_MAX];
    size_t n = group_columns(&r->samples, g, c, GROUP_LINES_MAX), m;

    for (size_t i = 0; i < n; i++)
        names[i] = c[i]->name;
    m = group_columns(&r->barriers, g, c, GROUP_LINES_MAX);
    for (size_t i = 0; i < m && n < GROUP_LINES_MAX; i++) {
        bool known = false;

        for (size_t k = 0; k < n; k++)
            known = known || strcmp(names[k], c[i]->name) == 0;
        if (!known)
            names[n++] = c[i]->name;
    }
    return n;
}

static void metric_panels(struct buf *out, const struct time_axis *t,
                          enum group g)
{
    const struct record *r = t->v->in->record;
    const char *names[GROUP_LINES_MAX];
    size_t n = names_of(r, g, names);
    bool together = g == GROUP_MEMORY || g == GROUP_HANDLES;
    struct panel p = {.title = group_title(g),
                      .unit = group_unit(g),
                      .least = g == GROUP_MEMORY ? 0.05 : 0.01,
                      .limit = g == GROUP_MEMORY ? r->limit_bytes : NAN};

    for (size_t i = 0; i < n; i++) {
        p.traces[p.n++] = trace_of(r, names[i]);
        if (together && i + 1 < n)
            continue;
        if (!together) /* their levels have nothing to do with each other */
            p.title = names[i];
        write_panel(out, &p, t);
        p.n = 0;
    }
}

void html_charts(struct buf *out, const struct view *v)
{
    struct time_axis t = find_axis(v);

    if (isnan(t.from) || !(t.to > t.from))
        return;
    buf_adds(out, "<section><h2>Over time</h2><p class=\"dim\">One time axis, "
                  "from the first request. Dots and dotted lines: barriers, "
                  "read without load. Shaded: the window that was judged. "
                  "Marks at the top edge: events.</p>\n");
    load_panel(out, &t);
    for (int g = 0; g < GROUP_COUNT; g++)
        metric_panels(out, &t, (enum group)g);
    buf_adds(out, "</section>\n");
}
