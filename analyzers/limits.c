#include "analyzers/limits.h"

#include <math.h>
#include <string.h>

/* A life of so many requests may creep like a whole run; a shorter one has not
   so much time, and many of them are seen. */
#define LIFE_REQUESTS 1000

/* Whole-run growth, in bytes, that healthy programs show: allocators creep by
   a few per cent in their first minutes whatever is done. */
static void memory_limits(const struct metric *m, const struct limits_at *at,
                          struct limits *out)
{
    double youth = fmin(1, 300 / fmax(at->span_s, 1e-9));
    double leak, pass;

    if (m->role == METRIC_HEAP) { /* what is live: no pages, no kept memory */
        double part = at->life ? fmin(1, at->requests / LIFE_REQUESTS) : 1;

        leak = fmax(0.005 * at->level, part * 200e3);
        pass = fmax(0.02 * at->level, part * 400e3);
    } else {
        leak = fmax(fmax(0.006, 0.03 * youth) * at->level, 400e3);
        pass = fmax(fmax(0.035, 0.06 * youth) * at->level, 700e3);
    }
    out->leak = leak / at->requests;
    out->pass = pass / at->requests;
    out->certain = 0.1 * out->leak;
}

/* Counts: exact, so little may be called nothing. A handful of handles or
   objects in the whole run is start-up that came late. Where nobody collects
   at barriers, a runtime's garbage comes and goes by some hundreds: a default
   does not ask for less than half a hundredth of the level to pass. Blocks of
   Python's allocator creep in healthy services (caches of strings and numbers
   inside the interpreter and its libraries) by some tens per thousand
   requests; what leaks objects shows in their own counts.
   Connections of our own are taken out of the handles before (connections.c);
   some services need a second handle for a connection now and then. */
static void count_limits(const struct metric *m, const struct limits_at *at,
                         struct limits *out)
{
    bool handles = m->role == METRIC_HANDLES;
    bool blocks = strcmp(m->name, "py_blocks") == 0;
    double rate = handles ? 0.001 : blocks ? 0.05 : 0.01;
    double few = handles  ? 2 + 0.5 * at->own
                 : blocks ? fmax(20, 0.001 * at->level)
                          : 20;

    out->leak = out->certain = fmax(rate, few / at->requests);
    out->pass = handles ? fmax(2 * rate, 5 / at->requests)
                        : fmax(out->leak, 0.005 * at->level / at->requests);
    if (!at->life || handles)
        return;
    /* In a worker's first hundreds of requests, and no life has more, strings
       and regular expressions are still being interned and cached: too little
       to accuse. By no more than that is anybody acquitted either, nor while
       anything is sure to go on: a life is too short for a leak to come to
       much. */
    out->leak =
        fmax(out->leak, (blocks ? 0.005 : 0.003) * at->level / at->requests);
    out->pass = out->leak;
    out->certain = fmax(rate, 20 / at->requests);
}

static double stated_limit(const struct tolerance *t,
                           const struct limits_at *at)
{
    if (t->per == TOLERANCE_PER_HOUR)
        return at->rate_rps > 0 ? t->value / (at->rate_rps * 3600) : NAN;
    return t->value;
}

/* Growth per request that would just reach the memory limit in time. */
static double survive_limit(const struct policy *p, const struct metric *m,
                            const struct limits_at *at)
{
    double limit = p->limit_bytes > 0 ? p->limit_bytes : at->limit_bytes;
    double rate = p->rate_rps > 0 ? p->rate_rps : at->rate_rps;

    if (!(p->survive_s > 0) || !(limit > 0) || !(rate > 0) ||
        m->unit != METRIC_BYTES)
        return NAN;
    return fmax(limit - at->level, 0) / (rate * p->survive_s);
}

void limits_find(const struct policy *p, const char *name,
                 const struct metric *m, const struct limits_at *at,
                 struct limits *out)
{
    const struct tolerance *t = policy_tolerance(p, name);
    double stated = t != NULL ? stated_limit(t, at) : NAN;
    double survive = survive_limit(p, m, at);

    *out = (struct limits){0};
    if (m->unit == METRIC_BYTES)
        memory_limits(m, at, out);
    else
        count_limits(m, at, out);
    if (isnan(stated) && isnan(survive))
        return;
    out->stated = true;
    out->survive = !(stated <= survive);
    if (isnan(survive))
        out->survive = false;
    out->leak = out->pass = fmin(isnan(stated) ? INFINITY : stated,
                                 isnan(survive) ? INFINITY : survive);
}

bool limits_required(const struct policy *p, const char *name)
{
    const struct metric *m = metric_find(name);

    for (size_t i = 0; i < p->nrequire; i++) {
        const char *key = p->require[i];

        if (strcmp(key, name) == 0 ||
            (m != NULL &&
             (strcmp(key, m->name) == 0 ||
              (m->alias != NULL && strcmp(key, m->alias) == 0) ||
              (m->tolerance != NULL && strcmp(key, m->tolerance) == 0))))
            return true;
    }
    return false;
}

bool limits_judged(const struct policy *p, const char *name,
                   const struct metric *m)
{
    if (m->cumulative)
        return false;
    if (m->role != METRIC_WITNESS && m->role != METRIC_CUSTOM &&
        m->role != METRIC_CGROUP)
        return true;
    return policy_tolerance(p, name) != NULL || limits_required(p, name);
}

bool limits_silent(const struct policy *p, const struct column *c, size_t n)
{
    const struct metric *m = metric_find(c->name);

    if (m == NULL || strcmp(m->name, "zombies") != 0 ||
        policy_tolerance(p, c->name) != NULL || limits_required(p, c->name))
        return false;
    for (size_t i = 0; i < n; i++)
        if (c->v[i] > 0)
            return false;
    return true;
}
