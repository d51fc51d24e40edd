/* What `run` and `observe` share: scenario mistakes on the terminal, the
 * agent's folder, the conductor, the report. */
#ifndef PLATEAU_CLI_START_H
#define PLATEAU_CLI_START_H

#include "harness/cli/conductor.h"
#include "harness/cli/options.h"
#include "harness/model/scenario.h"

#include <stddef.h>

/* Prints all mistakes of a scenario; returns EXIT_USAGE. */
int start_complain(struct mistakes *m);

/* Loads a scenario that needs no load section; `path` NULL: none, sets only. */
int start_load_observed(const char *path, char *const *sets, size_t nsets,
                        struct scenario *out, struct mistakes *m);

/* Runs, judges, reports; returns the exit code. `sc` gets the agent's
 * variables when the scenario asks for the agent. */
int start_and_report(struct scenario *sc, const struct conductor_config *cfg,
                     const struct options *o);

#endif
