/* The agent in a Python service, seen from our side: puts its one Python file
 * where the service will find it, and asks it over its Unix sockets (one per
 * process, 0600, in a folder of 0700; the agent checks who asks).
 *
 * Only with `python = agent`, and only in services that we start. */
#ifndef PLATEAU_SAMPLER_AGENT_AGENT_H
#define PLATEAU_SAMPLER_AGENT_AGENT_H

#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/model/scenario.h"

#include <stdint.h>

/* Name of the variable that tells the agent its folder. */
#define AGENT_DIR_VARIABLE "PLATEAU_AGENT_DIR"

/* Makes the folder with the agent in it and adds PLATEAU_AGENT_DIR and
 * PYTHONPATH (in front of the one in force) to the target's environment in
 * `sc`. Gives the folder's name in `*dir`; see agent_remove. */
int agent_prepare(struct scenario *sc, char **dir, struct err *err);

/* The folder that `sc`'s target is told of, or NULL. Borrowed. */
const char *agent_dir(const struct scenario *sc);

/* Sends one request line (words joined by tabs) to the agent of process `pid`
 * and waits for its line of JSON, at most `timeout_ns`. -1: no agent there,
 * no answer in time, or an answer over the limit of `reply`. */
int agent_call(const char *dir, int64_t pid, const char *request,
               int64_t timeout_ns, struct buf *reply, struct err *err);

/* Removes the folder and what is in it; frees and nulls. */
void agent_remove(char **dir);

#endif
