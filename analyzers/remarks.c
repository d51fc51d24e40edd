#include "analyzers/remarks.h"

#include <stdio.h>

void remarks_findings(struct continuous *c, const struct column_view *views)
{
    (void)views;
    for (size_t i = 0; i < c->n; i++)
        snprintf(c->findings[i].reason, sizeof c->findings[i].reason,
                 "%s: %s", c->findings[i].name,
                 outcome_name(c->findings[i].outcome));
}

void remarks_verdict(struct continuous *c, const struct column_view *views,
                   const struct rows *r)
{
    (void)views;
    (void)r;
    if (c->lead >= 0)
        snprintf(c->reason, sizeof c->reason, "%s",
                 c->findings[c->lead].reason);
    else
        snprintf(c->reason, sizeof c->reason,
                 "there are no readings that could be judged");
}
