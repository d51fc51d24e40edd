/* Judges the readings taken under load: each column by itself, then all of
 * them together. Pure: same series, same findings, to the last byte.
 *
 * Not for barrier readings, which are few and exact (readings.h), and not for
 * which request is guilty. Rows taken while the harness drained, settled,
 * read a barrier or diagnosed are left out here; warm-up rows inform the
 * shape and are never judged.
 *
 * Principle: what matters is the growth that would go on. A family of shapes
 * (line, saturating, logarithmic, kinked, stepped, and their sums) is fitted
 * to a few dozen robust bins of the series, each shape weighs by its
 * evidence, and the slope at the end is a mixture over all of them. Its
 * interval is compared with what matters: above is a leak, below a pass, and
 * anything else is inconclusive. */
#ifndef PLATEAU_ANALYZERS_CONTINUOUS_H
#define PLATEAU_ANALYZERS_CONTINUOUS_H

#include "analyzers/finding.h"
#include "harness/model/policy.h"
#include "harness/model/series.h"

#include <stddef.h>

struct continuous {
    struct finding *findings; /* one per judged column, in the file's order;
                                 basis is BASIS_SAMPLES */
    size_t n;
    enum outcome outcome; /* of all columns together */
    int lead;             /* the finding it rests on most, -1: none */
    char reason[1024];    /* seen, why it is (not) a leak, what else */
    double steady_from_s; /* start-up effects over; NaN unknown */
};

/* Judges `s` under `p` (never NULL). A finding's own `outcome` is what the
 * column says by itself; `judged` is false where the column does not vote
 * (page cache in a cgroup, RSS explained by sharing). Always succeeds; a
 * series without usable rows gives OUTCOME_INCONCLUSIVE. Gives `out`,
 * released by continuous_release. */
void continuous_judge(const struct series *s, const struct policy *p,
                      struct continuous *out);

/* The same where not all is heard: `heard` holds for each column of `s` the
 * set of outcomes (bit 1u << outcome) in which somebody hears its finding. Such
 * a finding is what continuous_judge would give; of the others no more is
 * certain than that they are not heard, and the outcome, the lead and the
 * words of the whole are not to be used. */
void continuous_listen(const struct series *s, const struct policy *p,
                       const unsigned char *heard, struct continuous *out);

/* Frees what `c` holds; a zeroed one is legal. */
void continuous_release(struct continuous *c);

/* Gives a copy of `s` in which a leak was planted: the growth `per_hour` in
 * units of column `name` (its share per request when the series counts
 * requests), from the first row on. Growth of memory is planted in every
 * column that private memory shows in. For positive controls. */
void continuous_plant(const struct series *s, const char *name, double per_hour,
                      struct series *out);

#endif
