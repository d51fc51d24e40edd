/* Round numbers along an axis. Pure arithmetic, for the charts. */
#ifndef PLATEAU_REPORTS_AXIS_H
#define PLATEAU_REPORTS_AXIS_H

#include "harness/base/buf.h"
#include "harness/model/metric.h"

#include <stddef.h>

struct axis {
    double low, high; /* what the axis spans; low < high */
    double step;      /* distance of two ticks; a tick stands at each multiple
                         of it between low and high */
};

/* Widens [*low, *high] (NaN: empty) to hold the finite ones of v[0..n); a NULL
 * `v` is empty. */
void axis_range(const double *v, size_t n, double *low, double *high);

/* An axis for values from `low` to `high` in `unit` with about `ticks` ticks,
 * widened to at least `least` and then to whole steps. Steps are 1, 2 or 5
 * times a power of ten in the unit shown (KiB, MiB ...). Never below 0 when
 * `low` is not. */
struct axis axis_values(double low, double high, double least,
                        enum metric_unit unit, int ticks);

/* An axis over exactly low .. high, steps as above. */
struct axis axis_exact(double low, double high, int ticks);

/* An axis over exactly low .. high seconds; steps as on a clock. */
struct axis axis_time(double low, double high, int ticks);

/* The first tick, at or above a.low. */
double axis_first(const struct axis *a);

/* Append a tick's label: "12.5 MiB", "20,000", "45 s", "2:30", "3 h". */
void axis_label_value(struct buf *out, const struct axis *a, double v,
                      enum metric_unit unit);
void axis_label_time(struct buf *out, const struct axis *a, double s);

#endif
