/* What an analyzer says of one metric. Data, open to all; strings are inside,
 * so a finding is copied by assignment. "Unknown" is NaN. */
#ifndef PLATEAU_ANALYZERS_FINDING_H
#define PLATEAU_ANALYZERS_FINDING_H

#include "harness/model/metric.h"

#include <stdbool.h>

/* Zero is inconclusive, so that a forgotten field never passes. */
enum outcome {
    OUTCOME_INCONCLUSIVE,
    OUTCOME_PASS,
    OUTCOME_LEAK,
};

/* "pass", "leak", "inconclusive": as in verdict.json. */
const char *outcome_name(enum outcome o);

enum shape {
    SHAPE_UNKNOWN,
    SHAPE_FLAT,
    SHAPE_LINEAR,
    SHAPE_SATURATING, /* fills, then stops: warm-up, a bounded cache */
    SHAPE_LOGARITHMIC,
    SHAPE_SAWTOOTH,
    SHAPE_STEP,
    SHAPE_STAIRS,
    SHAPE_KINKED, /* the slope changes once */
    SHAPE_ACCELERATING,
    SHAPE_FALLING,
    SHAPE_WANDERING, /* moves, without a direction */
};

const char *shape_name(enum shape s);

/* Which data a finding rests on. */
enum basis {
    BASIS_NONE,
    BASIS_SAMPLES,  /* continuous series, under load */
    BASIS_BARRIERS, /* drained and settled readings */
    BASIS_BOTH,
};

const char *basis_name(enum basis b);

/* An estimate and the interval around it, at the policy's confidence. */
struct interval {
    double value, low, high;
};

struct finding {
    char name[64];        /* the metric, as in the column's header */
    struct metric metric; /* `metric.name` points at `name`'s source: use
                             `name` instead after a copy */
    enum outcome outcome;
    enum outcome early; /* the same if the run stopped now (sequential.h) */
    enum shape shape;
    enum basis basis;
    bool judged;   /* counts for the verdict; false for witnesses */
    bool decisive; /* the verdict rests on this one */
    bool blocking; /* undecided, and in the way of a pass */
    bool garbage;  /* what rose may be garbage that waits for a collection */
    bool in_lives; /* growth along the lives of processes that are replaced,
                      each read by itself */

    struct interval per_request; /* growth that would go on, in units */
    struct interval per_hour;
    double tolerance_per_request; /* growth below this is not called a leak */
    double tolerance_per_hour;
    double minimum_per_request; /* smallest growth this run would have called
                                   with 95 % probability (its power) */
    double minimum_per_hour;
    double more_requests; /* inconclusive: as many more would settle it ... */
    double more_chance;   /* ... with this probability; else NaN */
    double more_requests_half; /* the same with probability 0.5 */
    double more_s;             /* more_requests, as time */
    struct interval limit_s; /* leak: time until the memory limit, at the
                                measured rate; NaN when there is none */
    double level;            /* typical reading at the end of the window */
    double grown;            /* last minus first of the judged window */
    double steady_from_s;    /* warm-up found to end here */
    double from_s, to_s;     /* the judged window */
    double from_requests, to_requests;
    double certainty; /* how far the deciding interval end stands beyond
                         (leak) or inside (pass) the tolerance, in widths */
    char reason[512]; /* one plain sentence or two: seen, why, what else */
};

/* Zeroed, with every number NaN. */
void finding_init(struct finding *f, const struct metric *m);

#endif
