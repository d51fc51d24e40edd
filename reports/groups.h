/* Which metrics are drawn together, for the plots and the HTML report. */
#ifndef PLATEAU_REPORTS_GROUPS_H
#define PLATEAU_REPORTS_GROUPS_H

#include "harness/model/metric.h"
#include "harness/model/series.h"

#include <stddef.h>

enum group {
    GROUP_MEMORY,
    GROUP_OBJECTS,
    GROUP_HANDLES,
    GROUP_CUSTOM_BYTES,
    GROUP_CUSTOM,
    GROUP_COUNT,
    GROUP_NONE = GROUP_COUNT, /* witnesses: not drawn */
};

enum { GROUP_LINES_MAX = 6 };

/* File name part and heading: "memory", "Memory". */
const char *group_name(enum group g);
const char *group_title(enum group g);
enum metric_unit group_unit(enum group g);

enum group group_of(const struct metric *m);

/* The columns of `s` in group `g` that hold a number, at most `max`. Fills
 * `out` and returns how many. */
size_t group_columns(const struct series *s, enum group g,
                     const struct column **out, size_t max);

#endif
