/* Connections of our own among the target's handles: each one that the load
 * opens and keeps is a descriptor there, and a thread or a task in some
 * services; in none it is a zombie. */
#include "analyzers/barriers.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Opened by our load between two barrier rows. */
static double opened(const struct record *r, size_t from, size_t to)
{
    double sum = 0;

    for (size_t i = 0; i < r->ndrivers; i++) {
        const struct record_driver *d = &r->drivers[i];

        if (d->what == RECORD_CONNECTIONS && d->count != NULL &&
            d->count[to] > d->count[from])
            sum += d->count[to] - d->count[from];
    }
    return sum;
}

double blocks_own(const struct record *r, double most, const struct blocks *b)
{
    if (b->n == 0)
        return 0;
    return fmin(opened(r, b->start, b->row[b->n - 1]), fmax(most, 0));
}

void blocks_clear_own(const struct record *r, const struct metric *m,
                      double most, struct blocks *b)
{
    double *own, sum = 0, rise = 0;
    size_t from = b->start;

    if (m->role != METRIC_HANDLES || strcmp(m->name, "zombies") == 0)
        return;
    own = mem_zalloc(b->n, sizeof *own);
    for (size_t i = 0; i < b->n; i++) {
        own[i] = fmin(fmax(b->d[i], 0), opened(r, from, b->row[i]));
        sum += own[i];
        rise += b->d[i];
        from = b->row[i];
    }
    /* What came and went does not count, and what is more than we may hold
       open is taken out of all blocks alike, lest a steady growth look as if
       it had begun late. */
    most = fmin(fmin(sum, rise), most);
    for (size_t i = 0; i < b->n && most > 0; i++)
        b->d[i] -= own[i] * most / sum;
    free(own);
}
