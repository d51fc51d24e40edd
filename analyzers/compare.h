/* Two runs of the same scenario, or a run and a stored baseline: what was
 * fixed, what was not, what got worse, and by how much. Works on numbers a
 * verdict states, so that a baseline is a small file. Pure. */
#ifndef PLATEAU_ANALYZERS_COMPARE_H
#define PLATEAU_ANALYZERS_COMPARE_H

#include "analyzers/verdict.h"

#include <stddef.h>

/* One number of one side: growth of a metric, over all requests or of one
 * kind. */
struct compare_number {
    char metric[64];
    char kind[96]; /* "": all requests; else a request's or flow's name */
    enum metric_unit unit;
    struct interval per_request;
    double tolerance; /* growth below it does not matter */
    enum outcome outcome;
};

/* What a run is reduced to. A baseline file holds exactly this. */
struct compare_side {
    char name[96];
    double confidence;
    enum outcome outcome;
    struct compare_number *numbers;
    size_t n;
};

enum change {
    CHANGE_UNKNOWN, /* cannot tell */
    CHANGE_SAME,    /* no growth on either side, or none that differs */
    CHANGE_FIXED,
    CHANGE_NOT_FIXED,
    CHANGE_WORSE,
};

/* "cannot tell", "same", "fixed", "not fixed", "worse". */
const char *change_name(enum change c);

struct compare_row {
    char metric[64];
    char kind[96];
    enum metric_unit unit;
    struct interval before, after;
    struct interval difference; /* after minus before */
    enum change change;
    char text[256]; /* one sentence */
};

struct comparison {
    struct compare_row *rows; /* what changed first */
    size_t n;
    enum change change; /* of all: worse, not fixed, cannot tell, fixed,
                           same, in this order */
    char text[512];
};

/* Reduces a judged run. Gives `out` to compare_side_release. */
void compare_side_make(const struct record *r, const struct policy *p,
                       const struct verdict *v, struct compare_side *out);
void compare_side_release(struct compare_side *s);

/* Compares what both sides know, all of it at the confidence of one: two runs
 * of one service are called "worse" as seldom as a single number would be; a
 * number that only one side has cannot be told, and is no row unless it grew. A
 * type of objects is told of only where it leaks: where a side is silent on it
 * and its objects pass, it does not leak there. Gives `out` to compare_release.
 */
void compare_judge(const struct compare_side *before,
                   const struct compare_side *after, struct comparison *out);
void compare_release(struct comparison *c);

/* 0 fixed or same, 1 not fixed or worse, 3 cannot tell. */
int compare_exit(const struct comparison *c);

#endif
