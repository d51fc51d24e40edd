/* Reads CSV feeders (RFC 4180): a header line, then rows as wide as it. Not
 * the reader of measurements (series.h). */
#ifndef PLATEAU_MODEL_FEEDER_H
#define PLATEAU_MODEL_FEEDER_H

#include "harness/base/err.h"
#include "harness/model/scenario.h"

enum { FEEDER_FILE_MAX = 256 << 20, FEEDER_COLUMNS_MAX = 1000 };

/* Reads `path` (a regular file). Accepts CRLF and a BOM, skips empty lines.
 * An error names the line. Gives a feeder to release, `file` not set. */
int feeder_load(const char *path, struct feeder *out, struct err *err);

/* The column of that name, or -1. */
int feeder_column(const struct feeder *f, const char *name);

void feeder_release(struct feeder *f);

#endif
