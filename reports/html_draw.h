/* Drawings of report.html that are no charts over an axis: bars with their
 * intervals, and chains of references as boxes. Inline SVG, once for wide
 * pages and once for phones; colours and fonts come from the style sheet.
 * Every text is escaped here, long ones are cut, with the whole as a title. */
#ifndef PLATEAU_REPORTS_HTML_DRAW_H
#define PLATEAU_REPORTS_HTML_DRAW_H

#include "harness/base/buf.h"
#include "harness/model/metric.h"
#include "reports/graph.h"

#include <stdbool.h>
#include <stddef.h>

struct bar {
    const char *label;       /* foreign text */
    double value, low, high; /* low, high: NaN when there is no interval */
    bool strong;             /* in the colour of a leak */
};

/* Appends one bar per row; rows without a value are left out. `what`
 * describes the drawing to a reader who cannot see it. */
void html_bars(struct buf *out, const char *what, const struct bar *bars,
               size_t n, enum metric_unit unit);

/* Appends the chain "a -> b -> c" as boxes in rows, the root first: for wide
 * pages, for phones, or for both. `grows`: the last one surely does. */
void html_boxes(struct buf *out, const char *chain, bool grows, bool wide,
                bool narrow);

/* Appends the drawing of a graph that stands where `l` says. */
void html_graph(struct buf *out, const struct graph *g,
                const struct graph_layout *l, bool narrow);

/* Parts of drawings. The start of one that is `height` px high: `what`
 * describes it; and at most `most` characters of a foreign text, escaped: its
 * beginning and its end say most. */
void html_drawing(struct buf *out, const char *what, bool narrow,
                  double height);
void html_clipped(struct buf *out, const char *s, size_t n, size_t most);

#endif
