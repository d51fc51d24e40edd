/* The native pass of a diagnosis (verdict.diagnose = native): the target's
 * command once more under valgrind's memcheck, a short stretch of the leaking
 * kind of request, and which native blocks stayed, by stack. Comes after the
 * run; nothing of it is measured, and it changes no verdict. */
#ifndef PLATEAU_CLI_NATIVE_H
#define PLATEAU_CLI_NATIVE_H

#include "harness/cli/conductor.h"

/* Says on stderr, before a run that asks for the pass, why there will be
 * none (no tool, no command of ours). */
void native_warn(const struct scenario *sc);

/* After a run into `dir` that ended as `ending` says: when it was asked for
 * and the verdict is a leak, makes the pass, within three times
 * policy.diagnose_ns, and adds what it found (or why it found nothing) to
 * diagnosis.json. Blocks; main thread; a signal ends it. */
void native_pass(const struct conductor_config *cfg, const char *dir,
                 const struct run_ending *ending);

#endif
