#include "analyzers/types.h"

#include "analyzers/student.h"
#include "harness/base/mem.h"
#include "harness/model/typename.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One census: which rows of record.objects it is made of. */
struct census {
    double t_s, requests, driven; /* requests: hours, where nobody counts */
    int block;                    /* -1: of a soak */
    double least; /* smallest count listed: what is not listed is below */
};

struct row {
    const char *type;
    size_t census;
    double count, bytes;
};

/* One type through all censuses; NaN where it is not known. */
struct track {
    const char *type;
    double *count, *bytes; /* ncensus each */
    double slope, se, p, bytes_slope;
    int df;
};

struct table {
    const struct types_driver *driver;
    bool soak, hours; /* no barriers; no requests either */
    struct census *census;
    size_t ncensus;
    struct row *rows;
    size_t nrows;
    struct track *tracks;
    size_t ntracks;
};

static size_t census_of(struct table *t, const struct record_object *o)
{
    const struct types_driver *d = t->driver;
    double requests = t->hours ? o->t_s / 3600 : o->requests;

    for (size_t i = t->ncensus; i-- > 0;)
        if (t->soak ? t->census[i].t_s == o->t_s
                    : t->census[i].block == o->block)
            return i;
    t->census = mem_realloc(t->census, t->ncensus + 1, sizeof *t->census);
    t->census[t->ncensus] = (struct census){
        o->t_s, requests, d != NULL && !t->soak ? d->done[o->block] : requests,
        t->soak ? -1 : o->block, INFINITY};
    return t->ncensus++;
}

static bool at_barrier(const struct record *r, const struct record_object *o)
{
    return o->block >= 0 && (size_t)o->block < r->barriers.n;
}

/* What there is: censuses at barriers, else of a soak, by requests or, where
   nobody counts those, by time. */
static void table_basis(const struct record *r, struct table *t)
{
    t->soak = true;
    for (size_t i = 0; i < r->nobjects; i++) {
        t->soak &= !at_barrier(r, &r->objects[i]);
        t->hours |= !isfinite(r->objects[i].requests);
    }
    t->hours &= t->soak;
}

/* Each row at its place; one row per type and census is expected, several are
   added up. */
static void table_gather(const struct record *r, struct table *t)
{
    table_basis(r, t);
    t->rows = mem_zalloc(r->nobjects, sizeof *t->rows);
    for (size_t i = 0; i < r->nobjects; i++) {
        const struct record_object *o = &r->objects[i];
        struct row *w = &t->rows[t->nrows];

        if ((!t->soak && !at_barrier(r, o)) || o->type == NULL ||
            !isfinite(o->count) || !isfinite(o->t_s) ||
            (!t->hours && !isfinite(o->requests)))
            continue;
        *w = (struct row){o->type, census_of(t, o), o->count, o->bytes};
        t->nrows++;
        t->census[w->census].least = fmin(t->census[w->census].least, o->count);
    }
}

static int by_type(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = strcmp(x->type, y->type);

    return c != 0 ? c : (x->census > y->census) - (x->census < y->census);
}

static void track_open(struct table *t, struct track *k, const char *type)
{
    k->type = type;
    k->count = mem_zalloc(t->ncensus, sizeof *k->count);
    k->bytes = mem_zalloc(t->ncensus, sizeof *k->bytes);
    for (size_t c = 0; c < t->ncensus; c++) {
        /* A complete census that does not list a type has none of it. */
        bool none = t->census[c].least <= 2;

        k->count[c] = k->bytes[c] = none ? 0 : NAN;
    }
}

static void table_tracks(struct table *t)
{
    size_t cap = 0;

    qsort(t->rows, t->nrows, sizeof *t->rows, by_type);
    for (size_t i = 0; i < t->nrows; i++) {
        struct row *w = &t->rows[i];
        bool next = i == 0 || strcmp(w->type, t->rows[i - 1].type) != 0;
        bool again = !next && w->census == t->rows[i - 1].census;
        struct track *k;

        if (next) {
            t->tracks =
                mem_grow(t->tracks, t->ntracks, &cap, sizeof *t->tracks);
            t->tracks[t->ntracks] = (struct track){0};
            track_open(t, &t->tracks[t->ntracks++], w->type);
        }
        k = &t->tracks[t->ntracks - 1];
        k->count[w->census] = w->count + (again ? k->count[w->census] : 0);
        k->bytes[w->census] = w->bytes + (again ? k->bytes[w->census] : 0);
    }
}

/* Growth per request from census to census, with the spread between them;
   counts are whole, so the spread never falls below what rounding makes. A
   track that has come to rest by its last third has stopped growing. */
static void track_judge(const struct table *t, struct track *k, size_t from)
{
    double driven = 0, requests, grown = 0, late = 0, late_requests = 0,
           rss = 0;
    double bytes = 0, slope, late_se, per;
    size_t n = 0, last = from,
           third = t->ncensus - 1 - (t->ncensus - 1 - from + 2) / 3;

    k->p = 1;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t c = last = from; c < t->ncensus; c++) {
            double dr = t->census[c].driven - t->census[last].driven;
            double d = k->count[c] - k->count[last];

            if (c == from || !isfinite(d) || !(dr > 0))
                continue;
            if (pass == 1) {
                double e = d - dr * grown / driven;

                rss += e * e / dr;
                late += c > third ? d : 0;
                late_requests += c > third ? dr : 0;
            } else {
                driven += dr;
                grown += d;
                bytes += k->bytes[c] - k->bytes[last];
                n++;
            }
            last = c;
        }
        if (n < 3)
            return;
    }
    requests = t->census[last].requests - t->census[from].requests;
    per = t->driver != NULL && t->driver->per_request > 0
              ? t->driver->per_request
              : driven / requests;
    slope = grown / driven;
    k->df = (int)n - 1;
    rss += 1 / 6.0 * (double)n / driven;
    k->se = sqrt(rss / (double)k->df / driven);
    late_se = sqrt(rss / (double)k->df / late_requests);
    k->slope = slope * per;
    k->bytes_slope = bytes / driven * per;
    if (grown >= 3 && late / late_requests > 0.3 * slope &&
        late / late_requests > late_se)
        k->p = student_cdf(-slope / k->se, k->df);
    k->se *= per;
}

/* A place in the order of confidence. */
struct ranked {
    struct track *track;
};

static int by_p(const void *a, const void *b)
{
    const struct track *x = ((const struct ranked *)a)->track;
    const struct track *y = ((const struct ranked *)b)->track;

    return x->p != y->p ? (x->p > y->p) - (x->p < y->p)
                        : strcmp(x->type, y->type);
}

/* How sure, in steps: the same step ranks by size. */
static int certainty_step(const struct type_growth *g)
{
    double low = g->count_per_request.low, v = g->count_per_request.value;

    if (!g->significant)
        return 0;
    return low > 0.7 * v ? 3 : low > 0.3 * v ? 2 : 1;
}

/* A type on its way to being ranked. */
struct candidate {
    struct type_growth growth;
    enum typename_origin origin;
};

static int by_rank(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    const struct type_growth *x = &p->growth, *y = &q->growth;
    int c = certainty_step(y) - certainty_step(x);

    if (c == 0)
        c = (int)p->origin - (int)q->origin;
    if (c != 0)
        return c;
    if (x->bytes_per_request != y->bytes_per_request)
        return x->bytes_per_request < y->bytes_per_request ? 1 : -1;
    return strcmp(x->type, y->type);
}

static void growth_from(const struct table *t, const struct track *k,
                        double confidence, struct type_growth *g)
{
    double half = k->se * student_quantile(0.5 + confidence / 2, k->df);

    snprintf(g->type, sizeof g->type, "%s", k->type);
    g->count_per_request =
        (struct interval){k->slope, k->slope - half, k->slope + half};
    g->bytes_per_request = k->bytes_slope;
    g->count = k->count[t->ncensus - 1];
    g->group = -1;
}

/* Types whose differences keep one proportion: parts of the same thing. */
static bool in_step(const struct table *t, const struct track *a,
                    const struct track *b, size_t from)
{
    double aa = 0, bb = 0, ab = 0;

    for (size_t c = from + 1; c < t->ncensus; c++) {
        double x = a->count[c] - a->count[c - 1];
        double y = b->count[c] - b->count[c - 1];

        if (!isfinite(x) || !isfinite(y))
            continue;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return ab > 0.995 * sqrt(aa * bb) && aa > 0 && bb > 0;
}

static const struct track *track_named(const struct table *t, const char *type,
                                       size_t size)
{
    for (size_t i = 0; i < t->ntracks; i++)
        if (strncmp(t->tracks[i].type, type, size - 1) == 0)
            return &t->tracks[i];
    return NULL;
}

static void group_types(const struct table *t, struct type_growth *g, size_t n,
                        size_t from)
{
    int groups = 0;

    for (size_t i = 0; i < n && g[i].significant; i++) {
        const struct track *a = track_named(t, g[i].type, sizeof g->type);
        bool company = false;

        for (size_t j = i + 1; g[i].group < 0 && j < n; j++) {
            const struct track *b = track_named(t, g[j].type, sizeof g->type);

            if (!g[j].significant || g[j].group >= 0 || !in_step(t, a, b, from))
                continue;
            g[j].group = groups;
            company = true;
        }
        if (company)
            g[i].group = groups++;
    }
}

/* Benjamini and Hochberg: the largest k with p(k) <= k q / m; types that
   never moved are no candidates, but count. */
static size_t discoveries(const struct ranked *order, size_t m, double q)
{
    size_t k = 0;

    for (size_t i = 0; i < m; i++)
        if (order[i].track->p <= q * (double)(i + 1) / (double)m)
            k = i + 1;
    return k;
}

/* The warm-up is left out as far as it can be spared: a type that came to rest
   is known by its own end, and few censuses find nothing among many types. */
static size_t first_census(const struct table *t, double from_s)
{
    size_t from = 0;

    while (3 * (from + 1) <= t->ncensus && from + 4 < t->ncensus &&
           t->census[from + 1].t_s <= from_s)
        from++;
    return from;
}

size_t types_make(const struct record *r, double confidence, double from_s,
                  const struct types_driver *driver, struct type_growth **out,
                  bool *per_hour)
{
    struct table t = {.driver = driver};
    struct ranked *order;
    struct candidate *shown;
    size_t n = 0, found, from;

    *out = NULL;
    table_gather(r, &t);
    table_tracks(&t);
    order = mem_zalloc(t.ntracks + 1, sizeof *order);
    from = first_census(&t, from_s);
    *per_hour = t.hours;
    for (size_t i = 0; i < t.ntracks; i++) {
        order[i].track = &t.tracks[i];
        track_judge(&t, &t.tracks[i], from);
    }
    qsort(order, t.ntracks, sizeof *order, by_p);
    found = discoveries(order, t.ntracks, 1 - confidence);
    shown = mem_zalloc(TYPES_SHOWN, sizeof *shown);
    *out = mem_zalloc(TYPES_SHOWN, sizeof **out);
    for (size_t i = 0; i < t.ntracks && n < TYPES_SHOWN; i++) {
        if (order[i].track->p >= 0.5)
            break;
        growth_from(&t, order[i].track, confidence, &shown[n].growth);
        shown[n].origin = typename_origin(order[i].track->type, r->command);
        shown[n++].growth.significant = i < found;
    }
    qsort(shown, n, sizeof *shown, by_rank);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = shown[i].growth;
    free(shown);
    group_types(&t, *out, n, from);
    for (size_t i = 0; i < t.ntracks; i++) {
        free(t.tracks[i].count);
        free(t.tracks[i].bytes);
    }
    free(order);
    free(t.tracks);
    free(t.rows);
    free(t.census);
    return n;
}
