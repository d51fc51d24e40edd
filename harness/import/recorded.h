/* One recorded request on its way from a reader to what is made of it. The
 * inside of harness/import. */
#ifndef PLATEAU_IMPORT_RECORDED_H
#define PLATEAU_IMPORT_RECORDED_H

#include "harness/import/import.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorded_header {
    const char *name, *value;
};

/* Borrowed by the sink for one call. */
struct recorded {
    const char *method; /* one of recorded_method() */
    const char *path;   /* begins with '/', fit for a request line */
    const char *origin; /* "https://shop.example" or NULL */
    int status;         /* 0: unknown */
    int64_t at_us;      /* Unix time; INT64_MIN: unknown */
    bool whole_seconds; /* the record's clock has no finer steps */
    const char *body;   /* NULL: none known */
    const struct recorded_header *headers;
    size_t nheaders;
    int line; /* or the number of the entry */
};

/* Takes one request; -1 ends the reading (limit reached). */
typedef int (*recorded_fn)(void *user, const struct recorded *r);

struct recorded_sink {
    recorded_fn take;
    void *user;
    struct import_summary *summary;
};

/* Read a whole recording. Count what they cannot use in the sink's summary.
 * -1: the form as a whole is wrong. */
int recorded_read_log(const char *text, size_t len,
                      const struct recorded_sink *sink, struct err *err);
int recorded_read_json_lines(const char *text, size_t len,
                             const struct recorded_sink *sink, struct err *err);
int recorded_read_har(const char *text, size_t len,
                      const struct recorded_sink *sink, struct err *err);

/* Calls the reader of that form. */
int recorded_read(enum import_format format, const char *text, size_t len,
                  const struct recorded_sink *sink, struct err *err);

/* The method as a constant, or NULL when it is none that is replayed. */
const char *recorded_method(const char *s, size_t n);

/* Makes a path of a request's target: origin form or absolute form. `out` of
 * `size` bytes. False: no path can be made of it. */
bool recorded_path(const char *target, size_t n, char *out, size_t size);

enum { RECORDED_PATH_MAX = 8192 };

/* "10/Oct/2000:13:55:36 -0700" and "2026-11-22T10:15:00.123+01:00" as Unix
 * time in us; INT64_MIN when it is neither. */
int64_t recorded_time_clf(const char *s, size_t n);
int64_t recorded_time_iso(const char *s, size_t n, bool *whole_seconds);

#endif
