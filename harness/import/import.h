/* Recorded traffic: access logs and HAR files become a scenario to edit, or
 * the entries of a [replay]. Not here: running anything.
 *
 * The input is foreign: sizes are limited, secrets are dropped, and what no
 * request can be made of is counted, never guessed. */
#ifndef PLATEAU_IMPORT_IMPORT_H
#define PLATEAU_IMPORT_IMPORT_H

#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum import_format {
    IMPORT_COMMON,   /* host ident user [time] "request" status bytes */
    IMPORT_COMBINED, /* the same with referer and agent; takes both */
    IMPORT_JSON,     /* one JSON object per line, nginx and Caddy field names */
    IMPORT_HAR,      /* HTTP Archive 1.2, as browsers save it */
    IMPORT_FORMATS,
};

enum {
    IMPORT_FILE_MAX = 512 << 20,
    IMPORT_LINE_MAX = 1 << 20,
    IMPORT_KINDS_MAX = 500, /* most kinds of requests; the rest is dropped */
    IMPORT_ENTRIES_MAX = 20000000,
};

/* "combined"; NULL behind the last. */
const char *import_format_name(enum import_format f);

/* The format of that name, or IMPORT_FORMATS. */
enum import_format import_format_find(const char *name);

/* What an import did, for people. */
struct import_summary {
    size_t lines;     /* lines or entries seen */
    size_t taken;     /* of which requests were made */
    size_t unread;    /* not understood */
    size_t left_out;  /* methods, hosts or paths that make no request */
    size_t kinds;     /* [request] sections written */
    size_t secrets;   /* headers, parameters and fields that were dropped */
    double span_s;    /* from the first request to the last; 0: unknown */
    int first_unread; /* line of the first that was not understood */
};

struct import_options {
    const char *name; /* of the scenario; NULL: "imported" */
    const char *url;  /* target.url; NULL: http://127.0.0.1:8000 */
    size_t kinds;     /* most kinds to write, the most frequent first; 0: 30 */
};

/* Makes a scenario of `text` and appends it to `out`. -1 when no request was
 * found or the form is wrong. */
int import_scenario(enum import_format format, const char *text, size_t len,
                    const struct import_options *options, struct buf *out,
                    struct import_summary *summary, struct err *err);

/* Loads what [replay] names into `sc`: one request per kind that is not in
 * the scenario yet, and the entries, sorted by time, speed applied. Mistakes
 * go to `m` with the recording's lines. Returns 0 at once when the scenario
 * has no [replay]. */
int import_replay(struct scenario *sc, struct mistakes *m);

#endif
