/* Counts of objects by type as columns of the barriers, so that a type is
 * judged as any metric is: by kind of request, warm-up and filling caches told
 * from growth. One type that grows by exactly one per order stands out where
 * the total of all objects swings with the collector. Pure. */
#ifndef PLATEAU_ANALYZERS_TYPE_COLUMNS_H
#define PLATEAU_ANALYZERS_TYPE_COLUMNS_H

#include "analyzers/verdict.h"
#include "harness/model/record.h"

#include <stdbool.h>
#include <stddef.h>

#define TYPE_COLUMN_PREFIX METRIC_TYPE_PREFIX

enum { TYPE_COLUMNS_MOST = 12 };

/* True for the name of a column made here. */
bool type_column_is(const char *name);

/* The type in such a name, which holds the first TYPE_COLUMN_NAME bytes of it.
 * Borrowed. */
const char *type_column_type(const char *name);

/* What the column of that name holds, if it is made: fills `v`, one per barrier
 * row of `r`, NaN where nobody counted. False when no census holds the type. */
bool type_column_read(const struct record *r, const char *name, double *v);

enum {
    TYPE_COLUMN_NAME =
        sizeof((struct finding *)0)->name - sizeof TYPE_COLUMN_PREFIX
};

/* Makes `*out` a copy of `r` that borrows everything but barriers' columns:
 * those of `r` and, behind them, the types that rose most steadily through
 * the censuses, or with the ages of processes that are replaced, at most
 * TYPE_COLUMNS_MOST, named "objects:module.type"; half of the places are the
 * program's own types', by the command of `r`. Gives
 * `*looked_at` the number of types among which they were chosen (0: none),
 * which is what an error rate has to be divided by; of processes that are
 * replaced the types that moved at all. Release with
 * type_columns_release, never with record_release. */
void type_columns_add(const struct record *r, struct record *out,
                      size_t *looked_at);

/* Frees the columns; their names and titles, which findings point at, go to
 * `v`. */
void type_columns_release(const struct record *r, struct record *wide,
                          struct verdict *v);

#endif
