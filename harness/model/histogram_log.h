/* The HdrHistogram log, version 1.3: one line of text per histogram, which
 * that project's plotters and readers in many languages take. Lines hold the
 * V2 encoding (zigzag LEB128 counts) inside a zlib stream, in base64. The
 * stream stores instead of compressing, which every zlib reads: no
 * compression library is linked for a file this small. Writes only. */
#ifndef PLATEAU_MODEL_HISTOGRAM_LOG_H
#define PLATEAU_MODEL_HISTOGRAM_LOG_H

#include "harness/base/buf.h"
#include "harness/model/histogram.h"

#include <stdint.h>

/* Appends the head of a log whose times count from `start_ns`, wall time in ns
 * since 1970. */
void histogram_log_head(int64_t start_ns, struct buf *out);

/* Appends the line of `h`, gathered from `from_s` to `to_s`, seconds since the
 * log's start. `tag` names it, NULL: none; what may not stand in a tag becomes
 * '_'. Nothing is appended for an empty histogram. */
void histogram_log_line(const struct histogram *h, const char *tag,
                        double from_s, double to_s, struct buf *out);

#endif
