/* What other runs like this one would have said: the fitted shape with this
 * run's own noise drawn anew, judged again by the same ruling. From it the
 * smallest leak that would have been called. How much longer a run would have
 * to be: forecast.h. Seeded: the same blocks give the same answers. Pure. */
#ifndef PLATEAU_ANALYZERS_REPLAY_H
#define PLATEAU_ANALYZERS_REPLAY_H

#include "analyzers/growth.h"
#include "analyzers/ruling.h"

struct replay {
    const struct growth_data *data;
    const struct growth *growth; /* fitted to `data`; n > 0 */
    const struct ruling *ruling;
    double value;    /* the growth per request that was found */
    double requests; /* in all blocks */
    bool bent;       /* the shape fills or levels off */
    const struct policy *policy;
    const struct metric *metric;
    const char *name;    /* of the column */
    struct limits_at at; /* what the limits were found from */
};

/* The smallest growth per request that is called a leak in 95 of 100 such
 * runs; NaN when no size is. */
double replay_minimum(const struct replay *r);

#endif
