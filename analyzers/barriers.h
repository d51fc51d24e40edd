/* Judges the barrier readings: no load, settled, collected. Counts are exact
 * there, so a few blocks say what takes a sampled curve hours.
 *
 * Not for readings under load (continuous.h), nor for which request is guilty
 * (attribution.h). Pure. */
#ifndef PLATEAU_ANALYZERS_BARRIERS_H
#define PLATEAU_ANALYZERS_BARRIERS_H

#include "analyzers/finding.h"
#include "analyzers/growth.h"
#include "analyzers/lives.h"
#include "harness/model/record.h"

#include <stddef.h>

/* How hard to look. */
struct barriers_rule {
    double confidence; /* of the intervals that are shown, two-sided */
    double alpha_leak; /* one-sided error for "leak" */
    double alpha_pass; /* one-sided error for "pass" */
    double bend_max;   /* weight of "it will bend" that a leak leaves */
    size_t rows;       /* barrier rows to use; 0: all */
    bool strict;       /* a pass must stay below what a leak is */
    bool power;        /* also state the minimum */
    bool forecast;     /* also predict what would settle it */
    bool brief;        /* the outcome and the value alone; no intervals or
                          words */
    const struct barriers_rule *look; /* fills finding.early; or NULL */
    double plant; /* added to what each process held by itself, per request it
                     had served: see blocks_plant */
    struct growth_memo *memo; /* shared by all columns of one record; or NULL */
};

/* The rule of a final verdict at the policy's confidence. */
void barriers_rule(const struct policy *p, struct barriers_rule *rule);

/* One column's readings, block by block, as growth_fit wants them. */
struct blocks {
    size_t n;
    double *d, *requests, *hours, *restarts;
    double **kinds;
    double *asked; /* see growth_data; NULL: not known */
    size_t nkinds;
    struct lives lives; /* n = 0: not known */
    size_t *row;        /* barrier row that ends the block */
    double garbage;   /* share of the uncollected objects that was taken out */
    bool hiding;      /* the collector ran so seldom that a leak may be among
                         what was taken out */
    size_t start;     /* barrier row before the first block */
    double restarted; /* processes that took others' place, in all blocks */
    double first, last; /* readings at both ends */
    double top;         /* the largest fall in one block, over the level */
};

/* Gathers column `c` of `r->barriers`. Rows without a reading, blocks without a
 * request, and the few readings that stand far above both their neighbours, are
 * joined to the next. Gives `out` to release. */
void blocks_gather(const struct record *r, const struct column *c, size_t rows,
                   struct blocks *out);

/* As blocks_gather; `swept`: of a metric that garbage may lift
 * (metric_swept_by) only what was read behind a collection, all else is joined
 * to the next. */
void blocks_gather_swept(const struct record *r, const struct column *c,
                         size_t rows, bool swept, struct blocks *out);

/* Takes out of `b`, read from column `c`, what garbage that nobody had
 * collected yet adds to counts of Python objects: from collector-tracked
 * objects what was counted of it (column py_gc_unreached), else all of column
 * py_gc_young; from blocks a fitted share of that. Does nothing for other
 * metrics or without those columns. */
void blocks_clear_garbage(const struct record *r, const struct column *c,
                          struct blocks *b);

/* Takes out of `b`, read from tracked objects, the garbage that was counted
 * (column py_gc_unreached). False: it was not, or piles up for good. For
 * judging, not for attribution: so sharply, a memo that fills beside a leak is
 * named with it. */
bool blocks_clear_counted(const struct record *r, const struct column *c,
                          struct blocks *b);

/* The rise of column `c` per request that is more than all that came to wait
 * for the collector could hold; NaN: unknown. */
double blocks_beyond_garbage(const struct record *r, const struct column *c);

/* Connections that our load opened while the blocks ran and may have open at
 * the end; it keeps `most` of them. */
double blocks_own(const struct record *r, double most, const struct blocks *b);

/* Takes out of `b`, read from metric `m`, the handles that connections of our
 * own may be: of each block's rise no more than were opened in it, of the
 * whole rise no more than `most`. Does nothing for other metrics. */
void blocks_clear_own(const struct record *r, const struct metric *m,
                      double most, struct blocks *b);

/* A view of `b` for growth_fit; borrows. */
void blocks_view(const struct blocks *b, const struct metric *m,
                 struct growth_data *out);

void blocks_release(struct blocks *b);

/* Adds to the readings `v` of column `c`, one per barrier row, what a leak of
 * `per_request` in each process leaves there: what was leaked goes with the
 * process that held it. */
void blocks_plant(const struct record *r, const struct column *c,
                  double per_request, double *v);

/* Requests per second while load ran. NaN: unknown. */
double barriers_rate(const struct record *r);

/* Judges column `c`. Fills `f` completely. */
void barriers_column(const struct record *r, const struct policy *p,
                     const struct barriers_rule *rule, const struct column *c,
                     struct finding *f);

#endif
