/* What the kernel charges to the target's control group. Usage holds page
 * cache and kernel memory as well: evidence, never proof alone. */
#include "harness/sampler/source_impl.h"

#include "harness/base/mem.h"
#include "harness/sampler/cgroup_meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT, KILLS, USAGE, WORKING, ANON, FILES, N };

/* Usage comes last: it is left out when it would not be the target's. */
static const char *const metric_names[N] = {
    "cgroup_limit_bytes",   "cgroup_oom_kills",  "cgroup_bytes",
    "cgroup_working_bytes", "cgroup_anon_bytes", "cgroup_file_bytes",
};

struct cgroup_source {
    struct cgroup cg;
    size_t n;
};

/* NULL: the group's usage is the target's; else why it is not. */
static const char *why_not(const struct cgroup *cg)
{
    struct cgroup own;

    if (strcmp(cg->dir, cg->top) == 0 && cg->version == 1)
        return "its group is the root, which counts the whole machine";
    if (cgroup_of(getpid(), &own, NULL) == 0 && cgroup_holds(cg, &own))
        return "the load generator is in its group too";
    return NULL;
}

static int find(const struct source_host *host, struct cgroup *cg,
                struct err *err)
{
    struct proc_id root;

    if (host->cgroup != NULL)
        return cgroup_resolve(host->cgroup, cg, err);
    if (proctree_count(host->tree) == 0)
        return err_set(err, "no process of the target is here");
    root = proctree_at(host->tree, 0)->id;
    return cgroup_of(root.pid, cg, err);
}

static int cgroup_open(const struct source_host *host, void **state,
                       const char *const **names, size_t *n, struct err *err)
{
    struct cgroup_source *s = mem_zalloc(1, sizeof *s);
    struct cgroup_usage u;
    struct err why = {""};
    const char *not_ours;

    (void)err;
    *state = s;
    *n = 0;
    if (find(host, &s->cg, &why) != 0) {
        host->note(host->host, "cgroup: %s", why.msg);
        return 0;
    }
    not_ours = why_not(&s->cg);
    cgroup_meter_usage(&s->cg, &u);
    if (not_ours != NULL)
        host->note(host->host,
                   "cgroup usage is not the target's alone and is left out: "
                   "%s",
                   not_ours);
    else if (isnan(u.usage_bytes))
        host->note(host->host, "cgroup %s: its usage cannot be read",
                   s->cg.dir);
    s->n = not_ours != NULL || isnan(u.usage_bytes) ? USAGE : N;
    *names = metric_names;
    *n = s->n;
    return 0;
}

static void cgroup_read(void *state, const struct source_host *host,
                        const struct source_read *how, double *v)
{
    const struct cgroup_source *s = state;
    struct cgroup_usage u;

    (void)host;
    (void)how;
    v[LIMIT] = cgroup_meter_limit(&s->cg);
    v[KILLS] = cgroup_meter_oom_kills(&s->cg);
    if (s->n == USAGE)
        return;
    cgroup_meter_usage(&s->cg, &u);
    v[USAGE] = u.usage_bytes;
    v[WORKING] = u.working_bytes;
    v[ANON] = u.anon_bytes;
    v[FILES] = u.file_bytes;
}

static void cgroup_close(void *state)
{
    free(state);
}

const struct source_ops source_ops_cgroup = {
    .name = "cgroup",
    .cost = SOURCE_EVERY_TICK,
    .open = cgroup_open,
    .read = cgroup_read,
    .close = cgroup_close,
};
