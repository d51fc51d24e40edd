/* Drawings of report.html that are no charts over an axis: bars with their
 * intervals, and a chain of references as boxes. Inline SVG, once for wide
 * pages and once for phones; colours and fonts come from the style sheet.
 * Every text is escaped here, long ones are cut, with the whole as a title. */
#ifndef PLATEAU_REPORTS_HTML_DRAW_H
#define PLATEAU_REPORTS_HTML_DRAW_H

#include "harness/base/buf.h"
#include "harness/model/metric.h"

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

/* Appends the chain "a -> b -> c" as boxes, the root first. */
void html_boxes(struct buf *out, const char *chain);

#endif
