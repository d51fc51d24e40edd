#include "analyzers/growth_memo.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { DRIVERS_MAX = 64 };

struct known {
    int id;
    size_t n, nfixed;
    double *of; /* the driver's units, then the fixed columns */
    struct growth_family family;
};

struct growth_memo {
    size_t n;
    struct known *v[DRIVERS_MAX];
    struct growth_memo *ahead;
};

struct growth_memo *growth_memo_new(void)
{
    return mem_zalloc(1, sizeof(struct growth_memo));
}

static void empty(struct growth_memo *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct growth_family *f = &m->v[i]->family;

        for (size_t k = 0; k < f->n; k++)
            free(f->v[k].noise[0].q); /* the others' lie behind it */
        free(f->v);
        free(m->v[i]->of);
        free(m->v[i]);
    }
    m->n = 0;
}

void growth_memo_free(struct growth_memo *m)
{
    if (m == NULL)
        return;
    if (m->ahead != NULL)
        empty(m->ahead);
    free(m->ahead);
    empty(m);
    free(m);
}

struct growth_memo *growth_memo_ahead(struct growth_memo *m, size_t drivers)
{
    if (m == NULL)
        return NULL;
    if (m->ahead == NULL)
        m->ahead = growth_memo_new();
    if (m->ahead->n + drivers > DRIVERS_MAX)
        empty(m->ahead);
    return m->ahead;
}

static const double *part(const struct growth_memo_key *k, size_t i)
{
    return i == 0 ? k->u : k->fixed[i - 1];
}

static bool made_of(const struct known *d, const struct growth_memo_key *k)
{
    if (d->id != k->id || d->n != k->n || d->nfixed != k->nfixed)
        return false;
    for (size_t i = 0; i <= k->nfixed; i++)
        if (memcmp(d->of + i * k->n, part(k, i), k->n * sizeof *d->of) != 0)
            return false;
    return true;
}

struct growth_family *growth_memo_family(struct growth_memo *m,
                                         const struct growth_memo_key *k)
{
    struct known *d;

    if (m == NULL || k->nfixed > GROWTH_MEMO_FIXED)
        return NULL;
    for (size_t i = 0; i < m->n; i++)
        if (made_of(m->v[i], k))
            return &m->v[i]->family;
    if (m->n == DRIVERS_MAX)
        return NULL;
    d = m->v[m->n++] = mem_zalloc(1, sizeof *d);
    d->id = k->id;
    d->n = k->n;
    d->nfixed = k->nfixed;
    d->of = mem_zalloc((k->nfixed + 1) * k->n, sizeof *d->of);
    for (size_t i = 0; i <= k->nfixed; i++)
        memcpy(d->of + i * k->n, part(k, i), k->n * sizeof *d->of);
    return &d->family;
}

struct growth_explanation *growth_family_add(struct growth_family *f, size_t n,
                                             size_t p)
{
    struct growth_explanation *e;
    double *q = mem_zalloc(GROWTH_MEMO_NOISES * n * (p + 1), sizeof *q);

    f->v = mem_grow(f->v, f->n, &f->cap, sizeof *f->v);
    e = &f->v[f->n++];
    *e = (struct growth_explanation){.p = p};
    for (size_t i = 0; i < GROWTH_MEMO_NOISES; i++)
        e->noise[i].q = q + i * n * p;
    return e;
}
