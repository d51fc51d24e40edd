/* Which growth matters: from the policy where it speaks of a metric, else
 * from the metric's role and what healthy programs were seen to do. For
 * barrier readings. */
#ifndef PLATEAU_ANALYZERS_LIMITS_H
#define PLATEAU_ANALYZERS_LIMITS_H

#include "harness/model/metric.h"
#include "harness/model/series.h"
#include "harness/model/policy.h"

#include <stdbool.h>

/* Where a reading was taken and how much of it there was. */
struct limits_at {
    double level;       /* typical reading; >= 0 */
    double requests;    /* over the judged window, > 0 */
    double span_s;      /* length of the judged window, > 0 */
    double rate_rps;    /* load that `survive` and per-hour limits speak of */
    bool life;          /* the window is a life put together from many: what
                           is loaded at its first requests is in all of it */
    double own;         /* connections of our own that came and may stay */
    double limit_bytes; /* memory limit of the target; NaN: none */
};

struct limits {
    double leak;    /* growth per request above this is a leak ... */
    double pass;    /* ... and certainly below this is a pass; >= leak */
    double certain; /* growth surely above this passes no default */
    bool stated;    /* the policy says so; else a default */
    bool survive;   /* the limit that binds is "must survive" */
};

/* Fills `out` for metric `m`, called `name`. */
void limits_find(const struct policy *p, const char *name,
                 const struct metric *m, const struct limits_at *at,
                 struct limits *out);

/* Whether growth of this metric is judged at all: a role that proves
 * something, or a tolerance or requirement that names it. */
bool limits_judged(const struct policy *p, const char *name,
                   const struct metric *m);

/* Whether column `c` of `n` readings counts a mistake that was never made, and
 * that the policy does not name: it is no news then, and nothing is said of it.
 */
bool limits_silent(const struct policy *p, const struct column *c, size_t n);

/* Whether the policy requires this metric for a pass. */
bool limits_required(const struct policy *p, const char *name);

#endif
