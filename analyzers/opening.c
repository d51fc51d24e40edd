#include "analyzers/opening.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* out[i] = sign * max of sign * v over [i - half, i + half], by a queue of
 * candidates that only falls (Lemire 2006). */
static void running_max(const double *v, size_t n, size_t half, double sign,
                        size_t *queue, double *out)
{
    size_t head = 0, tail = 0, in = 0;

    for (size_t i = 0; i < n; i++) {
        for (; in < n && in <= i + half; in++) {
            while (tail > head && sign * v[queue[tail - 1]] <= sign * v[in])
                tail--;
            queue[tail++] = in;
        }
        while (queue[head] + half < i)
            head++;
        out[i] = v[queue[head]];
    }
}

void opening(const double *y, size_t n, size_t half, double *out)
{
    size_t *at = mem_zalloc(n, sizeof *at), *queue;
    double *v = mem_zalloc(n, sizeof *v), *low = mem_zalloc(n, sizeof *low);
    size_t m = 0;

    queue = mem_zalloc(n, sizeof *queue);
    for (size_t i = 0; i < n; i++) {
        out[i] = NAN;
        if (!isnan(y[i])) {
            at[m] = i;
            v[m++] = y[i];
        }
    }
    running_max(v, m, half, -1, queue, low);
    running_max(low, m, half, 1, queue, v);
    for (size_t k = half; k + half < m; k++)
        out[at[k]] = v[k];
    free(at);
    free(v);
    free(low);
    free(queue);
}
