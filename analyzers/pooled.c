#include "analyzers/pooled.h"

#include "analyzers/forecast.h"
#include "analyzers/lives.h"
#include "analyzers/lsq.h"
#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIVES_MIN = 3,   /* begun and seen; fewer are no rule */
    POINTS_MIN = 8,  /* readings */
    GROUPS_MAX = 24, /* neighbours in age are taken together beyond that */
    ROUNDS = 12,     /* of sorting readings into two levels */
};

/* A life's first part never counts: it loads what it needs. */
#define FRESH 0.1

/* Readings of the same age are taken to be so far apart, in longest lives. */
#define APART (1.0 / 500)

/* Blocks per object among the young, at most. */
#define SHARE_BLOCKS 3

static int own_index(const char *name)
{
    for (int i = 0; i < RECORD_OWN; i++)
        if (strcmp(record_own_name((enum record_own_what)i), name) == 0)
            return i;
    return -1;
}

static int by_age(const void *a, const void *b)
{
    const struct pooled_point *x = a, *y = b;

    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return (x->read > y->read) - (x->read < y->read);
}

static size_t drop_fresh(struct pooled *p)
{
    size_t fresh = 0;

    while (fresh < p->n && p->at[fresh].age < FRESH * p->oldest)
        fresh++;
    p->n -= fresh;
    memmove(p->at, p->at + fresh, p->n * sizeof *p->at);
    return p->n;
}

/* Every reading, between the first barrier and the last, of every life that
   began meanwhile; what was there before is the service's own start. False
   when there are too few. */
static bool collect(const struct record *r, int what, const struct blocks *b,
                    double plant, struct pooled *out)
{
    const struct lives *l = &b->lives;
    double last_s = r->barriers.t_s[b->row[b->n - 1]];
    size_t lives = 0, cap = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct record_process *p = &r->processes[l->v[i].process];

        if (l->v[i].first == 0)
            continue;
        lives++;
        for (size_t k = 0; k < p->nown; k++) {
            const struct record_own *own = &p->own[k];
            struct pooled_point at = {.life = i,
                                      .t_s = own->t_s,
                                      .read = own->v[what],
                                      .young = own->v[RECORD_OWN_YOUNG]};

            if (!isfinite(at.read) || own->t_s > last_s + 0.01)
                continue;
            at.age = lives_age_of(r, l, i, own);
            at.held = at.read += plant * at.age;
            out->at = mem_grow(out->at, out->n, &cap, sizeof *out->at);
            out->at[out->n++] = at;
        }
    }
    if (lives < LIVES_MIN || out->n < POINTS_MIN)
        return false;
    qsort(out->at, out->n, sizeof *out->at, by_age);
    out->oldest = out->at[out->n - 1].age;
    return drop_fresh(out) >= POINTS_MIN;
}

/* Takes out the garbage that waits for the collector. Of the tracked objects
   those are left that a collection has seen; of blocks, the share of the young
   that goes is asked of the readings beside growth with age (garbage.c has
   why). */
static void clear_young(int what, struct pooled *p)
{
    size_t n = p->n;
    double *z, share = what == RECORD_OWN_OBJECTS;
    struct lsq s;

    if (what != RECORD_OWN_OBJECTS && what != RECORD_OWN_BLOCKS)
        return;
    z = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *z);
    for (size_t i = 0; i < n; i++) {
        const struct pooled_point *at = &p->at[i];

        z[i] = 1;
        z[n + i] = at->age / p->oldest;
        z[2 * n + i] = -expm1(-8 * at->age / p->oldest);
        z[3 * n + i] = at->young;
        z[LSQ_PARTS * n + i] = at->held - at->step;
    }
    if (what == RECORD_OWN_BLOCKS && lsq_solve(z, n, 4, &s) && isfinite(s.b[3]))
        share = fmin(fmax(s.b[3], 0), SHARE_BLOCKS);
    for (size_t i = 0; share > 0 && i < n; i++)
        p->at[i].held -= share * p->at[i].young;
    free(z);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Where to cut `r` so that both parts are closest to their means (two means in
   one dimension, exactly: Fisher 1958). */
static double best_cut(const double *r, size_t n)
{
    double *v = mem_zalloc(n, sizeof *v), sum = 0, low = 0, best = -1, cut;

    memcpy(v, r, n * sizeof *v);
    qsort(v, n, sizeof *v, by_value);
    cut = v[0];
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    for (size_t i = 1; i < n; i++) {
        double m = (double)i, k = (double)(n - i), gain;

        low += v[i - 1];
        gain = low * low / m + (sum - low) * (sum - low) / k;
        if (v[i] > v[i - 1] && gain > best) {
            best = gain;
            cut = (v[i] + v[i - 1]) / 2;
        }
    }
    free(v);
    return cut;
}

/* A line in age with a level for each of the two parts. */
struct levels {
    double slope, mean[2], rss;
};

static void levels_fit(const struct pooled *p, const bool *up,
                       struct levels *out)
{
    double n[2] = {0}, x[2] = {0}, y[2] = {0}, xx = 0, xy = 0;

    for (size_t i = 0; i < p->n; i++) {
        n[up[i]]++;
        x[up[i]] += p->at[i].age;
        y[up[i]] += p->at[i].held;
    }
    for (int k = 0; k < 2; k++) {
        x[k] /= fmax(n[k], 1);
        y[k] /= fmax(n[k], 1);
    }
    for (size_t i = 0; i < p->n; i++) {
        double dx = p->at[i].age - x[up[i]];

        xx += dx * dx;
        xy += dx * (p->at[i].held - y[up[i]]);
    }
    out->slope = xx > 0 ? xy / xx : 0;
    out->rss = 0;
    for (int k = 0; k < 2; k++)
        out->mean[k] = y[k] - out->slope * x[k];
    for (size_t i = 0; i < p->n; i++) {
        double e = p->at[i].held - out->mean[up[i]] - out->slope * p->at[i].age;

        out->rss += e * e;
    }
}

/* Sorts the readings into two levels about lines of one slope. */
static void sort_levels(const struct pooled *p, double slope, bool *up,
                        struct levels *out)
{
    double *r = mem_zalloc(p->n, sizeof *r), cut;

    out->slope = slope;
    for (int round = 0; round < ROUNDS; round++) {
        double before = out->slope;

        for (size_t i = 0; i < p->n; i++)
            r[i] = p->at[i].held - out->slope * p->at[i].age;
        cut = best_cut(r, p->n);
        for (size_t i = 0; i < p->n; i++)
            up[i] = r[i] > cut;
        levels_fit(p, up, out);
        if (out->slope == before)
            break;
    }
    free(r);
}

/* What is loaded at the first request of a seldom kind comes at another age in
   each life: some readings have it, some do not, and between them lies
   nothing. Such a step is no growth. To choose a level for each reading costs
   it a bit. */
static void find_steps(struct pooled *p, double quantum)
{
    double n = (double)p->n, floor = n * quantum * quantum / 6;
    bool *up = mem_zalloc(p->n, sizeof *up);
    bool *best_up = mem_zalloc(p->n, sizeof *best_up);
    struct levels one, two, best = {.rss = INFINITY};

    levels_fit(p, up, &one);
    for (int from = 0; from < 3; from++) {
        sort_levels(p, one.slope * from / 2, up, &two);
        if (!(two.rss < best.rss))
            continue;
        best = two;
        memcpy(best_up, up, p->n * sizeof *up);
    }
    p->stepped = 0.5 * n * log((one.rss + floor) / (best.rss + floor)) >
                 n * log(2) + 1.5 * log(n);
    for (size_t i = 0; i < p->n; i++)
        p->at[i].step =
            p->stepped && best_up[i] ? best.mean[1] - best.mean[0] : 0;
    free(best_up);
    free(up);
}

/* As many neighbours in age become one reading as leave no more of them than a
   fit can use. */
static void make_groups(struct pooled *p)
{
    size_t members = (p->n + GROUPS_MAX - 1) / GROUPS_MAX;
    double last[2] = {0};

    p->ages = mem_zalloc(p->n, sizeof *p->ages);
    p->d = mem_zalloc(p->n, sizeof *p->d);
    p->raw = mem_zalloc(p->n, sizeof *p->raw);
    p->requests = mem_zalloc(p->n, sizeof *p->requests);
    for (size_t from = 0; from + members <= p->n; from += members) {
        size_t g = p->groups++, to = from + members;
        double sum[2] = {0};

        if (p->n - to < members)
            to = p->n;
        for (size_t i = from; i < to; i++) {
            const struct pooled_point *at = &p->at[i];

            p->ages[g] += at->age / (double)(to - from);
            sum[0] += (at->held - at->step) / (double)(to - from);
            sum[1] += at->held / (double)(to - from);
        }
        if (g > 0) {
            p->requests[g - 1] =
                fmax(p->ages[g] - p->ages[g - 1], APART * p->oldest);
            p->d[g - 1] = sum[0] - last[0];
            p->raw[g - 1] = sum[1] - last[1];
        }
        memcpy(last, sum, sizeof last);
    }
}

bool pooled_gather(const struct record *r, const struct column *c,
                   const struct blocks *b, double quantum, double plant,
                   struct pooled *out)
{
    int what = own_index(c->name);
    double *held;

    *out = (struct pooled){0};
    if (what < 0 || b->lives.n < LIVES_MIN || b->n == 0)
        return false;
    out->what = what;
    out->plant = plant;
    if (!collect(r, what, b, plant, out)) {
        pooled_release(out);
        return false;
    }
    held = mem_zalloc(out->n, sizeof *held);
    for (size_t i = 0; i < out->n; i++)
        held[i] = out->at[i].held;
    out->level = stats_median(held, out->n);
    free(held);
    find_steps(out, quantum);
    clear_young(what, out);
    find_steps(out, quantum);
    make_groups(out);
    if (out->groups >= POINTS_MIN)
        return true;
    pooled_release(out);
    return false;
}

/* What the fitted life holds at `age`, less what it does at the first one. */
static double level_at(const struct pooled *p, const struct growth *g,
                       double age)
{
    double level = 0;

    for (size_t k = 1; k < p->groups && age > p->ages[k - 1]; k++)
        level += g->fitted[k - 1] *
                 fmin(1, (age - p->ages[k - 1]) / p->requests[k - 1]);
    return level;
}

/* What life `i` holds at edge `e`, which is barrier row `row`, but for what the
   point that it is among `p` has left over. */
static double expected(const struct record *r, const struct blocks *b,
                       const struct pooled *p, const struct growth *g,
                       double base, size_t i, size_t e)
{
    size_t row = e > 0 ? b->row[e - 1] : b->start;
    const struct record_own *own = lives_own(r, &b->lives, i, row);

    for (size_t k = 0; own != NULL && k < p->n; k++) {
        const struct pooled_point *at = &p->at[k];

        if (at->life == i && at->t_s == own->t_s)
            return base + level_at(p, g, at->age) + at->step + at->read -
                   at->held;
    }
    if (own != NULL && isfinite(own->v[p->what]))
        return own->v[p->what] + p->plant * lives_age_at(&b->lives, i, e);
    return base + level_at(p, g, lives_age_at(&b->lives, i, e));
}

void pooled_rest(const struct record *r, const struct blocks *b,
                 const struct pooled *p, const struct growth *g, double *d)
{
    const struct lives *l = &b->lives;
    double *level = mem_zalloc(l->edges, sizeof *level), base = 0;

    for (size_t k = 0; k < p->n; k++)
        base += (p->at[k].held - p->at[k].step - level_at(p, g, p->at[k].age)) /
                (double)p->n;
    for (size_t i = 0; i < l->n; i++)
        for (size_t e = l->v[i].first; e <= l->v[i].last; e++)
            level[e] += expected(r, b, p, g, base, i, e);
    for (size_t e = 0; e < b->n; e++)
        d[e] = b->d[e] - (level[e + 1] - level[e]);
    free(level);
}

void pooled_view(const struct pooled *p, struct growth_data *data)
{
    *data = (struct growth_data){.n = p->groups - 1,
                                 .d = p->d,
                                 .requests = p->requests,
                                 .readings = true,
                                 .quantum = data->quantum};
}

void pooled_more(struct interval found, double limit, double requests,
                 struct interval *more)
{
    double miss = fabs(limit - found.value);
    double wide = limit > found.value ? found.high - found.value
                                      : found.value - found.low;
    double times = wide * wide / (miss * miss);

    *more = (struct interval){NAN, NAN, NAN};
    if (!(times > 1 && times <= 9))
        return;
    more->value = (times - 1) * requests;
    more->low = more->value / FORECAST_FACTOR;
    more->high = more->value * FORECAST_FACTOR;
}

void pooled_release(struct pooled *p)
{
    free(p->at);
    free(p->d);
    free(p->raw);
    free(p->requests);
    free(p->ages);
    *p = (struct pooled){0};
}
