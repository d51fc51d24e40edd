#include "tests/calibrate/sim.h"

#include "harness/base/mem.h"
#include "harness/model/mixplan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *sim_base_name(enum sim_base b)
{
    static const char *const names[SIM_BASES] = {"exact",
                                                 "jitter",
                                                 "walk",
                                                 "warm-up",
                                                 "cache, uniform keys",
                                                 "LRU",
                                                 "cache, zipf",
                                                 "late import",
                                                 "arenas",
                                                 "creep",
                                                 "shared mappings",
                                                 "recycled workers",
                                                 "retired workers",
                                                 "pool that grows"};

    return names[b];
}

/* Poisson for small means, rounded normal above. */
static double poisson(struct rng *r, double mean)
{
    double p = exp(-mean), sum = p, u;
    int k = 0;

    if (mean > 50)
        return fmax(0, floor(mean + sqrt(mean) * rng_normal(r) + 0.5));
    u = rng_unit(r);
    while (u > sum && k < 1000) {
        k++;
        p *= mean / k;
        sum += p;
    }
    return k;
}

/* Distinct keys seen after `x` requests of a run of `all`. */
static double zipf_keys(const struct sim *s, double x)
{
    return s->size * (pow((x + 100) / 100, 0.55) - 1) * 0.2;
}

/* What the base adds between `from` and `to` requests of `all`. */
static double base_step(const struct sim *s, struct rng *r, size_t block,
                        double from, double to, double *state)
{
    double all = s->requests * (double)(s->span ? s->span : s->blocks), a, b;

    switch (s->base) {
    case SIM_WARM:
        a = s->requests * (0.3 + 1.2 * s->reach);
        b = s->size * (exp(-from / a) - exp(-to / a));
        return poisson(r, b);
    case SIM_CACHE:
        a = s->reach * all;
        b = a * (exp(-from / a) - exp(-to / a));
        b += sqrt(fmax(b * (1 - b / (to - from)), 0)) * rng_normal(r);
        return floor(fmax(b, 0) + 0.5) * s->size;
    case SIM_LRU:
        return s->size *
               (fmin(to, s->reach * all) - fmin(from, s->reach * all));
    case SIM_ZIPF:
        return poisson(r, fmax(0, zipf_keys(s, to) - zipf_keys(s, from)));
    case SIM_LATE_ONCE:
        return block == (size_t)(s->reach * all / s->requests) ? s->size : 0;
    case SIM_ARENAS:
        a = rng_unit(r) < 0.25 ? 262144 : 0;
        b = *state >= 262144 && rng_unit(r) < 0.25 ? 262144 : 0;
        *state += a - b;
        return a - b;
    case SIM_CREEP:
        return s->size * log((to + s->requests) / (from + s->requests));
    case SIM_SHARED:
        if (rng_unit(r) < 0.2) {
            a = *state != 0 ? -*state : s->size * (1 + rng_unit(r));
            *state += a;
            return a;
        }
        return 0;
    case SIM_WALK:
        return s->noise * rng_normal(r);
    default:
        return 0;
    }
}

static struct column *add_column(struct series *s, const char *name)
{
    struct column *c;

    s->columns = mem_realloc(s->columns, s->ncolumns + 1, sizeof *s->columns);
    c = &s->columns[s->ncolumns++];
    c->name = mem_strdup(name);
    metric_describe(c->name, &c->metric);
    c->v = mem_zalloc(s->n, sizeof *c->v);
    return c;
}

static void sim_kinds(const struct sim *s, struct record *out)
{
    double *share = mem_zalloc(s->kinds * s->blocks, sizeof *share);
    double weight[SIM_KINDS_MAX], sum = 0;

    for (size_t k = 0; k < s->kinds; k++)
        sum += s->weight[k];
    for (size_t k = 0; k < s->kinds; k++)
        weight[k] = sum > 0 ? s->weight[k] : 1;
    mixplan_make(weight, s->kinds, s->blocks, s->seed + 99, share);
    out->nkinds = s->kinds;
    out->kinds = mem_zalloc(s->kinds, sizeof *out->kinds);
    for (size_t k = 0; k < s->kinds; k++) {
        struct record_kind *kind = &out->kinds[k];

        kind->name = mem_printf("kind%zu", k);
        kind->weight = weight[k];
        kind->completed = mem_zalloc(s->blocks + 1, sizeof(double));
        for (size_t b = 0; b < s->blocks; b++)
            kind->completed[b + 1] =
                kind->completed[b] +
                floor(share[b * s->kinds + k] * s->requests + 0.5);
    }
    free(share);
}

/* What the leaks add in one block. */
static double leaked(const struct sim *s, const struct record *r, size_t b,
                     struct rng *rng, double *debt)
{
    double sum = 0, whole;

    for (size_t k = 0; k < s->kinds; k++) {
        double n = r->kinds[k].completed[b + 1] - r->kinds[k].completed[b];
        double mean = n * s->leak[k];

        if (mean > 0 && s->leak_noise > 0)
            mean += s->leak[k] * s->leak_noise * sqrt(n) * rng_normal(rng);
        sum += mean;
    }
    sum +=
        s->leak_per_hour * (r->barriers.t_s[b + 1] - r->barriers.t_s[b]) / 3600;
    *debt += sum; /* whole units only; the rest waits */
    whole = floor(*debt);
    *debt -= whole;
    return whole;
}

enum { WORKERS = 2, POOL_GROWS = 3 };

/* One worker: what it has leaked and served. */
struct worker {
    double leaked, served, retires;
    size_t process; /* in the record */
};

/* What runs on from block to block. */
struct progress {
    struct rng rng;
    double level, state, debt;
    struct worker worker[WORKERS];
    double grows[POOL_GROWS]; /* after so many requests of the first kind */
};

/* What a worker holds. A fresh one has not loaded everything yet. */
static double held(const struct sim *s, const struct worker *w)
{
    double start = s->base == SIM_RETIRED ? s->size : 0;

    return w->leaked - start * exp(-w->served / 20);
}

/* A process of the record that began at `t`. */
static size_t process_add(struct record *r, double t)
{
    struct record_process *p;

    r->processes =
        mem_realloc(r->processes, r->nprocesses + 1, sizeof *r->processes);
    p = &r->processes[r->nprocesses];
    *p = (struct record_process){.pid = 100 + (int64_t)r->nprocesses,
                                 .first_s = t,
                                 .last_s = 1e9,
                                 .cpu_first = 0};
    p->command = mem_strdup("worker");
    return r->nprocesses++;
}

static void process_end(struct record_process *p, double t)
{
    p->last_s = t;
    p->cpu_last = 0.1 * (t - p->first_s);
}

static void worker_start(const struct sim *s, struct record *r,
                         struct progress *p, struct worker *w, double t)
{
    *w = (struct worker){.retires = s->requests * (0.5 + s->reach) *
                                    (1 + 0.1 * rng_unit(&p->rng)),
                         .process = process_add(r, t)};
}

/* The workers' share of a block that leaked `more`; a worker is replaced
   somewhere inside it, at most one per block of those that go by chance. */
static void run_workers(const struct sim *s, struct record *r, size_t b,
                        double more, struct progress *p)
{
    struct series *t = &r->barriers;
    double n = (t->requests[b] - t->requests[b - 1]) / WORKERS;
    double from = t->t_s[b - 1], to = t->t_s[b];
    size_t gone = rng_below(&p->rng, WORKERS);
    bool now = s->base == SIM_RECYCLED && rng_unit(&p->rng) < 0.3;

    for (size_t i = 0; i < WORKERS; i++) {
        struct worker *w = &p->worker[i];
        double at = now && i == gone ? rng_unit(&p->rng) : 1, left = n;

        p->level -= held(s, w);
        if (s->base == SIM_RETIRED && w->served + n > w->retires)
            at = fmax(w->retires - w->served, 0) / n;
        if (at < 1) {
            process_end(&r->processes[w->process], from + at * (to - from));
            worker_start(s, r, p, w, from + at * (to - from));
            t->proc_starts[b]++;
            left = (1 - at) * n;
        }
        w->served += left;
        w->leaked += more * left / n / WORKERS;
        p->level += held(s, w);
    }
}

static bool has_workers(const struct sim *s)
{
    return s->base == SIM_RECYCLED || s->base == SIM_RETIRED;
}

static void pool_plan(const struct sim *s, const struct record *r,
                      struct progress *p)
{
    double all = r->kinds[0].completed[s->blocks];
    size_t n = 1 + (size_t)rng_below(&p->rng, POOL_GROWS);

    for (size_t i = 0; i < POOL_GROWS; i++)
        p->grows[i] = i < n ? all * rng_unit(&p->rng) : INFINITY;
}

/* By how much the pool has grown in a block. */
static double pool_step(const struct sim *s, const struct record *r, size_t b,
                        const struct progress *p)
{
    const double *served = r->kinds[0].completed;
    double sum = 0;

    for (size_t i = 0; i < POOL_GROWS; i++)
        if (p->grows[i] >= served[b - 1] && p->grows[i] < served[b])
            sum += s->size;
    return sum;
}

static void run_block(const struct sim *s, struct record *out, size_t b,
                      struct progress *p)
{
    struct series *t = &out->barriers;
    double n = 0, more;

    for (size_t k = 0; k < s->kinds; k++)
        n += out->kinds[k].completed[b] - out->kinds[k].completed[b - 1];
    t->requests[b] = t->requests[b - 1] + n;
    t->t_s[b] = t->t_s[b - 1] + 2 + n / 100 * (1 + 0.02 * rng_normal(&p->rng));
    t->proc_starts[b] = t->proc_starts[b - 1];
    p->level += base_step(s, &p->rng, b - 1, t->requests[b - 1], t->requests[b],
                          &p->state);
    if (s->base == SIM_POOL)
        p->level += pool_step(s, out, b, p);
    more = leaked(s, out, b - 1, &p->rng, &p->debt);
    if (has_workers(s))
        run_workers(s, out, b, more, p);
    else
        p->level += more;
}

void sim_record(const struct sim *s, const char *metric, struct record *out)
{
    struct series *t = &out->barriers;
    struct progress p = {0};
    struct column *c;

    *out = (struct record){.limit_bytes = NAN};
    policy_default(&out->policy);
    rng_init(&p.rng, s->seed);
    t->n = s->blocks + 1;
    t->t_s = mem_zalloc(t->n, sizeof *t->t_s);
    t->requests = mem_zalloc(t->n, sizeof *t->requests);
    t->proc_starts = mem_zalloc(t->n, sizeof *t->proc_starts);
    sim_kinds(s, out);
    c = add_column(t, metric);
    p.level = c->metric.unit == METRIC_BYTES ? 60e6 : 40000;
    t->proc_starts[0] = WORKERS;
    if (s->base == SIM_POOL)
        pool_plan(s, out, &p);
    for (size_t i = 0; has_workers(s) && i < WORKERS; i++) {
        worker_start(s, out, &p, &p.worker[i], 0);
        /* Their first lives end apart. */
        p.worker[i].retires *= (double)(i + 1) / WORKERS;
    }
    for (size_t b = 0; b <= s->blocks; b++) {
        double jitter;

        if (s->branch > 0 && b == s->branch + 1)
            rng_init(&p.rng, s->branch_seed);
        jitter = s->base == SIM_WALK || s->base == SIM_EXACT
                     ? 0
                     : s->noise * rng_normal(&p.rng);

        if (b > 0)
            run_block(s, out, b, &p);
        c->v[b] = floor(p.level + jitter + 0.5);
    }
    for (size_t i = 0; has_workers(s) && i < WORKERS; i++)
        process_end(&out->processes[p.worker[i].process], t->t_s[t->n - 1]);
}

void sim_vary(struct sim *s, enum sim_base base, bool bytes, size_t blocks,
              uint64_t seed)
{
    struct rng rng;
    double scale = bytes ? 1000 : 1;

    rng_init(&rng, seed * 977 + (uint64_t)base);
    *s = (struct sim){.base = base, .blocks = blocks, .seed = seed};
    s->requests = 300 + 100 * (double)rng_below(&rng, 8);
    s->kinds = 1 + (size_t)rng_below(&rng, 5);
    for (size_t k = 0; k < s->kinds; k++)
        s->weight[k] = 1 + (double)rng_below(&rng, 5);
    s->noise = (1 + 9 * rng_unit(&rng)) * (bytes ? 10e3 : 1);
    s->reach = exp(log(0.05) + rng_unit(&rng) * log(0.8 / 0.05));
    s->size = scale;
    if (base == SIM_RETIRED)
        s->size = 200 * rng_unit(&rng) * scale;
    if (base == SIM_WARM || base == SIM_LATE_ONCE)
        s->size = (500 + 4000 * rng_unit(&rng)) * scale;
    if (base == SIM_CREEP)
        s->size = (bytes ? 1e6 : 40) * rng_unit(&rng);
    if (base == SIM_SHARED)
        s->size = bytes ? 1e6 : 30;
    if (base == SIM_POOL) {
        s->size = 300 * scale;
        s->noise /= bytes ? 10 : 1;
    }
    if (base == SIM_ZIPF)
        s->size = 100 * scale * rng_unit(&rng);
}

bool sim_makes_sense(enum sim_base base, bool bytes)
{
    return bytes || base != SIM_ARENAS;
}
