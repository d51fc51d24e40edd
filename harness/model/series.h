/* A table of readings over time: what samples.csv and barriers.csv hold, and
 * any CSV handed to `plateau analyze`. Data, open to all; columns are equally
 * long; "no value" is NaN, never 0.
 *
 * Not an analysis: nothing here cleans, sorts out or interpolates. */
#ifndef PLATEAU_MODEL_SERIES_H
#define PLATEAU_MODEL_SERIES_H

#include "harness/base/err.h"
#include "harness/model/metric.h"

#include <stddef.h>

enum phase {
    PHASE_NONE, /* the column is missing or the cell is empty */
    PHASE_START,
    PHASE_WARMUP,
    PHASE_LOAD,
    PHASE_DRAIN,
    PHASE_SETTLE,
    PHASE_BARRIER,
    PHASE_DIAGNOSE, /* after the verdict: never judged */
    PHASE_STOP,
    PHASE_COUNT,
};

/* "load", "settle", ...; "" for PHASE_NONE. */
const char *phase_name(enum phase p);

/* The phase of that name (length `n`); PHASE_LOAD for unknown text, so that
 * a foreign CSV with words of its own is still judged. */
enum phase phase_parse(const char *s, size_t n);

struct column {
    char *name;           /* owned; as the header has it */
    struct metric metric; /* metric.name borrows `name` or the table */
    double *v;            /* `n` readings, NaN = no value */
};

struct series {
    size_t n;               /* rows */
    double *t_s;            /* seconds since load began; finite, rising as
                               given: rows are kept in the file's order */
    double *requests;       /* cumulative; NULL when the column is missing */
    double *proc_starts;    /* NULL when the column is missing */
    unsigned char *phase;   /* enum phase; NULL when missing */
    struct column *columns; /* every other numeric column */
    size_t ncolumns;
    size_t dropped_rows; /* rows that had no usable t_s */
    size_t bad_cells;    /* cells that were neither empty nor a number */
};

/* Reads `path` ("-" is standard input): a header line, then rows. Accepts
 * CRLF, a BOM, quoted fields, spaces around values, empty cells, inf and nan
 * (both become NaN), short rows (NaN) and a cut last line (dropped: the file
 * may still be growing or its writer was killed). A header without t_s, a
 * header alone with no column, or a file that is no text is an error that
 * names file:line. Columns whose every cell is not a number are ignored (a
 * "note" column). Gives a series to release. Memory: about 8 bytes per cell. */
int series_load(const char *path, struct series *out, struct err *err);

/* The same from memory; `label` names the source in errors. */
int series_parse(const char *text, size_t len, const char *label,
                 struct series *out, struct err *err);

/* Where the clock of `s` was set back for good, counts on from there with the
 * usual step between rows; a few rows that are ahead of all that follow get
 * the time of the row before them. Single late rows stay as they are: whoever
 * wants rising times leaves them out. Returns how often it was set back; what
 * is set back again and again is no clock, and stays as it is. */
size_t series_mend_clock(struct series *s);

/* The column of that name or its alias, or NULL. Borrowed. */
const struct column *series_column(const struct series *s, const char *name);

/* Frees what `s` holds; a zeroed series is legal. */
void series_release(struct series *s);

#endif
