/* Which request leaks: growth from barrier to barrier against the requests of
 * each kind, whose mix the plan varies (mixplan.h).
 *
 * Few kinds leak, so every set of up to three of them (and of time, and of
 * "every request alike") is fitted, larger sets grow from the best one, one
 * odd block may be left out, and all sets speak with the weight of their
 * evidence. A kind is named when the sets without it have next to none left.
 * Growth is taken to be growth: a set that needs a kind to give memory back
 * explains nothing. Pure. */
#ifndef PLATEAU_ANALYZERS_ATTRIBUTION_H
#define PLATEAU_ANALYZERS_ATTRIBUTION_H

#include "analyzers/barriers.h"
#include "analyzers/verdict.h"

#include <stddef.h>

enum { ATTRIBUTION_TIME = -1 };

/* Lays the growth of `b` at the kinds of requests. `from` blocks are left out
 * as warm-up. Fills out[0 .. nkinds] (kinds, then time itself, kind -1), with
 * `finding` as given; `named` keeps its error rate `1 - confidence` over all
 * of them. `quantum` as in growth.h. Needs two kinds and four blocks, else
 * returns 0; returns the number filled. */
size_t attribution_make(const struct blocks *b, size_t from, double quantum,
                        double confidence, int finding, struct blame *out);

#endif
