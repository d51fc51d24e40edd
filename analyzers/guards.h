/* What the fit of shapes cannot see: news at the very end, stairs that only
 * pause, and sudden falls that look like restarts nobody recorded. */
#ifndef PLATEAU_ANALYZERS_GUARDS_H
#define PLATEAU_ANALYZERS_GUARDS_H

#include "analyzers/rows.h"

#include <stdbool.h>
#include <stddef.h>

/* The spread of the readings from share `from` of the run on: from the 2nd to
 * the 98th of a hundred. */
double guards_swing(const double *y, size_t n, double from);

/* How far the last twentieth of `y` stands above everything since the middle
 * (medians of twentieths). Negative: it does not. */
double guards_end_rise(const double *y, size_t n);

/* Three or more steps up that stay, with treads between them, no step down, and
 * quiet for less than two and a half times the longest pause between them: the
 * next step may be due. */
bool guards_stairs_pause(const double *y, size_t n, double least);

/* Where large sudden falls recur that neither the opened series `open`
 * explains, as a sawtooth over one floor, nor the load (`load`, per cell, may
 * be NULL), which fell with them, cuts a copy of `r` into lives at every
 * sudden change: `out` borrows all but `life` (room for r->n) from `r`. Returns
 * false when there is nothing to guess. `least` is the smallest fall that
 * counts. */
bool guards_guess_lives(const struct rows *r, const double *y,
                        const double *open, const double *load, double least,
                        struct rows *out, int *life);

#endif
