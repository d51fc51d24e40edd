/* What a run will do, step by step: from the scenario's [load] section to
 * load phases. Pure; the conductor walks it. */
#ifndef PLATEAU_CLI_PLAN_H
#define PLATEAU_CLI_PLAN_H

#include "harness/load/load.h"
#include "harness/model/scenario.h"
#include "harness/model/series.h"

#include <stdbool.h>
#include <stddef.h>

struct step {
    struct load_phase phase;
    enum phase label; /* PHASE_WARMUP or PHASE_LOAD */
    int block;        /* 0 for warm-up, then 1, 2, ...; the barrier's number */
    bool barrier;     /* settle and read a barrier after it */
    int64_t relabel_ns; /* after so long the label becomes PHASE_LOAD (a soak
                           without a break after its warm-up); 0: never */
};

struct plan {
    struct step *steps;
    size_t n;
    double *shares; /* of all blocks; phases borrow from it */
};

/* Makes the plan; give it back with plan_release. */
void plan_make(const struct scenario *sc, struct plan *out);
void plan_release(struct plan *p);

/* How many requests per second fell short: true when a phase of the open
 * model took clearly longer, or sent clearly less, than its rate says.
 * `took_ns` from the phase's start to its last answer. */
bool plan_rate_missed(const struct step *s, uint64_t sent, int64_t took_ns);

#endif
