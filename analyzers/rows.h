/* The rows of a series that may be judged, in order, thinned to a size that
 * can be thought about: which rows count, what the clock and the request
 * counter say there, and which life of the processes each belongs to.
 *
 * Shared by all columns of a series; the readings themselves are taken out
 * by rows_readings. */
#ifndef PLATEAU_ANALYZERS_ROWS_H
#define PLATEAU_ANALYZERS_ROWS_H

#include "harness/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROWS_CELLS_MAX = 3000,
};

struct rows {
    size_t n;      /* cells: one row each, or a few rows in a long series */
    uint32_t *row; /* the series' rows that count */
    size_t nrows;
    size_t *first;    /* cell i holds row[first[i] .. first[i + 1]) */
    double *t_s;      /* of each cell, rising */
    double *busy_s;   /* the same clock, stopped where rows were left out:
                         between blocks the service had nothing to do */
    double *requests; /* rising; NULL when unknown or useless */
    int *life;        /* from 0; a new number where one was replaced */
    int nlives;
    bool guessed;        /* at lives that nobody recorded: see guards.h */
    bool requests_reset; /* the counter fell: counted on from there */
    bool starts_counted; /* somebody did: what falls is no restart unseen */
    bool starts_ignored; /* processes start all the time: no lives */
    size_t late;         /* rows under load left out: t_s did not rise */
    double warm_until_s; /* end of the rows marked as warm-up; NaN: none */
};

/* Chooses the rows of `s`. Gives `out` to release. */
void rows_select(const struct series *s, struct rows *out);

/* Writes the reading of each cell (median of up to 15 rows, NaN for none)
 * of the column `v` into `out[r->n]`. What is below `least`, or beyond what
 * any machine holds, is no reading. */
void rows_readings(const struct rows *r, const double *v, double least,
                   double *out);

/* Writes for each row of `s` how much of the run's growth a steady leak has
 * reached there, 0 to 1: by requests where they are counted, else by time,
 * and from 0 again in each life. Rows that do not count get the share of the
 * row before. */
void rows_growth(const struct rows *r, const struct series *s, double *out);

/* Adds to each cell of `y` its share of a steady leak of `by` over the run, as
 * readings would show it that lie on a grid of `grain` (0: none). */
void rows_plant(const struct rows *r, double by, double grain, double *y);

void rows_release(struct rows *r);

#endif
