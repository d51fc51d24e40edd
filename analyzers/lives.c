#include "analyzers/lives.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Processes are seen at samples only: so far from a barrier they still count
   as there, seconds. */
#define SLACK_S 0.05

/* Linux tells start times to user space in these, on every machine. */
#define TICKS_PER_S 100

/* A process that serves uses so much of what others of its kind use. */
#define SERVES 0.2

/* The service's requests at time `t`, from the samples, else the barriers. */
static double requests_at(const struct record *r, double t)
{
    const struct series *s = &r->samples;
    size_t lo = 0, hi;

    if (s->requests == NULL || s->n < 2 || s->t_s[0] > t)
        s = &r->barriers;
    for (hi = s->n; hi - lo > 1;) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->t_s[mid] <= t)
            lo = mid;
        else
            hi = mid;
    }
    if (lo + 1 >= s->n || s->t_s[lo] >= t)
        return s->requests[lo];
    return s->requests[lo] + (s->requests[lo + 1] - s->requests[lo]) *
                                 (t - s->t_s[lo]) /
                                 (s->t_s[lo + 1] - s->t_s[lo]);
}

/* Processes are first seen some time after they began; the kernel's start
   times say how long after, but for a shift: the one seen soonest was seen at
   once. */
static double birth_shift(const struct record *r)
{
    double shift = INFINITY, first = INFINITY;

    for (size_t i = 0; i < r->nprocesses; i++)
        first = fmin(first, r->processes[i].first_s);
    for (size_t i = 0; i < r->nprocesses; i++) {
        const struct record_process *p = &r->processes[i];

        if (p->start > 0 && p->first_s > first)
            shift = fmin(shift, p->first_s - (double)p->start / TICKS_PER_S);
    }
    return shift;
}

static double birth(const struct record_process *p, double shift)
{
    double t = (double)p->start / TICKS_PER_S + shift;

    return p->start > 0 && isfinite(t) ? fmin(t, p->first_s) : p->first_s;
}

/* The edges at which process `p` was there; false: none. */
static bool life_edges(const struct record *r, const struct record_process *p,
                       const size_t *rows, size_t edges, struct life *out)
{
    bool seen = false;

    for (size_t e = 0; e < edges; e++) {
        double t = r->barriers.t_s[rows[e]];

        if (p->first_s > t + SLACK_S || p->last_s < t - SLACK_S)
            continue;
        if (!seen)
            out->first = e;
        out->last = e;
        seen = true;
    }
    return seen;
}

/* Own age at edge `e`: the life's share of the requests since its birth. */
static double age_at(const struct lives *l, const struct life *v, size_t e)
{
    return fmax(l->done[e] - v->born, 0) / l->at_once;
}

static size_t count_at(const struct lives *l, size_t e)
{
    size_t here = 0;

    for (size_t i = 0; i < l->n; i++)
        here += l->v[i].first <= e && e <= l->v[i].last;
    return here;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* How many live at once as a rule, and how long: lives that were not seen to
   their end count for what was seen of them (the estimate for censored lives,
   Epstein and Sobel 1953). */
static void measure(struct lives *l)
{
    double *here = mem_zalloc(l->edges, sizeof *here), deaths = 0;

    for (size_t e = 0; e < l->edges; e++)
        here[e] = (double)count_at(l, e);
    qsort(here, l->edges, sizeof *here, by_value);
    l->at_once = fmax(here[l->edges / 2], 1);
    l->uneven = here[0] != here[l->edges - 1];
    free(here);
    for (size_t i = 0; i < l->n; i++) {
        const struct life *v = &l->v[i];

        l->oldest = fmax(l->oldest, age_at(l, v, v->last));
        deaths += v->last + 1 < l->edges;
    }
    l->length = l->done[l->edges - 1] * l->at_once / fmax(deaths, 1);
}

/* CPU seconds per second; NaN: unknown. */
static double busy(const struct record_process *p)
{
    return (p->cpu_last - p->cpu_first) / (p->last_s - p->first_s);
}

/* What a process that serves uses at least: a fraction of what those that
   were replaced do. Whoever only starts the others is far below. */
static double busy_least(const struct record *r, const struct lives *l,
                         const size_t *process)
{
    double *v = mem_zalloc(l->n + 1, sizeof *v), least = NAN;
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        double use = busy(&r->processes[process[i]]);

        if (isfinite(use))
            v[n++] = use;
    }
    if (n > 0) {
        qsort(v, n, sizeof *v, by_value);
        least = SERVES * v[n / 2];
    }
    free(v);
    return least;
}

/* Adds those that lived all through the run and served like the others.
   False when it cannot be told which of several did. */
static bool add_stayed(const struct record *r, const size_t *rows,
                       const size_t *stayed, size_t n, double least,
                       struct lives *out)
{
    double from = r->barriers.requests[rows[0]];
    size_t unknown = 0;

    for (size_t i = 0; i < n; i++) {
        const struct record_process *p = &r->processes[stayed[i]];
        double use = busy(p);

        unknown += isnan(use) || isnan(least);
        if (use >= least)
            out->v[out->n++] = (struct life){requests_at(r, p->first_s) - from,
                                             0, out->edges - 1};
    }
    return unknown <= 1;
}

/* Sorts the processes into lives that changed and such as stayed. Returns how
   many began on the way. */
static size_t sort_out(const struct record *r, const size_t *rows,
                       struct lives *out, size_t *changed, size_t *stayed,
                       size_t *nstayed)
{
    double shift = birth_shift(r), from = r->barriers.requests[rows[0]];
    size_t births = 0;

    for (size_t i = 0; i < r->nprocesses; i++) {
        const struct record_process *p = &r->processes[i];
        struct life *v = &out->v[out->n];

        if (!life_edges(r, p, rows, out->edges, v))
            continue;
        if (v->first == 0 && v->last + 1 == out->edges) {
            stayed[(*nstayed)++] = i;
            continue;
        }
        births += v->first > 0;
        v->born = requests_at(r, birth(p, shift)) - from;
        changed[out->n++] = i;
    }
    return births;
}

bool lives_find(const struct record *r, const size_t *rows, size_t edges,
                struct lives *out)
{
    const struct series *s = &r->barriers;
    size_t nstayed = 0, *changed, *stayed;

    *out = (struct lives){.edges = edges};
    if (r->nprocesses < 2 || edges < 2 || s->requests == NULL)
        return false;
    out->v = mem_zalloc(r->nprocesses, sizeof *out->v);
    out->done = mem_zalloc(edges, sizeof *out->done);
    changed = mem_zalloc(r->nprocesses, sizeof *changed);
    stayed = mem_zalloc(r->nprocesses, sizeof *stayed);
    for (size_t e = 0; e < edges; e++)
        out->done[e] = s->requests[rows[e]] - s->requests[rows[0]];
    if (sort_out(r, rows, out, changed, stayed, &nstayed) > 0 &&
        add_stayed(r, rows, stayed, nstayed, busy_least(r, out, changed), out))
        measure(out);
    free(stayed);
    free(changed);
    if (out->oldest > 0)
        return true;
    lives_release(out);
    return false;
}

void lives_part(const struct lives *l, double (*of)(double age, double arg),
                double arg, double *x)
{
    for (size_t e = 0; e + 1 < l->edges; e++)
        x[e] = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct life *v = &l->v[i];
        double before = 0;

        for (size_t e = v->first; e <= v->last; e++) {
            double now = of(age_at(l, v, e), arg);

            if (e > 0)
                x[e - 1] += now - (e > v->first ? before : 0);
            before = now;
        }
        if (v->last + 1 < l->edges)
            x[v->last] -= before;
    }
}

double lives_age(double age, double unused)
{
    (void)unused;
    return age;
}

void lives_release(struct lives *l)
{
    free(l->v);
    free(l->done);
    *l = (struct lives){0};
}
