/* One chart as inline SVG: a frame with two axes, and what is drawn in it.
 * Only elements, classes and numbers of ours; texts are escaped here. Colours
 * and fonts come from the page's style sheet. */
#ifndef PLATEAU_REPORTS_SVG_H
#define PLATEAU_REPORTS_SVG_H

#include "harness/base/buf.h"
#include "reports/axis.h"

#include <stdbool.h>
#include <stddef.h>

struct svg {
    struct buf *out;
    double width, height;   /* of the whole picture */
    double left, top, w, h; /* the frame inside it */
    struct axis x, y;
    enum metric_unit unit; /* of y */
    bool narrow;           /* the phone's variant */
};

/* Starts a picture: <svg>, window-free frame, grid and labels. `axis_id`
 * names charts that share an x axis; `label` describes it to a reader who
 * cannot see it. `clock`: x is seconds. */
void svg_open(struct svg *g, struct buf *out, const char *axis_id,
              const char *label, bool clock, bool narrow, const struct axis *x,
              const struct axis *y, enum metric_unit unit);

/* A shaded stretch of x, the whole height; under what comes later. */
void svg_window(struct svg *g, double from, double to, const char *title);

/* An upright dotted line at x. */
void svg_bar(struct svg *g, double x);

/* A line across at y (the memory limit). */
void svg_limit(struct svg *g, double y, const char *title);

/* A line through the readings, broken where one is NaN, in colour `index`;
 * `more` is a further class ("fit") or "". Long ones are thinned out. */
void svg_line(struct svg *g, const double *x, const double *y, size_t n,
              int index, const char *more);

/* A dot per reading. */
void svg_dots(struct svg *g, const double *x, const double *y, size_t n,
              int index);

/* A filled quadrilateral between two lines from x0 to x1. */
void svg_fan(struct svg *g, double x0, double x1, double low0, double low1,
             double high0, double high1);

/* A small mark at the top edge, with a text for the pointer. */
void svg_mark(struct svg *g, double x, bool bad, const char *title);

void svg_close(struct svg *g);

#endif
