/* Growth within lives: see growth.h and lives.h. */
#include "analyzers/growth_fit.h"
#include "analyzers/lives.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { LOGS = 3 };

/* What a fresh process lacks: nothing, what its first requests load, or what
   comes more slowly. */
enum { START_NONE, START_FIRST, START_SLOW, STARTS };

/* Where a logarithm's zero lies before birth, in longest ages. */
static const double logs[LOGS] = {0.01, 0.1, 0.3};

static double present(double age, double unused)
{
    (void)age;
    (void)unused;
    return 1;
}

static double filling(double age, double tau)
{
    return -expm1(-age / tau);
}

static double slower(double age, double zero)
{
    return log1p(age / zero);
}

/* What still goes on, on average, in the second half of the longest life. */
static double late(const struct lives *l, double (*of)(double, double),
                   double arg)
{
    return (of(l->oldest, arg) - of(l->oldest / 2, arg)) / (l->oldest / 2);
}

static void lives_fills(struct fitter *f, const struct driver *dr,
                        const struct growth_part *line, double *x)
{
    const struct lives *l = f->data->lives;
    double sum = 0;

    for (int i = 0; i < GROWTH_FILLS; i++)
        sum += growth_fills[i].prior;
    for (int i = 0; i < GROWTH_FILLS; i++) {
        double tau = growth_fills[i].tau * l->oldest;
        double share = growth_fills[i].prior / sum;
        struct growth_part part = {x, 0, late(l, filling, tau), 0};

        lives_part(l, filling, tau, x);
        growth_try(f, dr, GROWTH_FILL, share, &part, NULL, NULL);
        growth_try(f, dr, GROWTH_FILL_LINE, share, &part, line, NULL);
    }
}

static void lives_logs(struct fitter *f, const struct driver *dr,
                       const struct growth_part *line, double *x)
{
    const struct lives *l = f->data->lives;

    for (int i = 0; i < LOGS; i++) {
        double zero = logs[i] * l->oldest;
        struct growth_part part = {x, 0, late(l, slower, zero), 0};

        lives_part(l, slower, zero, x);
        growth_try(f, dr, GROWTH_LOG, 1.0 / LOGS, &part, NULL, NULL);
        growth_try(f, dr, GROWTH_LOG_LINE, 1.0 / LOGS, &part, line, NULL);
    }
}

static void lives_jumps(struct fitter *f, const struct driver *dr,
                        const struct growth_part *line, double *x)
{
    size_t n = f->data->n;
    struct growth_part jump = {x, 0, 0, 0};

    for (size_t i = 0; i < n; i++)
        x[i] = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = 1;
        growth_try(f, dr, GROWTH_JUMP_LINE, 1 / (double)n, &jump, line, NULL);
        x[i] = 0;
        if (i + 1 == n)
            break;
        x[i] = 1;
        x[i + 1] = -1;
        growth_try(f, dr, GROWTH_SPIKE_LINE, 1 / (double)n, &jump, line, NULL);
        x[i] = x[i + 1] = 0;
    }
}

/* How a fresh process comes up to its level: the fill, among the quicker ones,
   that explains most by itself. */
static void fresh_part(const struct fitter *f, double *best, double *x)
{
    const struct lives *l = f->data->lives;
    double most = 0;

    for (int i = 0; i < 5; i++) {
        double xx, xy;

        lives_part(l, filling, growth_fills[i].tau * l->oldest, x);
        xx = lsq_dot(x, x, f->data->n);
        xy = lsq_dot(x, f->data->d, f->data->n);
        if (!(xx > 0) || xy * xy / xx <= most)
            continue;
        most = xy * xy / xx;
        for (size_t b = 0; b < f->data->n; b++)
            best[b] = x[b];
    }
}

static void lives_shapes(struct fitter *f, const struct driver *dr, double *x)
{
    struct growth_part line = {dr->u, 1, 1, 0};

    if (growth_recall(f, dr))
        return;
    growth_try(f, dr, GROWTH_LINE, 1, &line, NULL, NULL);
    lives_fills(f, dr, &line, x);
    lives_logs(f, dr, &line, x);
    lives_jumps(f, dr, &line, x);
    growth_remember(f);
}

void growth_lives(struct fitter *f, const struct driver *all)
{
    const struct lives *l = f->data->lives;
    size_t n = f->data->n, fixed;
    double *age = mem_zalloc(n, sizeof *age), *x = mem_zalloc(n, sizeof *x);
    double *here = mem_zalloc(n, sizeof *here);
    double *fresh = mem_zalloc(n, sizeof *fresh);
    struct driver requests = *all;
    struct driver within = {.id = DRIVER_LIVES, .u = age, .per_request = 1};

    lives_part(l, lives_age, 0, age);
    lives_part(l, present, 0, here);
    for (size_t b = 0; b < n; b++)
        within.sum += fabs(age[b]);
    within.prior = requests.prior = all->prior / STARTS;
    if (l->uneven)
        f->fixed[f->nfixed++] = (struct growth_part){here, 0, 0, 0};
    fixed = f->nfixed;
    for (int start = 0; start < STARTS; start++) {
        if (start == START_FIRST)
            lives_part(l, filling, 1, fresh);
        if (start == START_SLOW)
            fresh_part(f, fresh, x);
        f->nfixed = fixed;
        if (start != START_NONE)
            f->fixed[f->nfixed++] = (struct growth_part){fresh, 0, 0, 0};
        growth_shapes(f, &requests);
        lives_shapes(f, &within, x);
    }
    free(fresh);
    free(here);
    free(x);
    free(age);
}

/* Growth that goes on in the second half of the ages. */
static double late_of(const struct driver *dr, const double *x, size_t n)
{
    double at = 0, grown = 0, units = 0;

    for (size_t b = 0; b < n; b++) {
        if (at >= dr->sum / 2) {
            grown += x[b];
            units += dr->u[b];
        }
        at += dr->u[b];
    }
    return units > 0 ? grown / units : 0;
}

/* What bends along a life: `of` with the `i`-th constant. */
static struct growth_part age_part(const struct fitter *f,
                                   const struct driver *dr,
                                   double (*of)(double, double), double arg,
                                   double *x)
{
    double at = 0, before = of(0, arg);

    for (size_t b = 0; b < f->data->n; b++) {
        double now = of(at += dr->u[b], arg);

        x[b] = now - before;
        before = now;
    }
    return (struct growth_part){x, 0, late_of(dr, x, f->data->n), 0};
}

static void age_bends(struct fitter *f, const struct driver *dr,
                      const struct growth_part *line, double *x)
{
    double sum = 0;

    for (int i = 0; i < GROWTH_FILLS; i++)
        sum += growth_fills[i].prior;
    for (int i = 0; i < GROWTH_FILLS; i++) {
        double share = growth_fills[i].prior / sum;
        struct growth_part part =
            age_part(f, dr, filling, growth_fills[i].tau * dr->sum, x);

        growth_try(f, dr, GROWTH_FILL, share, &part, NULL, NULL);
        growth_try(f, dr, GROWTH_FILL_LINE, share, &part, line, NULL);
    }
    for (int i = 0; i < LOGS; i++) {
        struct growth_part part = age_part(f, dr, slower, logs[i] * dr->sum, x);

        growth_try(f, dr, GROWTH_LOG, 1.0 / LOGS, &part, NULL, NULL);
        growth_try(f, dr, GROWTH_LOG_LINE, 1.0 / LOGS, &part, line, NULL);
    }
}

/* A cache that is full before a life ends, with a quarter of the readings
   behind it: with fewer, every leak might have come to an end. */
static void age_stops(struct fitter *f, const struct driver *dr, double *x)
{
    size_t n = f->data->n, most = 3 * n / 4;
    struct growth_part before = {x, 0, 0, 0};

    for (size_t b = 0; b < n; b++)
        x[b] = 0;
    for (size_t b = 0; b < most; b++) {
        x[b] = dr->u[b];
        growth_try(f, dr, GROWTH_STOP, 1 / (double)most, &before, NULL, NULL);
    }
}

/* One reading, or all from one age on, that stand apart. */
static void age_jumps(struct fitter *f, const struct driver *dr,
                      const struct growth_part *line, double *x)
{
    size_t n = f->data->n;
    struct growth_part jump = {x, 0, 0, 0};
    double share = 1 / (double)n;

    for (size_t b = 0; b < n; b++)
        x[b] = 0;
    for (size_t b = 0; b < n; b++) {
        x[b] = 1;
        growth_try(f, dr, GROWTH_JUMP, share, &jump, NULL, NULL);
        growth_try(f, dr, GROWTH_JUMP_LINE, share, &jump, line, NULL);
        if (b + 1 < n)
            x[b + 1] = -1;
        growth_try(f, dr, GROWTH_SPIKE, share, &jump, NULL, NULL);
        growth_try(f, dr, GROWTH_SPIKE_LINE, share, &jump, line, NULL);
        x[b] = 0;
        if (b + 1 < n)
            x[b + 1] = 0;
    }
}

void growth_ages(struct fitter *f, const struct driver *all)
{
    struct growth_part line = {all->u, 1, 1, 0};
    double *x;

    if (growth_recall(f, all))
        return;
    x = mem_zalloc(f->data->n, sizeof *x);
    growth_try(f, all, GROWTH_FLAT, 1, NULL, NULL, NULL);
    growth_try(f, all, GROWTH_LINE, 1, &line, NULL, NULL);
    age_bends(f, all, &line, x);
    age_stops(f, all, x);
    age_jumps(f, all, &line, x);
    growth_remember(f);
    free(x);
}
