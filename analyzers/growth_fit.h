/* Inside growth.c, growth_try.c, growth_shapes.c and growth_lives.c: how one
 * explanation of the blocks is fitted and weighed. Nobody else includes this.
 */
#ifndef PLATEAU_ANALYZERS_GROWTH_FIT_H
#define PLATEAU_ANALYZERS_GROWTH_FIT_H

#include "analyzers/growth.h"
#include "analyzers/growth_memo.h"
#include "analyzers/lsq.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GROWTH_NOISES = GROWTH_MEMO_NOISES + 1,
    GROWTH_TAG_LIVES = 16, /* on top of the shape, in an opinion's tag */
};

/* One part of an explanation: what it adds to each block's difference. */
struct growth_part {
    const double *x; /* n values */
    double asym;     /* growth per driver unit that goes on, at size 1 */
    double end;      /* growth per driver unit at the run's end */
    double fade;     /* per driver unit: how fast `end` dies away */
};

/* What a difference is explained by. */
struct driver {
    int id;
    double prior;
    const double *u; /* units in each block */
    double sum;
    double per_request; /* units per request over the run */
    size_t extra;       /* parameters that went into `u` */
};

struct fitter {
    const struct growth_data *data;
    struct growth *out;
    struct whitener white[GROWTH_MEMO_NOISES];
    double *white_d[GROWTH_MEMO_NOISES]; /* the differences under each noise */
    double square[GROWTH_MEMO_NOISES];   /* of those, the sum of squares */
    double log_noise[GROWTH_NOISES], log_n, log_driver;
    struct growth_family *family; /* to be kept for later fits; NULL: not */
    const struct growth_part *const *parts; /* of what is tried at hand */
    struct lsq made[GROWTH_MEMO_NOISES];    /* its triangle under each noise */
    struct growth_part fixed[2];            /* restarts: in every fit */
    size_t nfixed;
    double *scatter; /* in proportion to the growth: variances at hand, and
                        what they make of the columns' products */
    double cholesky[GROWTH_MEMO_PARTS][GROWTH_MEMO_PARTS];
    double floor;     /* of the sum of squares: what rounding makes */
    double least;     /* scatter is never below it */
    double best;      /* log weight of the best fit ... */
    double best_even; /* ... and of the best under steps that stay */
    double *work;
};

/* Fits `shape`, made of up to three parts (NULL: none) and the restarts,
 * under every noise, if the blocks can carry it; `share` is its part of the
 * shape's prior. */
void growth_try(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share,
                const struct growth_part *one, const struct growth_part *two,
                const struct growth_part *three);

/* Adds one explanation that was fitted elsewhere: its opinion on what goes on
 * (and on the end of the run, which is the same), with `log_weight` but for
 * the prior of the shape, under steps that stay of spread `sigma`. True when
 * it is the best so far: then the caller fills `f->out->fitted`. */
bool growth_say(struct fitter *f, const struct driver *dr,
                enum growth_shape shape, double share, struct opinion o,
                double sigma);

/* Makes the noises and what is needed to fit under them ready for blocks of
 * these variances, and frees that. */
void growth_noises_open(struct fitter *f, const double *var);
void growth_noises_close(struct fitter *f);

/* Turns to the explanations by `dr`: when the memo knows them, hears them and
 * returns true; else they are to be tried one by one. */
bool growth_recall(struct fitter *f, const struct driver *dr);

/* All that do not hang on the readings have been tried. */
void growth_remember(struct fitter *f);

/* Tries every shape against one driver (growth_shapes.c). */
void growth_shapes(struct fitter *f, const struct driver *dr);

/* Time constants of what fills, in spans of the run, and how likely each is
 * at first; GROWTH_FILLS of them. */
enum { GROWTH_FILLS = 14 };
struct growth_fill {
    double tau, prior;
};
extern const struct growth_fill growth_fills[GROWTH_FILLS];

/* Tries what processes that are replaced can do (growth_lives.c): growth and
 * bends within each life, beside everything that `all`, the driver of all
 * requests, may do to what they share. */
void growth_lives(struct fitter *f, const struct driver *all);

/* Tries what one life put together from many can do. */
void growth_ages(struct fitter *f, const struct driver *all);

#endif
