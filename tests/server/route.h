/* From a request to a reply: the page of its path, then the path's effects. */
#ifndef PLATEAU_TESTS_SERVER_ROUTE_H
#define PLATEAU_TESTS_SERVER_ROUTE_H

#include "tests/server/effect.h"

#include <stdbool.h>

/* Adds the built-in pages. Call first. */
void route_init(void);

/* Gives `path` ("/orders", or "/static/" and a star for all below) one more
 * effect. Returns false when the effect is wrong or a table is full. */
bool route_add(const char *path, const char *effect);

/* Fills `r` for `q`. Counts the request. */
void route_answer(const struct request *q, struct reply *r);

/* One line per route: path and requests, for /metrics. Gives the i-th, or
 * NULL behind the last. */
const char *route_path(int i, uint64_t *hits);

#endif
