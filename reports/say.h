/* Figures for people, appended to a buffer: three significant digits, units,
 * thousands, ASCII only. "No value" is "-". Not for JSON or CSV. */
#ifndef PLATEAU_REPORTS_SAY_H
#define PLATEAU_REPORTS_SAY_H

#include "analyzers/finding.h"
#include "harness/base/buf.h"

#include <stddef.h>

/* A whole number with its thousands parted: "50,412". */
void say_count(struct buf *out, double v);

/* A reading in its unit: "2.31 KiB", "9", "3.20 s". */
void say_amount(struct buf *out, double v, enum metric_unit unit);

/* An estimate in its unit: as a reading, but "1.00" shows how exact it is. */
void say_growth(struct buf *out, double v, enum metric_unit unit);

/* The same with its interval, all three in one unit: "2.31 KiB (2.27 ..
 * 2.35)". The bounds are left out when they are no numbers. */
void say_interval(struct buf *out, const struct interval *v,
                  enum metric_unit unit);

/* Two bounds in one unit: "2.27 .. 2.35 KiB". */
void say_range(struct buf *out, double low, double high, enum metric_unit unit);

/* A length of time: "850 ms", "4 min 12 s", "3 h 20 min", "7.2 days". */
void say_time(struct buf *out, double seconds);

/* The same with its interval: "14 min (12 .. 17)". */
void say_time_interval(struct buf *out, const struct interval *seconds);

/* A share of one: "95 %", "0.3 %". */
void say_percent(struct buf *out, double share);

/* Bytes of the first sentence of `text`, its full stop included. */
size_t say_sentence(const char *text);

#endif
