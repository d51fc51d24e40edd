/* Chains of references as boxes with arrows: one chain in rows, by our own
 * layout, or all of a run as a graph that is laid out already. */
#include "harness/base/escape.h"
#include "reports/html_draw.h"

#include <math.h>
#include <string.h>

enum {
    ROW = 44,
    GAP = 28, /* with the arrow */
    INDENT = 22,
    STEPS_MAX = 40,
    HEAD = 7, /* of an arrow, px */
};

static void draw_box(struct buf *out, const char *text, size_t n,
                     const char *more, const struct graph_place *p)
{
    buf_adds(out, "<g><title>");
    escape_html(out, text, n);
    buf_addf(out,
             "</title><rect class=\"box%s\" x=\"%.1f\" y=\"%.1f\" "
             "width=\"%.1f\" height=\"%d\" rx=\"6\"/><text class=\"m\" "
             "x=\"%.1f\" y=\"%.1f\">",
             more, p->x, p->y, p->width, GRAPH_BOX_HIGH, p->x + 9, p->y + 18);
    html_clipped(out, text, n, p->most);
    buf_adds(out, "</text></g>");
}

/* ---- one chain, in rows ---- */

struct step {
    const char *text;
    size_t n;
    struct graph_place at;
};

/* What does not fit into STEPS_MAX stays in the last one. */
static size_t split(const char *chain, struct step *steps)
{
    size_t n = 0;

    while (n < STEPS_MAX && graph_step(&chain, &steps[n].text, &steps[n].n))
        n++;
    if (chain != NULL)
        steps[n - 1].n = strlen(steps[n - 1].text);
    return n;
}

/* Places the boxes in rows; returns the height of all. */
static double lay_out(struct step *steps, size_t n, double room)
{
    double x = 1, y = 1;

    for (size_t i = 0; i < n; i++) {
        struct graph_place *p = &steps[i].at;
        size_t chars = graph_characters(steps[i].text, steps[i].n);
        size_t fits = 1;

        while (graph_box_width(fits + 1) <= room - INDENT - 2)
            fits++;
        p->most = chars < fits ? chars : fits;
        p->width = graph_box_width(p->most);
        if (i > 0 && x + p->width > room - 1) {
            x = INDENT;
            y += ROW;
        }
        p->x = x;
        p->y = y;
        x += p->width + GAP;
    }
    return y + GRAPH_BOX_HIGH + 1;
}

/* From one box to the next: straight, or from below into the next row. */
static void arrow(struct buf *out, const struct graph_place *a,
                  const struct graph_place *b)
{
    double mid = b->y + GRAPH_BOX_HIGH / 2.0, x = b->x - 2;

    if (a->y == b->y)
        buf_addf(out, "<path class=\"arrow\" d=\"M%.1f %.1fH%.1f",
                 a->x + a->width, mid, x);
    else
        buf_addf(out,
                 "<path class=\"arrow\" d=\"M%.1f %.1fV%.1fH%.1fV%.1fH%.1f",
                 a->x + fmin(a->width, 40) / 2, a->y + GRAPH_BOX_HIGH,
                 b->y - (ROW - GRAPH_BOX_HIGH) / 2.0, 10.0, mid, x);
    buf_addf(out, "m-6 -4l6 4l-6 4\"/>");
}

void html_boxes(struct buf *out, const char *chain, bool grows, bool wide,
                bool narrow)
{
    struct step steps[STEPS_MAX];
    size_t n = split(chain, steps);

    for (int phone = 0; phone < 2; phone++) {
        double high = lay_out(steps, n, phone ? GRAPH_NARROW : GRAPH_WIDE);

        if (phone ? !narrow : !wide)
            continue;
        html_drawing(out, "chain of references", phone, high);
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                arrow(out, &steps[i - 1].at, &steps[i].at);
            draw_box(out, steps[i].text, steps[i].n,
                     i + 1 == n && grows ? " end"
                     : i == 0            ? " root"
                                         : "",
                     &steps[i].at);
        }
        buf_adds(out, "</svg>\n");
    }
}

/* ---- a graph ---- */

static void curve(struct buf *out, const struct graph_curve *c)
{
    double x = c->x[c->n - 1], y = c->y[c->n - 1], angle;
    size_t from = c->n - 1;

    /* Where it comes from: the last point that is not the end itself. */
    while (from > 0 && hypot(x - c->x[from], y - c->y[from]) < 1)
        from--;
    angle = atan2(y - c->y[from], x - c->x[from]);
    buf_addf(out, "<path class=\"arrow\" d=\"M%.1f %.1fC", c->x[0], c->y[0]);
    for (size_t i = 1; i < c->n; i++)
        buf_addf(out, "%s%.1f %.1f", i > 1 ? " " : "", c->x[i], c->y[i]);
    buf_addf(out, "M%.1f %.1fL%.1f %.1fL%.1f %.1f\"/>",
             x - HEAD * cos(angle - 0.6), y - HEAD * sin(angle - 0.6), x, y,
             x - HEAD * cos(angle + 0.6), y - HEAD * sin(angle + 0.6));
}

void html_graph(struct buf *out, const struct graph *g,
                const struct graph_layout *l, bool narrow)
{
    html_drawing(out, "chains of references", narrow, l->height);
    for (size_t i = 0; i < g->nedges; i++)
        curve(out, &l->curves[i]);
    for (size_t i = 0; i < g->nnodes; i++)
        draw_box(out, g->nodes[i].text, g->nodes[i].n,
                 g->nodes[i].grows  ? " end"
                 : g->nodes[i].root ? " root"
                                    : "",
                 &l->at[i]);
    buf_adds(out, "</svg>\n");
}
