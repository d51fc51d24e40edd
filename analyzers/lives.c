#include "analyzers/lives.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Processes are seen at samples only: so far from a barrier they still count
   as there, seconds. */
#define SLACK_S 0.05

/* Linux tells start times to user space in these, on every machine. */
#define TICKS_PER_S 100

/* CPU time tells ages when a life comes to so many ticks of it. */
#define LIFE_TICKS 10

/* A process that serves uses so much of what others of its kind use. */
#define SERVES 0.2

/* So many processes more than there were are no pool that takes its size. */
#define ON_TOP_LEAST 6

bool lives_on_top(const struct series *s)
{
    const struct column *procs = series_column(s, "procs");
    double first = NAN, last = NAN;

    for (size_t i = 0; procs != NULL && i < s->n; i++) {
        if (!isfinite(procs->v[i]))
            continue;
        first = isfinite(first) ? first : procs->v[i];
        last = procs->v[i];
    }
    return last - first >= ON_TOP_LEAST;
}

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

double lives_age_at(const struct lives *l, size_t i, size_t e)
{
    if (l->age != NULL)
        return l->age[i * l->edges + e];
    return fmax(l->done[e] - l->v[i].born, 0) / l->at_once;
}

double lives_age_of(const struct record *r, const struct lives *l, size_t i,
                    const struct record_own *own)
{
    if (l->cost > 0 && isfinite(own->cpu_s))
        return fmax(own->cpu_s - l->start, 0) / l->cost;
    return fmax(requests_at(r, own->t_s) - l->from - l->v[i].born, 0) /
           l->at_once;
}

const struct record_own *lives_own(const struct record *r,
                                   const struct lives *l, size_t i, size_t row)
{
    const struct record_process *p = &r->processes[l->v[i].process];

    const struct record_own *own = NULL;
    double nearest = SLACK_S;

    for (size_t k = 0; k < p->nown; k++) {
        double off = fabs(p->own[k].t_s - r->barriers.t_s[row]);

        if (off >= nearest)
            continue;
        nearest = off;
        own = &p->own[k];
    }
    return own;
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
    for (size_t i = 0; i < l->n; i++)
        deaths += l->v[i].last + 1 < l->edges;
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
            out->v[out->n++] =
                (struct life){.born = requests_at(r, p->first_s) - from,
                              .last = out->edges - 1,
                              .process = stayed[i]};
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
        v->process = i;
        changed[out->n++] = i;
    }
    return births;
}

/* Adds the CPU time that life `i` used, and its even share of the requests,
   from the middle third of its readings to the last one: what it cost to start
   is in neither (a line through means of groups, Wald 1940). */
static void add_use(const struct record *r, const struct lives *l, size_t i,
                    double *cpu, double *requests)
{
    const struct record_process *p = &r->processes[l->v[i].process];
    size_t third = p->nown / 3;

    for (size_t k = third; third > 0 && k < 3 * third; k++) {
        const struct record_own *own = &p->own[p->nown - 3 * third + k];
        double sign = k < 2 * third ? -1 : 1;

        if (!isfinite(own->cpu_s))
            continue;
        *cpu += sign * own->cpu_s / (double)third;
        *requests +=
            sign * requests_at(r, own->t_s) / l->at_once / (double)third;
    }
}

/* The CPU time that each life had used at each of its edges, NaN: unknown.
   Fills the sums of it and of even shares. */
static void cpu_at_edges(const struct record *r, const size_t *rows,
                         const struct lives *l, double *at, double *used,
                         double *even, size_t *readings)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t e = l->v[i].first; e <= l->v[i].last; e++) {
            const struct record_own *own = lives_own(r, l, i, rows[e]);

            at[i * l->edges + e] = own != NULL ? own->cpu_s : NAN;
            if (own == NULL || !isfinite(own->cpu_s))
                continue;
            *used += own->cpu_s;
            *even += lives_age_at(l, i, e);
            ++*readings;
        }
}

/* Is CPU time known to less than a tick? */
static bool finer_than_ticks(const struct record *r, const struct lives *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct record_process *p = &r->processes[l->v[i].process];

        for (size_t k = 0; k < p->nown; k++) {
            double ticks = p->own[k].cpu_s * TICKS_PER_S;

            if (fabs(ticks - round(ticks)) > 1e-3)
                return true;
        }
    }
    return false;
}

/* Workers do not share the load evenly, but a request costs what it costs: the
   CPU time that each has used tells how many it served. What a start costs is
   such that ages are on average what even shares make them. */
static void age_by_cpu(const struct record *r, const size_t *rows,
                       struct lives *l)
{
    double cpu = 0, requests = 0, used = 0, even = 0, cost, start;
    double *age = mem_zalloc(l->n * l->edges, sizeof *age);
    size_t readings = 0;

    cpu_at_edges(r, rows, l, age, &used, &even, &readings);
    for (size_t i = 0; i < l->n; i++)
        add_use(r, l, i, &cpu, &requests);
    cost = cpu / requests;
    /* Fine enough: so many ticks in a life. */
    if (readings == 0 || !(requests > 0) || !(cost > 0) ||
        (!(2 * cost * even / (double)readings * TICKS_PER_S >= LIFE_TICKS) &&
         !finer_than_ticks(r, l))) {
        free(age);
        return;
    }
    l->cost = cost;
    l->start = start = (used - cost * even) / (double)readings;
    for (size_t i = 0; i < l->n; i++)
        for (size_t e = l->v[i].first; e <= l->v[i].last; e++) {
            double *at = &age[i * l->edges + e];

            *at = isfinite(*at) ? fmax(*at - start, 0) / cost
                                : lives_age_at(l, i, e);
        }
    l->age = age;
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
    out->from = s->requests[rows[0]];
    if (sort_out(r, rows, out, changed, stayed, &nstayed) > 0 &&
        add_stayed(r, rows, stayed, nstayed, busy_least(r, out, changed), out))
        measure(out);
    if (out->at_once > 1)
        age_by_cpu(r, rows, out);
    for (size_t i = 0; out->at_once > 0 && i < out->n; i++)
        out->oldest = fmax(out->oldest, lives_age_at(out, i, out->v[i].last));
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
            double now = of(lives_age_at(l, i, e), arg);

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
    free(l->age);
    *l = (struct lives){0};
}
