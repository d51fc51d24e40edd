#include "analyzers/explain.h"

#include <string.h>

#define PART_LEAST 0.25

bool explains(const struct verdict *v, double bytes)
{
    const struct finding *lead = verdict_lead(v);
    double grows;

    if (lead == NULL || lead->metric.unit != METRIC_BYTES)
        return true;
    grows = v->types_per_hour ? lead->per_hour.value : lead->per_request.value;
    return !(bytes < PART_LEAST * grows);
}

bool explain_proven(const struct verdict *v, const char *type)
{
    for (size_t i = 0; type != NULL && i < v->ntypes; i++)
        if (v->types[i].significant &&
            v->types[i].count_per_request.value > 0 &&
            strcmp(v->types[i].type, type) == 0)
            return true;
    return false;
}

bool explain_tells(const struct verdict *v, const struct diagnosis *d,
                   const struct diagnosis_chain *c)
{
    bool proven = false;

    if (c->text == NULL || *c->text == '\0')
        return false;
    if (!(c->found < c->sampled) || explain_proven(v, c->type))
        return true;
    for (size_t i = 0; i < d->nchains; i++)
        proven = proven || explain_proven(v, d->chains[i].type);
    return !proven;
}
