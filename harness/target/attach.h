/* Finds the processes of a service that runs already. Nothing here signals
 * or changes them. */
#ifndef PLATEAU_TARGET_ATTACH_H
#define PLATEAU_TARGET_ATTACH_H

#include "harness/base/cgroup.h"
#include "harness/base/err.h"
#include "harness/base/procfs.h"
#include "harness/model/scenario.h"

#define ATTACH_MAX 64 /* roots; their descendants are found by the sampler */

struct attached {
    struct proc_id roots[ATTACH_MAX];
    size_t nroots;
    struct cgroup cgroup; /* with `cgroup =` only; else version 0 */
    char label[256];      /* "pid 4711 (gunicorn)" */
};

/* Finds what `t` names: pid, pidfile, port, cgroup, or else whoever listens
 * on the url's port when the url is on this machine (then `here` is true).
 * A service elsewhere has no roots, which is no error. */
int attach_find(const struct scenario_target *t, bool here,
                struct attached *out, struct err *err);

#endif
