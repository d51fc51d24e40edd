/* Fewer points for the eye: keeps the lowest and the highest reading of each
 * stretch, so that no spike is lost. Only for drawing. */
#ifndef PLATEAU_REPORTS_DECIMATE_H
#define PLATEAU_REPORTS_DECIMATE_H

#include <stddef.h>

/* Sets keep[i] to 1 for the readings of v[0..n) to draw, about `most` at the
 * end: the first, the last, each stretch's extremes, and one NaN of each gap
 * (so that the gap shows). Leaves other entries alone. */
void decimate_mark(const double *v, size_t n, size_t most, unsigned char *keep);

#endif
