/* A program of this machine, run once with a time limit, its output kept. Not
 * for the target, nor for what the scenario names. */
#ifndef PLATEAU_CLI_TOOL_RUN_H
#define PLATEAU_CLI_TOOL_RUN_H

#include "harness/base/buf.h"
#include "harness/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Is `name` an executable on the PATH? */
bool tool_found(const char *name);

/* Runs `argv` (argv[0] from the PATH), in `cwd` (NULL: here), with `input`
 * (NULL: none) to read; what it prints on stdout is added to `out`, up to its
 * limit. Fails when it cannot be started, takes longer than `limit_ns` (then it
 * is killed) or does not exit with 0. Any thread; blocks. */
int tool_run(const char *const *argv, const char *cwd, const struct buf *input,
             int64_t limit_ns, struct buf *out, struct err *err);

#endif
