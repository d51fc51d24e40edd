#include "reports/groups.h"

#include <math.h>

const char *group_name(enum group g)
{
    static const char *const names[] = {"memory", "objects", "handles",
                                        "custom-bytes", "custom"};

    return names[g];
}

const char *group_title(enum group g)
{
    static const char *const titles[] = {"Memory", "Live objects and blocks",
                                         "Descriptors and threads",
                                         "Own metrics, bytes", "Own metrics"};

    return titles[g];
}

enum metric_unit group_unit(enum group g)
{
    return g == GROUP_MEMORY || g == GROUP_CUSTOM_BYTES ? METRIC_BYTES
                                                        : METRIC_COUNT;
}

enum group group_of(const struct metric *m)
{
    switch (m->role) {
    case METRIC_MEMORY:
    case METRIC_CGROUP:
    case METRIC_HEAP:
        return GROUP_MEMORY;
    case METRIC_OBJECTS:
        return GROUP_OBJECTS;
    case METRIC_HANDLES:
        return GROUP_HANDLES;
    case METRIC_CUSTOM:
        return m->unit == METRIC_BYTES ? GROUP_CUSTOM_BYTES : GROUP_CUSTOM;
    case METRIC_WITNESS:
        break;
    }
    return GROUP_NONE;
}

static int has_number(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i]))
            return 1;
    return 0;
}

size_t group_columns(const struct series *s, enum group g,
                     const struct column **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s->ncolumns && n < max; i++)
        if (group_of(&s->columns[i].metric) == g &&
            has_number(s->columns[i].v, s->n))
            out[n++] = &s->columns[i];
    return n;
}
