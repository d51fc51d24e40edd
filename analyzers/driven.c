#include "analyzers/driven.h"

#include "analyzers/lsq.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

double driven_apart(const double *x, const double *y, size_t n)
{
    double xx = lsq_dot(x, x, n), yy = lsq_dot(y, y, n), xy = lsq_dot(x, y, n);

    if (!(xx > 0))
        return 0;
    return yy > 0 ? sqrt(fmax(1 - xy * xy / (xx * yy), 0)) : 1;
}

/* Adds what driver `d` counted in each block; false when it is not known. */
static bool add_counts(const struct record_driver *d, const struct blocks *b,
                       size_t from, double *x)
{
    size_t before = from > 0 ? b->row[from - 1] : b->start;

    for (size_t i = from; i < b->n; i++) {
        double v = d->count[b->row[i]] - d->count[before];

        if (!(v >= 0))
            return false;
        x[i - from] += v;
        before = b->row[i];
    }
    return true;
}

static double total(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

/* Requests of kind `k`; with one kind only, all of them. */
static const double *kind_counts(const struct blocks *b, size_t from, int k)
{
    if ((size_t)k < b->nkinds)
        return b->kinds[k] + from;
    return k == 0 && b->nkinds == 0 ? b->requests + from : NULL;
}

static void add_ratio(struct driven_group *g, int kind, double ratio)
{
    size_t i = 0;

    while (i < g->nkinds && g->kinds[i] != kind)
        i++;
    if (i == g->nkinds) {
        g->kinds = mem_realloc(g->kinds, i + 1, sizeof *g->kinds);
        g->ratio = mem_realloc(g->ratio, i + 1, sizeof *g->ratio);
        g->kinds[i] = kind;
        g->ratio[i] = 0;
        g->nkinds++;
    }
    g->ratio[i] += ratio;
}

/* Shares `all`, counted at driver `d`, out among the kinds that send it. */
static void add_kinds(struct driven_group *g, const struct record_driver *d,
                      const struct blocks *b, size_t from, double all)
{
    double sent = 0;

    for (int with = 0; with < 2; with++)
        for (size_t i = 0; i < d->nkinds; i++) {
            const double *k = kind_counts(b, from, d->kinds[i]);
            double runs = k != NULL ? total(k, b->n - from) : 0;

            if (!(runs > 0))
                continue;
            if (with == 0)
                sent += runs * d->times[i];
            else
                add_ratio(g, d->kinds[i], all * d->times[i] / sent);
        }
}

/* The group of driver `first`; false when it is of no use. */
static bool make_group(const struct record *r, const struct blocks *b,
                       size_t from, size_t first, struct driven_group *g)
{
    size_t n = b->n - from;
    double *x = mem_zalloc(n, sizeof *x);

    *g = (struct driven_group){.what = r->drivers[first].what,
                               .driver = (int)first,
                               .x = mem_zalloc(n, sizeof *g->x)};
    for (size_t i = first; i < r->ndrivers; i++) {
        const struct record_driver *d = &r->drivers[i];
        bool known;

        if (d->group != r->drivers[first].group || d->what != g->what)
            continue;
        for (size_t j = 0; j < n; j++)
            x[j] = 0;
        known = d->count != NULL && add_counts(d, b, from, x);
        if (!known) {
            free(x);
            return false;
        }
        for (size_t j = 0; j < n; j++)
            g->x[j] += x[j];
        add_kinds(g, d, b, from, total(x, n));
    }
    free(x);
    return total(g->x, n) > 0;
}

static void group_release(struct driven_group *g)
{
    free(g->x);
    free(g->kinds);
    free(g->ratio);
}

void driven_gather(const struct record *r, const struct blocks *b, size_t from,
                   struct driven *out)
{
    *out = (struct driven){.at = mem_zalloc(r->ndrivers, sizeof *out->at)};
    for (size_t i = 0; i < r->ndrivers && from < b->n; i++) {
        struct driven_group *g = &out->at[out->n];
        bool first = true;

        for (size_t j = 0; j < i; j++)
            first = first && (r->drivers[j].group != r->drivers[i].group ||
                              r->drivers[j].what != r->drivers[i].what);
        if (!first)
            continue;
        if (make_group(r, b, from, i, g))
            out->n++;
        else
            group_release(g);
    }
}

void driven_release(struct driven *d)
{
    for (size_t i = 0; i < d->n; i++)
        group_release(&d->at[i]);
    free(d->at);
    *d = (struct driven){.at = NULL};
}
