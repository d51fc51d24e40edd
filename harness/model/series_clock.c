#include "harness/base/mem.h"
#include "harness/model/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So many rows may come late, or be ahead of their time, before it is the
   clock that was set. */
enum { ODD_ROWS = 20 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Median time from one row to the next, of those that go forward. */
static double usual_step(const double *t, size_t n)
{
    double *d = mem_zalloc(n, sizeof *d), step;
    size_t m = 0;

    for (size_t i = 1; i < n; i++)
        if (t[i] > t[i - 1])
            d[m++] = t[i] - t[i - 1];
    qsort(d, m, sizeof *d, ascending);
    step = m > 0 ? d[m / 2] : 0;
    free(d);
    return step;
}

/* Row `i` is before `last`: do the rows behind it soon go on from there? */
static bool comes_late(const double *t, size_t n, size_t i, double shift,
                       double last)
{
    for (size_t k = i + 1; k < n && k <= i + ODD_ROWS; k++)
        if (t[k] + shift > last)
            return true;
    return n - i <= ODD_ROWS / 4; /* the end, and little is lost */
}

/* The rows just before `i` that are later than `now`; 0: too many. */
static size_t rows_ahead(const double *t, size_t i, double now)
{
    size_t n = 0;

    while (n < i && t[i - 1 - n] > now)
        if (++n > ODD_ROWS)
            return 0;
    return n;
}

/* Mends `t` in place; how often the clock was set back. */
static size_t mend(double *t, size_t n, double step)
{
    double last = -INFINITY, shift = 0;
    size_t times = 0;

    for (size_t i = 0; i < n; i++) {
        double now = t[i] + shift;
        size_t ahead;

        if (now < last && !comes_late(t, n, i, shift, last)) {
            ahead = rows_ahead(t, i, now);
            for (size_t k = i - ahead; k < i; k++)
                t[k] = i > ahead ? t[i - ahead - 1] : now;
            if (ahead == 0) {
                shift += last + step - now;
                now = last + step;
                times++;
            }
            last = now;
        }
        t[i] = now;
        last = fmax(last, now);
    }
    return times;
}

size_t series_mend_clock(struct series *s)
{
    size_t i = 1, times;
    double *given;

    while (i < s->n && s->t_s[i] >= s->t_s[i - 1])
        i++;
    if (i >= s->n)
        return 0;
    given = mem_zalloc(s->n, sizeof *given);
    memcpy(given, s->t_s, s->n * sizeof *given);
    times = mend(s->t_s, s->n, usual_step(given, s->n));
    /* A "clock" that is set back again and again is none. */
    if (times * 20 > s->n + 20) {
        memcpy(s->t_s, given, s->n * sizeof *given);
        times = 0;
    }
    free(given);
    return times;
}
