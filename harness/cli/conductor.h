/* The conductor: one run from the target's start to the last row of the run
 * directory. It drives the target, the load and the sampler through their
 * phases on one uv loop; judging and reporting come after it, from the
 * directory alone. */
#ifndef PLATEAU_CLI_CONDUCTOR_H
#define PLATEAU_CLI_CONDUCTOR_H

#include "harness/base/err.h"
#include "harness/cli/recorder.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct conductor_config {
    const struct scenario *scenario; /* borrowed */
    const char *out_dir;             /* NULL: runs/<name>-<UTC> */
    bool quiet, verbose, color;
    bool observe;       /* no load of ours; sample until observe_ns passed,
                           the target ended, or a signal */
    int64_t observe_ns; /* 0: no bound */
};

struct conductor_result {
    char *dir; /* the run directory; NULL when it could not be made */
    struct run_ending ending;
};

/* Runs it all. Returns 0 when the directory holds a recorded run, whatever
 * became of the target (see result->ending); -1 when the harness itself
 * failed. `result->dir` is to be freed. */
int conductor_run(const struct conductor_config *cfg,
                  struct conductor_result *result, struct err *err);

#endif
