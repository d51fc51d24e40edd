/* Reads the memory meters of a control group, v1 or v2. "No value" is NaN. */
#ifndef PLATEAU_SAMPLER_CGROUP_METER_H
#define PLATEAU_SAMPLER_CGROUP_METER_H

#include "harness/base/cgroup.h"

struct cgroup_usage {
    double usage_bytes;
    double working_bytes; /* usage less the page cache nobody uses */
    double anon_bytes, file_bytes;
};

/* Usage of the group and all below it. */
void cgroup_meter_usage(const struct cgroup *cg, struct cgroup_usage *out);

/* The memory limit that holds for the group: the least of its own and its
 * ancestors'. NaN: none. */
double cgroup_meter_limit(const struct cgroup *cg);

/* Processes of the group that the kernel's OOM killer has ended so far. */
double cgroup_meter_oom_kills(const struct cgroup *cg);

/* The same for the whole machine (/proc/vmstat). */
double cgroup_meter_machine_oom_kills(void);

#endif
