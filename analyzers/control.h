/* The positive control: a leak of the stated minimum, planted in the recorded
 * readings, must turn the verdict to leak. If it does not, the stated minimum
 * was too small: on barriers it is raised until it is true; if no size turns
 * it, and on samples at once, the run is inconclusive. Pure. */
#ifndef PLATEAU_ANALYZERS_CONTROL_H
#define PLATEAU_ANALYZERS_CONTROL_H

#include "analyzers/continuous.h"
#include "analyzers/verdict.h"

/* Runs the control on the barriers (always, when there are any and the
 * verdict is a pass or inconclusive with a stated minimum) or, when the
 * policy asks for a self-check, on the samples. Fills the control fields of
 * `v`, may raise minima, states one for a pass on samples that has none, and
 * takes a pass away that fails. */
void control_run(const struct record *r, const struct policy *p,
                 struct verdict *v);

#endif
