/* Growth against requests: the readings at the barriers and the line that was
 * found through them. When one kind of request alone is guilty, its own
 * requests are the axis: the mix varies from block to block, so that only
 * there the growth is straight. */
#include "reports/html_impl.h"

#include "analyzers/type_columns.h"
#include "harness/base/mem.h"
#include "reports/groups.h"
#include "reports/svg.h"

#include <math.h>
#include <stdlib.h>

#define CHARTS_MAX 4

struct growth {
    const struct finding *f;
    const double *x; /* cumulative requests, of the kind or of all */
    double *y;       /* readings less the first one */
    size_t n;
    const double *total; /* all requests, for the judged window */
    int kind;            /* -1: all */
    struct interval slope;
    double x0, x1, low, high;
};

static bool judged(const struct growth *g, size_t i)
{
    return isfinite(g->y[i]) && isfinite(g->x[i]) &&
           g->total[i] >= g->f->from_requests &&
           g->total[i] <= g->f->to_requests;
}

/* The fitted growth through the middle of the judged readings, and the fan
 * of its interval. */
static void draw_fit(struct svg *s, const struct growth *g)
{
    double mx = 0, my = 0, x0 = NAN, x1 = NAN;
    double low = g->slope.low, high = g->slope.high, at = g->slope.value;
    size_t k = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (!judged(g, i))
            continue;
        mx += g->x[i];
        my += g->y[i];
        x0 = isnan(x0) ? g->x[i] : x0;
        x1 = g->x[i];
        k++;
    }
    if (k < 2 || !isfinite(at) || !(x1 > x0))
        return;
    mx /= (double)k;
    my /= (double)k;
    if (isfinite(low) && isfinite(high)) {
        svg_fan(s, x0, mx, my + low * (x0 - mx), my, my + high * (x0 - mx), my);
        svg_fan(s, mx, x1, my, my + low * (x1 - mx), my, my + high * (x1 - mx));
    }
    svg_line(s, (double[]){x0, x1},
             (double[]){my + at * (x0 - mx), my + at * (x1 - mx)}, 2, 0, "fit");
}

/* The judged window on this chart's axis. */
static void draw_window(struct svg *s, const struct growth *g)
{
    double from = NAN, to = NAN;

    for (size_t i = 0; i < g->n; i++)
        if (judged(g, i))
            axis_range(&g->x[i], 1, &from, &to);
    svg_window(s, from, to, "the window that was judged");
}

static void draw(struct buf *out, const struct growth *g, const char *axis_id)
{
    double room = fabs(g->f->level) * 1e-4 + 1;
    struct axis y;

    /* As high as what could have been missed, at least: what lies below that
       is noise and must look like it. */
    if (g->f->outcome != OUTCOME_LEAK && isfinite(g->f->minimum_per_request))
        room = fmax(room, g->f->minimum_per_request * (g->x1 - g->x0) * 2);
    y = axis_values(fmin(g->low, 0), fmax(g->high, 0), room, g->f->metric.unit,
                    4);
    for (int narrow = 0; narrow < 2; narrow++) {
        struct axis x = axis_exact(g->x0, g->x1, narrow ? 4 : 8);
        struct svg s;

        svg_open(&s, out, axis_id, g->f->name, false, narrow, &x, &y,
                 g->f->metric.unit);
        draw_window(&s, g);
        draw_fit(&s, g);
        svg_line(&s, g->x, g->y, g->n, 0, "");
        svg_dots(&s, g->x, g->y, g->n, 0);
        svg_close(&s);
    }
}

/* Which kind alone is guilty of this finding's growth: sets the axis. */
static void choose_axis(struct growth *g, const struct view *v)
{
    const struct blame *only = view_only_blame(v, g->f);
    const struct record *r = v->in->record;

    g->kind = -1;
    if (only == NULL || r->kinds[only->kind].completed == NULL)
        return;
    g->kind = only->kind;
    g->x = r->kinds[only->kind].completed;
    g->slope = only->per_request;
}

/* The finding's readings at the barriers, of a type its counts there; NULL:
   none to draw. What processes hold in all tells nothing of a type that each
   of them gathers anew. Freed by free(). */
static double *readings(const struct record *r, const struct finding *f)
{
    const struct column *c = series_column(&r->barriers, f->name);
    double *y;

    if (c == NULL && (!type_column_is(f->name) || f->in_lives))
        return NULL;
    y = mem_zalloc(r->barriers.n, sizeof *y);
    for (size_t i = 0; c != NULL && i < r->barriers.n; i++)
        y[i] = c->v[i];
    if (c != NULL || type_column_read(r, f->name, y))
        return y;
    free(y);
    return NULL;
}

/* Takes `y`. */
static void write_chart(struct buf *out, const struct view *v,
                        const struct finding *f, double *y)
{
    const struct series *b = &v->in->record->barriers;
    struct growth g = {.f = f,
                       .x = b->requests,
                       .y = y,
                       .n = b->n,
                       .total = b->requests,
                       .slope = f->per_request,
                       .x0 = NAN,
                       .x1 = NAN,
                       .low = NAN,
                       .high = NAN};
    double first = NAN;

    choose_axis(&g, v);
    for (size_t i = 0; i < g.n; i++) {
        first = isnan(first) ? y[i] : first;
        y[i] -= first;
    }
    axis_range(g.y, g.n, &g.low, &g.high);
    axis_range(g.x, g.n, &g.x0, &g.x1);
    if (isfinite(g.low) && g.x1 > g.x0) {
        char *axis_id = mem_printf("requests%d", g.kind);

        buf_adds(out, "<div class=\"chart\"><h3>");
        html_text(out, f->name);
        if (g.kind >= 0) {
            buf_adds(out, " over the requests of ");
            html_text(out, v->kinds[g.kind].name);
        }
        buf_addf(out, ": %s</h3>\n", outcome_name(f->outcome));
        draw(out, &g, axis_id);
        buf_adds(out, "</div>\n");
        free(axis_id);
    }
    free(g.y);
}

void html_growth_charts(struct buf *out, const struct view *v)
{
    const struct series *b = &v->in->record->barriers;
    bool memory_shown = false, type_shown = false;
    size_t shown = 0;

    for (size_t i = 0; i < v->njudged && shown < CHARTS_MAX; i++) {
        const struct finding *f = v->metrics[i];
        bool memory = group_of(&f->metric) == GROUP_MEMORY;
        bool type = type_column_is(f->name);
        double *y;

        /* RSS, PSS and USS show the same picture, and so do types that hang
           together: one is enough. */
        if (b->requests == NULL || b->n < 2 || (memory && memory_shown) ||
            (type && type_shown) || (shown > 0 && f->outcome == OUTCOME_PASS))
            continue;
        y = readings(v->in->record, f);
        if (y == NULL)
            continue;
        memory_shown |= memory;
        type_shown |= type;
        if (shown++ == 0)
            buf_adds(out,
                     "<section><h2>Growth against requests</h2><p "
                     "class=\"dim\">Readings at the barriers (no load, "
                     "settled), less the first one, over completed requests. "
                     "Dashed: the growth that was found; the fan is its "
                     "interval.</p>\n");
        write_chart(out, v, f, y);
    }
    if (shown > 0)
        buf_adds(out, "</section>\n");
}
