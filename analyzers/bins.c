#include "analyzers/bins.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIFE_POINTS_MIN = 3,
    READINGS_MIN = 2, /* per point, where there are more lives than one */
};

/* A life of less than this part of the longest shows little but how it begins,
 * which among several processes is the beginning of one of them ... */
#define GLIMPSE 0.125

/* ... and is left out, unless such lives hold this part of the cells. */
#define GLIMPSES_MAX 0.33

struct maker {
    const struct bins_plan *plan;
    struct bins *out;
    double *v;  /* readings of one bin */
    size_t *at; /* cells with a reading, of one life */
    size_t start;
    double shortest; /* life that counts, as `x` counts */
};

static void add_point(struct maker *m, size_t from, size_t to, double born,
                      int life)
{
    struct fit_points *p = &m->out->points;
    double age = 0;
    size_t n = 0;

    if (p->n >= FIT_POINTS_MAX)
        return;
    for (size_t k = from; k < to; k++) {
        age += m->plan->x[m->at[k]] - born;
        m->v[n++] = m->plan->y[m->at[k]];
    }
    p->age[p->n] = age / (double)n;
    p->y[p->n] = m->plan->stat == BINS_FLOOR ? stats_floor(m->v, n, 0.2)
                                             : stats_middle(m->v, n);
    p->life[p->n] = life;
    m->out->from[p->n] = m->at[from];
    m->out->to[p->n] = m->at[to - 1] + 1;
    p->n++;
}

/* Points of one life, which lies in cells [a, b). Returns whether it had
 * enough readings. */
static bool add_life(struct maker *m, size_t a, size_t b)
{
    const struct rows *r = m->plan->rows;
    size_t n = 0, per = r->nlives > 1 ? READINGS_MIN : 1;
    size_t from = a + (size_t)(m->plan->late * (double)(b - a));

    for (size_t i = from > m->start ? from : m->start; i < b; i++)
        if (!isnan(m->plan->y[i]))
            m->at[n++] = i;
    size_t bins =
        (size_t)(m->plan->want * (double)n /
                     ((double)(r->n - m->start) * (1 - m->plan->late)) +
                 0.5);
    if (r->nlives > 1 && bins < LIFE_POINTS_MIN)
        bins = LIFE_POINTS_MIN;
    if (bins > n / per)
        bins = n / per;
    if (bins < LIFE_POINTS_MIN ||
        m->plan->x[b - 1] - m->plan->x[a] < m->shortest)
        return false;
    /* A window cut out of a life is a new beginning. */
    double born =
        m->plan->x[m->plan->from > 0.1 && m->start > a ? m->start : a];

    for (size_t k = 0; k < bins; k++)
        add_point(m, n * k / bins, n * (k + 1) / bins, born,
                  m->out->lives_used);
    return true;
}

/* The cell after the life that begins at `a`. */
static size_t life_end(const struct rows *r, size_t a)
{
    size_t b = a + 1;

    while (b < r->n && r->life[b] == r->life[a])
        b++;
    return b;
}

static double shortest_life(const struct rows *r, const double *x)
{
    double longest = 0;
    size_t left_out = 0;

    for (size_t a = 0, b; a < r->n; a = b) {
        b = life_end(r, a);
        longest = fmax(longest, x[b - 1] - x[a]);
    }
    for (size_t a = 0, b; a < r->n; a = b) {
        b = life_end(r, a);
        if (x[b - 1] - x[a] < GLIMPSE * longest)
            left_out += b - a;
    }
    return left_out < GLIMPSES_MAX * (double)r->n ? GLIMPSE * longest : 0;
}

bool bins_make(const struct bins_plan *plan, struct bins *out)
{
    const struct rows *r = plan->rows;
    const double *x = plan->x;
    struct maker m = {.plan = plan, .out = out};
    struct fit_points *p = &out->points;
    double longest = 0;

    memset(out, 0, sizeof *out);
    if (r->n < 2 || !(x[r->n - 1] > x[0]))
        return false;
    m.v = mem_zalloc(r->n, sizeof *m.v);
    m.at = mem_zalloc(r->n, sizeof *m.at);
    m.start = (size_t)(plan->from * (double)r->n);
    m.shortest = r->guessed ? 0 : shortest_life(r, x);
    for (size_t a = 0, b; a < r->n; a = b) {
        b = life_end(r, a);
        if (add_life(&m, a, b))
            out->lives_used++;
    }
    free(m.v);
    free(m.at);
    for (int i = 0; i < p->n; i++)
        longest = fmax(longest, p->age[i]);
    if (p->n < 3 || !(longest > 0))
        return false;
    /* The last point's middle lies a little before the end. */
    if (r->nlives == 1)
        longest = x[r->n - 1] - x[0];
    for (int i = 0; i < p->n; i++)
        p->age[i] /= longest;
    if (plan->from > 0.1)
        p->born = (x[m.start] - x[0]) / longest;
    p->nlives = out->lives_used;
    out->scale = (x[r->n - 1] - x[0]) / longest;
    return true;
}
