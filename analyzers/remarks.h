/* The sentences of the continuous findings: what was seen, why it is (not) a
 * leak, what else it could be. Only words; nothing is decided here. */
#ifndef PLATEAU_ANALYZERS_REMARKS_H
#define PLATEAU_ANALYZERS_REMARKS_H

#include "analyzers/column.h"
#include "analyzers/continuous.h"

/* Writes the `reason` of every finding of `c`. */
void remarks_findings(struct continuous *c, const struct column_view *views);

/* Writes the `reason` of `c` itself, after ballot_count(). `r` are the rows
 * that were judged. */
void remarks_verdict(struct continuous *c, const struct column_view *views,
                     const struct rows *r);

#endif
