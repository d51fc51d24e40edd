/* What fits of several metrics over the same blocks have in common. A shape's
 * columns hang on the blocks' requests, not on the readings; made white and
 * orthonormal once, they serve every metric and every replay. */
#ifndef PLATEAU_ANALYZERS_GROWTH_MEMO_H
#define PLATEAU_ANALYZERS_GROWTH_MEMO_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GROWTH_MEMO_PARTS = 4, /* columns of an explanation, as many as a fit has */
    GROWTH_MEMO_FIXED = 3,
    GROWTH_MEMO_NOISES = 3, /* those that do not hang on the readings */
};

/* One explanation's columns under one noise. What is asked of their
 * coefficients is asked of the orthonormal columns': a[0] c[0] + a[1] c[1] ...,
 * where c[j] is the j-th one times the white readings. */
struct growth_design {
    bool usable; /* false: a column says nothing that the others do not say */
    double *q;   /* the orthonormal columns, n apart */
    double first[GROWTH_MEMO_PARTS]; /* the first column's coefficient */
    double asym[GROWTH_MEMO_PARTS];  /* growth per driver unit that goes on */
    double end[GROWTH_MEMO_PARTS];   /* the same at the run's end */
    double se_asym, se_end;          /* their errors for noise of one */
};

/* One member of the family of shapes (growth.h). */
struct growth_explanation {
    int shape;
    double log_prior; /* but for the driver's */
    double fade;      /* per driver unit: how fast the bend dies away */
    size_t p;         /* columns */
    struct growth_design noise[GROWTH_MEMO_NOISES];
};

/* All of one driver's explanations that do not hang on the readings. */
struct growth_family {
    bool complete; /* set by whoever has added the last one */
    size_t n, cap;
    struct growth_explanation *v;
};

struct growth_memo;

/* An empty memo; for one thread at a time. */
struct growth_memo *growth_memo_new(void);
void growth_memo_free(struct growth_memo *m);

/* A memo that lives as long as `m`, for the blocks of longer runs, with room for
 * `drivers` more; it may be emptied for that. NULL when `m` is. Borrowed. */
struct growth_memo *growth_memo_ahead(struct growth_memo *m, size_t drivers);

/* What every explanation of one driver is made from. */
struct growth_memo_key {
    int id; /* of the driver */
    size_t n, nfixed;
    const double *u;                        /* what it did in each block */
    const double *fixed[GROWTH_MEMO_FIXED]; /* columns that are in every fit */
};

/* That driver's family, empty at first. NULL: no memo, or no room in it. */
struct growth_family *growth_memo_family(struct growth_memo *m,
                                         const struct growth_memo_key *k);

/* Another explanation of `p` columns of `n`, with room for them. */
struct growth_explanation *growth_family_add(struct growth_family *f, size_t n,
                                             size_t p);

#endif
