/* What growth may follow beside the requests of each kind: distinct values at
 * the places where requests vary, steps that several kinds share, connections.
 * Columns of barriers.csv, named and laid at kinds in run.json. Conductor's
 * thread. */
#ifndef PLATEAU_CLI_DRIVERS_H
#define PLATEAU_CLI_DRIVERS_H

#include "harness/load/load.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"

struct drivers {
    struct run_driver *at; /* owned, with their texts */
    size_t n;
    size_t *index; /* of each: the site from 1, or the request */
    size_t nrequests;
};

/* Finds those of `sc`. Gives `out` to release. */
void drivers_find(const struct scenario *sc, struct drivers *out);
void drivers_release(struct drivers *d);

/* Reads all of them, cumulative, while `l` is idle: out[0 .. n); NaN: no
 * longer known. */
void drivers_read(const struct drivers *d, const struct load *l, double *out);

#endif
