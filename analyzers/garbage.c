/* Garbage that waits for the collector, among counts of Python objects.
 *
 * A census from outside counts it. Where it could not, the young generation
 * tells: it holds objects that are dead and objects that are new.
 * How much of its coming and going is garbage differs from service to service,
 * so it is asked of the readings: the share that leaves the least behind
 * beside one plain cause of growth. */
#include "analyzers/barriers.h"

#include "analyzers/lsq.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_MAX 3     /* blocks per object of garbage */
#define CLEARLY 0.5     /* misfit that speaks against the usual share */
#define CLEARLY_ANY 0.7 /* misfit that speaks for any share at all */
#define YOUNG_MOST 2000 /* what a collector lets a process's young hold */
/* Of all that lives, what waits for a full collection before CPython makes one
   (a quarter), and what comes on top until it is due. */
#define OLD_MOST 0.35

/* Cause `k` of growth: a kind of request, behind them every request, and time
   itself. */
static const double *cause_of(const struct blocks *b, size_t k)
{
    return k < b->nkinds    ? b->kinds[k]
           : k == b->nkinds ? b->requests
                            : b->hours;
}

static size_t causes(const struct blocks *b)
{
    return b->nkinds + 2;
}

/* What the single cause that explains `y` best leaves of it, as a sum of
   squares over the blocks in `use` (NULL: all). Fills `predicted`. */
static double misfit(const struct blocks *b, const double *y, const bool *use,
                     double *predicted)
{
    const double *best = NULL;
    double least, slope = 0, yy = 0;

    for (size_t i = 0; i < b->n; i++)
        yy += use == NULL || use[i] ? y[i] * y[i] : 0;
    least = yy;
    for (size_t k = 0; k < causes(b); k++) {
        const double *x = cause_of(b, k);
        double xx = 0, xy = 0;

        for (size_t i = 0; i < b->n; i++) {
            xx += use == NULL || use[i] ? x[i] * x[i] : 0;
            xy += use == NULL || use[i] ? x[i] * y[i] : 0;
        }
        if (!(xx > 0) || xy <= 0 || !(yy - xy * xy / xx < least))
            continue;
        least = fmax(yy - xy * xy / xx, 0);
        slope = xy / xx;
        best = x;
    }
    for (size_t i = 0; predicted != NULL && i < b->n; i++)
        predicted[i] = best != NULL ? slope * best[i] : 0;
    return least;
}

/* The share of `young` in the readings beside nothing else, or beside the
   single cause of growth with which it leaves least. Zero when there is
   none. */
static double fitted_share(const struct blocks *b, const double *young)
{
    size_t n = b->n;
    double *z, least = INFINITY, share = 0;

    if (n < 4)
        return 0;
    z = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *z);
    for (size_t k = 0; k <= causes(b); k++) {
        size_t with = k < causes(b);
        struct lsq s;

        memcpy(z, young, n * sizeof *z);
        if (with)
            memcpy(z + n, cause_of(b, k), n * sizeof *z);
        memcpy(z + LSQ_PARTS * n, b->d, n * sizeof *z);
        if (!lsq_solve(z, n, 1 + with, &s) || !(s.rss < least) ||
            (with && s.b[1] < 0))
            continue;
        least = s.rss;
        share = fmin(fmax(s.b[0], 0), SHARE_MAX);
    }
    free(z);
    return share;
}

/* The readings without `share` of the young. A full collection moves
   survivors out of the young: they shrink though nothing was freed. Such a
   block is one whose reading as it stands is nearer to what the others say. */
static double cleared(const struct blocks *b, const double *young, double share,
                      double *y)
{
    bool *use = mem_zalloc(b->n, sizeof *use);
    double *predicted = mem_zalloc(b->n, sizeof *predicted), left;
    size_t used = 0;

    for (size_t i = 0; i < b->n; i++) {
        y[i] = b->d[i] - share * young[i];
        use[i] = young[i] >= 0;
        used += use[i];
    }
    misfit(b, y, used >= 3 ? use : NULL, predicted);
    for (size_t i = 0; i < b->n; i++)
        if (young[i] < 0 &&
            fabs(b->d[i] - predicted[i]) < fabs(y[i] - predicted[i]))
            y[i] = b->d[i];
    left = misfit(b, y, NULL, NULL);
    free(predicted);
    free(use);
    return left;
}

/* Differences of column `c` over the blocks; false when one is unknown. */
static bool differences(const struct record *r, const char *name,
                        const struct blocks *b, double *out)
{
    const struct column *c = series_column(&r->barriers, name);
    size_t from = b->start;

    for (size_t i = 0; c != NULL && i < b->n; i++) {
        out[i] = c->v[b->row[i]] - c->v[from];
        from = b->row[i];
        if (!isfinite(out[i]))
            return false;
    }
    return c != NULL;
}

/* How many processes there were in the end; 1: unknown. */
static double processes(const struct record *r, const struct blocks *b)
{
    const struct column *procs = series_column(&r->barriers, "procs");
    double many = procs != NULL ? procs->v[b->row[b->n - 1]] : 1;

    return many > 1 ? many : 1;
}

/* The collector is off somewhere, and the young only ever rise, beyond what
   one that is on lets be: they wait for nobody, and what is kept so is kept
   for good. Who collects by hand makes them fall. */
static bool nobody_collects(const struct record *r, const struct blocks *b,
                            const double *young)
{
    const struct column *off = series_column(&r->barriers, "py_gc_off");
    double risen = 0;

    if (off == NULL || !(off->v[b->row[b->n - 1]] > 0))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        if (young[i] < 0)
            return false;
        risen += young[i];
    }
    return risen > YOUNG_MOST * processes(r, b);
}

/* The collector has looked at the young often enough for a leak to show behind
   them: three times in each process. Before that, what leaks is itself among
   the young, and taking them out would hide it. */
static bool young_are_emptied(const struct record *r, const struct blocks *b)
{
    const struct column *runs =
        series_column(&r->barriers, "py_gc_collections");
    size_t last = b->row[b->n - 1];

    return runs != NULL &&
           runs->v[last] - runs->v[b->start] >= 3 * processes(r, b);
}

static bool is_tracked(const struct column *c)
{
    return strcmp(c->metric.name, "py_gc_objects") == 0;
}

/* What nothing refers to was counted at the barriers (the census follows every
   reference): of tracked objects it is taken out as it is. Not where it piles
   up beyond what a collector lets be that is on: there nobody will ever free
   it. Blocks keep to the young: read so sharply, a memo that fills beside a
   leak would be named with it. */
bool blocks_clear_counted(const struct record *r, const struct column *c,
                          struct blocks *b)
{
    double *waits = mem_zalloc(b->n + 1, sizeof *waits), risen = 0, most;
    bool known = b->n > 0 && is_tracked(c) &&
                 differences(r, "py_gc_unreached", b, waits);

    for (size_t i = 0; known && i < b->n; i++)
        risen += waits[i];
    most = known ? YOUNG_MOST * processes(r, b) : 0;
    if (known && young_are_emptied(r, b))
        most = fmax(most, OLD_MOST * b->last);
    known = known && risen <= most && !nobody_collects(r, b, waits);
    /* Where no collection was seen to come, it may wait for one for ever. */
    if (known)
        b->hiding = risen > 0 && !young_are_emptied(r, b);
    for (size_t i = 0; known && i < b->n; i++)
        b->d[i] -= waits[i];
    free(waits);
    return known;
}

double blocks_beyond_garbage(const struct record *r, const struct column *c)
{
    struct blocks b;
    double *young, sum = NAN;

    blocks_gather(r, c, 0, &b);
    young = mem_zalloc(b.n + 1, sizeof *young);
    if (b.n > 0 && differences(r, "py_gc_young", &b, young)) {
        double rise = 0, waits = 0, requests = 0;

        for (size_t i = 0; i < b.n; i++) {
            rise += b.d[i];
            waits += young[i];
            requests += b.requests[i];
        }
        waits = fmax(waits, 0) * (is_tracked(c) ? 1 : SHARE_MAX);
        sum = (rise - waits) / requests;
    }
    free(young);
    blocks_release(&b);
    return sum;
}

void blocks_clear_garbage(const struct record *r, const struct column *c,
                          struct blocks *b)
{
    bool tracked = is_tracked(c);
    double *young, *y, *best, least, fitted;

    if (b->n == 0 || (!tracked && strcmp(c->metric.name, "py_blocks") != 0))
        return;
    young = mem_zalloc(b->n, sizeof *young);
    y = mem_zalloc(b->n, sizeof *y);
    best = mem_zalloc(b->n, sizeof *best);
    if (differences(r, "py_gc_young", b, young) &&
        !nobody_collects(r, b, young)) {
        b->hiding = !young_are_emptied(r, b);
        b->garbage = tracked;
        least = cleared(b, young, b->garbage, best);
        fitted = fitted_share(b, young);
        /* With few collections the usual share stands: the verdict then asks
           the readings with and without. */
        if ((!tracked || !b->hiding) && fitted > 0 &&
            cleared(b, young, fitted, y) <
                (tracked ? CLEARLY : CLEARLY_ANY) * least) {
            b->garbage = fitted;
            least = cleared(b, young, fitted, best);
        }
        if (tracked && !b->hiding &&
            cleared(b, young, 0, y) < CLEARLY * least) {
            b->garbage = 0;
            cleared(b, young, 0, best);
        }
        memcpy(b->d, best, b->n * sizeof *b->d);
    }
    free(best);
    free(y);
    free(young);
}
