#include "tests/calibrate/rates.h"

#include <math.h>
#include <stdio.h>

void rates_line(const char *what, int k, int n, const char *goal)
{
    double z = 1.96, p = n ? (double)k / n : 0, m = n ? n : 1;
    double mid = (p + z * z / (2 * m)) / (1 + z * z / m);
    double half =
        z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));

    printf("| %s | %d of %d | %.2f %% | %.2f .. %.2f %% | %s |\n", what, k, n,
           100 * p, 100 * fmax(mid - half, 0), 100 * fmin(mid + half, 1), goal);
}

void rates_head(const char *title)
{
    printf("\n### %s\n\n| rate | counted | share | 95 %% interval | goal "
           "|\n|---|---|---|---|---|\n",
           title);
}
