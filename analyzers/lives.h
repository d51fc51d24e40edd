/* The lives of processes that are replaced while the run goes on (recycled
 * workers, restarts after a crash), as the blocks saw them. What a process
 * has leaked goes when it goes, so growth is sought within lives and pooled
 * over them: a worker's part of the reading depends on its own age. Pure. */
#ifndef PLATEAU_ANALYZERS_LIVES_H
#define PLATEAU_ANALYZERS_LIVES_H

#include "harness/model/record.h"

#include <stdbool.h>
#include <stddef.h>

/* Did so many processes come on top of those of the first row that they are
 * growth, of which each replaces nobody? A few are a pool that takes its size:
 * each begins a life. False where nobody counted processes. */
bool lives_on_top(const struct series *s);

struct life {
    double born;        /* the service's requests by then; edge 0 is 0 */
    size_t first, last; /* the edges at which it was seen */
    size_t process;     /* of the record */
};

struct lives {
    size_t n;
    struct life *v;
    size_t edges; /* one more than blocks */
    double *done; /* requests by each edge */
    double *age;  /* requests that life i had served by edge e, at
                     [i * edges + e]; NULL: an even share of all */
    double cost;  /* CPU seconds a request, and a start; cost 0: unknown */
    double start;
    double from;    /* the service's requests at edge 0 */
    double at_once; /* how many live at an edge, as a rule */
    double length;  /* a whole life, in requests of the service; NaN: none
                       was seen from its start to its end */
    double oldest;  /* the greatest own age seen, in requests it served */
    bool uneven;    /* not as many at each edge */
};

/* Finds the lives in `r` of the processes that serve, when some of them began
 * between the barrier rows rows[0 .. edges): those that were replaced, and
 * those that stayed and used CPU like them. False, and nothing to release,
 * when there are none, or the record does not tell. */
bool lives_find(const struct record *r, const size_t *rows, size_t edges,
                struct lives *out);

/* What the lives add to the differences of the blocks when each has added
 * `of(age, arg)` by the time it has served `age` requests: fills
 * edges - 1 values. */
void lives_part(const struct lives *l, double (*of)(double age, double arg),
                double arg, double *x);

/* Requests that life `i` had served by edge `e`: by the CPU time it had used,
 * where that is fine enough and was recorded; else an even share. */
double lives_age_at(const struct lives *l, size_t i, size_t e);

/* The same at the moment of a reading of its own. */
double lives_age_of(const struct record *r, const struct lives *l, size_t i,
                    const struct record_own *own);

/* The reading of life `i` at edge `e`, which was barrier row `row` of `r`;
 * NULL: none. Borrows. */
const struct record_own *lives_own(const struct record *r,
                                   const struct lives *l, size_t i, size_t row);

/* `of` for what grows with the age itself. */
double lives_age(double age, double unused);

void lives_release(struct lives *l);

#endif
