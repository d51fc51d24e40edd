#include "harness/model/policy.h"

#include "harness/model/metric.h"

#include <stdlib.h>
#include <string.h>

void policy_default(struct policy *p)
{
    *p = (struct policy){.confidence = 0.95,
                         .diagnose_ns = 30 * (int64_t)1000000000};
}

static bool speaks_of(const char *key, const char *name)
{
    const struct metric *m = metric_find(name);

    if (strcmp(key, name) == 0)
        return true;
    if (m == NULL)
        return false;
    return strcmp(key, m->name) == 0 ||
           (m->alias != NULL && strcmp(key, m->alias) == 0) ||
           (m->tolerance != NULL && strcmp(key, m->tolerance) == 0);
}

const struct tolerance *policy_tolerance(const struct policy *p,
                                         const char *metric)
{
    for (size_t i = 0; i < p->ntolerances; i++)
        if (speaks_of(p->tolerances[i].metric, metric))
            return &p->tolerances[i];
    return NULL;
}

void policy_release(struct policy *p)
{
    for (size_t i = 0; i < p->ntolerances; i++)
        free(p->tolerances[i].metric);
    free(p->tolerances);
    for (size_t i = 0; i < p->nrequire; i++)
        free(p->require[i]);
    free(p->require);
    policy_default(p);
}
