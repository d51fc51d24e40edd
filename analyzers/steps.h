/* Sudden changes of level: allocator arenas, restarts, collections, trims.
 * Not for slow changes, which shapes are fitted to (fit.h). */
#ifndef PLATEAU_ANALYZERS_STEPS_H
#define PLATEAU_ANALYZERS_STEPS_H

#include <stddef.h>

struct step {
    size_t at;   /* first reading of the new level */
    double size; /* new level minus old */
};

/* Ordinary change from one reading of `y` (NaN: none) to the next: the
 * standard deviation that the middle of the changes would have if normal. */
double steps_noise(const double *y, size_t n);

/* Finds the changes of level of at least `least` (> 0) between the medians
 * of three readings before and three behind. Writes at most `max`, in order,
 * and returns their number. */
size_t steps_find(const double *y, size_t n, double least, struct step *out,
                  size_t max);

#endif
