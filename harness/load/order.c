#include "harness/load/order.h"

#include "harness/base/mem.h"
#include "harness/base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* One kind's next place in the order. */
struct place {
    double at;
    size_t kind;
};

struct order {
    size_t kinds;
    uint64_t *count; /* arrivals per kind */
    double *rest;    /* remainder of the rounding, then: the phase u_k */
    double *gap;     /* A / c_k */
    uint64_t *taken; /* given out so far */
    struct place *heap;
    size_t nheap;
};

struct order *order_new(size_t kinds)
{
    struct order *o = mem_zalloc(1, sizeof *o);

    o->kinds = kinds;
    o->count = mem_zalloc(kinds, sizeof *o->count);
    o->rest = mem_zalloc(kinds, sizeof *o->rest);
    o->gap = mem_zalloc(kinds, sizeof *o->gap);
    o->taken = mem_zalloc(kinds, sizeof *o->taken);
    o->heap = mem_zalloc(kinds, sizeof *o->heap);
    return o;
}

void order_free(struct order *o)
{
    if (o == NULL)
        return;
    free(o->count);
    free(o->rest);
    free(o->gap);
    free(o->taken);
    free(o->heap);
    free(o);
}

static bool before(const struct place *a, const struct place *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    return a->kind < b->kind;
}

/* Moves the place at `i` down until the heap holds again. */
static void sift(struct order *o, size_t i)
{
    for (;;) {
        size_t least = i;

        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < o->nheap; c++)
            if (before(&o->heap[c], &o->heap[least]))
                least = c;
        if (least == i)
            return;
        struct place p = o->heap[i];
        o->heap[i] = o->heap[least];
        o->heap[least] = p;
        i = least;
    }
}

/* Largest remainder: whole parts first, what is left to the largest rests,
 * the first kind among equals. */
static void apportion(struct order *o, const double *share, double sum,
                      uint64_t arrivals)
{
    uint64_t given = 0;

    for (size_t k = 0; k < o->kinds; k++) {
        double s = share[k] > 0 ? share[k] / sum : 0;
        double exact = s * (double)arrivals;

        o->count[k] = (uint64_t)floor(exact);
        o->rest[k] = s > 0 ? exact - floor(exact) : -1;
        given += o->count[k];
    }
    while (given < arrivals) {
        size_t best = 0;

        for (size_t k = 1; k < o->kinds; k++)
            if (o->rest[k] > o->rest[best])
                best = k;
        o->rest[best] -= 1;
        o->count[best]++;
        given++;
    }
}

void order_start(struct order *o, const double *shares, uint64_t arrivals,
                 uint64_t seed)
{
    struct rng rng;
    double sum = 0;

    rng_init(&rng, seed);
    for (size_t k = 0; k < o->kinds; k++) {
        /* `gap` holds the usable shares until it is computed. */
        o->gap[k] = isfinite(shares[k]) && shares[k] > 0 ? shares[k] : 0;
        sum += o->gap[k];
    }
    for (size_t k = 0; sum <= 0 && k < o->kinds; k++)
        o->gap[k] = 1;
    if (sum <= 0)
        sum = (double)o->kinds;
    apportion(o, o->gap, sum, arrivals);
    o->nheap = 0;
    for (size_t k = 0; k < o->kinds; k++) {
        double share = arrivals > 0 ? (double)o->count[k] / (double)arrivals
                                    : o->gap[k] / sum;

        o->rest[k] = rng_unit(&rng);
        o->taken[k] = 0;
        if (share <= 0)
            continue;
        o->gap[k] = 1 / share;
        o->heap[o->nheap++] = (struct place){o->rest[k] * o->gap[k], k};
    }
    for (size_t i = o->nheap / 2; i-- > 0;)
        sift(o, i);
}

size_t order_next(struct order *o)
{
    struct place *top = &o->heap[0];
    size_t kind = top->kind;

    o->taken[kind]++;
    top->at = ((double)o->taken[kind] + o->rest[kind]) * o->gap[kind];
    sift(o, 0);
    return kind;
}

uint64_t order_count(const struct order *o, size_t kind)
{
    return o->count[kind];
}
