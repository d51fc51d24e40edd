/* Falls: how much of a level's rise was lost again within the run. A heap
 * whose garbage is collected now and then rises in a straight line in between;
 * only what outlives the falls is growth. Pure. */
#ifndef PLATEAU_ANALYZERS_FALLS_H
#define PLATEAU_ANALYZERS_FALLS_H

#include <stdbool.h>
#include <stddef.h>

/* The share, 0 to 1, of all that a level rose by which it lost again; `d` are
 * its `n` differences. One wild reading, high or low, is no fall. A level that
 * ends below its start lost everything. */
double falls_share(const double *d, size_t n);

/* True when that is so much that rises alone prove no growth. */
bool falls_undo(const double *d, size_t n);

#endif
