#include "tests/calibrate/generate.h"

#include "harness/base/mem.h"
#include "tests/calibrate/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double world_uniform(struct world *w, double a, double b)
{
    return a + (b - a) * rng_unit(&w->r);
}

double world_log_uniform(struct world *w, double a, double b)
{
    return exp(world_uniform(w, log(a), log(b)));
}

bool world_chance(struct world *w, double p)
{
    return rng_unit(&w->r) < p;
}

void world_rates(struct world *w)
{
    double q = 0;

    for (int i = 0; i < w->n; i++) {
        double dt = i > 0 ? w->t[i] - w->t[i - 1] : 0;
        double mean = w->rate[i] * dt;

        q += fmax(0, floor(mean + sqrt(mean) * 0.7 * rng_normal(&w->r) + 0.5));
        w->q[i] = q;
    }
    w->total = q;
    for (int i = 0; i < w->n; i++)
        w->u[i] = q > 0 ? w->q[i] / q : 0;
}

static void fill_run(struct world *w, double rate)
{
    for (int i = 0; i < w->n; i++) {
        w->t[i] = i * w->dt + (i > 0 ? world_uniform(w, 0, 0.08) : 0);
        w->rate[i] = rate;
        w->y[i] = w->base;
    }
    w->span = w->t[w->n - 1];
    w->least = w->base * fmax(0.02, 0.08 * 300 / w->span);
    world_rates(w);
}

void world_start(struct world *w)
{
    static const double steps[] = {1, 2, 3, 5};
    static const double noises[] = {0.0003, 0.0008, 0.002, 0.004};

    w->dt = steps[rng_below(&w->r, 4)];
    w->n = (int)world_log_uniform(w, 140, 800);
    w->base = world_log_uniform(w, 25e6, 1.2e9);
    w->noise = noises[rng_below(&w->r, 4)];
    w->noise_phi = world_chance(w, 0.4) ? world_uniform(w, 0.2, 0.8) : 0;
    w->has_pss = world_chance(w, 0.3);
    w->has_cgroup = world_chance(w, 0.25);
    w->has_objects = world_chance(w, 0.2);
    w->has_starts = world_chance(w, 0.4);
    fill_run(w, world_log_uniform(w, 6, 1200));
}

void world_shorten(struct world *w, double span)
{
    w->dt = 1;
    w->n = (int)span + 1;
    fill_run(w, w->rate[0]);
}

void world_ar1(struct world *w, double *y, double sd, double phi)
{
    double x = rng_normal(&w->r), step = sqrt(1 - phi * phi);

    for (int i = 0; i < w->n; i++) {
        y[i] += sd * x;
        x = phi * x + step * rng_normal(&w->r);
    }
}

void world_leak(struct world *w, double bytes, double from)
{
    for (int i = 0; i < w->n; i++)
        w->y[i] += bytes * fmax(0, w->u[i] - from) / (1 - from);
    w->truth->slope_per_request = bytes / (1 - from) / w->total;
    w->truth->slope_per_hour = bytes / (1 - from) / w->span * 3600;
}

double world_leak_size(struct world *w, double a, double b)
{
    return w->least * world_log_uniform(w, a, b);
}

/* What most services do beside their story: a settling that is over early, a
 * small step, noise. */
static void side_effects(struct world *w)
{
    if (!w->plain && world_chance(w, 0.4)) {
        double size = w->base * world_uniform(w, 0.003, 0.03);
        double tau = world_uniform(w, 0.01, 0.06);

        for (int i = 0; i < w->n; i++)
            w->y[i] -= size * exp(-w->u[i] / tau);
    }
    if (!w->plain && world_chance(w, 0.2)) {
        double size = w->base * world_uniform(w, -0.006, 0.006);
        double at = world_uniform(w, 0.1, 0.5);

        for (int i = 0; i < w->n; i++)
            w->y[i] += w->u[i] > at ? size : 0;
    }
    world_ar1(w, w->y, w->noise * w->base, w->noise_phi);
}

/* The other columns tell the same story unless the kind filled them. */
static void other_columns(struct world *w)
{
    double shared = w->base * world_uniform(w, 0.05, 0.25);
    double count = world_log_uniform(w, 1e4, 1e6);
    double cache = w->base * world_uniform(w, 0, 0.3);

    for (int i = 0; i < w->n; i++) {
        if (!w->own_pss)
            w->pss[i] = w->y[i] - shared;
        if (w->has_cgroup && w->cgroup[i] == 0)
            w->cgroup[i] = w->y[i] * 0.95 + cache;
        if (!w->own_objects) {
            double kept = (w->y[i] - w->base) / w->base;

            w->objects[i] = count * (1 + 0.8 * kept);
            w->blocks[i] = 3 * count * (1 + 0.9 * kept);
        }
    }
    if (!w->own_pss)
        world_ar1(w, w->pss, w->noise * w->base * 0.3, 0);
    world_ar1(w, w->objects, count * 0.001, 0);
    world_ar1(w, w->blocks, 3 * count * 0.001, 0);
}

static void add_column(struct series *s, const char *name, const double *v,
                       double unit)
{
    struct column *c;

    s->columns = mem_realloc(s->columns, s->ncolumns + 1, sizeof *c);
    c = &s->columns[s->ncolumns++];
    c->name = mem_strdup(name);
    metric_describe(c->name, &c->metric);
    c->v = mem_zalloc(s->n, sizeof *c->v);
    for (size_t i = 0; i < s->n; i++)
        c->v[i] = isnan(v[i]) ? NAN : fmax(0, round(v[i] / unit)) * unit;
}

static void write_series(struct world *w, struct series *s)
{
    *s = (struct series){.n = (size_t)w->n};
    s->t_s = mem_zalloc(s->n, sizeof(double));
    s->requests = mem_zalloc(s->n, sizeof(double));
    memcpy(s->t_s, w->t, s->n * sizeof(double));
    memcpy(s->requests, w->q, s->n * sizeof(double));
    if (w->has_starts) {
        s->proc_starts = mem_zalloc(s->n, sizeof(double));
        for (int i = 0; i < w->n; i++)
            s->proc_starts[i] = w->starts[i] + 1;
    }
    add_column(s, "rss_bytes", w->y, 4096);
    if (w->has_pss)
        add_column(s, "pss_bytes", w->pss, 1024);
    if (w->has_cgroup)
        add_column(s, "cgroup_bytes", w->cgroup, 4096);
    if (w->has_objects) {
        add_column(s, "py_gc_objects", w->objects, 1);
        add_column(s, "py_allocated_blocks", w->blocks, 1);
    }
    if (w->has_fds)
        add_column(s, "fds", w->fds, 1);
}

static int count(const struct kind *k)
{
    int n = 0;

    while (k[n].name != NULL)
        n++;
    return n;
}

static const struct kind *const tables[] = {healthy_kinds, undecided_kinds,
                                            leaking_kinds, unusual_kinds};

enum { TABLES = sizeof tables / sizeof *tables };

int generate_kinds(void)
{
    int n = 0;

    for (int t = 0; t < TABLES; t++)
        n += count(tables[t]);
    return n;
}

static const struct kind *kind_at(int i)
{
    int t = 0;

    for (; i >= count(tables[t]); t++)
        i -= count(tables[t]);
    return &tables[t][i];
}

const char *generate_kind_name(int kind)
{
    return kind_at(kind)->name;
}

void generate(int kind, uint64_t seed, struct series *out, struct truth *truth)
{
    const struct kind *k = kind_at(kind);
    struct world *w = mem_zalloc(1, sizeof *w);

    *truth = (struct truth){k->name,     k->outcome,  k->may_decline,
                            k->may_pass, k->may_leak, NAN,
                            NAN};
    if (k->outcome == OUTCOME_PASS)
        truth->slope_per_request = truth->slope_per_hour = 0;
    rng_init(&w->r, seed * 1000003 + (uint64_t)kind);
    w->truth = truth;
    world_start(w);
    k->make(w);
    side_effects(w);
    other_columns(w);
    write_series(w, out);
    free(w);
}
