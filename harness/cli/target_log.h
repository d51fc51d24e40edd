/* target.log: what a started target printed, in the run directory. The target
 * writes it itself (a pipe through us could stop it while we are busy), so it
 * may hold what it was told in confidence: an access log quotes our paths, a
 * failed start its database's URL. While it grows it is the owner's alone,
 * and when the run ends it is masked like every other artifact. */
#ifndef PLATEAU_CLI_TARGET_LOG_H
#define PLATEAU_CLI_TARGET_LOG_H

#include "harness/base/err.h"

struct rundir;
struct scenario;

/* Opens it for appending, readable by the owner only where `sc` has secrets.
 * Returns the descriptor, which the caller closes, or -1. */
int target_log_open(struct rundir *rd, const struct scenario *sc,
                    struct err *err);

/* Puts a masked copy in its place, where `sc` has secrets; what the target
 * still prints is dropped. If that fails, there is no target.log: a log
 * that could tell a secret is not kept. */
int target_log_mask(const struct rundir *rd, const struct scenario *sc,
                    struct err *err);

#endif
