/* Latency histogram: log-linear, 3 significant digits, from 1 us to an hour
 * (the idea of HdrHistogram: G. Tene). Fixed size, no allocation after new;
 * one thread records, merge after join. Values in ns; stored in us. */
#ifndef PLATEAU_MODEL_HISTOGRAM_H
#define PLATEAU_MODEL_HISTOGRAM_H

#include "harness/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct histogram;

struct histogram *histogram_new(void);
void histogram_free(struct histogram *h);

/* Counts one value; below 1 us counts as 1 us, above an hour as an hour. */
void histogram_record(struct histogram *h, int64_t ns);

/* Adds `from` to `to`. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* Forgets all counts. */
void histogram_reset(struct histogram *h);

uint64_t histogram_count(const struct histogram *h);

/* The value at `percentile` (0..100) in ns, the highest that counts as equal
 * at 3 digits; -1 when empty. */
int64_t histogram_at(const struct histogram *h, double percentile);
int64_t histogram_max(const struct histogram *h);
double histogram_mean(const struct histogram *h);

/* The counts as HdrHistogram lays them out for values in us (1 to an hour, 3
 * digits): `*n` of them up to the largest value, none when empty. Borrowed
 * until the next change. */
const uint64_t *histogram_counts(const struct histogram *h, size_t *n);

/* Appends the percentile distribution as text (the .hgrm form that
 * HdrHistogram's plotters read), values in ms. */
void histogram_write_hgrm(const struct histogram *h, struct buf *out);

#endif
