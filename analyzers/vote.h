/* Findings into one outcome: which metrics prove growth, which only explain
 * it, and what a pass needs. Pure. */
#ifndef PLATEAU_ANALYZERS_VOTE_H
#define PLATEAU_ANALYZERS_VOTE_H

#include "analyzers/finding.h"
#include "harness/model/policy.h"

#include <stddef.h>

struct vote {
    enum outcome outcome;
    int lead;       /* the finding it rests on most; -1: none */
    char why[320];  /* what the vote adds to the lead's own reason; "" */
    char lacks[96]; /* the metric that a pass is missing; "" */
};

/* Joins what the barriers (`b`) and the samples (`s`) say of one metric into
 * `b`. Barrier readings are exact and decide where they can; the samples,
 * many and rough, decide where the blocks cannot. */
void vote_join(struct finding *b, const struct finding *s);

/* Whether it would make anything of samples of that outcome. */
bool vote_joins(const struct finding *b, enum outcome samples);

/* Weighs all findings together. Clears `judged` where a metric is explained
 * by another (sharing, kept memory), saying so in its reason, and sets
 * `decisive` on what the outcome rests on, and
 * `blocking` on what keeps it from a pass. */
void vote_all(struct finding *f, size_t n, const struct policy *p,
              struct vote *out);

#endif
