/* Takes out readings that no process can have had: lone zeros and lone wild
 * values, up or down. What repeats or lasts is evidence and stays. */
#ifndef PLATEAU_ANALYZERS_CLEAN_H
#define PLATEAU_ANALYZERS_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

/* Sets to NaN the readings of `y` (length `n`) that stand alone, one or two
 * in a row, far from neighbours that agree. Lone zeros go when `positive`.
 * Returns how many. */
size_t clean_readings(double *y, size_t n, bool positive);

/* Smallest step between readings that differ: what they were rounded to.
 * 0 when nothing differs. */
double clean_quantum(const double *y, size_t n);

/* The step of the grid that all readings lie on, as rounding makes one; of
 * `bytes` at most a MiB. 0: they are not whole, or nothing differs. */
double clean_grain(const double *y, size_t n, bool bytes);

#endif
