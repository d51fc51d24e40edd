#include "analyzers/discovery.h"

#include "analyzers/stats.h"
#include "analyzers/type_columns.h"
#include "harness/base/mem.h"

#include <stdlib.h>

static bool is_candidate(const struct finding *f, const struct column_view *v)
{
    return type_column_is(f->name) && v->doubt != DOUBT_NO_DATA;
}

/* The largest chance of being none that a called one may have. */
static double threshold(double *p, size_t m, double q)
{
    double most = -1;

    stats_sort(p, m);
    for (size_t i = 0; i < m; i++)
        if (p[i] <= q * (double)(i + 1) / (double)m)
            most = p[i];
    return most;
}

size_t discovery_keep(struct finding *f, struct column_view *v, size_t n,
                      double sure)
{
    double *p = mem_zalloc(n + 1, sizeof *p), most;
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (is_candidate(&f[i], &v[i]))
            p[m++] = 1 - v[i].above;
    most = threshold(p, m, (1 - sure) / 2);
    for (size_t i = 0; i < n; i++)
        if (is_candidate(&f[i], &v[i]) && f[i].outcome == OUTCOME_LEAK &&
            1 - v[i].above > most) {
            f[i].outcome = OUTCOME_INCONCLUSIVE;
            v[i].doubt = DOUBT_MANY;
        }
    free(p);
    return m;
}
