/* Starts a program of this machine beside us: what a source or the diagnosis
 * asks for an answer. Not for the target (target/guardian.h). */
#ifndef PLATEAU_BASE_SPAWN_H
#define PLATEAU_BASE_SPAWN_H

#include <sys/types.h>

/* Starts argv[0], from the PATH, with `env`, in `cwd` (NULL: here), leading a
 * process group of its own: stdin from `in` (-1: no input), stdout to `out`,
 * no stderr, signals as a program expects them. Returns 0 with `*pid` set, for
 * the caller to wait for, or an errno. Any thread. */
int spawn_quiet(const char *const *argv, char *const *env, const char *cwd,
                int in, int out, pid_t *pid);

#endif
