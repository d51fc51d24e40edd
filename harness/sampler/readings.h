/* Numbers by name from foreign text: "name value" lines, Prometheus text, or
 * a JSON object of any shape. Pure; no I/O. */
#ifndef PLATEAU_SAMPLER_READINGS_H
#define PLATEAU_SAMPLER_READINGS_H

#include <stddef.h>

#define READINGS_NAME 96

/* Called for each finite number, with its name in the form of a metric. */
typedef void reading_fn(void *user, const char *metric, double value);

/* Goes through `text` (NUL-terminated, `len` bytes, changed in place). Text
 * that begins with '{' is JSON: the keys on the way to a number are joined,
 * arrays are left out. Else lines: `name value`, `name=value`,
 * `name{labels} value timestamp`; buckets and quantiles, which mean nothing
 * alone, are left out, and so are lines of another form. A name may come
 * several times (other labels): add them up. Returns how many were given;
 * -1: JSON that does not parse. */
int readings_parse(char *text, size_t len, reading_fn *each, void *user);

/* Writes `name` as a metric's name: [a-z0-9_], CamelCase parted. Returns -1
 * when nothing is left or it is too long. */
int readings_name(const char *name, char out[READINGS_NAME]);

/* What we call `metric` of source `source`: "source_metric", unless it begins
 * like that or is one of those known by themselves (go_heap_objects). -1: too
 * long. */
int readings_full_name(const char *source, const char *metric,
                       char out[READINGS_NAME]);

#endif
