/* Samples made by hand for the analyzers' tests. */
#ifndef PLATEAU_TESTS_UNIT_ANALYZERS_SAMPLES_H
#define PLATEAU_TESTS_UNIT_ANALYZERS_SAMPLES_H

#include "tests/unit/assert_close.h"

#include "analyzers/continuous.h"
#include "harness/base/rng.h"
#include "harness/model/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of `n` samples a second apart, 50 requests each; columns are given by
 * name and filled by the tests. */
static inline void open_series(struct series *s, size_t n,
                               const char *const *names)
{
    *s = (struct series){.n = n};
    s->t_s = calloc(n, sizeof(double));
    s->requests = calloc(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        s->t_s[i] = (double)i;
        s->requests[i] = 50. * (double)i;
    }
    for (; names[s->ncolumns] != NULL; s->ncolumns++)
        ;
    s->columns = calloc(s->ncolumns, sizeof *s->columns);
    for (size_t c = 0; c < s->ncolumns; c++) {
        s->columns[c].name = strdup(names[c]);
        metric_describe(s->columns[c].name, &s->columns[c].metric);
        s->columns[c].v = calloc(n, sizeof(double));
    }
}

/* level + growth over the whole + noise. */
static inline void fill(struct series *s, size_t column, double level,
                        double growth, double noise)
{
    struct rng r;

    rng_init(&r, 5 + column);
    for (size_t i = 0; i < s->n; i++)
        s->columns[column].v[i] =
            round(level + growth * (double)i / (double)(s->n - 1) +
                  noise * rng_normal(&r));
}

/* Judges by `policy`, or by the default one: NULL. Nothing goes without a
 * reason. Gives `c` to release. */
static inline enum outcome
judge(const struct series *s, const struct policy *policy, struct continuous *c)
{
    struct policy usual;

    policy_default(&usual);
    continuous_judge(s, policy != NULL ? policy : &usual, c);
    assert_true(c->reason[0] != '\0');
    for (size_t i = 0; i < c->n; i++)
        assert_true(c->findings[i].reason[0] != '\0');
    return c->outcome;
}

static inline enum outcome verdict_of(const struct series *s,
                                      const struct policy *policy)
{
    struct continuous c;
    enum outcome o = judge(s, policy, &c);

    continuous_release(&c);
    return o;
}

#endif
