/* A run reduced to the numbers that a comparison needs, as a small JSON file
 * that can be kept beside the source ("schema": "plateau-baseline/1"). */
#ifndef PLATEAU_CLI_BASELINE_H
#define PLATEAU_CLI_BASELINE_H

#include "analyzers/compare.h"
#include "harness/base/err.h"

/* Writes `side` to `path` (temporary name, rename). */
int baseline_write(const struct compare_side *side, const char *path,
                   struct err *err);

/* Reads a baseline, a run directory or a CSV. Gives a side to release with
 * compare_side_release. */
int baseline_load(const char *path, struct compare_side *out, struct err *err);

#endif
