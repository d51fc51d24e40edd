/* The judging of one column, step by step: readings prepared, looked at in
 * several ways, decided. column.h wraps it; power.h asks it what it would
 * have said of a planted leak. */
#ifndef PLATEAU_ANALYZERS_BENCH_H
#define PLATEAU_ANALYZERS_BENCH_H

#include "analyzers/column.h"
#include "analyzers/trial.h"

/* The first readings never count: this share of the run. */
#define BENCH_START 0.03

enum {
    BENCH_OPENINGS = 3,
    BENCH_LOOKS_MAX = 8,
};

struct bench {
    const struct column_context *x;
    const struct rows *r;
    const struct column *c;
    struct column_view *v;
    double *y, *open[BENCH_OPENINGS]; /* readings, and their openings */
    struct trial_plan plan;           /* the one that `whole` came from */
    double quantum;                   /* what readings were rounded to */
    double grain;                     /* the grid they lie on; 0: none */
    bool clear; /* the first look said all there is to say */
    bool guessed;
    struct interval look[BENCH_LOOKS_MAX]; /* what each look said */
    int looks;
    struct trial whole;     /* the sharpest look at the whole run */
    struct trial first;     /* the plain one */
    struct trial plain[2];  /* at its later part only, by plain bins */
    struct trial recent[2]; /* the same, or sharper by an opening */
    struct trial onset;     /* since it last changed, where that was late */
    struct trial guess;     /* as if sudden changes were restarts */
    struct trial now;
};

/* Prepares the readings of `c`; `v` is filled with what they show before any
 * fit, and kept. False when there are too few to judge. In any case give it
 * to bench_close. */
bool bench_open(struct bench *b, const struct column_context *x,
                const struct column *c, struct column_view *v);

/* Looks at the readings. False when no shape could be fitted. */
bool bench_look(struct bench *b);

/* Whether bench_look would find a shape; says nothing of which. */
bool bench_glance(struct bench *b);

/* What the looks say; fills v->doubt. */
enum outcome bench_decide(struct bench *b);

/* How a planted leak is looked at. */
enum bench_care {
    BENCH_ONCE, /* by the look that was the sharpest without it */
    BENCH_SURE, /* by that, and then by all that the verdict rests on */
    BENCH_ALL,  /* by all; several times the work */
};

/* Whether a leak of `leak` per span, planted in the readings less what grew
 * there by itself, would have been called with 95 % probability. */
bool bench_calls(const struct bench *b, double leak, enum bench_care care);

/* Whether that leak would at least have stood out of what the readings do by
 * themselves, whatever it were called. */
bool bench_sees(const struct bench *b, double leak);

void bench_close(struct bench *b);

#endif
