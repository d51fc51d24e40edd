/* Makes memory series whose truth is known: services that leak, services
 * that do not, and runs that do not hold enough to tell. Written from
 * descriptions of what real services do; every random number comes from the
 * seed, so a series can be made again. */
#ifndef PLATEAU_TESTS_CALIBRATE_GENERATE_H
#define PLATEAU_TESTS_CALIBRATE_GENERATE_H

#include "analyzers/finding.h"
#include "harness/model/series.h"

#include <stdbool.h>
#include <stdint.h>

struct truth {
    const char *kind;
    enum outcome outcome;     /* OUTCOME_INCONCLUSIVE: cannot be told */
    bool may_decline;         /* inconclusive counts as right */
    bool may_pass, may_leak;  /* for runs that cannot be told */
    double slope_per_request; /* of a steady leak; 0 for health; NaN: none */
    double slope_per_hour;
};

/* Number of kinds. */
int generate_kinds(void);

const char *generate_kind_name(int kind);

/* Makes a series of `kind` from `seed`. Gives `out` to series_release. */
void generate(int kind, uint64_t seed, struct series *out, struct truth *truth);

#endif
