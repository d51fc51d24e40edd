/* What matters to the user: the [verdict] section as the analyzers need it.
 * Data. Built by scenario.c from a scenario, or policy_default() for a bare
 * CSV. */
#ifndef PLATEAU_MODEL_POLICY_H
#define PLATEAU_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tolerance_per {
    TOLERANCE_PER_REQUEST,
    TOLERANCE_PER_HOUR,
};

/* Growth at or below this is not called a leak. */
struct tolerance {
    char *metric; /* a metric's tolerance key ("pss") or its full name; owned */
    double value; /* bytes or counts, >= 0 */
    enum tolerance_per per;
    int line; /* where the scenario says it; 0: default */
};

enum stop_rule {
    STOP_AUTO,    /* certain with blocks, end otherwise */
    STOP_CERTAIN, /* end the run when the verdict is certain */
    STOP_END,     /* always run to the planned end */
};

enum diagnose_rule {
    DIAGNOSE_AUTO, /* after a leak: look for its holder */
    DIAGNOSE_OFF,
    DIAGNOSE_NATIVE, /* the same, then the command again under a tool that
                        sees native allocations */
};

struct policy {
    struct tolerance *tolerances; /* explicit ones only */
    size_t ntolerances;
    double confidence;  /* two-sided level of every interval; default 0.95 */
    double survive_s;   /* must not reach the limit sooner; 0: not asked */
    double limit_bytes; /* memory limit if the user states one; 0: cgroup's */
    int connections;    /* most that our own load keeps open; 0: unknown */
    double rate_rps;    /* the load `survive` speaks of; 0: as measured */
    enum stop_rule stop;
    enum diagnose_rule diagnose;
    int64_t diagnose_ns;     /* the diagnosis takes no longer; default 30 s */
    bool inconclusive_fails; /* junit: inconclusive counts as a failure */
    bool self_check; /* --self-check: the positive control must turn red */
    char **require;  /* metrics that must be judged for a pass ("pss",
                        "py_objects"); missing data there is inconclusive */
    size_t nrequire;
};

/* Defaults: confidence 0.95, nothing explicit. */
void policy_default(struct policy *p);

/* The explicit tolerance that speaks of `metric` (by its full name, alias or
 * tolerance key), or NULL. Borrowed. */
const struct tolerance *policy_tolerance(const struct policy *p,
                                         const char *metric);

void policy_release(struct policy *p);

#endif
