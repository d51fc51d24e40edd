#include "analyzers/growth_memo.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { DRIVERS_MAX = 64, DESIGNS_MAX = 4096 };

struct growth_memo_driver {
    int id;
    size_t n, count, next;
    double *u;
    struct growth_design *v;
};

struct growth_memo {
    size_t n;
    struct growth_memo_driver *v[DRIVERS_MAX];
};

struct growth_memo *growth_memo_new(void)
{
    return mem_zalloc(1, sizeof(struct growth_memo));
}

void growth_memo_free(struct growth_memo *m)
{
    for (size_t i = 0; m != NULL && i < m->n; i++) {
        for (size_t k = 0; k < m->v[i]->count; k++)
            free(m->v[i]->v[k].q);
        free(m->v[i]->v);
        free(m->v[i]->u);
        free(m->v[i]);
    }
    free(m);
}

struct growth_memo_driver *growth_memo_driver(struct growth_memo *m, int id,
                                              const double *u, size_t n)
{
    struct growth_memo_driver *d;

    if (m == NULL)
        return NULL;
    for (size_t i = 0; i < m->n; i++) {
        d = m->v[i];
        if (d->id == id && d->n == n && memcmp(d->u, u, n * sizeof *u) == 0) {
            d->next = 0;
            return d;
        }
    }
    if (m->n == DRIVERS_MAX)
        return NULL;
    d = m->v[m->n++] = mem_zalloc(1, sizeof *d);
    d->id = id;
    d->n = n;
    d->u = mem_zalloc(n, sizeof *d->u);
    memcpy(d->u, u, n * sizeof *u);
    d->v = mem_zalloc(DESIGNS_MAX, sizeof *d->v);
    return d;
}

struct growth_design *growth_memo_next(struct growth_memo_driver *d)
{
    if (d == NULL || d->next == DESIGNS_MAX)
        return NULL;
    if (d->count < d->next + 1)
        d->count = d->next + 1;
    return &d->v[d->next++];
}

bool growth_memo_recall(const struct growth_design *m, size_t p, struct lsq *s,
                        double **q)
{
    if (m == NULL || !m->made || m->p != p)
        return false;
    s->p = p;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k <= j; k++)
            s->r[k][j] = m->r[k][j];
    *q = m->q;
    return true;
}

void growth_memo_keep(struct growth_design *m, size_t n, const struct lsq *s,
                      const double *q, double se_asym, double se_end)
{
    if (m == NULL || m->made || s->p > GROWTH_MEMO_PARTS)
        return;
    m->made = true;
    m->p = s->p;
    for (size_t j = 0; j < s->p; j++)
        for (size_t k = 0; k <= j; k++)
            m->r[k][j] = s->r[k][j];
    m->q = mem_zalloc(s->p * n, sizeof *m->q);
    if (s->p > 0)
        memcpy(m->q, q, s->p * n * sizeof *q);
    m->se_asym = se_asym;
    m->se_end = se_end;
}
