#include "reports/svg.h"

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "reports/decimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No number of a hostile file may become a coordinate that is none. */
static double pixel(double v, double instead)
{
    return isfinite(v) ? v : instead;
}

static double px(const struct svg *g, double x)
{
    return pixel(g->left + (x - g->x.low) / (g->x.high - g->x.low) * g->w,
                 g->left);
}

static double py(const struct svg *g, double y)
{
    return pixel(g->top + g->h - (y - g->y.low) / (g->y.high - g->y.low) * g->h,
                 g->top + g->h);
}

static bool inside_x(const struct svg *g, double x)
{
    return x >= g->x.low && x <= g->x.high;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void title(struct svg *g, const char *text)
{
    buf_adds(g->out, "<title>");
    escape_html(g->out, text, strlen(text));
    buf_adds(g->out, "</title>");
}

static void grid_y(struct svg *g)
{
    double first = axis_first(&g->y);

    for (int i = 0; i < 50; i++) {
        double v = first + i * g->y.step, y = py(g, v);

        if (v > g->y.high + g->y.step * 1e-6)
            break;
        buf_addf(g->out,
                 "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
                 "y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                 "text-anchor=\"end\">",
                 g->left, g->left + g->w, y, y, g->left - 6, y + 4);
        axis_label_value(g->out, &g->y, v, g->unit);
        buf_adds(g->out, "</text>");
    }
}

static void grid_x(struct svg *g, bool clock)
{
    double first = axis_first(&g->x);

    for (int i = 0; i < 50; i++) {
        double v = first + i * g->x.step, x = px(g, v);

        if (v > g->x.high + g->x.step * 1e-6)
            break;
        bool edge = x > g->width - 34; /* half the label would be cut off */
        buf_addf(g->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
                 edge ? g->width - 1 : x, g->top + g->h + 16,
                 edge ? "end" : "middle");
        if (clock)
            axis_label_time(g->out, &g->x, v);
        else
            axis_label_value(g->out, &g->x, v, METRIC_COUNT);
        buf_adds(g->out, "</text>");
    }
    buf_addf(g->out,
             "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
             "y2=\"%.1f\"/>",
             g->left, g->left + g->w, g->top + g->h, g->top + g->h);
}

void svg_open(struct svg *g, struct buf *out, const char *axis_id,
              const char *label, bool clock, bool narrow, const struct axis *x,
              const struct axis *y, enum metric_unit unit)
{
    static const char *const units[] = {"B", "", " s"};

    *g = (struct svg){.out = out,
                      .width = narrow ? 400 : 960,
                      .height = narrow ? 170 : 190,
                      .left = 74,
                      .top = 12,
                      .x = *x,
                      .y = *y,
                      .unit = unit,
                      .narrow = narrow};
    g->w = g->width - g->left - 16;
    g->h = g->height - g->top - 24;
    buf_addf(out,
             "<svg class=\"plot %s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
             "data-axis=\"%s\" data-l=\"%.1f\" data-w=\"%.1f\" data-t=\"%.1f\" "
             "data-h=\"%.1f\" data-y0=\"%.10g\" data-y1=\"%.10g\" "
             "data-u=\"%s\" aria-label=\"",
             narrow ? "narrow" : "wide", g->width, g->height, axis_id, g->left,
             g->w, g->top, g->h, y->low, y->high, units[unit]);
    escape_html(out, label, strlen(label));
    buf_adds(out, "\">");
    grid_y(g);
    grid_x(g, clock);
}

void svg_window(struct svg *g, double from, double to, const char *text)
{
    double a = px(g, clamp(from, g->x.low, g->x.high));
    double b = px(g, clamp(to, g->x.low, g->x.high));

    if (!(b > a))
        return;
    buf_addf(g->out,
             "<rect class=\"win\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
             "height=\"%.1f\">",
             a, g->top, b - a, g->h);
    title(g, text);
    buf_adds(g->out, "</rect>");
}

void svg_bar(struct svg *g, double x)
{
    if (inside_x(g, x))
        buf_addf(g->out,
                 "<line class=\"bar\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
                 "y2=\"%.1f\"/>",
                 px(g, x), px(g, x), g->top, g->top + g->h);
}

void svg_limit(struct svg *g, double y, const char *text)
{
    if (!(y >= g->y.low && y <= g->y.high))
        return;
    buf_addf(g->out,
             "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
             "y2=\"%.1f\">",
             g->left, g->left + g->w, py(g, y), py(g, y));
    title(g, text);
    buf_adds(g->out, "</line>");
}

void svg_line(struct svg *g, const double *x, const double *y, size_t n,
              int index, const char *more)
{
    unsigned char *keep = mem_zalloc(n, 1);
    bool open = false;

    decimate_mark(y, n, (size_t)(g->w * (g->narrow ? 1 : 1.2)), keep);
    for (size_t i = 0; i < n; i++) {
        if (!keep[i])
            continue;
        if (isnan(y[i]) || !inside_x(g, x[i])) {
            buf_adds(g->out, open ? "\"/>" : "");
            open = false;
            continue;
        }
        if (!open)
            buf_addf(g->out,
                     "<polyline class=\"l c%d%s%s\" data-i=\"%d\" points=\"",
                     index, *more ? " " : "", more, *more ? -1 : index);
        buf_addf(g->out, "%s%.1f,%.2f", open ? " " : "", px(g, x[i]),
                 clamp(py(g, y[i]), g->top, g->top + g->h));
        open = true;
    }
    buf_adds(g->out, open ? "\"/>" : "");
    free(keep);
}

void svg_dots(struct svg *g, const double *x, const double *y, size_t n,
              int index)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i]) && inside_x(g, x[i]))
            buf_addf(g->out,
                     "<circle class=\"d c%d\" cx=\"%.1f\" cy=\"%.1f\" "
                     "r=\"%s\"/>",
                     index, px(g, x[i]),
                     clamp(py(g, y[i]), g->top, g->top + g->h),
                     n > 60 ? "2" : "3.2");
}

void svg_fan(struct svg *g, double x0, double x1, double low0, double low1,
             double high0, double high1)
{
    const double xs[] = {x0, x1, x1, x0};
    const double ys[] = {low0, low1, high1, high0};

    buf_adds(g->out, "<polygon class=\"fan\" points=\"");
    for (int i = 0; i < 4; i++)
        buf_addf(g->out, "%s%.1f,%.1f", i > 0 ? " " : "", px(g, xs[i]),
                 clamp(py(g, ys[i]), g->top, g->top + g->h));
    buf_adds(g->out, "\"/>");
}

void svg_mark(struct svg *g, double x, bool bad, const char *text)
{
    double at = px(g, x);

    if (!inside_x(g, x))
        return;
    buf_addf(g->out, "<path class=\"mark%s\" d=\"M%.1f %.1fh8l-4 7z\">",
             bad ? " bad" : "", at - 4, g->top - 8);
    title(g, text);
    buf_adds(g->out, "</path>");
}

void svg_close(struct svg *g)
{
    buf_addf(g->out,
             "<line class=\"hair\" x1=\"0\" x2=\"0\" y1=\"%.1f\" "
             "y2=\"%.1f\"/></svg>\n",
             g->top, g->top + g->h);
}
