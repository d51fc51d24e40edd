#include "analyzers/pooled.h"

#include "analyzers/life_kinds.h"
#include "analyzers/life_types.h"
#include "analyzers/lives.h"
#include "analyzers/pooled_parts.h"
#include "analyzers/stats.h"
#include "analyzers/type_columns.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is in reach, times as many lives; and the 95 % interval's half, in
   standard deviations. */
#define TIMES_MAX 9
#define NORMAL_95 1.96

enum {
    LIVES_MIN = 3,   /* begun and seen; fewer are no rule */
    POINTS_MIN = 8,  /* readings */
    GROUPS_MAX = 24, /* neighbours in age are taken together beyond that */
};

/* A life's first part never counts: it loads what it needs. */
#define FRESH 0.1

/* Readings of the same age are taken to be so far apart, in longest lives. */
#define APART (1.0 / 500)

/* What an age may be wrong by, of the longest life, when it is none. */
#define UNBORN 0.5

/* Evidence, in nats, that one kind of request must have over all of them;
   objects of one type are made by one kind as a rule. */
#define KIND_CLEARLY 3

/* What of a process the column is the sum of; -1: nothing that is known. */
static int own_index(const char *name)
{
    if (type_column_is(name))
        return RECORD_OWN;
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

/* Where readings come from. */
struct reader {
    const struct record *r;
    const struct lives *lives;
    int what;
    struct life_types types; /* of a type */
};

static double reading(const struct reader *from, size_t process,
                      const struct record_own *own)
{
    if (from->what < RECORD_OWN)
        return own->v[from->what];
    /* A census tells the blocks too: other readings are not of its moment. */
    return isfinite(own->v[RECORD_OWN_BLOCKS])
               ? life_types_count(&from->types, process, own->t_s)
               : NAN;
}

/* What a census of the process at that moment adds. */
static void read_census(const struct reader *from, struct pooled *p)
{
    struct life_types links;

    p->filling = p->n > 0;
    life_types_read(from->r, LIFE_TYPES_LINKS, SIZE_MAX, &links);
    for (size_t i = 0; i < p->n; i++) {
        struct pooled_point *at = &p->at[i];
        const struct life_type_count *c = life_types_census(
            &links, from->lives->v[at->life].process, at->t_s);

        at->links = c != NULL ? c->count : NAN;
        at->digest = c != NULL ? c->digest : 0;
        p->filling &= c != NULL;
    }
    life_types_release(&links);
}

/* Processes that had begun and not served yet have the same of everything,
   whatever it cost them to begin: such readings say nothing of a life, and
   their ages are wrong. Unless older ones look just so. */
static void drop_unborn(struct pooled *p)
{
    uint64_t start = p->at[0].digest;
    size_t unborn = 0, kept = 0;
    double oldest = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].digest == start) {
            unborn++;
            oldest = p->at[i].age;
        }
    if (!p->filling || unborn < 2 || oldest > UNBORN * p->oldest)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].digest != start)
            p->at[kept++] = p->at[i];
    p->n = kept;
}

/* Every reading, between the first barrier and the last, of every life that
   began meanwhile; what was there before is the service's own start. False
   when there are too few. */
static bool collect(const struct reader *from, const struct blocks *b,
                    double plant, struct pooled *out)
{
    const struct record *r = from->r;
    const struct lives *l = from->lives;
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
                                      .own = own,
                                      .t_s = own->t_s,
                                      .young = own->v[RECORD_OWN_YOUNG]};

            at.read = own->t_s > last_s + 0.01
                          ? NAN
                          : reading(from, l->v[i].process, own);
            if (!isfinite(at.read))
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
    if (from->what >= RECORD_OWN_BLOCKS) {
        read_census(from, out);
        drop_unborn(out);
    }
    return out->n > 0 && drop_fresh(out) >= POINTS_MIN;
}

/* What a line in `age` leaves of the readings. */
static double line_rss(const struct pooled *p, const double *age)
{
    double n = (double)p->n, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

    for (size_t i = 0; i < p->n; i++) {
        x += age[i] / n;
        y += p->at[i].held / n;
    }
    for (size_t i = 0; i < p->n; i++) {
        double dx = age[i] - x, dy = p->at[i].held - y;

        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    return xx > 0 ? fmax(yy - xy * xy / xx, 0) : yy;
}

/* Lives of equal age differ by the kinds they served. Where the requests of
   one kind explain the readings better than all do, by more than the choice
   among so many costs, those are the ages, in requests of the mix that makes
   as many of that kind. */
static void follow_kind(const struct reader *from, double quantum,
                        struct pooled *p)
{
    const struct record *r = from->r;
    size_t n = p->n, kinds = r->nkinds;
    double floor = (double)n * quantum * quantum / 6, all = 0, best;
    double *served = mem_zalloc((kinds + 1) * n, sizeof *served);
    double *one = mem_zalloc(kinds, sizeof *one);

    for (size_t i = 0; i < n; i++) {
        const struct pooled_point *at = &p->at[i];

        life_kinds_at(r, from->lives, at->life, at->own, at->age, one);
        for (size_t k = 0; k < kinds; k++)
            served[k * n + i] = one[k];
        served[kinds * n + i] = at->age;
        all += at->age;
    }
    best = 0.5 * (double)n * log(line_rss(p, served + kinds * n) + floor) -
           log(2 * (double)kinds) - (p->what == RECORD_OWN ? 0 : KIND_CLEARLY);
    for (size_t k = 0; k < kinds; k++) {
        double at = 0.5 * (double)n * log(line_rss(p, served + k * n) + floor);

        if (at >= best)
            continue;
        best = at;
        p->kind = (int)k;
    }
    if (p->kind >= 0) {
        double share = 0;

        for (size_t i = 0; i < n; i++)
            share += served[(size_t)p->kind * n + i] / all;
        for (size_t i = 0; i < n; i++)
            p->at[i].age = served[(size_t)p->kind * n + i] / share;
        qsort(p->at, n, sizeof *p->at, by_age);
        p->oldest = p->at[n - 1].age;
    }
    free(one);
    free(served);
}

/* As many neighbours in age become one reading as leave no more of them than a
   fit can use. */
static void make_groups(struct pooled *p)
{
    size_t members = (p->n + GROUPS_MAX - 1) / GROUPS_MAX;
    double last[3] = {0};

    p->ages = mem_zalloc(p->n, sizeof *p->ages);
    p->d = mem_zalloc(p->n, sizeof *p->d);
    p->raw = mem_zalloc(p->n, sizeof *p->raw);
    p->links = mem_zalloc(p->n, sizeof *p->links);
    p->requests = mem_zalloc(p->n, sizeof *p->requests);
    for (size_t from = 0; from + members <= p->n; from += members) {
        size_t g = p->groups++, to = from + members;
        double sum[3] = {0};

        if (p->n - to < members)
            to = p->n;
        for (size_t i = from; i < to; i++) {
            const struct pooled_point *at = &p->at[i];

            p->ages[g] += at->age / (double)(to - from);
            sum[0] += (at->held - at->step) / (double)(to - from);
            sum[1] += at->held / (double)(to - from);
            sum[2] += at->links / (double)(to - from);
        }
        if (g > 0) {
            p->requests[g - 1] =
                fmax(p->ages[g] - p->ages[g - 1], APART * p->oldest);
            p->d[g - 1] = sum[0] - last[0];
            p->raw[g - 1] = sum[1] - last[1];
            p->links[g - 1] = sum[2] - last[2];
        }
        memcpy(last, sum, sizeof last);
    }
}

bool pooled_gather(const struct record *r, const struct column *c,
                   const struct blocks *b, double quantum, double plant,
                   struct pooled *out)
{
    struct reader from = {
        .r = r, .lives = &b->lives, .what = own_index(c->name)};
    double *held;
    bool enough;

    *out = (struct pooled){.kind = -1};
    if (from.what < 0 || b->lives.n < LIVES_MIN || b->n == 0)
        return false;
    out->what = from.what;
    out->plant = plant;
    if (from.what == RECORD_OWN)
        life_types_read(r, type_column_type(c->name), TYPE_COLUMN_NAME,
                        &from.types);
    enough = collect(&from, b, plant, out);
    life_types_release(&from.types);
    if (!enough) {
        pooled_release(out);
        return false;
    }
    pooled_find_cached(out);
    if (life_kinds_known(r))
        follow_kind(&from, quantum, out);
    held = mem_zalloc(out->n, sizeof *held);
    for (size_t i = 0; i < out->n; i++)
        held[i] = out->at[i].held;
    out->level = stats_median(held, out->n);
    free(held);
    if (out->what != RECORD_OWN) /* of one type none is loaded */
        pooled_find_steps(out, quantum);
    pooled_clear_passing(out);
    pooled_find_steps(out, quantum);
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
    if (own != NULL && p->what < RECORD_OWN && isfinite(own->v[p->what]))
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
                                 .beside = p->full ? p->links : NULL,
                                 .quantum = data->quantum};
}

/* The probability that with `times` as many lives the interval lies on one side
   of the limit, which is `miss` away. `wide`: half of it now. What is found then
   has what is found now in it. */
static double settled(double miss, double wide, double times)
{
    double then = wide / sqrt(times);
    double moves = wide / NORMAL_95 * sqrt(1 - 1 / times);

    return stats_normal_cdf((miss - then) / moves) +
           stats_normal_cdf((-miss - then) / moves);
}

/* How many times as many lives it takes for `chance`; NaN: too many. */
static double times_for(double miss, double wide, double chance)
{
    double low = 1, high = TIMES_MAX;

    if (!(settled(miss, wide, high) >= chance))
        return NAN;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;

        if (settled(miss, wide, middle) < chance)
            low = middle;
        else
            high = middle;
    }
    return high;
}

void pooled_more(struct interval found, double limit, double requests,
                 struct forecast *out)
{
    double miss = fabs(limit - found.value);
    double wide = limit > found.value ? found.high - found.value
                                      : found.value - found.low;

    *out = (struct forecast){NAN, NAN, NAN};
    if (!(wide > miss && settled(miss, wide, TIMES_MAX) >= FORECAST_HALF))
        return;
    out->chance = fmin(FORECAST_SHARE, settled(miss, wide, TIMES_MAX));
    out->more = (times_for(miss, wide, out->chance) - 1) * requests;
    out->half = (times_for(miss, wide, FORECAST_HALF) - 1) * requests;
}

void pooled_release(struct pooled *p)
{
    free(p->at);
    free(p->d);
    free(p->raw);
    free(p->links);
    free(p->requests);
    free(p->ages);
    *p = (struct pooled){0};
}
