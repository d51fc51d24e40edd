/* What matters: how much growth over the run is called a leak and how little
 * is called none, from the user's tolerance or from what real programs do
 * without leaking. */
#ifndef PLATEAU_ANALYZERS_THRESHOLDS_H
#define PLATEAU_ANALYZERS_THRESHOLDS_H

#include "analyzers/column.h"

/* Fills v->leak_above, v->pass_below, v->explicit_tolerance from the other
 * fields of `v` (level, swing, spans) and the policy. */
void thresholds_set(const struct column_context *x, const struct column *c,
                    struct column_view *v);

/* The same thresholds for a run `factor` times as long. */
void thresholds_at(const struct column_view *v, const struct column *c,
                   double factor, double *leak_above, double *pass_below);

#endif
