/* Writes latency.hlog into the run directory while the run goes on: the
 * response times of each second, then those of each kind of request over the
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

/* Writes the line of what was answered in `second`, counted from the load's
 * origin. None is written when nothing was. A part of the second may come
 * before, when the load came to rest in it. */
void latency_log_second(struct latency_log *log, int64_t second,
                        const struct histogram *times);

/* Fails when a line could not be written. */
int latency_log_check(const struct latency_log *log, struct err *err);

/* The kinds of `sc`, behind the last second. */
int latency_log_end(struct latency_log *log, const struct scenario *sc,
                    struct err *err);

/* Closes and nulls; NULL inside is legal. */
void latency_log_close(struct latency_log **log);

#endif
