/* Barrier rows to blocks: see barriers.h. */
#include "analyzers/barriers.h"
#include "analyzers/lsq.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double barriers_rate(const struct record *r)
{
    const struct series *s = &r->samples, *b = &r->barriers;
    double requests = 0, seconds = 0;

    for (size_t i = 1; s->requests != NULL && s->phase != NULL && i < s->n;
         i++) {
        double dr = s->requests[i] - s->requests[i - 1];
        double dt = s->t_s[i] - s->t_s[i - 1];

        if (s->phase[i] != PHASE_LOAD || s->phase[i - 1] != PHASE_LOAD ||
            !(dr >= 0) || !(dt > 0))
            continue;
        requests += dr;
        seconds += dt;
    }
    if (!(requests > 0) && b->requests != NULL && b->n > 1) {
        requests = b->requests[b->n - 1] - b->requests[0];
        seconds = b->t_s[b->n - 1] - b->t_s[0];
    }
    return requests > 0 && seconds > 0 ? requests / seconds : NAN;
}

static bool row_usable(const struct series *s, const struct column *c, size_t i)
{
    return isfinite(c->v[i]) && isfinite(s->requests[i]) &&
           (s->phase == NULL || s->phase[i] != PHASE_DIAGNOSE);
}

/* Kinds count only when every used row knows them. */
static bool kinds_usable(const struct record *r, size_t rows)
{
    if (r->nkinds < 2)
        return false;
    for (size_t k = 0; k < r->nkinds; k++)
        for (size_t i = 0; i < rows; i++)
            if (r->kinds[k].completed == NULL ||
                !isfinite(r->kinds[k].completed[i]))
                return false;
    return true;
}

/* The kinds' shares as the scenario weighs them; NULL where a kind is a flow,
   whose requests are several and not counted apart. */
static double *asked_shares(const struct record *r, size_t nkinds)
{
    double *share = mem_zalloc(nkinds, sizeof *share), sum = 0;

    for (size_t k = 0; k < nkinds; k++) {
        share[k] = fmax(r->kinds[k].weight, 0);
        sum += r->kinds[k].flow ? NAN : share[k];
    }
    if (!(sum > 0)) {
        free(share);
        return NULL;
    }
    for (size_t k = 0; k < nkinds; k++)
        share[k] /= sum;
    return share;
}

static void blocks_add(const struct record *r, const struct column *c,
                       size_t from, size_t to, struct blocks *out)
{
    const struct series *s = &r->barriers;
    size_t i = out->n++;

    out->d[i] = c->v[to] - c->v[from];
    out->requests[i] = s->requests[to] - s->requests[from];
    out->hours[i] = (s->t_s[to] - s->t_s[from]) / 3600;
    out->row[i] = to;
    if (s->proc_starts != NULL &&
        isfinite(s->proc_starts[to] - s->proc_starts[from]))
        out->restarts[i] = fmax(0, s->proc_starts[to] - s->proc_starts[from]);
    out->restarted += out->restarts[i];
    for (size_t k = 0; k < out->nkinds; k++)
        out->kinds[k][i] =
            r->kinds[k].completed[to] - r->kinds[k].completed[from];
    out->last = c->v[to];
    if (-out->d[i] > out->top * fabs(c->v[from]))
        out->top = -out->d[i] / fabs(c->v[from]);
}

void blocks_gather(const struct record *r, const struct column *c, size_t rows,
                   struct blocks *out)
{
    const struct series *s = &r->barriers;
    size_t n = rows > 0 && rows < s->n ? rows : s->n, last = n;

    *out = (struct blocks){.first = NAN, .last = NAN};
    if (n == 0 || s->requests == NULL)
        return;
    out->d = mem_zalloc(n, sizeof *out->d);
    out->requests = mem_zalloc(n, sizeof *out->requests);
    out->hours = mem_zalloc(n, sizeof *out->hours);
    out->restarts = mem_zalloc(n, sizeof *out->restarts);
    out->row = mem_zalloc(n, sizeof *out->row);
    out->nkinds = kinds_usable(r, n) ? r->nkinds : 0;
    out->kinds = mem_zalloc(out->nkinds, sizeof *out->kinds);
    for (size_t k = 0; k < out->nkinds; k++)
        out->kinds[k] = mem_zalloc(n, sizeof **out->kinds);
    out->asked = out->nkinds > 0 ? asked_shares(r, out->nkinds) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!row_usable(s, c, i))
            continue;
        if (last == n) {
            out->first = out->last = c->v[i];
            out->start = i;
            last = i;
        } else if (s->requests[i] > s->requests[last] &&
                   s->t_s[i] > s->t_s[last]) {
            blocks_add(r, c, last, i, out);
            last = i;
        }
    }
}

/* The share of `young` in `d`, beside a growth that the requests of each kind
   (or, with many kinds, all requests) explain. Blocks with weight 0 have no
   say. Zero when it explains little. */
static double garbage_share(const struct blocks *b, const double *young,
                            const double *weight)
{
    size_t n = b->n, p = b->nkinds > 0 && b->nkinds <= 3 ? b->nkinds : 1;
    double *z = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *z), without = 0;
    double share = 0;
    struct lsq s;

    if (n < p + 3)
        p = 1; /* too few blocks to tell the kinds apart as well */
    for (int with = 0; with < 2; with++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < p; j++)
                z[j * n + i] =
                    weight[i] * (p > 1 ? b->kinds[j][i] : b->requests[i]);
            z[p * n + i] = weight[i] * young[i];
            z[LSQ_PARTS * n + i] = weight[i] * b->d[i];
        }
        if (n < p + 3 || !lsq_solve(z, n, p + (size_t)with, &s))
            break;
        if (with == 0)
            without = s.rss;
        else if (s.b[p] > 0 && s.rss < 0.7 * without)
            share = fmin(s.b[p], 3);
    }
    free(z);
    return share;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* A full collection moves survivors out of the young: then the young shrink
   though nothing was freed, and say nothing of garbage. Such a block is known
   by its tracked objects, which are nearer to the usual as they were read.
   Fills `weight` with 1, or 0 for those. */
static void garbage_weights(const double *tracked, const double *young,
                            size_t n, double *weight)
{
    double *rest = mem_zalloc(n, sizeof *rest), middle;

    for (size_t i = 0; i < n; i++)
        rest[i] = tracked[i] - young[i];
    qsort(rest, n, sizeof *rest, by_value);
    middle = rest[n / 2];
    for (size_t i = 0; i < n; i++)
        weight[i] =
            fabs(tracked[i] - young[i] - middle) <= fabs(tracked[i] - middle);
    free(rest);
}

/* Differences of column `c` over the blocks; false when one is unknown. */
static bool differences(const struct record *r, const char *name,
                        const struct blocks *b, double *out)
{
    const struct column *c = series_column(&r->barriers, name);
    size_t from = b->start;

    for (size_t i = 0; c != NULL && i < b->n; i++) {
        out[i] = c->v[b->row[i]] - c->v[from];
        from = b->row[i];
        if (!isfinite(out[i]))
            return false;
    }
    return c != NULL;
}

/* The collector has looked at the young often enough for a leak to show behind
   them: three times in each process. Before that, what leaks is itself among
   the young, and taking them out would hide it. */
static bool young_are_emptied(const struct record *r, const struct blocks *b)
{
    const struct column *runs =
        series_column(&r->barriers, "py_gc_collections");
    const struct column *procs = series_column(&r->barriers, "procs");
    size_t last = b->row[b->n - 1];
    double many;

    if (runs == NULL)
        return false;
    many = procs != NULL && procs->v[last] > 1 ? procs->v[last] : 1;
    return runs->v[last] - runs->v[b->start] >= 3 * many;
}

void blocks_clear_garbage(const struct record *r, const struct column *c,
                          struct blocks *b)
{
    bool tracked = strcmp(c->metric.name, "py_gc_objects") == 0;
    double *young, *objects, *weight;

    if (b->n == 0 || (!tracked && strcmp(c->metric.name, "py_blocks") != 0))
        return;
    young = mem_zalloc(b->n, sizeof *young);
    objects = mem_zalloc(b->n, sizeof *objects);
    weight = mem_zalloc(b->n, sizeof *weight);
    if (differences(r, "py_gc_young", b, young) &&
        differences(r, "py_gc_objects", b, objects)) {
        b->hiding = !young_are_emptied(r, b);
        garbage_weights(objects, young, b->n, weight);
        b->garbage = tracked ? 1 : garbage_share(b, young, weight);
        for (size_t i = 0; i < b->n; i++)
            b->d[i] -= b->garbage * weight[i] * young[i];
    }
    free(weight);
    free(objects);
    free(young);
}

/* Readings come in these steps: pages where the kernel counts, allocator
   granules where a heap does, ones where things are counted. */
static double quantum(const struct metric *m, double level)
{
    if (m->unit != METRIC_BYTES)
        return m->unit == METRIC_COUNT ? 1 : 1e-6 * fabs(level) + 1e-9;
    if (m->role == METRIC_HEAP)
        return fmax(64, 1e-5 * fabs(level));
    return fmax(4096, 5e-5 * fabs(level));
}

void blocks_view(const struct blocks *b, const struct metric *m,
                 struct growth_data *out)
{
    *out = (struct growth_data){
        .n = b->n,
        .d = b->d,
        .requests = b->requests,
        .hours = b->hours,
        .restarts = b->restarted > 0 ? b->restarts : NULL,
        .kinds = (const double *const *)b->kinds,
        .nkinds = b->nkinds,
        .asked = b->asked,
        .quantum = quantum(m, b->last),
    };
}

void blocks_release(struct blocks *b)
{
    for (size_t k = 0; k < b->nkinds; k++)
        free(b->kinds[k]);
    free(b->kinds);
    free(b->asked);
    free(b->row);
    free(b->restarts);
    free(b->hours);
    free(b->requests);
    free(b->d);
    *b = (struct blocks){0};
}
