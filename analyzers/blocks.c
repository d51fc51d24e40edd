/* Barrier rows to blocks: see barriers.h. */
#include "analyzers/barriers.h"
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

/* What a collection leaves is read again and again until the next one: only a
   reading behind a new collection says something. */
static bool row_is_new(const struct record *r, const struct column *c,
                       size_t last, size_t i)
{
    const struct column *runs;

    if (strcmp(c->metric.name, "jvm_heap_after_gc_bytes") != 0)
        return true;
    runs = series_column(&r->barriers, "jvm_gc_collections");
    return runs == NULL || !(runs->v[i] <= runs->v[last]);
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

static void gather_lives(const struct record *r, struct blocks *b)
{
    size_t *edge;

    if (b->restarted == 0)
        return;
    edge = mem_zalloc(b->n + 1, sizeof *edge);
    edge[0] = b->start;
    for (size_t i = 0; i < b->n; i++)
        edge[i + 1] = b->row[i];
    lives_find(r, edge, b->n + 1, &b->lives);
    free(edge);
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
                   s->t_s[i] > s->t_s[last] && row_is_new(r, c, last, i)) {
            blocks_add(r, c, last, i, out);
            last = i;
        }
    }
    gather_lives(r, out);
}

void blocks_plant(const struct record *r, const struct column *c,
                  double per_request, double *v)
{
    const struct series *s = &r->barriers;
    struct blocks b;
    size_t i = 0, before;
    double *x, held = 0;

    blocks_gather(r, c, 0, &b);
    x = mem_zalloc(b.n + 1, sizeof *x);
    if (b.lives.n > 0)
        lives_part(&b.lives, lives_age, 0, x);
    for (size_t k = 0; k < b.n; k++) {
        before = k > 0 ? b.row[k - 1] : b.start;
        for (i = before + 1; i <= b.row[k]; i++)
            v[i] += held +
                    per_request * (b.lives.n > 0
                                       ? x[k]
                                       : s->requests[i] - s->requests[before]);
        held += per_request * (b.lives.n > 0 ? x[k] : b.requests[k]);
    }
    for (; b.n > 0 && i < s->n; i++)
        v[i] += held;
    free(x);
    blocks_release(&b);
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
        .lives = b->lives.n > 0 ? &b->lives : NULL,
        .kinds = (const double *const *)b->kinds,
        .nkinds = b->nkinds,
        .asked = b->asked,
        .quantum = quantum(m, b->last),
        .counts = m->role == METRIC_OBJECTS,
    };
}

void blocks_release(struct blocks *b)
{
    for (size_t k = 0; k < b->nkinds; k++)
        free(b->kinds[k]);
    free(b->kinds);
    lives_release(&b->lives);
    free(b->asked);
    free(b->row);
    free(b->restarts);
    free(b->hours);
    free(b->requests);
    free(b->d);
    *b = (struct blocks){0};
}
