/* Is the service ready? Asks again and again, in the loop's thread pool, so
 * that a slow answer stalls nobody. */
#ifndef PLATEAU_TARGET_READY_H
#define PLATEAU_TARGET_READY_H

#include "harness/base/err.h"
#include "harness/model/scenario.h"

#include <stdbool.h>

struct ready_check;
struct uv_loop_s;

/* `ready`: it answered; else the time is over and `detail` says what the last
 * attempt met. */
typedef void ready_done_fn(void *user, bool ready, const char *detail);

/* Polls as sc->target.ready says until it succeeds or its time is over;
 * `done` fires once, from the loop, unless ready_close comes first. */
struct ready_check *ready_start(const struct scenario *sc,
                                struct uv_loop_s *loop, ready_done_fn *done,
                                void *user);

/* Ends the polling and frees; `closed` fires from the loop when nothing of it
 * is left. Nulls. */
void ready_close(struct ready_check **r, void (*closed)(void *user),
                 void *user);

/* One attempt to connect to the url's host and port, at most a second long.
 * 1: somebody serves there, 0: nobody, -1: the name does not resolve, or
 * leads away from this machine without leave. `*here` (may be NULL): the
 * host is this machine. */
int ready_probe(const struct scenario_target *t, bool *here, struct err *err);

#endif
