#include "analyzers/falls.h"

#include <math.h>

/* As for types of objects (type_columns.c): more is a level that comes and
   goes. */
#define FALLS_MOST 0.3

double falls_share(const double *d, size_t n)
{
    double grown = 0, fallen = 0;

    for (size_t i = 0; i < n; i++) {
        double fall = -d[i];

        /* What the next reading takes back, or the one before had added, was
           one wild reading. */
        if (i + 1 < n)
            fall = fmin(fall, -(d[i] + d[i + 1]));
        if (i > 0)
            fall = fmin(fall, -(d[i - 1] + d[i]));
        fallen += fmax(fall, 0);
        grown += d[i];
    }
    if (grown < 0)
        return 1;
    return fallen > 0 ? fallen / (grown + fallen) : 0;
}

bool falls_undo(const double *d, size_t n)
{
    return falls_share(d, n) > FALLS_MOST;
}
