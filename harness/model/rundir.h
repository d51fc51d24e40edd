/* The run directory while it is being written: runs/<name>-<UTC>/. Tables are
 * append-only, one write(2) per row, so that what a killed run leaves is
 * whole up to its last row; documents are written under a temporary name and
 * renamed. record.h reads it all back.
 *
 * The tables and their columns, in this order (reports/README.md has the
 * units; a column that a run cannot fill may be left out, an empty cell is
 * "no value"):
 *   samples.csv    t_s,requests,phase,proc_starts,<metrics>
 *   barriers.csv   block,t_s,requests,phase,proc_starts,ok,errors,
 *                  requests:<kind>...,flow:<name>...,
 *                  distinct:<request>:<where>...,step:<request>...,
 *                  opened:connections,<metrics>
 *                  block 0 is read after warm-up; counters are cumulative
 *   processes.csv  t_s,pid,start,command,rss_bytes,pss_bytes,uss_bytes,
 *                  swap_bytes,threads,fds,cpu_s,native_inuse_bytes,
 *                  py_blocks,py_gc_objects,py_gc_young
 *   requests.csv   t_s,kind,sent,ok,errors,late,p50_ms,p99_ms
 *                  one row per second and kind: what happened in that second;
 *                  a flow's kind is written flow:<name>
 *   objects.csv    t_s,block,requests,type,count,bytes,tracked
 *   objects_own.csv  t_s,block,pid,start,type,count
 *                  of processes that came after the first barrier, without
 *                  the language's own types
 *   events.ndjson  {"t_s","event","pid","detail"}, one object per line
 *   run.json       struct run_meta; without "end" the run was killed
 *
 * Threads: one thread per table; events, documents and notes from any thread.
 * A failed write (disk full) is remembered, and nothing more is written to
 * that table: see rundir_failed(). No call allocates once a table has seen
 * its longest row. */
#ifndef PLATEAU_MODEL_RUNDIR_H
#define PLATEAU_MODEL_RUNDIR_H

#include "harness/base/buf.h"
#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rundir;
struct rundir_table;

/* -1 when `out_dir` exists and is no empty directory: who named it is
 * mistaken. */
int rundir_may_be(const char *out_dir, struct err *err);

/* Makes the directory `out_dir`, or runs/<name>-<UTC> when NULL (a taken name
 * gets -2, -3 ...; what is no letter, digit, dot, dash or underscore in
 * `name` becomes a dash). An existing `out_dir` must be empty. Gives a
 * writer. */
int rundir_create(const char *out_dir, const char *name, struct rundir **out,
                  struct err *err);

const char *rundir_path(const struct rundir *rd); /* borrowed */

/* Starts a CSV with the given columns (escaped here). The table belongs to
 * `rd`. */
int rundir_table(struct rundir *rd, const char *file,
                 const char *const *columns, size_t n,
                 struct rundir_table **out, struct err *err);

/* Appends one row of `n` cells, as many as columns: `cells[i]`, already safe
 * text ("" = no value). */
int rundir_row(struct rundir_table *t, const char *const *cells, size_t n);

/* Appends one row of numbers; NaN becomes the empty cell, whole numbers are
 * written exactly, others with up to 6 decimals. A NULL `first` leaves out
 * the leading text cell. */
int rundir_numbers(struct rundir_table *t, const char *first, const double *v,
                   size_t n);

/* Appends one row of mixed cells, as many as columns: cell i is the text
 * `texts[i]`, escaped here, or, where that is NULL, the number `v[i]` as
 * rundir_numbers writes it. */
int rundir_cells(struct rundir_table *t, const char *const *texts,
                 const double *v, size_t n);

/* Appends to events.ndjson; the detail is cut at 1,000 bytes. */
void rundir_event(struct rundir *rd, double t_s, const char *what, int64_t pid,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Called with each event as it is written, by whichever thread wrote it, one
 * at a time; must not write events itself. The texts are not escaped. */
typedef void (*rundir_event_fn)(void *ctx, double t_s, const char *what,
                                int64_t pid, const char *detail);

/* From now on. Before the directory is used by a second thread. */
void rundir_listen(struct rundir *rd, rundir_event_fn fn, void *ctx);

/* Writes a document beside the tables. */
int rundir_document(struct rundir *rd, const char *file, const struct buf *text,
                    struct err *err);

/* Opens a file in the directory for appending (the target's output). Returns
 * the descriptor or -1. */
int rundir_open_log(struct rundir *rd, const char *file, struct err *err);

/* The first write error met so far, or NULL. Borrowed. */
const char *rundir_failed(const struct rundir *rd);

/* Flushes, closes, nulls. */
void rundir_close(struct rundir **rd);

/* ---- run.json: written at the start, at phase changes and at the end ---- */

/* Something that growth may follow beside requests: see record_driver. */
struct run_driver {
    char *column; /* of barriers.csv */
    const char *what;
    char *name;
    size_t group;
    int *kinds;    /* kinds that send it, nkinds of them */
    double *times; /* how often in one run of the kind */
    size_t nkinds;
};

/* Everything run.json holds; the writer's twin of record.h's fields. Strings
 * are borrowed. */
struct run_meta {
    const char *name, *started_utc, *tool_version, *host, *kernel, *command,
        *url, *engine, *engine_why, *python_mode;
    const char *end; /* run_end_name(); NULL: still running */
    const char *end_detail;
    const char *load_trouble; /* NULL: none */
    int signal;
    bool target_failed, rate_missed;
    int64_t target_pid;
    double requests_total, errors_total, duration_s, limit_bytes;
    double harness_cpu_s, harness_rss_bytes, sampler_cost_s, late_p99_ms;
    const char *const *kind_names; /* requests and flows, as in barriers.csv */
    const bool *kind_is_flow;
    const double *kind_weights;
    size_t nkinds;
    const struct run_driver *drivers;
    size_t ndrivers;
    const char *const *notes;
    size_t nnotes;
};

int rundir_write_meta(struct rundir *rd, const struct run_meta *meta,
                      struct err *err);

#endif
