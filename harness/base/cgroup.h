/* Finds control groups that account memory: of a process, or by path; v1, v2
 * and both at once (hybrid). Not reading their meters. */
#ifndef PLATEAU_BASE_CGROUP_H
#define PLATEAU_BASE_CGROUP_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_PATH 1024

struct cgroup {
    int version;           /* 1 or 2: which files to expect */
    char top[CGROUP_PATH]; /* mount point of the memory controller */
    char dir[CGROUP_PATH]; /* the group's directory, at or below `top` */
};

/* The group of `pid` that accounts its memory, from /proc/PID/cgroup and
 * /proc/self/mountinfo. */
int cgroup_of(int64_t pid, struct cgroup *out, struct err *err);

/* The group named by the user: an absolute directory, or a path below the
 * memory controller's mount point. */
int cgroup_resolve(const char *path, struct cgroup *out, struct err *err);

/* True when `inner` is `outer` or a group below it. */
bool cgroup_holds(const struct cgroup *outer, const struct cgroup *inner);

/* The processes of the group and of all groups below it. Returns how many
 * were stored, at most `max`; -1 when unreadable. */
int cgroup_pids(const struct cgroup *cg, int64_t *out, int max);

#endif
