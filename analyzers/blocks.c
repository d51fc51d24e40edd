/* Barrier rows to blocks: see barriers.h. */
#include "analyzers/barriers.h"

#include "analyzers/lives.h"
#include "analyzers/stats.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A reading that is no growth: so many usual steps above those beside it, so
   much of the level, of which so much may have stayed; of so many readings, and
   no more than one in so many. */
#define EXCURSION_STEPS 20
#define EXCURSION_LEAST 0.005
#define EXCURSION_KEPT 0.1
#define EXCURSION_ROWS 6
#define EXCURSION_SHARE 3

#define REGION_LEAST ((uint64_t)256 << 10)

double barriers_rate(const struct record *r)
{
    const struct series *s = &r->samples, *b = &r->barriers;
    double requests = 0, seconds = 0;

    for (size_t i = 1; s->requests != NULL && s->phase != NULL && i < s->n;
         i++) {
        double dr = s->requests[i] - s->requests[i - 1];
        double dt = s->t_s[i] - s->t_s[i - 1];

        if (s->phase[i] != PHASE_LOAD || s->phase[i - 1] != PHASE_LOAD ||
            !(dr >= 0) || !(dt > 0))
            continue;
        requests += dr;
        seconds += dt;
    }
    if (!(requests > 0) && b->requests != NULL && b->n > 1) {
        requests = b->requests[b->n - 1] - b->requests[0];
        seconds = b->t_s[b->n - 1] - b->t_s[0];
    }
    return requests > 0 && seconds > 0 ? requests / seconds : NAN;
}

static bool row_usable(const struct series *s, const struct column *c, size_t i)
{
    return isfinite(c->v[i]) && isfinite(s->requests[i]) &&
           (s->phase == NULL || s->phase[i] != PHASE_DIAGNOSE);
}

/* What a collection leaves is read again and again until the next one, or
   rises with the garbage that waits for it: only a reading behind a new
   collection says something. */
static bool row_is_new(const struct column *runs, size_t last, size_t i)
{
    return runs == NULL || !(runs->v[i] <= runs->v[last]);
}

/* The column that counts those collections; NULL: every reading is new. */
static const struct column *renewing(const struct record *r,
                                     const struct column *c, bool swept)
{
    const char *name =
        swept ? metric_swept_by(&c->metric) : metric_collector(&c->metric);

    if (name == NULL)
        name = metric_renewed_by(&c->metric);
    return name != NULL ? series_column(&r->barriers, name) : NULL;
}

/* Kinds count only when every used row knows them. */
static bool kinds_usable(const struct record *r, size_t rows)
{
    if (r->nkinds < 2)
        return false;
    for (size_t k = 0; k < r->nkinds; k++)
        for (size_t i = 0; i < rows; i++)
            if (r->kinds[k].completed == NULL ||
                !isfinite(r->kinds[k].completed[i]))
                return false;
    return true;
}

/* The kinds' shares as the scenario weighs them; NULL where a kind is a flow,
   whose requests are several and not counted apart. */
static double *asked_shares(const struct record *r, size_t nkinds)
{
    double *share = mem_zalloc(nkinds, sizeof *share), sum = 0;

    for (size_t k = 0; k < nkinds; k++) {
        share[k] = fmax(r->kinds[k].weight, 0);
        sum += r->kinds[k].flow ? NAN : share[k];
    }
    if (!(sum > 0)) {
        free(share);
        return NULL;
    }
    for (size_t k = 0; k < nkinds; k++)
        share[k] /= sum;
    return share;
}

/* Processes that began between two barrier rows in place of others. Who is
   there besides at the end replaces nobody: what such bring is growth. */
static double replaced(const struct series *s, size_t from, size_t to)
{
    const struct column *procs = series_column(s, "procs");
    double starts, more = procs != NULL ? procs->v[to] - procs->v[from] : NAN;

    if (s->proc_starts == NULL)
        return 0;
    starts = s->proc_starts[to] - s->proc_starts[from];
    if (!(starts > 0))
        return 0;
    return more > 0 && lives_on_top(s) ? fmax(0, starts - more) : starts;
}

static void blocks_add(const struct record *r, const struct column *c,
                       size_t from, size_t to, struct blocks *out)
{
    const struct series *s = &r->barriers;
    size_t i = out->n++;

    out->d[i] = c->v[to] - c->v[from];
    out->requests[i] = s->requests[to] - s->requests[from];
    out->hours[i] = (s->t_s[to] - s->t_s[from]) / 3600;
    out->row[i] = to;
    out->restarts[i] = replaced(s, from, to);
    out->restarted += out->restarts[i];
    for (size_t k = 0; k < out->nkinds; k++)
        out->kinds[k][i] =
            r->kinds[k].completed[to] - r->kinds[k].completed[from];
    out->last = c->v[to];
    if (-out->d[i] > out->top * fabs(c->v[from]))
        out->top = -out->d[i] / fabs(c->v[from]);
}

static void gather_lives(const struct record *r, struct blocks *b)
{
    size_t *edge;

    if (b->restarted == 0)
        return;
    edge = mem_zalloc(b->n + 1, sizeof *edge);
    edge[0] = b->start;
    for (size_t i = 0; i < b->n; i++)
        edge[i + 1] = b->row[i];
    lives_find(r, edge, b->n + 1, &b->lives);
    free(edge);
}

/* Usual step from one used row to the next: the lower quartile, since what is
   left out makes two large ones each. */
static double usual_step(const double *x, size_t m)
{
    double *step = mem_zalloc(m, sizeof *step), usual;

    for (size_t i = 0; i + 1 < m; i++)
        step[i] = fabs(x[i + 1] - x[i]);
    stats_sort(step, m - 1);
    usual = stats_quantile_sorted(step, m - 1, 0.25);
    free(step);
    return usual;
}

/* How many readings from `at` on, one or two, stand far above those before and
   behind, which agree; else 0. */
static size_t excursion(const double *x, size_t m, size_t at, double usual)
{
    for (size_t k = 1; k <= 2 && at + k < m; k++) {
        double before = x[at - 1], behind = x[at + k];
        double up = fmin(x[at], x[at + k - 1]) - fmax(before, behind);

        if (up > EXCURSION_STEPS * usual && up > EXCURSION_LEAST * before &&
            fabs(behind - before) <= EXCURSION_KEPT * up)
            return k;
    }
    return 0;
}

/* A job that was under way while a barrier was read, and is over at the next,
   is no growth: such readings are left out, if they are few, and the blocks
   around them joined, which loses nothing of what stays. Only what is in use is
   read so: pages of memory come and go for other reasons. Returns which rows of
   `n` are left out; yours to free. */
static bool *find_excursions(const struct record *r, const struct column *c,
                             size_t n)
{
    const struct series *s = &r->barriers;
    bool *out = mem_zalloc(n + 1, sizeof *out);
    double *x = mem_zalloc(n + 1, sizeof *x), usual;
    size_t *row = mem_zalloc(n + 1, sizeof *row), m = 0, left = 0;
    bool counted;

    for (size_t i = 0; i < n; i++)
        if (row_usable(s, c, i)) {
            row[m] = i;
            x[m++] = c->v[i];
        }
    counted = c->metric.role == METRIC_OBJECTS || c->metric.role == METRIC_HEAP;
    usual = m > 2 ? usual_step(x, m) : 0;
    for (size_t i = 1; counted && m >= EXCURSION_ROWS && i + 1 < m; i++) {
        size_t k = excursion(x, m, i, usual);

        for (size_t j = i; j < i + k; j++)
            out[row[j]] = true;
        left += k;
        i += k;
    }
    if (left * EXCURSION_SHARE > m ||
        (s->proc_starts != NULL && n > 0 &&
         !(s->proc_starts[n - 1] <= s->proc_starts[0])))
        memset(out, 0, n * sizeof *out);
    free(row);
    free(x);
    return out;
}

void blocks_gather(const struct record *r, const struct column *c, size_t rows,
                   struct blocks *out)
{
    blocks_gather_swept(r, c, rows, false, out);
}

void blocks_gather_swept(const struct record *r, const struct column *c,
                         size_t rows, bool swept, struct blocks *out)
{
    const struct column *runs = renewing(r, c, swept);
    bool *left_out;
    const struct series *s = &r->barriers;
    size_t n = rows > 0 && rows < s->n ? rows : s->n, last = n;

    *out = (struct blocks){.first = NAN, .last = NAN};
    if (n == 0 || s->requests == NULL)
        return;
    out->d = mem_zalloc(n, sizeof *out->d);
    out->requests = mem_zalloc(n, sizeof *out->requests);
    out->hours = mem_zalloc(n, sizeof *out->hours);
    out->restarts = mem_zalloc(n, sizeof *out->restarts);
    out->row = mem_zalloc(n, sizeof *out->row);
    out->nkinds = kinds_usable(r, n) ? r->nkinds : 0;
    out->kinds = mem_zalloc(out->nkinds, sizeof *out->kinds);
    for (size_t k = 0; k < out->nkinds; k++)
        out->kinds[k] = mem_zalloc(n, sizeof **out->kinds);
    out->asked = out->nkinds > 0 ? asked_shares(r, out->nkinds) : NULL;
    left_out = find_excursions(r, c, n);
    for (size_t i = 0; i < n; i++) {
        if (left_out[i] || !row_usable(s, c, i))
            continue;
        if (last == n) {
            out->first = out->last = c->v[i];
            out->start = i;
            last = i;
        } else if (s->requests[i] > s->requests[last] &&
                   s->t_s[i] > s->t_s[last] && row_is_new(runs, last, i)) {
            blocks_add(r, c, last, i, out);
            last = i;
        }
    }
    free(left_out);
    gather_lives(r, out);
}

void blocks_plant(const struct record *r, const struct column *c,
                  double per_request, double *v)
{
    const struct series *s = &r->barriers;
    struct blocks b;
    size_t i = 0, before;
    double *x, held = 0;

    blocks_gather(r, c, 0, &b);
    x = mem_zalloc(b.n + 1, sizeof *x);
    if (b.lives.n > 0)
        lives_part(&b.lives, lives_age, 0, x);
    for (size_t k = 0; k < b.n; k++) {
        before = k > 0 ? b.row[k - 1] : b.start;
        for (i = before + 1; i <= b.row[k]; i++)
            v[i] += held +
                    per_request * (b.lives.n > 0
                                       ? x[k]
                                       : s->requests[i] - s->requests[before]);
        held += per_request * (b.lives.n > 0 ? x[k] : b.requests[k]);
    }
    for (; b.n > 0 && i < s->n; i++)
        v[i] += held;
    free(x);
    blocks_release(&b);
}

/* Readings come in these steps: pages where the kernel counts, allocator
   granules where a heap does, ones where things are counted. */
static double quantum(const struct metric *m, double level)
{
    if (m->unit != METRIC_BYTES)
        return m->unit == METRIC_COUNT ? 1 : 1e-6 * fabs(level) + 1e-9;
    if (m->role == METRIC_HEAP)
        return fmax(64, 1e-5 * fabs(level));
    return fmax(4096, 5e-5 * fabs(level));
}

/* A runtime that has a heap of its own may tell it in regions (G1 in those of
   1 MiB and more): the largest power of two that divides every step, where
   there were several. */
static double region(const struct blocks *b, const struct metric *m)
{
    uint64_t all = 0;
    size_t steps = 0;

    if (m->role != METRIC_HEAP || m->unit != METRIC_BYTES)
        return 0;
    for (size_t i = 0; i < b->n; i++) {
        double step = fabs(b->d[i]);

        if (!(step < 9e15))
            return 0;
        all |= (uint64_t)step;
        steps += step > 0;
    }
    all &= ~all + 1;
    return steps > 1 && all >= REGION_LEAST ? (double)all : 0;
}

void blocks_view(const struct blocks *b, const struct metric *m,
                 struct growth_data *out)
{
    *out = (struct growth_data){
        .n = b->n,
        .d = b->d,
        .requests = b->requests,
        .hours = b->hours,
        .restarts = b->restarted > 0 ? b->restarts : NULL,
        .lives = b->lives.n > 0 ? &b->lives : NULL,
        .kinds = (const double *const *)b->kinds,
        .nkinds = b->nkinds,
        .asked = b->asked,
        .quantum = fmax(quantum(m, b->last), region(b, m)),
        .counts = m->role == METRIC_OBJECTS,
    };
}

void blocks_release(struct blocks *b)
{
    for (size_t k = 0; k < b->nkinds; k++)
        free(b->kinds[k]);
    free(b->kinds);
    lives_release(&b->lives);
    free(b->asked);
    free(b->row);
    free(b->restarts);
    free(b->hours);
    free(b->requests);
    free(b->d);
    *b = (struct blocks){0};
}
