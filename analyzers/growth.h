/* Growth of one exact counter over the blocks of a run: what would go on, and
 * how well that is known. The heart of the barrier verdict.
 *
 * The reading's differences from barrier to barrier are explained by a family
 * of shapes (nothing, a straight line, something that fills and stops, growth
 * like a logarithm, a change of slope, a few jumps or a wild reading, and
 * pairs of them), each under three kinds of noise (steps that stay, as of an
 * allocator; errors of the single reading; both) and against several drivers
 * (all requests, one kind of request, time, the ages of recycled workers).
 * Every fit speaks with the weight of its evidence (Schwarz 1978, Hoeting et
 * al. 1999), so that a run too short to tell a filling cache from a leak comes
 * out wide by itself, and nothing needs to be cut off as warm-up.
 *
 * Not a judgement: see barriers.h. Pure; allocates, frees what it allocated. */
#ifndef PLATEAU_ANALYZERS_GROWTH_H
#define PLATEAU_ANALYZERS_GROWTH_H

#include "analyzers/finding.h"
#include "analyzers/mixture.h"

#include <stdbool.h>
#include <stddef.h>

enum growth_shape {
    GROWTH_FLAT,
    GROWTH_LINE,
    GROWTH_FILL,      /* approaches a level exponentially */
    GROWTH_FILL_LINE, /* the same on top of a line */
    GROWTH_LOG,
    GROWTH_LOG_LINE,
    GROWTH_STOP, /* a line that ends: a cache is full */
    GROWTH_KINK, /* one slope, then another */
    GROWTH_LATE, /* nothing, then a line */
    GROWTH_JUMP,
    GROWTH_JUMP_LINE,
    GROWTH_SPIKE, /* one wild reading */
    GROWTH_SPIKE_LINE,
    GROWTH_FILL_JUMP,
    GROWTH_JUMPS, /* two or three: more may come, or not */
    GROWTH_JUMPS_LINE,
    GROWTH_SHAPES,
};

struct lives;
struct growth_memo;

struct growth_data {
    size_t n;                   /* blocks */
    const double *d;            /* reading after minus reading before, finite */
    const double *requests;     /* in each block, > 0 */
    const double *hours;        /* each block's duration, > 0; NULL: unknown */
    const double *restarts;     /* processes replaced in each block, or NULL */
    const struct lives *lives;  /* of those, where known; else NULL */
    const double *const *kinds; /* nkinds arrays of n: requests of a kind */
    size_t nkinds;
    const double *asked; /* each kind's share of the requests as the scenario
                            asks for it: growth per request is stated for that
                            mix, not the blocks'. NULL: for the blocks' */
    double quantum;      /* readings are no finer than this */
    bool counts; /* of objects: they come and go, so that readings are more
                    often off than steps stay, as those of pages do */
    struct growth_memo *memo; /* shared by fits of the same blocks, or NULL */
    bool readings; /* of many processes, by their ages: the only noise is the
                      error of each single reading, and what still goes on at
                      the end of a life goes on */
    const double *beside; /* with readings: what else changed from one to the
                             next and has a share in every explanation; or
                             NULL */
    bool brief;   /* no quantiles will be asked for, nor what the best fit says
                     of each block */
    bool lasting; /* only what goes on will be asked for: `terminal` stays
                     empty */
    bool draws;   /* keep growth.draws */
    bool coarse;  /* few places for bends and jumps: quick, for simulated runs.
                     Not with a memo of other fits of as many blocks */
    bool plain;   /* what is unlikely if the noise is steps that stay is asked
                     under no other noise: quick as well */
};

/* One explanation as a way to go on from the last block. */
struct growth_draw {
    double log_weight; /* as an opinion's */
    double at, se;     /* growth per request that goes on, and its error for
                          noise of one */
    double sigma;      /* noise of a block, known as well as `df` tell */
    double bend, fade; /* what the last block grew beside it, per request, and
                          how fast that dies away, per block */
    double diag, low, last; /* noise = diag * white + low * white before it;
                               `last` was the last white one */
    double least; /* scatter grows with the growth above this; 0: it does not */
    int df;
};

/* What drives the growth, else a kind's index: DRIVER_MIX is several kinds,
 * each with a rate of its own; DRIVER_LIVES the age of each process. */
enum {
    DRIVER_REQUESTS = -1,
    DRIVER_TIME = -2,
    DRIVER_MIX = -3,
    DRIVER_LIVES = -4,
};

struct growth {
    size_t n; /* blocks it rests on; 0: nothing could be fitted */
    struct mixture asymptotic; /* growth per request that would go on; within
                                  lives: that lasts through a life */
    struct mixture terminal;   /* growth per request when the run ended, which
                                  a filling cache still has */
    double shape_weight[GROWTH_SHAPES]; /* in `asymptotic`; sum to 1 */
    enum growth_shape shape;            /* the best fit, its driver and noise */
    int driver;
    double sigma;       /* noise of one block's difference, best fit */
    double *fitted;     /* the best fit's differences, n of them */
    double *units;      /* what its driver did in each block, n of them */
    size_t transient;   /* blocks until the best fit's bend is over */
    double *white;      /* the best fit's residuals as white noise ... */
    double *diag, *low; /* ... and the factor that makes them what they were:
                           residual[i] = diag[i] white[i] + low[i] white[i-1]
                           (lsq.h) */
    size_t parameters;  /* that the best fit has spent */
    double bend_rate;   /* per block: how fast the best fit's bend fades */
    struct growth_draw *draws; /* if asked for; every explanation with a say */
    size_t ndraws, capdraws;
    double restart_drop; /* the level lost per restart, best fit; else NaN */
};

/* Fits `data`. Fewer than three blocks give n = 0. Gives a growth to
 * release. */
void growth_fit(const struct growth_data *data, struct growth *out);

/* The p-quantile of the growth per request that would go on. */
double growth_asymptotic(const struct growth *g, double p);

/* Whether it is as likely as `p`, or more, that no more than `x` per request
 * goes on; the same at the run's end; and the same if nothing bends: there
 * shapes that fill, stop or level off are left out, and without any other the
 * answer is yes. */
bool growth_likely(const struct growth *g, double x, double p);
bool growth_terminal_likely(const struct growth *g, double x, double p);
bool growth_steady_likely(const struct growth *g, double x, double p);

/* The p-quantile of what goes on if nothing bends; NaN if nothing else is
 * left. */
double growth_steady(const struct growth *g, double p);

/* Weight of the shapes that fill, stop or level off. */
double growth_bends(const struct growth *g);

/* How likely it is that no more than `x` per request goes on in what the
 * processes hold together: growth within lives ends with them. */
double growth_total_below(const struct growth *g, double x);

/* Weight of the shapes that slow down but go on: in a short run they may yet
 * come to rest. */
double growth_slowing(const struct growth *g);

void growth_release(struct growth *g);

#endif
