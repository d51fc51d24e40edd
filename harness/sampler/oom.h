/* Watches the kernel's OOM killer on behalf of the target. One thread, but
 * oom_count. */
#ifndef PLATEAU_SAMPLER_OOM_H
#define PLATEAU_SAMPLER_OOM_H

#include "harness/base/cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oom {
    struct cgroup cgroup; /* the target's */
    bool has_cgroup;
    bool shared; /* others are in it too, or it is the whole machine */
    double base; /* kills at the start; NaN: nobody counts */
    double seen;
    bool pending; /* a kill whose victim may be ours */
    int64_t until_ns;
    size_t ended_before;
};

/* Finds the group: `dir` if not NULL, else the one of `pid` (0: none). */
void oom_init(struct oom *o, const char *dir, int64_t pid);

/* Kills since oom_init, asked from the kernel now: in the group, or on the
 * whole machine when there is none. Any thread. */
int64_t oom_count(const struct oom *o);

/* Looks again, after a scan in which `ended` processes of the target ended.
 * True, once per event, when the victim was the target's: within a group of
 * its own any kill is; else one at whose time a process of the target ended.
 * `within_ns`: how much later than the kill that may show. */
bool oom_struck(struct oom *o, int64_t now_ns, int64_t within_ns, size_t ended);

#endif
