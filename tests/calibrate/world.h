/* A simulated run that kinds of memory behaviour are added to. Shared by the
 * generator's parts (healthy.c, undecided.c, leaking.c, unusual.c); not for
 * anybody else. */
#ifndef PLATEAU_TESTS_CALIBRATE_WORLD_H
#define PLATEAU_TESTS_CALIBRATE_WORLD_H

#include "harness/base/rng.h"
#include "tests/calibrate/generate.h"

enum { WORLD_ROWS_MAX = 1000 };

struct world {
    struct rng r;
    int n;
    double dt, span, total; /* seconds per row, seconds, requests */
    double base;            /* bytes at the start */
    double least;           /* smallest leak that must be found, in bytes */
    double t[WORLD_ROWS_MAX], q[WORLD_ROWS_MAX], rate[WORLD_ROWS_MAX];
    double u[WORLD_ROWS_MAX]; /* share of the requests done, 0 .. 1 */
    double y[WORLD_ROWS_MAX]; /* RSS */
    double pss[WORLD_ROWS_MAX], cgroup[WORLD_ROWS_MAX];
    double objects[WORLD_ROWS_MAX], blocks[WORLD_ROWS_MAX];
    double fds[WORLD_ROWS_MAX];
    int starts[WORLD_ROWS_MAX];
    bool has_pss, has_cgroup, has_objects, has_starts, has_fds;
    bool own_pss, own_objects; /* filled by the kind itself */
    double noise;              /* what world_finish adds, relative to base */
    double noise_phi;
    bool plain; /* no side effects */
    struct truth *truth;
};

/* One kind of behaviour. */
struct kind {
    const char *name;
    enum outcome outcome;
    bool may_decline, may_pass, may_leak;
    void (*make)(struct world *w);
};

extern const struct kind healthy_kinds[], undecided_kinds[], leaking_kinds[],
    unusual_kinds[];

double world_uniform(struct world *w, double a, double b);
double world_log_uniform(struct world *w, double a, double b);
bool world_chance(struct world *w, double p);

/* A random run: length, interval, rate and base. `world_rates` draws the
 * request counts anew from `rate` after a kind has changed it. */
void world_start(struct world *w);
void world_rates(struct world *w);

/* Autoregressive noise of standard deviation `sd` and lag-one correlation
 * `phi`, added to `y`. */
void world_ar1(struct world *w, double *y, double sd, double phi);

/* Adds a steady leak of `bytes` over the run, by requests, from share `from`
 * of the requests on, and notes its slope. */
void world_leak(struct world *w, double bytes, double from);

/* A leak size between `a` and `b` times the smallest that must be found. */
double world_leak_size(struct world *w, double a, double b);

/* Makes the run shorter: `span` seconds of 1 s samples. */
void world_shorten(struct world *w, double span);

/* Adds a rise of `size` bytes that saturates: exponential (`shape` 0),
 * logistic (1), in two stages (2) or stretched (3), of time constant `tau`
 * in shares of the run. */
void world_rise(struct world *w, double size, double tau, int shape);

/* Adds a cache that fills evenly until the share `full` of the run. */
void world_fill(struct world *w, double full);

/* Adds memory that follows the load, with a delay: `share` of the base at the
 * typical load. */
void world_follow_load(struct world *w, double share);

/* Adds a sawtooth of about `cycles` teeth of `size` bytes. */
void world_saw(struct world *w, double size, double cycles);

#endif
