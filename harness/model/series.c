#include "harness/model/series.h"

#include <stdlib.h>
#include <string.h>

const struct column *series_column(const struct series *s, const char *name)
{
    const struct metric *m = metric_find(name);

    for (size_t i = 0; i < s->ncolumns; i++)
        if (strcmp(s->columns[i].name, name) == 0)
            return &s->columns[i];
    for (size_t i = 0; m != NULL && i < s->ncolumns; i++)
        if (metric_find(s->columns[i].name) == m)
            return &s->columns[i];
    return NULL;
}

void series_release(struct series *s)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        free(s->columns[i].name);
        free(s->columns[i].v);
    }
    free(s->columns);
    free(s->t_s);
    free(s->requests);
    free(s->proc_starts);
    free(s->phase);
    *s = (struct series){0};
}
