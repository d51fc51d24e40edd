/* Writes latency.hlog into the run directory while the run goes on: the
 * response times of each block, then those of each kind of request over the
 * whole run, tagged with its name. Conductor's thread. */
#ifndef PLATEAU_CLI_LATENCY_LOG_H
#define PLATEAU_CLI_LATENCY_LOG_H

#include "harness/base/err.h"
#include "harness/load/load.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"

struct latency_log;

/* Makes the file. Gives a log; `rd` and `load` are borrowed for its life. */
int latency_log_open(struct rundir *rd, struct load *load,
                     struct latency_log **out, struct err *err);

/* Writes the line of what was answered since the last one. The load must be
 * idle. A time in which nothing was answered gets no line. */
int latency_log_interval(struct latency_log *log, struct err *err);

/* The last interval, then the kinds of `sc`. */
int latency_log_end(struct latency_log *log, const struct scenario *sc,
                    struct err *err);

/* Closes and nulls; NULL inside is legal. */
void latency_log_close(struct latency_log **log);

#endif
