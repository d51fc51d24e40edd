#include "analyzers/growth_memo.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { DRIVERS_MAX = 64, DESIGNS_MAX = 4096 };

struct growth_memo_driver {
    int id;
    size_t n, nfixed, count, next;
    double *of; /* the driver's units, then the fixed columns */
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
        free(m->v[i]->of);
        free(m->v[i]);
    }
    free(m);
}

static const double *part(const struct growth_memo_key *k, size_t i)
{
    return i == 0 ? k->u : k->fixed[i - 1];
}

static bool made_of(const struct growth_memo_driver *d,
                    const struct growth_memo_key *k)
{
    if (d->id != k->id || d->n != k->n || d->nfixed != k->nfixed)
        return false;
    for (size_t i = 0; i <= k->nfixed; i++)
        if (memcmp(d->of + i * k->n, part(k, i), k->n * sizeof *d->of) != 0)
            return false;
    return true;
}

struct growth_memo_driver *growth_memo_driver(struct growth_memo *m,
                                              const struct growth_memo_key *k)
{
    struct growth_memo_driver *d;

    if (m == NULL || k->nfixed > GROWTH_MEMO_FIXED)
        return NULL;
    for (size_t i = 0; i < m->n; i++)
        if (made_of(m->v[i], k)) {
            m->v[i]->next = 0;
            return m->v[i];
        }
    if (m->n == DRIVERS_MAX)
        return NULL;
    d = m->v[m->n++] = mem_zalloc(1, sizeof *d);
    d->id = k->id;
    d->n = k->n;
    d->nfixed = k->nfixed;
    d->of = mem_zalloc((k->nfixed + 1) * k->n, sizeof *d->of);
    for (size_t i = 0; i <= k->nfixed; i++)
        memcpy(d->of + i * k->n, part(k, i), k->n * sizeof *d->of);
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
