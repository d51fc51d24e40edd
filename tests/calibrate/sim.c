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
                                                 "recycled workers"};

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

/* What runs on from block to block. */
struct progress {
    struct rng rng;
    double level, state, debt;
    double life; /* leaked by the processes that live now */
};

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
    more = leaked(s, out, b - 1, &p->rng, &p->debt);
    p->level += more;
    p->life += more;
    if (s->base == SIM_RECYCLED && rng_unit(&p->rng) < 0.3) {
        t->proc_starts[b]++; /* one of two workers */
        p->level -= p->life / 2;
        p->life /= 2;
    }
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
    t->proc_starts[0] = 2;
    for (size_t b = 0; b <= s->blocks; b++) {
        double jitter = s->base == SIM_WALK || s->base == SIM_EXACT
                            ? 0
                            : s->noise * rng_normal(&p.rng);

        if (b > 0)
            run_block(s, out, b, &p);
        c->v[b] = floor(p.level + jitter + 0.5);
    }
}
