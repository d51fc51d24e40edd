/* The target: the service under test, started or attached to, watched and
 * stopped. A machine, opaque; lives on the conductor's loop and thread.
 *
 * A started target runs under a guardian: a small process of ours (this same
 * program, `plateau __guard`) that is the subreaper of everything the command
 * starts. When we end, however we end (SIGKILL included), the guardian's pipe
 * closes and it ends the whole tree: SIGTERM, a grace, SIGKILL. An attached
 * target (pid, pidfile, port, cgroup) is never signalled. */
#ifndef PLATEAU_TARGET_TARGET_H
#define PLATEAU_TARGET_TARGET_H

#include "harness/base/err.h"
#include "harness/base/procfs.h"
#include "harness/model/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target;
struct uv_loop_s;

enum target_event {
    TARGET_STARTED,   /* the command runs (or the process was found) */
    TARGET_READY,     /* `ready` was answered */
    TARGET_NOT_READY, /* could not be started, ended before it was ready, or
                         was not ready in time; the detail says why */
    TARGET_EXITED,    /* after TARGET_READY: the main process is gone (of a
                         command that went into the background: its last
                         process); the detail says how */
    TARGET_STOPPED,   /* target_stop is complete: nothing of it is left, or the
                         detail says what */
};

/* Of NOT_READY and EXITED one comes at most, and once; then nothing but
 * TARGET_STOPPED. `detail` is one line, never NULL, foreign bytes included:
 * escape at the sink. */

typedef void target_event_fn(void *user, enum target_event what,
                             const char *detail);

struct target_config {
    const struct scenario *scenario; /* borrowed for the target's life */
    struct uv_loop_s *loop;
    int log_fd; /* the target's stdout and stderr; -1: dropped. Borrowed. */
    target_event_fn *on_event;
    void *user;
    const char *guard_program; /* runs `__guard`; NULL: this very program.
                                  For tests, whose main is another. */
};

/* Starts the command, or finds the process; then polls `ready`. Events come
 * from the loop. An address that is already served by somebody else before
 * the command starts is an error (else we would load the wrong program).
 * Ignores SIGPIPE in this process from then on. */
int target_open(const struct target_config *cfg, struct target **out,
                struct err *err);

/* The roots of the process tree to sample: the guardian's children, or the
 * attached process(es). Returns how many, at most `max`. With a guardian, any
 * descendant of `*guardian` belongs to the target as well (re-parented
 * children); 0: no guardian. */
size_t target_roots(const struct target *t, struct proc_id *out, size_t max,
                    int64_t *guardian);

/* Directory of the target's cgroup, if the scenario names one; else NULL. */
const char *target_cgroup(const struct target *t);

/* The last lines (at most 20) of a started target's output, secrets masked,
 * "" for none. Foreign bytes. Borrowed until the next call. */
const char *target_output_tail(struct target *t);

/* True when we started it (and must end it). */
bool target_is_ours(const struct target *t);

/* Text for the report: the command, or "pid 4711 (gunicorn)". Borrowed. */
const char *target_label(const struct target *t);

/* Ends a started target: SIGTERM to its process group and tree, the grace,
 * SIGKILL; forgets an attached one. TARGET_STOPPED follows. Idempotent. */
void target_stop(struct target *t);

/* After TARGET_STOPPED (also from within that event): frees, nulls. NULL in
 * `*t` is fine. A target_open that failed leaves nothing to close, but needs
 * one more run of the loop. */
void target_close(struct target **t);

/* The body of `plateau __guard`: never returns to the caller's main flow but
 * with an exit code. Called by the dispatcher before anything else. */
int target_guard_main(int argc, char **argv);

#endif
