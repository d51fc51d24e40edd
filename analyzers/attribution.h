/* Which request leaks: growth from barrier to barrier against the requests of
 * each kind, whose mix the plan varies (mixplan.h).
 *
 * Few kinds leak, so every set of up to three of them (and of time, and of
 * "every request alike") is fitted, larger sets grow from the best one, one
 * odd block may be left out, and all sets speak with the weight of their
 * evidence. A kind is named when the sets without it have next to none left.
 * Growth is taken to be growth: a set that needs a kind to give memory back
 * explains nothing.
 *
 * A kind's growth may follow something that goes with its requests: distinct
 * values, a step that it shares (driven.h). Such a cause speaks for its kinds
 * when these are named; which of the two it is, is asked afterwards, so that
 * the question costs no kind its name. Pure. */
#ifndef PLATEAU_ANALYZERS_ATTRIBUTION_H
#define PLATEAU_ANALYZERS_ATTRIBUTION_H

#include "analyzers/barriers.h"
#include "analyzers/driven.h"
#include "analyzers/verdict.h"

#include <stddef.h>

enum { ATTRIBUTION_TIME = -1, ATTRIBUTION_CONNECTIONS = -2 };

/* Lays the growth of `b` at the kinds of requests (or, when it knows none, at
 * its requests as one kind). `from` blocks are left out as warm-up; `d` is
 * gathered from the same blocks; NULL: nothing beside requests and time.
 * Fills out[0 .. nkinds] (kinds, then time itself, kind -1), with `finding`
 * as given, and behind them one for connections (kind -2) when growth follows
 * those; `out` has room for nkinds + 2. `named` keeps its error rate
 * `1 - confidence` over all of them. `quantum` as in growth.h. Needs four
 * blocks, else returns 0; returns the number filled. */
size_t attribution_make(const struct blocks *b, size_t from,
                        const struct driven *d, double quantum,
                        double confidence, int finding, struct blame *out);

#endif
