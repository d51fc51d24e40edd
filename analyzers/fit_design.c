#include "analyzers/fit_design.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More than one column needs, however it is looked at. */
enum { DESIGNS_MAX = 24 };

const double fit_rhos[FIT_RHOS] = {0, 0.3, 0.55, 0.75, 0.88, 0.95};

struct fit_memo {
    struct fit_design *v[DESIGNS_MAX];
    size_t n, next;
    const struct fit_design *last;
    void *room;
};

struct fit_memo *fit_memo_new(void)
{
    return mem_zalloc(1, sizeof(struct fit_memo));
}

static void design_free(struct fit_design *d)
{
    if (d != NULL)
        free(d->level);
    free(d);
}

void fit_memo_free(struct fit_memo *m)
{
    for (size_t i = 0; m != NULL && i < m->n; i++)
        design_free(m->v[i]);
    if (m != NULL)
        free(m->room);
    free(m);
}

void *fit_memo_room(struct fit_memo *m, size_t size)
{
    if (m->room == NULL)
        m->room = mem_zalloc(1, size);
    return m->room;
}

/* With z_i = v_i - rho v_{i-1} inside a life and sqrt(1 - rho^2) v_0 at its
 * start, any product of two whitened functions is now - rho lag + rho^2
 * past, where past is now but for the first and the last point of each life.
 * What jumps or bends is zero before. */
void fit_multiply(const struct fit_design *d, const double *a, const double *at,
                  int stride, int width, struct fit_products *out)
{
    double *restrict now = out->now, *restrict lag = out->lag;

    memset(out, 0, sizeof *out);
    for (int m = 0; m < d->n; m++)
        for (int k = 0; a[m] != 0 && k < width; k++)
            now[k] += a[m] * at[m * stride + k];
    memcpy(out->past, now, (size_t)width * sizeof *now);
    for (int l = 0; l < d->nlives; l++) {
        int first = d->begin[l], last = d->begin[l + 1] - 1;

        for (int k = 0; k < width; k++)
            out->past[k] -= a[first] * at[first * stride + k] +
                            a[last] * at[last * stride + k];
        for (int m = first; m < last; m++) {
            const double *b = at + m * stride, *next = b + stride;
            double here = a[m], ahead = a[m + 1];

            for (int k = 0; (here != 0 || ahead != 0) && k < width; k++)
                lag[k] += ahead * b[k] + here * next[k];
        }
    }
}

double fit_level(const struct fit_design *d, const double *v, int l, double rho)
{
    int a = d->begin[l], b = d->begin[l + 1];
    double first = 1 - rho * rho, rest = (1 - rho) * (1 - rho);
    double norm = 1 / sqrt(first + rest * (b - a - 1)), inner = 0, sum;

    for (int m = a + 1; m + 1 < b; m++)
        inner += v[m];
    /* The sum of v_m - rho v_{m-1} over a + 1 .. b - 1. */
    sum = (1 - rho) * inner + v[b - 1] - rho * v[a];
    if (b - a == 1)
        sum = 0;
    return (first * v[a] + (1 - rho) * sum) * norm;
}

const double *fit_levels(const struct fit_design *d, int rho, int l)
{
    return d->level +
           ((size_t)rho * (size_t)d->nlives + (size_t)l) * SHAPES_STEADY;
}

static void find_lives(struct fit_design *d)
{
    int life = 0;

    for (int i = 0; i < d->n; i++)
        if (i == 0 || d->of.life[i] != d->of.life[i - 1])
            d->begin[life++] = i;
    d->begin[life] = d->n;
}

static void whiten(struct fit_design *d, int i, const struct fit_products *p)
{
    for (int r = 0; r < FIT_RHOS; r++) {
        double rho = fit_rhos[r];

        for (int k = 0; k <= i; k++) {
            double sum = p->now[k] - rho * p->lag[k] + rho * rho * p->past[k];

            for (int l = 0; l < d->nlives; l++) {
                const double *level = fit_levels(d, r, l);

                sum -= level[i] * level[k];
            }
            d->g[r][i][k] = d->g[r][k][i] = sum;
        }
    }
}

static struct fit_design *design_new(const struct fit_points *p)
{
    struct fit_design *d = mem_zalloc(1, sizeof *d);
    struct fit_products products;

    d->of = *p;
    d->n = p->n;
    d->nlives = p->nlives;
    find_lives(d);
    shapes_build(p, &d->s);
    for (int m = 0; m < d->n; m++)
        for (int i = 0; i < d->s.n; i++)
            d->at[m * FIT_STEADY + i] = d->s.b[i].v[m];
    d->level = mem_zalloc((size_t)FIT_RHOS * (size_t)d->nlives * SHAPES_STEADY,
                          sizeof *d->level);
    for (int r = 0; r < FIT_RHOS; r++)
        for (int l = 0; l < d->nlives; l++) {
            double *level = (double *)fit_levels(d, r, l);

            for (int i = 0; i < d->s.n; i++)
                level[i] = fit_level(d, d->s.b[i].v, l, fit_rhos[r]);
        }
    for (int i = 0; i < d->s.n; i++) {
        fit_multiply(d, d->s.b[i].v, d->at, FIT_STEADY, i + 1, &products);
        whiten(d, i, &products);
    }
    return d;
}

static bool same(const struct fit_points *a, const struct fit_points *b)
{
    size_t bytes = (size_t)a->n * sizeof *a->age;

    if (a->n != b->n || a->nlives != b->nlives || a->born != b->born ||
        a->nloads != b->nloads || memcmp(a->age, b->age, bytes) != 0 ||
        memcmp(a->life, b->life, (size_t)a->n * sizeof *a->life) != 0)
        return false;
    for (int i = 0; i < a->nloads; i++)
        if (memcmp(a->load[i], b->load[i], bytes) != 0)
            return false;
    return true;
}

const struct fit_design *fit_design_of(struct fit_memo *m,
                                       const struct fit_points *p, bool *fresh)
{
    const struct fit_design *last = m->last;
    struct fit_design **place;

    m->last = NULL;
    for (size_t i = 0; i < m->n && m->last == NULL; i++)
        if (same(&m->v[i]->of, p))
            m->last = m->v[i];
    *fresh = m->last == NULL || m->last != last;
    if (m->last != NULL)
        return m->last;
    place = &m->v[m->next];
    m->next = (m->next + 1) % DESIGNS_MAX;
    if (m->n < DESIGNS_MAX)
        m->n++;
    design_free(*place);
    *place = design_new(p);
    m->last = *place;
    return m->last;
}
