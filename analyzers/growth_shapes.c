/* The family of shapes that growth.c averages: see growth.h. */
#include "analyzers/growth_fit.h"
#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum {
    TAIL_MIN = 3,       /* blocks a changed slope must be seen in */
    POSITIONS_MAX = 40, /* kinks and jumps tried, evenly spread */
    POSITIONS_COARSE = 6,
    JUMPS_MAX = 3, /* few: more are a way to grow */
};

/* Time constants of what fills, in spans of the run. The long ones bend too
   little to be seen unless there is no noise at all, so they start with little
   credit: without evidence a line stays a line. */
const struct growth_fill growth_fills[GROWTH_FILLS] = {
    {0.02, 0.4}, {0.04, 0.6},  {0.07, 1},  {0.12, 1},  {0.2, 1},
    {0.33, 1},   {0.5, 1},     {0.75, 1},  {1, 1},     {1.5, 0.06},
    {2.2, 0.05}, {3.5, 0.025}, {6, 0.012}, {10, 0.006}};

/* Where a logarithm's or a power's zero lies before the first barrier, in
   spans, and which powers. */
static const double logs[] = {0.01, 0.03, 0.1, 0.3};
enum { LOGS = sizeof logs / sizeof *logs };
static const double powers[] = {0, 0.35, 0.6};
enum { POWERS = sizeof powers / sizeof *powers };

/* A column of its own in `f`-independent storage. */
static double *column(const struct fitter *f)
{
    return mem_zalloc(f->data->n, sizeof(double));
}

static size_t positions_max(const struct fitter *f)
{
    return f->data->coarse ? POSITIONS_COARSE : POSITIONS_MAX;
}

static void fit_fills(struct fitter *f, const struct driver *dr,
                      const struct growth_part *line)
{
    double *x = column(f), sum = 0;
    int first = f->data->coarse ? 1 : 0, step = 1 + first;

    for (int i = first; i < GROWTH_FILLS; i += step)
        sum += growth_fills[i].prior;
    for (int i = first; i < GROWTH_FILLS; i += step) {
        double tau = growth_fills[i].tau * dr->sum, at = 0;
        double span = 1 - exp(-dr->sum / tau);
        struct growth_part part = {x, 0, exp(-dr->sum / tau) / tau / span,
                                   1 / tau};

        for (size_t b = 0; b < f->data->n; b++) {
            x[b] = exp(-at / tau) * -expm1(-dr->u[b] / tau) / span;
            at += dr->u[b];
        }
        growth_try(f, dr, GROWTH_FILL, growth_fills[i].prior / sum, &part, NULL,
                   NULL);
        growth_try(f, dr, GROWTH_FILL_LINE, growth_fills[i].prior / sum, &part,
                   line, NULL);
    }
    free(x);
}

/* Ever slower growth: like a logarithm, or like a power below one, as new
   keys of a heavy-tailed kind turn up (Heaps 1978). */
static void fit_logs(struct fitter *f, const struct driver *dr,
                     const struct growth_part *line)
{
    double *x = column(f);

    for (int i = 0; i < LOGS * POWERS; i++) {
        double power = powers[i % POWERS];
        double zero = logs[i / POWERS] * dr->sum, at = zero;
        double end = zero + dr->sum, scale = pow(end, power);
        struct growth_part part = {x, 0, 1 / end, (1 - power) / end};

        for (size_t b = 0; b < f->data->n; b++) {
            double to = at + dr->u[b];

            x[b] = power == 0
                       ? log(to / at)
                       : (pow(to, power) - pow(at, power)) / scale / power;
            at = to;
        }
        growth_try(f, dr, GROWTH_LOG, 1.0 / LOGS / POWERS, &part, NULL, NULL);
        if (power == 0)
            growth_try(f, dr, GROWTH_LOG_LINE, 1.0 / LOGS, &part, line, NULL);
    }
    free(x);
}

/* Slopes that change inside the run, at block edges and in their middles. */
static void fit_kinks(struct fitter *f, const struct driver *dr)
{
    size_t n = f->data->n, places = 2 * n - 1,
           step = 1 + places / (2 * positions_max(f));
    double *head = column(f), *tail = column(f), count = 0;

    for (size_t i = 1; i <= places; i += step)
        count++;
    for (size_t i = 1; i <= places; i += step) {
        struct growth_part before = {head, 0, 0, 0}, after = {tail, 1, 1, 0};
        size_t block = i / 2;

        for (size_t b = 0; b < n; b++) {
            double part = b < block ? 1 : b > block || i % 2 == 0 ? 0 : 0.5;

            head[b] = dr->u[b] * part;
            tail[b] = dr->u[b] - head[b];
        }
        growth_try(f, dr, GROWTH_STOP, 1 / fmax(count, 20), &before, NULL,
                   NULL);
        if (n - block - i % 2 < TAIL_MIN)
            continue;
        growth_try(f, dr, GROWTH_KINK, 1 / count, &before, &after, NULL);
        growth_try(f, dr, GROWTH_LATE, 1 / count, &after, NULL, NULL);
    }
    free(head);
    free(tail);
}

/* A line that ended inside one of the last blocks, wherever in it: a cache
   that has just become full. One block that fell short of the line is not to
   be taken for an outlier. */
static void fit_ends(struct fitter *f, const struct driver *dr)
{
    size_t n = f->data->n;
    double *head = column(f), *last = column(f);

    for (size_t j = n > 6 ? n - 3 : n / 2 + 1; j < n; j++) {
        struct growth_part before = {head, 0, 0, 0}, part = {last, 0, 0, 0};
        double slope = lsq_dot(dr->u, f->data->d, j) / lsq_dot(dr->u, dr->u, j);
        double part_of = f->data->d[j] / (slope * dr->u[j]);

        for (size_t b = 0; b < n; b++) {
            head[b] = b < j ? dr->u[b] : 0;
            last[b] = b == j;
        }
        if (part_of > -0.1 && part_of < 0.95)
            growth_try(f, dr, GROWTH_STOP, 0.1, &before, &part, NULL);
    }
    free(head);
    free(last);
}

/* One block that stands out: a jump that stays, or one wild reading. */
static void fit_jumps(struct fitter *f, const struct driver *dr,
                      const struct growth_part *line)
{
    size_t n = f->data->n, step = 1 + n / positions_max(f);
    double *jump = column(f), *spike = column(f), *fill = column(f), count = 0;

    for (size_t i = 0; i < n; i += step)
        count++;
    for (size_t i = 0; i < n; i += step) {
        struct growth_part jumps = {jump, 0, 0, 0}, spikes = {spike, 0, 0, 0};

        jump[i] = spike[i] = 1;
        if (i + 1 < n)
            spike[i + 1] = -1;
        if (dr->id == DRIVER_REQUESTS) {
            growth_try(f, dr, GROWTH_JUMP, 1 / count, &jumps, NULL, NULL);
            growth_try(f, dr, GROWTH_SPIKE, 1 / count, &spikes, NULL, NULL);
        }
        growth_try(f, dr, GROWTH_JUMP_LINE, 1 / count, &jumps, line, NULL);
        growth_try(f, dr, GROWTH_SPIKE_LINE, 1 / count, &spikes, line, NULL);
        for (int k = 2; k < 8 && !f->data->coarse; k += 2) {
            double tau = growth_fills[k].tau * dr->sum, at = 0;
            struct growth_part part = {fill, 0, exp(-dr->sum / tau) / tau,
                                       1 / tau};

            for (size_t b = 0; b < n; b++) {
                fill[b] = exp(-at / tau) * -expm1(-dr->u[b] / tau);
                at += dr->u[b];
            }
            growth_try(f, dr, GROWTH_FILL_JUMP, 1 / count / 3, &part, &jumps,
                       NULL);
        }
        jump[i] = spike[i] = 0;
        if (i + 1 < n)
            spike[i + 1] = 0;
    }
    free(jump);
    free(spike);
    free(fill);
}

/* The `m` blocks that are furthest from what `dr` does in most of them, the
   furthest first. */
static void furthest(const struct fitter *f, const struct driver *dr, size_t m,
                     size_t *out)
{
    const double *d = f->data->d, *u = dr->u;
    size_t n = f->data->n, k = 0;
    double *rate = column(f), usual;

    for (size_t b = 0; b < n; b++)
        if (u[b] > 0)
            rate[k++] = d[b] / u[b];
    usual = stats_median(rate, k);
    for (size_t b = 0; b < n; b++)
        rate[b] = fabs(d[b] - usual * u[b]);
    for (size_t i = 0; i < m; i++) {
        out[i] = 0;
        for (size_t b = 1; b < n; b++)
            if (rate[b] > rate[out[i]])
                out[i] = b;
        rate[out[i]] = -1;
    }
    free(rate);
}

/* Two or three blocks that stand out: a pool that has grown so often. Of all
   the ways to pick them the likeliest few are tried. */
static void fit_few_jumps(struct fitter *f, const struct driver *dr,
                          const struct growth_part *line)
{
    size_t n = f->data->n, block[JUMPS_MAX];
    struct growth_part jump[JUMPS_MAX];
    double pairs = (double)n * ((double)n - 1) / 2;

    if (n < 2 * JUMPS_MAX)
        return;
    furthest(f, dr, JUMPS_MAX, block);
    for (size_t i = 0; i < JUMPS_MAX; i++) {
        double *x = column(f);

        x[block[i]] = 1;
        jump[i] = (struct growth_part){x, 0, 0, 0};
    }
    for (size_t i = 0; i < JUMPS_MAX; i++) {
        const struct growth_part *one = &jump[i],
                                 *two = &jump[(i + 1) % JUMPS_MAX];

        if (dr->id == DRIVER_REQUESTS)
            growth_try(f, dr, GROWTH_JUMPS, 1 / pairs, one, two, NULL);
        growth_try(f, dr, GROWTH_JUMPS_LINE, 1 / pairs, one, two, line);
    }
    if (dr->id == DRIVER_REQUESTS)
        growth_try(f, dr, GROWTH_JUMPS, 3 / pairs / ((double)n - 2), &jump[0],
                   &jump[1], &jump[2]);
    for (size_t i = 0; i < JUMPS_MAX; i++)
        free((void *)jump[i].x);
}

/* A bend that is over, with a noise of its own on either side: what comes
   after it is judged by itself. The head is never the quieter one. With
   `gap`, the block in which it bends explains itself. */
static void fit_two_noises(struct fitter *f, const struct driver *dr,
                           size_t head, bool gap, bool line, double share)
{
    const double *d = f->data->d, *u = dr->u;
    size_t n = f->data->n, from = head + gap, tail = n - from;
    double hu = lsq_dot(u, u, head), tu = lsq_dot(u + from, u + from, tail);
    double a = lsq_dot(u, d, head) / hu, q = f->data->quantum, var, weight;
    double c = line ? lsq_dot(u + from, d + from, tail) / tu : 0;
    double rss[2] = {0, 0}, p = 2 + gap + line + (double)dr->extra;
    enum growth_shape shape = line ? GROWTH_KINK : GROWTH_STOP;
    struct opinion o;

    if (!(hu > 0) || !(tu > 0))
        return;
    for (size_t i = 0; i < n; i++) {
        double e = d[i] - u[i] * (i < head ? a : c);

        rss[i >= from] += gap && i == head ? 0 : e * e;
    }
    var = (rss[1] + q * q / 6) / (double)tail;
    rss[0] = fmax(rss[0] / (double)from, var);
    weight = -0.5 * ((double)from * log(rss[0]) + (double)tail * log(var) +
                     p * log((double)n) +
                     2 * p * (p + 1) / fmax((double)n - p - 1, 0.5));
    var = (rss[1] + q * q / 6) / (double)(tail - line);
    o = (struct opinion){weight, c * dr->per_request,
                         line ? sqrt(var / tu) * dr->per_request : 0,
                         (int)tail - 1, 0};
    if (!growth_say(f, dr, shape, share, o, sqrt(var)))
        return;
    f->out->sigma = sqrt(var);
    for (size_t i = 0; i < n; i++)
        f->out->fitted[i] = gap && i == head ? d[i] : u[i] * (i < head ? a : c);
    for (size_t i = 0; i < n; i++) {
        f->out->white[i] = d[i] - f->out->fitted[i];
        f->out->diag[i] = 1;
        f->out->low[i] = 0;
    }
    f->out->parameters = 1 + gap + line + dr->extra;
}

static void fit_rests(struct fitter *f, const struct driver *dr)
{
    size_t n = f->data->n, places = n - TAIL_MIN, step;
    double share;

    if (f->nfixed > 0 || n < 6)
        return;
    step = 1 + places / positions_max(f);
    share = 0.08 * (double)step / (double)places;
    for (size_t head = 1; head <= places; head += step)
        for (int gap = 0; gap < 2; gap++) {
            size_t tail = n - head - (size_t)gap;

            if (tail >= TAIL_MIN && head + (size_t)gap >= 2)
                fit_two_noises(f, dr, head, gap, false, share);
            if (tail > TAIL_MIN && head + (size_t)gap >= 2)
                fit_two_noises(f, dr, head, gap, true, share);
        }
}

void growth_shapes(struct fitter *f, const struct driver *dr)
{
    struct growth_part line = {dr->u, 1, 1, 0};

    if (!growth_recall(f, dr)) {
        if (dr->id == DRIVER_REQUESTS)
            growth_try(f, dr, GROWTH_FLAT, 1, NULL, NULL, NULL);
        growth_try(f, dr, GROWTH_LINE, 1, &line, NULL, NULL);
        fit_fills(f, dr, &line);
        fit_logs(f, dr, &line);
        fit_kinks(f, dr);
        fit_jumps(f, dr, &line);
    }
    growth_remember(f); /* the rest hangs on the readings */
    if (!f->data->coarse) {
        fit_few_jumps(f, dr, &line);
        fit_ends(f, dr);
    }
    fit_rests(f, dr);
}
