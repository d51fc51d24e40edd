/* The source of a service that carries our agent: at barriers it asks every
 * process for a collection and an allocator trim, so that all other sources,
 * which are read after it, see only what is really kept. */
#include "harness/sampler/source_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/agent/agent.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

enum { TIMEOUT_S = 10, REPLY_MAX = 1 << 16 };

struct agent_source {
    const char *dir; /* borrowed from the scenario */
};

static const char *const metrics[] = {"py_garbage", "py_gc_off"};

static int open_agent(const struct source_host *host, void **state,
                      const char *const **names, size_t *n, struct err *err)
{
    const char *dir = agent_dir(host->scenario);
    struct agent_source *a;

    (void)err;
    *n = 0;
    if (host->scenario->sample.python != PYTHON_AGENT)
        return 0;
    if (dir == NULL) {
        host->note(host->host,
                   "python = agent works only with target.command: the "
                   "collector is not asked to run before readings");
        return 0;
    }
    a = mem_zalloc(1, sizeof *a);
    a->dir = dir;
    *state = a;
    *names = metrics;
    *n = 2;
    return 0;
}

/* Asks one process; its len(gc.garbage), NaN when it has no agent. `*off` is
   counted up when its collector is off. */
static double collect(const struct agent_source *a,
                      const struct source_host *host, int64_t pid, double *off)
{
    struct buf reply;
    struct err err;
    json_t *doc = NULL;
    double garbage = NAN;

    buf_init(&reply, REPLY_MAX);
    if (agent_call(a->dir, pid, "collect", TIMEOUT_S * CLOCK_NS_PER_S, &reply,
                   &err) == 0)
        doc = json_loads(buf_str(&reply), 0, NULL);
    if (json_is_integer(json_object_get(doc, "garbage")))
        garbage = (double)json_integer_value(json_object_get(doc, "garbage"));
    if (json_is_false(json_object_get(doc, "enabled"))) {
        *off += 1;
        host->note(host->host,
                   "the garbage collector is off in process %lld: cycles are "
                   "never freed there",
                   (long long)pid);
    }
    json_decref(doc);
    buf_release(&reply);
    return garbage;
}

static void read_agent(void *state, const struct source_host *host,
                       const struct source_read *how, double *values)
{
    const struct agent_source *a = state;
    size_t found = 0;
    double off = 0;

    values[0] = values[1] = NAN;
    if (!how->exact)
        return;
    for (size_t i = 0; i < proctree_count(host->tree); i++) {
        double g;

        if (clock_now_ns() > how->deadline_ns)
            return;
        g = collect(a, host, proctree_at(host->tree, i)->id.pid, &off);
        if (isnan(g))
            continue;
        values[0] = found++ == 0 ? g : values[0] + g;
    }
    if (found > 0)
        values[1] = off;
    else
        host->note(host->host, "no process of the target carries the agent "
                               "(is it Python, and is -I or -E in its "
                               "command?)");
}

static void close_agent(void *state)
{
    free(state);
}

const struct source_ops source_ops_agent = {
    .name = "agent",
    .cost = SOURCE_BARRIER_ONLY,
    .open = open_agent,
    .read = read_agent,
    .close = close_agent,
};
