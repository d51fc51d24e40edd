#include "reports/decimate.h"

#include <math.h>
#include <stdbool.h>

static void mark_stretch(const double *v, size_t from, size_t to,
                         unsigned char *keep)
{
    size_t low = to, high = to, gap = to;

    for (size_t i = from; i < to; i++) {
        if (isnan(v[i])) {
            gap = i;
            continue;
        }
        if (low == to || v[i] < v[low])
            low = i;
        if (high == to || v[i] > v[high])
            high = i;
    }
    if (low < to)
        keep[low] = 1;
    if (high < to)
        keep[high] = 1;
    if (gap < to && low == to) /* nothing but gap */
        keep[gap] = 1;
}

void decimate_mark(const double *v, size_t n, size_t most, unsigned char *keep)
{
    size_t stretches = most / 2 > 0 ? most / 2 : 1;

    if (n <= most) {
        for (size_t i = 0; i < n; i++)
            keep[i] = 1;
        return;
    }
    for (size_t s = 0; s < stretches; s++)
        mark_stretch(v, n * s / stretches, n * (s + 1) / stretches, keep);
    keep[0] = keep[n - 1] = 1;
}
