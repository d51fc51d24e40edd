#include "harness/sampler/oom.h"

#include "harness/sampler/cgroup_meter.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static double kills(const struct oom *o)
{
    double n = o->has_cgroup ? cgroup_meter_oom_kills(&o->cgroup) : NAN;

    return isnan(n) ? cgroup_meter_machine_oom_kills() : n;
}

void oom_init(struct oom *o, const char *dir, int64_t pid)
{
    struct cgroup own;

    memset(o, 0, sizeof *o);
    if (dir != NULL)
        o->has_cgroup = cgroup_resolve(dir, &o->cgroup, NULL) == 0;
    else if (pid > 0)
        o->has_cgroup = cgroup_of(pid, &o->cgroup, NULL) == 0;
    o->shared = !o->has_cgroup || strcmp(o->cgroup.dir, o->cgroup.top) == 0 ||
                (cgroup_of(getpid(), &own, NULL) == 0 &&
                 cgroup_holds(&o->cgroup, &own));
    o->base = o->seen = kills(o);
}

int64_t oom_count(const struct oom *o)
{
    double n = kills(o);

    return n > o->base ? (int64_t)(n - o->base) : 0;
}

bool oom_struck(struct oom *o, int64_t now_ns, int64_t within_ns, size_t ended)
{
    double n = kills(o);
    size_t lately = ended + o->ended_before;

    o->ended_before = ended;
    if (n > o->seen) {
        o->seen = n;
        o->pending = true;
        o->until_ns = now_ns + within_ns;
    }
    if (o->pending && now_ns > o->until_ns)
        o->pending = false;
    if (!o->pending || (o->shared && lately == 0))
        return false;
    o->pending = false;
    return true;
}
