/* Records made by hand for the analyzers' tests. */
#ifndef PLATEAU_TESTS_UNIT_ANALYZERS_RECORDS_H
#define PLATEAU_TESTS_UNIT_ANALYZERS_RECORDS_H

#include "harness/base/mem.h"
#include "harness/model/record.h"

#include <math.h>
#include <stdlib.h>

/* Barriers every `per_block` requests at 100 requests/s; no columns yet. */
static inline void records_open(struct record *r, size_t blocks,
                                double per_block)
{
    struct series *s = &r->barriers;

    *r = (struct record){.limit_bytes = NAN};
    policy_default(&r->policy);
    s->n = blocks + 1;
    s->t_s = mem_zalloc(s->n, sizeof *s->t_s);
    s->requests = mem_zalloc(s->n, sizeof *s->requests);
    for (size_t i = 0; i < s->n; i++) {
        s->requests[i] = (double)i * per_block;
        s->t_s[i] = 5 + (double)i * (per_block / 100 + 1);
    }
}

/* A column that starts at `level` and grows by `d` block by block. */
static inline struct column *records_column(struct record *r, const char *name,
                                            double level, const double *d)
{
    struct series *s = &r->barriers;
    struct column *c;

    s->columns = mem_realloc(s->columns, s->ncolumns + 1, sizeof *s->columns);
    c = &s->columns[s->ncolumns++];
    c->name = mem_strdup(name);
    metric_describe(c->name, &c->metric);
    c->v = mem_zalloc(s->n, sizeof *c->v);
    c->v[0] = level;
    for (size_t i = 1; i < s->n; i++)
        c->v[i] = c->v[i - 1] + (d != NULL ? d[i - 1] : 0);
    return c;
}

static inline void records_close(struct record *r)
{
    for (size_t i = 0; i < r->barriers.ncolumns; i++) {
        free(r->barriers.columns[i].name);
        free(r->barriers.columns[i].v);
    }
    for (size_t k = 0; k < r->nkinds; k++) {
        free(r->kinds[k].name);
        free(r->kinds[k].completed);
    }
    free(r->kinds);
    free(r->barriers.columns);
    free(r->barriers.t_s);
    free(r->barriers.requests);
    free(r->barriers.proc_starts);
    policy_release(&r->policy);
}

#endif
