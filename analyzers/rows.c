#include "analyzers/rows.h"

#include "analyzers/lives.h"
#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum {
    CELL_READINGS = 15,
    LIFE_ROWS_MIN = 6, /* on average; shorter lives tell nothing */
};

/* An exabyte, or as many of anything. */
#define READING_MOST 1e18

static bool counts(enum phase p)
{
    return p == PHASE_NONE || p == PHASE_LOAD || p == PHASE_WARMUP;
}

/* Rows under load whose time goes forward: a clock that steps back would
 * put readings in the wrong order. */
static void choose(const struct series *s, struct rows *r)
{
    double last = -INFINITY;

    r->row = mem_zalloc(s->n, sizeof *r->row);
    r->warm_until_s = NAN;
    for (size_t i = 0; i < s->n && i < UINT32_MAX; i++) {
        enum phase p = s->phase != NULL ? (enum phase)s->phase[i] : PHASE_NONE;

        if (!counts(p) || !isfinite(s->t_s[i]))
            continue;
        if (s->t_s[i] <= last) {
            r->late++;
            continue;
        }
        last = s->t_s[i];
        if (p == PHASE_WARMUP)
            r->warm_until_s = last;
        r->row[r->nrows++] = (uint32_t)i;
    }
}

static void divide(struct rows *r)
{
    r->n = r->nrows < ROWS_CELLS_MAX ? r->nrows : ROWS_CELLS_MAX;
    r->first = mem_zalloc(r->n + 1, sizeof *r->first);
    for (size_t i = 0; i <= r->n; i++)
        r->first[i] = r->n > 0 ? r->nrows * i / r->n : 0;
}

/* The row that stands for cell `i`: its middle one. */
static uint32_t middle(const struct rows *r, size_t i)
{
    return r->row[(r->first[i] + r->first[i + 1]) / 2];
}

/* A counter read through resets: what it falls by is added again, as if it
 * had gone on from 0. */
static void count_requests(const struct series *s, struct rows *r)
{
    double *all = mem_zalloc(r->nrows, sizeof *all);
    double base = 0, last = NAN, first = NAN;
    size_t resets = 0;

    for (size_t i = 0; i < r->nrows; i++) {
        double v = s->requests[r->row[i]];

        all[i] = NAN;
        if (!isfinite(v) || v < 0)
            continue;
        if (v < last) {
            base += last;
            resets++;
        }
        last = v;
        all[i] = base + v;
        if (isnan(first))
            first = all[i];
    }
    r->requests_reset = resets > 0;
    /* A "counter" that falls again and again counts something else. */
    if (!(base + last > first) || resets * 20 > r->nrows + 20)
        goto out;
    /* Cells without a count lie between their neighbours, by time. */
    r->requests = mem_zalloc(r->n, sizeof *r->requests);
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < r->n; i++) {
        double v = NAN;

        for (size_t k = r->first[i]; k < r->first[i + 1]; k++)
            if (!isnan(all[k]))
                v = all[k];
        r->requests[i] = v;
        if (isnan(v))
            continue;
        for (size_t k = before == SIZE_MAX ? 0 : before + 1; k < i; k++) {
            double share = before == SIZE_MAX
                               ? 1
                               : (r->t_s[k] - r->t_s[before]) /
                                     (r->t_s[i] - r->t_s[before]);
            double from = before == SIZE_MAX ? v : r->requests[before];

            r->requests[k] = from + share * (v - from);
        }
        before = i;
    }
    for (size_t k = before + 1; before != SIZE_MAX && k < r->n; k++)
        r->requests[k] = r->requests[before];
out:
    free(all);
}

/* How many more processes there are from each row on, to the end, than there
   ever were before: who begins there takes nobody's place. To free; NULL:
   none. */
static double *come_on_top(const struct series *s, const struct rows *r)
{
    const struct column *procs = series_column(s, "procs");
    double *more, most = NAN, least = NAN;

    if (!lives_on_top(s))
        return NULL;
    more = mem_zalloc(r->nrows + 1, sizeof *more);
    for (size_t k = r->nrows; k-- > 0;)
        more[k] = least = fmin(least, procs->v[r->row[k]]);
    for (size_t k = 0; k < r->nrows; k++) {
        more[k] -= most;
        most = fmax(most, procs->v[r->row[k]]);
    }
    return more;
}

static void number_lives(const struct series *s, struct rows *r)
{
    double last = NAN, *more;

    r->life = mem_zalloc(r->n, sizeof *r->life);
    r->nlives = r->n > 0 ? 1 : 0;
    if (s->proc_starts == NULL)
        return;
    more = come_on_top(s, r);
    for (size_t i = 0; i < r->n; i++) {
        bool start = false;

        for (size_t k = r->first[i]; k < r->first[i + 1]; k++) {
            double v = s->proc_starts[r->row[k]];

            if (v > last && !(more != NULL && v - last <= more[k]))
                start = true;
            if (isfinite(v))
                last = v;
        }
        if (start && i > 0)
            r->nlives++;
        r->life[i] = r->nlives - 1;
    }
    free(more);
    r->starts_ignored = (size_t)r->nlives * LIFE_ROWS_MIN > r->n + 6;
    r->starts_counted = isfinite(last) && !r->starts_ignored;
    if (r->starts_ignored) {
        r->nlives = 1;
        for (size_t i = 0; i < r->n; i++)
            r->life[i] = 0;
    }
}

/* Stops the clock where rows lie between two cells that do not count: of
 * such a pause only an ordinary step is left. */
static void stop_clock(struct rows *r)
{
    double *step = mem_zalloc(r->n, sizeof *step), typical;
    size_t m = 0;

    r->busy_s = mem_zalloc(r->n, sizeof *r->busy_s);
    for (size_t i = 1; i < r->n; i++)
        step[m++] = r->t_s[i] - r->t_s[i - 1];
    typical = stats_median(step, m);
    for (size_t i = 0; i < r->n; i++) {
        double dt = i > 0 ? r->t_s[i] - r->t_s[i - 1] : r->t_s[0];
        size_t width = i > 0 ? r->first[i + 1] - r->first[i - 1] : 0;

        if (i > 0 && middle(r, i) - middle(r, i - 1) > width)
            dt = fmin(dt, typical);
        r->busy_s[i] = (i > 0 ? r->busy_s[i - 1] : 0) + dt;
    }
    free(step);
}

void rows_select(const struct series *s, struct rows *out)
{
    *out = (struct rows){0};
    choose(s, out);
    divide(out);
    out->t_s = mem_zalloc(out->n, sizeof *out->t_s);
    for (size_t i = 0; i < out->n; i++)
        out->t_s[i] = s->t_s[middle(out, i)];
    stop_clock(out);
    if (s->requests != NULL && out->n > 0)
        count_requests(s, out);
    number_lives(s, out);
}

void rows_readings(const struct rows *r, const double *v, double least,
                   double *out)
{
    double some[CELL_READINGS];

    for (size_t i = 0; i < r->n; i++) {
        size_t a = r->first[i], width = r->first[i + 1] - a, n = 0;
        size_t step = width / CELL_READINGS + 1;

        for (size_t k = 0; k < width; k += step) {
            double x = v[r->row[a + k]];

            if (x >= least && fabs(x) <= READING_MOST)
                some[n++] = x;
        }
        out[i] = n == 1 ? some[0] : stats_median(some, n);
    }
}

void rows_growth(const struct rows *r, const struct series *s, double *out)
{
    const double *x = r->requests != NULL ? r->requests : r->busy_s;
    double span = r->n > 1 ? x[r->n - 1] - x[0] : 1, born = 0, share = 0;
    size_t row = 0;

    for (size_t i = 0; i < r->n; i++) {
        size_t next = r->row[r->first[i + 1] - 1] + (size_t)1;

        if (i == 0 || r->life[i] != r->life[i - 1])
            born = x[i];
        for (; row < r->row[r->first[i]]; row++)
            out[row] = share;
        double before = share;
        share = (x[i] - born) / span;
        for (size_t from = row; row < next; row++)
            out[row] = next - from < 2 || share < before
                           ? share
                           : before + (share - before) *
                                          (double)(row - from + 1) /
                                          (double)(next - from);
    }
    for (; row < s->n; row++)
        out[row] = share;
}

void rows_plant(const struct rows *r, double by, double grain, double *y)
{
    const double *x = r->requests != NULL ? r->requests : r->busy_s;
    double span = x[r->n - 1] - x[0], born = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || r->life[i] != r->life[i - 1])
            born = x[i];
        double grown = by * (x[i] - born) / span;

        y[i] += grain > 0 ? grain * round(grown / grain) : grown;
    }
}

void rows_release(struct rows *r)
{
    free(r->row);
    free(r->first);
    free(r->t_s);
    free(r->busy_s);
    free(r->requests);
    free(r->life);
    *r = (struct rows){0};
}
