/* One life put together from all: what processes that are replaced held by
 * themselves, at the barriers and where it is known between them, in the order
 * of their own ages. A leak that recycling bounds is growth along that life,
 * and what a fresh process loads is its beginning. The sum over processes hides
 * both: it depends on who has just been replaced. Pure. */
#ifndef PLATEAU_ANALYZERS_POOLED_H
#define PLATEAU_ANALYZERS_POOLED_H

#include "analyzers/barriers.h"
#include "analyzers/forecast.h"
#include "analyzers/growth.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One process at one moment. */
struct pooled_point {
    double age;      /* requests it had served; those of the guilty kind, in
                        requests of the whole mix, where one kind explains it */
    double read;     /* as it was recorded */
    double young;    /* objects no collection has looked at yet */
    double links;    /* entries of caches that have a bound; NaN unknown */
    double held;     /* garbage taken out, and what those entries explain */
    double step;     /* of that: what only some had loaded yet */
    uint64_t digest; /* of the types it had; 0: nobody looked */
    size_t life;
    double t_s;
    const struct record_own *own; /* the record's */
};

struct pooled {
    size_t n;
    struct pooled_point *at; /* by age */
    size_t groups;           /* neighbours in age, together */
    double *d, *requests;    /* from group to group: groups - 1 */
    double *raw;             /* as `d`, with the steps left in */
    double *links;           /* as `d`: entries of bounded caches */
    double *ages;            /* of the groups */
    bool stepped;            /* some steps were found */
    bool filling;            /* such entries come, and there is room for more */
    bool full;     /* those caches are seen to be full while lives go on: what
                      comes with the entries comes to rest as well */
    bool cached;   /* objects that rise in step with the entries of caches that
                      have a bound (functools.lru_cache): they may lie there */
    double oldest; /* requests in the longest life seen */
    double plant;  /* see pooled_gather */
    int what;      /* enum record_own_what; RECORD_OWN: a type */
    int kind;      /* of record.kinds, whose requests the ages are; -1: all */
    double level;  /* median of what one process holds */
};

/* Gathers the readings of column `c`, no finer than `quantum`, from the
 * processes of `b->lives`, each with `plant` added for every request it has
 * served. False, with nothing to
 * release, when there are too few of them, or too few lives. */
bool pooled_gather(const struct record *r, const struct column *c,
                   const struct blocks *b, double quantum, double plant,
                   struct pooled *out);

/* What is left of the sums of `b` when each process is as old as the next:
 * fills b->n differences. `g` was fitted to `p->d`. Processes that are not
 * among the points are left out. */
void pooled_rest(const struct record *r, const struct blocks *b,
                 const struct pooled *p, const struct growth *g, double *d);

/* A view of `p` for growth_fit instead of the blocks'; borrows. */
void pooled_view(const struct pooled *p, struct growth_data *data);

/* forecast_make for a growth known as well as `found` under `limit`, with
 * `requests` so far: as many lives again make the interval narrower by the root
 * of two, about a value that moves within it. */
void pooled_more(struct interval found, double limit, double requests,
                 struct forecast *out);

void pooled_release(struct pooled *p);

#endif
