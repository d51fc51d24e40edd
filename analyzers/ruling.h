/* From a fitted growth to an outcome, under the limits and the errors that
 * are allowed. Pure. */
#ifndef PLATEAU_ANALYZERS_RULING_H
#define PLATEAU_ANALYZERS_RULING_H

#include "analyzers/barriers.h"
#include "analyzers/growth.h"
#include "analyzers/limits.h"

/* Fewer requests than this never accuse: a cache of the usual size looks the
 * same until it is full. */
#define RULING_REQUESTS_MIN 500

struct ruling {
    const struct barriers_rule *rule;
    const struct limits *limits;
    bool accuse;  /* a leak may be called at all */
    double total; /* with lives, and no limit stated: what all processes
                     together may grow by; the limits are for one life. Else
                     NaN */
};

/* What `g`, fitted to blocks of `requests` in all, means. A leak: what goes on
 * if nothing bends is above the limit, and hardly anything says that it will
 * bend. A pass: what goes on, and what still goes on at the end, are below;
 * and where the limit is only a default, nothing is certain to go on. With
 * lives and a default, the whole must stand still as well. */
enum outcome ruling_outcome(const struct ruling *r, const struct growth *g,
                            double requests);

/* The same, asked only whether it is a leak. */
bool ruling_accuses(const struct ruling *r, const struct growth *g,
                    double requests);

#endif
