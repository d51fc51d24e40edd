/* What growth may follow beside the requests of a kind, block by block:
 * distinct values sent, a step that several kinds share, connections opened.
 * Gathered from a record for attribution.h. Pure. */
#ifndef PLATEAU_ANALYZERS_DRIVEN_H
#define PLATEAU_ANALYZERS_DRIVEN_H

#include "analyzers/barriers.h"
#include "harness/model/record.h"

#include <stddef.h>

/* One of them; places that share their values are one together. */
struct driven_group {
    enum record_driver_what what;
    int driver;    /* index into record.drivers, the first of the group */
    double *x;     /* of it in each block from `from` on */
    int *kinds;    /* the kinds that it is a part of, nkinds of them */
    double *ratio; /* of it per request of that kind, on average */
    size_t nkinds;
};

struct driven {
    struct driven_group *at;
    size_t n;
    double held; /* connections that the load may keep open: what those hold
                    goes with them, and is nobody's leak */
};

/* Gathers over the blocks of `b` from `from` on. What is not known in every
 * block, or never happens, is left out. Gives `out` to release. */
void driven_gather(const struct record *r, const struct blocks *b, size_t from,
                   struct driven *out);
void driven_release(struct driven *d);

/* Nearer than this, as driven_apart has it, two columns tell the same. */
#define DRIVEN_APART_LEAST 0.01

/* How far x[0..n) is from a multiple of y: the root mean square of the rest
 * over that of x. */
double driven_apart(const double *x, const double *y, size_t n);

#endif
