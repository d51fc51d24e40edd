/* Puts what the conductor learns into the run directory: barriers.csv,
 * requests.csv, latency.hgrm, latency.hlog and run.json. The sampler writes its
 * own tables. Conductor's thread. */
#ifndef PLATEAU_CLI_RECORDER_H
#define PLATEAU_CLI_RECORDER_H

#include "harness/base/err.h"
#include "harness/load/load.h"
#include "harness/model/record.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"
#include "harness/sampler/sampler.h"

#include <stdint.h>

struct recorder;

/* Starts the tables in `rd`; writes scenario.ini and a first run.json. All
 * arguments but `target_label` (copied) are borrowed for the recorder's
 * life. */
int recorder_open(struct rundir *rd, const struct scenario *sc,
                  const char *target_label, struct recorder **out,
                  struct err *err);

/* Tells the recorder of the machines once they exist; NULL load: observing. */
int recorder_attach(struct recorder *r, struct load *load,
                    struct sampler *sampler, struct err *err);

/* Writes the row of barrier `block`; `values` as from sampler_barrier. */
int recorder_barrier(struct recorder *r, int block, double t_s,
                     const double *values, struct err *err);

/* Moves finished seconds from the load into requests.csv. */
void recorder_seconds(struct recorder *r);

/* A line for the report's "what was degraded". Said once per text. */
void recorder_note(struct recorder *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* How the run ended; run.json says it from the next recorder_meta on. */
struct run_ending {
    enum run_end end;
    char detail[512];
    int signal;
    bool target_failed, rate_missed;
    int64_t target_pid;
    double duration_s;
};

/* Writes run.json; `ending` NULL while the run goes on. */
int recorder_meta(struct recorder *r, const struct run_ending *ending,
                  struct err *err);

/* The measured part is over: takes the last seconds, writes the latencies and
 * holds the totals, so that what a diagnosis still sends is not counted. The
 * load must be idle. Once is enough; more calls do nothing. */
int recorder_freeze(struct recorder *r, struct err *err);

void recorder_close(struct recorder **r);

#endif
