/* Growth against requests: the readings at the barriers and the line that was
 * found through them. */
#include "reports/html_impl.h"

#include "harness/base/mem.h"
#include "reports/svg.h"

#include <math.h>
#include <stdlib.h>

/* The fitted growth through the middle of the judged readings, and the fan
 * of its interval. */
static void draw_fit(struct svg *g, const double *x, const double *y, size_t n,
                     const struct finding *f)
{
    double mx = 0, my = 0, x0 = NAN, x1 = NAN;
    const struct interval *s = &f->per_request;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i]) || x[i] < f->from_requests || x[i] > f->to_requests)
            continue;
        mx += x[i];
        my += y[i];
        x0 = isnan(x0) ? x[i] : x0;
        x1 = x[i];
        k++;
    }
    if (k < 2 || !isfinite(s->value) || !(x1 > x0))
        return;
    mx /= (double)k;
    my /= (double)k;
    if (isfinite(s->low) && isfinite(s->high)) {
        svg_fan(g, x0, mx, my + s->low * (x0 - mx), my,
                my + s->high * (x0 - mx), my);
        svg_fan(g, mx, x1, my, my + s->low * (x1 - mx), my,
                my + s->high * (x1 - mx));
    }
    svg_line(g, (double[]){x0, x1},
             (double[]){my + s->value * (x0 - mx), my + s->value * (x1 - mx)},
             2, 0, "fit");
}

static void growth_chart(struct buf *out, const struct view *v,
                         const struct finding *f, const struct column *c)
{
    const struct series *b = &v->in->record->barriers;
    double *y = mem_zalloc(b->n, sizeof *y), first = NAN;
    double low = NAN, high = NAN, x0 = NAN, x1 = NAN;
    struct axis x, a;

    for (size_t i = 0; i < b->n; i++) {
        first = isnan(first) ? c->v[i] : first;
        y[i] = c->v[i] - first;
    }
    axis_range(y, b->n, &low, &high);
    axis_range(b->requests, b->n, &x0, &x1);
    if (isfinite(low) && x1 > x0) {
        buf_adds(out, "<div class=\"chart\"><h3>");
        html_text(out, f->name);
        buf_addf(out, ": %s</h3>\n", outcome_name(f->outcome));
        /* As high as what could have been missed, at least: noise below that
           must look like noise. */
        a = axis_values(fmin(low, 0), fmax(high, 0),
                        fmax(isfinite(f->minimum_per_request)
                                 ? f->minimum_per_request * (x1 - x0) * 2
                                 : 0,
                             fabs(f->level) * 1e-4 + 1),
                        f->metric.unit, 4);
        for (int narrow = 0; narrow < 2; narrow++) {
            struct svg g;

            x = axis_exact(x0, x1, narrow ? 4 : 8);
            svg_open(&g, out, "requests", f->name, false, narrow, &x, &a,
                     f->metric.unit);
            svg_window(&g, f->from_requests, f->to_requests,
                       "the window that was judged");
            draw_fit(&g, b->requests, y, b->n, f);
            svg_line(&g, b->requests, y, b->n, 0, "");
            svg_dots(&g, b->requests, y, b->n, 0);
            svg_close(&g);
        }
        buf_adds(out, "</div>\n");
    }
    free(y);
}

void html_growth_charts(struct buf *out, const struct view *v)
{
    const struct series *b = &v->in->record->barriers;
    size_t shown = 0;

    for (size_t i = 0; i < v->njudged && shown < 3; i++) {
        const struct finding *f = v->metrics[i];
        const struct column *c = series_column(b, f->name);

        if (c == NULL || b->requests == NULL || b->n < 2 ||
            (shown > 0 && f->outcome == OUTCOME_PASS))
            continue;
        if (shown++ == 0)
            buf_adds(out,
                     "<section><h2>Growth against requests</h2><p "
                     "class=\"dim\">Readings at the barriers (no load, "
                     "settled), less the first one, over completed requests. "
                     "Dashed: the growth that was found; the fan is its "
                     "interval.</p>\n");
        growth_chart(out, v, f, c);
    }
    if (shown > 0)
        buf_adds(out, "</section>\n");
}
