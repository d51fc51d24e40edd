/* How a record is put together: the parts of record_load, for record*.c only.
 * Callers include record.h.
 *
 * Each part is lenient: a file that is missing leaves its fields empty, one
 * that cannot be understood leaves a note in the record. */
#ifndef PLATEAU_MODEL_RECORD_IMPL_H
#define PLATEAU_MODEL_RECORD_IMPL_H

#include "harness/model/record.h"

#define RECORD_FILE_MAX (512u << 20) /* most bytes read of one table */

/* Adds a line to r->notes. */
void record_note(struct record *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads `dir`/`file` whole. Gives the bytes, or NULL when it is missing, is
 * no regular file (no note then) or cannot be read (noted). */
char *record_slurp(struct record *r, const char *file, size_t *len);

/* run.json: every scalar of the record, kinds (without counts), notes. A
 * missing or broken run.json, and one without an end, set r->partial. */
void record_read_meta(struct record *r);

/* events.ndjson; a cut last line is dropped. */
void record_read_events(struct record *r);

/* Takes the columns that are no metrics (block, ok, errors, requests:*,
 * flow:*, distinct:*, step:*, opened:*) out of r->barriers into
 * barrier_block, the kinds and the drivers. */
void record_split_barriers(struct record *r);

/* requests.csv, objects.csv, processes.csv, objects_own.csv. */
void record_read_seconds(struct record *r);
void record_read_objects(struct record *r);
void record_read_processes(struct record *r);
void record_read_own_objects(struct record *r); /* after the processes */

#endif
