/* What the sampler writes: samples.csv, processes.csv, objects.csv,
 * objects_own.csv. Sampler's thread, but open. */
#ifndef PLATEAU_SAMPLER_TABLES_H
#define PLATEAU_SAMPLER_TABLES_H

#include "harness/base/err.h"
#include "harness/model/rundir.h"
#include "harness/model/series.h"
#include "harness/sampler/members.h"

#include <stdint.h>

struct sample_row {
    int64_t at_ns; /* monotonic */
    double requests, proc_starts;
    enum phase phase;
};

struct tables;

/* Starts samples.csv and processes.csv; objects.csv starts with its first
 * row. `names` are the `n` metrics, borrowed. */
int tables_open(struct rundir *rd, const char *const *names, size_t n,
                struct tables **out, struct err *err);

/* Writes a row of samples.csv. While `origin_ns` is 0, load has not begun and
 * nobody knows the row's t_s: it is kept back (the newest 256) until
 * the origin is known. */
void tables_sample(struct tables *t, const struct sample_row *row,
                   const double *values, int64_t origin_ns);

/* Writes the rows kept back in spite of that: their t_s ends at 0. */
void tables_flush(struct tables *t, int64_t now_ns);

/* Writes a row of processes.csv for each of `n` processes. */
void tables_processes(struct tables *t, double t_s,
                      const struct member_row *rows, size_t n);

/* An object census by source `owner`: keeps rows back until
 * tables_objects_end writes them, or tables_objects_forget drops the ones of
 * that source, which came last, or tables_objects_drop all of them.
 * tables_objects_tick writes those of a soak without barriers, or drops them
 * when the last census was not long ago. tables_own_object is what one process
 * has of a type; the language's own types are left out, and so are whole
 * processes where there would be too many of them, or of their rows. */
void tables_object(struct tables *t, size_t owner, const char *type,
                   double count, double bytes, bool tracked);
void tables_own_object(struct tables *t, size_t owner, struct proc_id id,
                       const char *type, double count);
void tables_objects_forget(struct tables *t, size_t owner);
void tables_objects_drop(struct tables *t);
void tables_objects_end(struct tables *t, double t_s, int block,
                        double requests);
void tables_objects_tick(struct tables *t, double t_s, double requests);

void tables_free(struct tables *t);

#endif
