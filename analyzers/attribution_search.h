/* The inner half of attribution.h: fits sets of causes to the growth of the
 * blocks and weighs them. For attribution*.c only. Pure. */
#ifndef PLATEAU_ANALYZERS_ATTRIBUTION_SEARCH_H
#define PLATEAU_ANALYZERS_ATTRIBUTION_SEARCH_H

#include "analyzers/barriers.h"
#include "analyzers/driven.h"
#include "analyzers/lsq.h"
#include "analyzers/mixture.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SEARCH_SET_MAX = 6, /* guilty kinds in one explanation */
    SEARCH_NOISES = 4,
};

/* A possible cause: a kind, every request alike, time, or a driver. */
struct search_cause {
    const double *x;
    double prior;
    const struct driven_group *group; /* of a driver; else NULL */
    double *only; /* driver: by its kinds, log weight of the sets with it and
                     without the kind and "alike" */
};

/* The causes of one fitted set that holds "alike". */
struct search_set {
    size_t cause[SEARCH_SET_MAX], size;
};

struct search {
    const double *d;
    size_t n, nkinds, ncauses; /* kinds, then alike, time, drivers */
    size_t alike, time;        /* their indices */
    struct search_cause *cause;
    struct whitener white[SEARCH_NOISES];
    double *white_x[SEARCH_NOISES]; /* causes whitened, then the differences */
    double *white_odd[SEARCH_NOISES];  /* one column per block, which is 1 there
                                          before it is made white, ... */
    double *odd_square[SEARCH_NOISES]; /* of a column that is 1 in one block */
    double *gathered; /* what such columns say of the set at hand */
    double *work;
    struct lsq *even_fits; /* of the set at hand: each block left out, none */
    double *scale;         /* each block's growth; one over its scatter */
    double *even_scale;    /* one over its even noise */
    double least;          /* growth that scatters as its noise does */
    double quantum, log_n, log_odd; /* of that a block is odd: its prior */
    struct mixture *says; /* one per cause; a kind's drivers speak for it, and
                             "alike" where the set holds the kind as well */
    struct search_set *alike_sets; /* of the opinions in says[alike] */
    size_t nalike, alike_cap;
    double *included; /* log weight of all sets that speak for the cause */
    double *requests; /* by kind: of those with it and no driver of its */
    double all;       /* log weight of all sets */
    double best;
    size_t best_set[SEARCH_SET_MAX], best_size;
};

/* Makes the causes of the blocks from `from` on, with quantum and drivers
 * (NULL: none), and fits all sets worth fitting. Gives `s` to close. */
void search_open(struct search *s, const struct blocks *b, size_t from,
                 const struct driven *d, double quantum);
void search_close(struct search *s);

/* The first steps of that. Fills `s->cause`, of which there is room for
 * `s->ncauses` to be made; and picks those that may enter sets, all of them
 * when few, drivers last: `c` has room for all, `*drivers` is where those
 * begin, and their number is returned. */
void search_causes(struct search *s, const struct blocks *b, size_t from,
                   const struct driven *d);
size_t search_candidates(const struct search *s, size_t *c, size_t *drivers);

/* True when opinion `i` of says[alike] is of a set that holds neither kind `k`
 * nor a driver of it: then it is "alike" that speaks for the kind. */
bool search_alike_alone(const struct search *s, size_t i, size_t k);

#endif
