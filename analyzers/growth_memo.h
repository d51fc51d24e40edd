/* What fits of several metrics over the same blocks have in common. A shape's
 * columns hang on the blocks' requests, not on the readings; made white and
 * orthogonal once, they serve every metric and every replay. */
#ifndef PLATEAU_ANALYZERS_GROWTH_MEMO_H
#define PLATEAU_ANALYZERS_GROWTH_MEMO_H

#include "analyzers/lsq.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GROWTH_MEMO_PARTS = 4, /* as many as a fit has */
    GROWTH_MEMO_FIXED = 3,
};

/* One explanation's columns under one noise. */
struct growth_design {
    bool made;
    size_t p;
    double r[GROWTH_MEMO_PARTS][GROWTH_MEMO_PARTS];
    double *q; /* p columns */
    double se_asym, se_end;
};

struct growth_memo;
struct growth_memo_driver;

/* An empty memo; for one thread at a time. */
struct growth_memo *growth_memo_new(void);
void growth_memo_free(struct growth_memo *m);

/* What every explanation of one driver is made from. */
struct growth_memo_key {
    int id; /* of the driver */
    size_t n, nfixed;
    const double *u;                        /* what it did in each block */
    const double *fixed[GROWTH_MEMO_FIXED]; /* columns that are in every fit */
};

/* What is known of that driver, with the explanations counted from the first
 * again. NULL: no memo, or no room in it. */
struct growth_memo_driver *growth_memo_driver(struct growth_memo *m,
                                              const struct growth_memo_key *k);

/* The next explanation's place; NULL without a memo. Explanations must come
 * in the same order each time. */
struct growth_design *growth_memo_next(struct growth_memo_driver *d);

/* Gives the triangle of `m` back in `s`, and in `*q` its columns, borrowed.
 * False, and nothing changed, when it does not hold `p` of them. */
bool growth_memo_recall(const struct growth_design *m, size_t p, struct lsq *s,
                        double **q);

/* Keeps what was made, unless `m` is NULL or holds something. */
void growth_memo_keep(struct growth_design *m, size_t n, const struct lsq *s,
                      const double *q, double se_asym, double se_end);

#endif
