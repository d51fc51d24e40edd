/* What one column says by itself: how much it would go on growing, and
 * whether that matters. Not the vote between columns (ballot.h), and not the
 * words (remarks.h). */
#ifndef PLATEAU_ANALYZERS_COLUMN_H
#define PLATEAU_ANALYZERS_COLUMN_H

#include "analyzers/finding.h"
#include "analyzers/load.h"
#include "analyzers/rows.h"
#include "harness/model/policy.h"
#include "harness/model/series.h"

#include <stdbool.h>

/* Why a column could not be decided, or what held a verdict back. */
enum doubt {
    DOUBT_NONE,
    DOUBT_NO_DATA, /* nothing, or too little, to judge */
    DOUBT_SHORT,   /* the run is too short for what it shows */
    DOUBT_NOISE,   /* the interval is too wide */
    DOUBT_SMALL,   /* grows for certain, but by little */
    DOUBT_BEND,    /* still rising, but slowing: a fill or warm-up */
    DOUBT_NEWS,    /* something happened at the very end */
    DOUBT_STAIRS,  /* steps up, and the last one is recent */
    DOUBT_FALLS,   /* falls as of restarts that nobody recorded */
    DOUBT_LOAD,    /* the load could explain it, or not */
    DOUBT_MANY,    /* one of many types, of which some rise by chance */
    DOUBT_BLIND,   /* shows no growth, but would not show a leak either */
    DOUBT_GARBAGE, /* grows by less than garbage moves it */
    DOUBT_WAITS,   /* what grows may be garbage that was hardly collected */
    DOUBT_VAST,    /* too large a number for its readings to be exact */
    DOUBT_GONE,    /* memory of which many readings say that there is none */
};

/* What the judge knows of a column beyond its finding. Growth is in units
 * per span of the run. */
struct column_view {
    enum doubt doubt;
    struct interval growth; /* that would go on */
    double above;           /* posterior share of growth > leak_above */
    double least;           /* smallest leak that would have been called */
    double leak_above, pass_below;
    bool explicit_tolerance;
    double level, swing, noise;
    double late_rise;
    double rho;
    double span_requests; /* NaN: not counted */
    double span_s;
    int lives;
    bool swapped;      /* what was swapped out is counted with it */
    bool load_matters; /* the best shape gives the load a share */
    int best_form;     /* enum fit_form */
    double kink_share; /* where the best shape last changed; NaN */
};

/* What all columns of a series share. */
struct column_context {
    const struct rows *rows;
    const struct load *load;
    const struct policy *policy;
    double limit_bytes; /* memory limit of the target; NaN: none known */
    struct fit_memo *memo;
};

/* All outcomes: see column_judge. */
enum { COLUMN_HEARD = 7 };

/* Judges column `c`. Fills `f`, but for `judged`, `decisive` and `reason`,
 * and `v`. Where the outcome is not in the set `heard` (bit 1u << outcome),
 * the finding's numbers may be missing; where that is empty, only v->doubt is
 * certain to tell that there is something to judge. */
void column_judge(const struct column_context *x, const struct column *c,
                  unsigned heard, struct finding *f, struct column_view *v);

#endif
