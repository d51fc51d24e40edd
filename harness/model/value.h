/* Typed values as a scenario writes them: durations, rates, sizes, shares,
 * ranges. Each reader takes all of `s` or none of it: spaces around it are
 * ignored, anything behind it is an error. On failure the message completes
 * "'<value>' ..." ("is not a duration: write ..."), and `*out` is untouched.
 * Not here: limits of single keys (keys.def). */
#ifndef PLATEAU_MODEL_VALUE_H
#define PLATEAU_MODEL_VALUE_H

#include "harness/base/err.h"
#include "harness/model/policy.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plain decimal number: no hexadecimal, no inf, no nan. */
int value_number(const char *s, double *out, struct err *err);

/* A whole number with an optional sign. */
int value_whole(const char *s, int64_t *out, struct err *err);

/* "500ms", "20s", "4m", "1h30m", "7d", "60us"; 0 needs no unit. In ns. */
int value_duration(const char *s, int64_t *ns, struct err *err);

/* "100ms..400ms" or one duration for both ends. */
int value_duration_range(const char *s, int64_t *min_ns, int64_t *max_ns,
                         struct err *err);

/* "200/s", "1000/min", "5/hour", "200 requests/s", "200 rps". Per second. */
int value_rate(const char *s, double *rps, struct err *err);

/* "64", "64 B", "2 KiB", "1M" (1024-based), "5 MB" (1000-based). */
int value_size(const char *s, double *bytes, struct err *err);

/* "95%" or "0.95". */
int value_share(const char *s, double *share, struct err *err);

/* "2000 requests" or "30s": sets the one and zeroes the other. */
int value_length(const char *s, uint64_t *requests, int64_t *ns,
                 struct err *err);

/* "64 B/request", "0.01/request", "5 MB/hour". `bytes`: sizes are allowed. */
int value_tolerance(const char *s, bool bytes, double *value,
                    enum tolerance_per *per, struct err *err);

/* "on", "yes", "true", "1" and their opposites. */
int value_flag(const char *s, bool *out, struct err *err);

/* "201", "200..299", "200-299", "2xx". */
int value_status(const char *s, struct status_range *out, struct err *err);

/* "10x", "10", "0.5x": a factor over zero. */
int value_factor(const char *s, double *out, struct err *err);

#endif
