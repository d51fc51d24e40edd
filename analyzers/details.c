#include "analyzers/details.h"

#include "analyzers/attribution.h"
#include "analyzers/driven.h"
#include "analyzers/limits.h"
#include "analyzers/ruling.h"
#include "analyzers/types.h"
#include "harness/base/crew.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Readings come in these steps (as in blocks.c, for one finding). */
static double quantum_of(const struct blocks *b, const struct metric *m)
{
    struct growth_data view;

    blocks_view(b, m, &view);
    return view.quantum;
}

/* Blocks before the finding came to its steady growth. */
static size_t warm_blocks(const struct record *r, const struct blocks *b,
                          const struct finding *f)
{
    size_t from = 0;

    while (from < b->n / 2 && from + 4 < b->n &&
           r->barriers.t_s[b->row[from]] <= f->steady_from_s)
        from++;
    return from;
}

/* Lays the growth of finding `index` at its causes: see attribution.h. */
static size_t blame_column(const struct record *r, const struct policy *p,
                           const struct finding *f, int index,
                           struct blame *out)
{
    const struct column *c = series_column(&r->barriers, f->name);
    struct driven driven;
    struct blocks b;
    size_t from, n = 0;

    if (c == NULL)
        return 0;
    blocks_gather(r, c, 0, &b);
    blocks_clear_garbage(r, c, &b);
    if (b.nkinds > 0 || r->nkinds == 1) {
        from = warm_blocks(r, &b, f);
        driven_gather(r, &b, from, &driven);
        driven.held = p->connections;
        n = attribution_make(&b, from, &driven, quantum_of(&b, &f->metric),
                             p->confidence, index, out);
        driven_release(&driven);
    }
    blocks_release(&b);
    return n;
}

/* One kind of request is guilty of what grows, unless time or connections
   are. Gives the number filled. */
static size_t blame_only_kind(const struct finding *f, int index, size_t n,
                              struct blame *out)
{
    bool other = false;

    if (n == 0)
        out[n++] = (struct blame){.finding = index, .driver = -1};
    for (size_t i = 1; i < n; i++)
        other = other || out[i].named;
    out[0].named = !other;
    if (!other)
        out[0].per_request = f->per_request;
    out[0].minimum_per_request = f->minimum_per_request;
    return n;
}

/* What each request of the kind still keeps at the end of the run. What is kept
   for each new value ends when no new ones come: then the last third of the
   blocks says how many come. */
static double kept_at_end(const struct record *r, const struct blame *b)
{
    const struct record_driver *d;
    const double *done = r->kinds[b->kind].completed;
    size_t last = r->barriers.n - 1, from = last - last / 3;
    double fresh, requests;

    if (b->by != BLAME_DRIVER || done == NULL)
        return b->per_request.value;
    d = &r->drivers[b->driver];
    if (d->what != RECORD_DISTINCT || d->count == NULL)
        return b->per_request.value;
    fresh = d->count[last] - d->count[from];
    requests = done[last] - done[from];
    return requests > 0 ? b->per_driver.value * fresh / requests
                        : b->per_request.value;
}

/* Growth that would pass if all requests brought it. */
static double would_pass(const struct record *r, const struct policy *p,
                         const struct finding *f)
{
    struct limits_at at = {.rate_rps = barriers_rate(r),
                           .limit_bytes = r->limit_bytes,
                           .level = f->level,
                           .requests = f->to_requests - f->from_requests,
                           .span_s = f->to_s - f->from_s};
    struct limits l;

    limits_find(p, f->name, &f->metric, &at, &l);
    return l.pass;
}

/* Requests of kind `k` in the judged window. */
static double requests_of(const struct record *r, const struct finding *f,
                          int k)
{
    const double *done = r->kinds[k].completed, *t = r->barriers.t_s;
    double first = NAN, last = NAN;

    for (size_t i = 0; done != NULL && i < r->barriers.n; i++)
        if (t[i] >= f->from_s && t[i] <= f->to_s) {
            first = isnan(first) ? done[i] : first;
            last = done[i];
        }
    return last - first;
}

/* Too few to accuse by themselves. Of a step that other kinds have as well all
   its requests count. */
static bool is_seldom(const struct record *r, const struct finding *f,
                      const struct blame *b)
{
    return requests_of(r, f, b->kind) < RULING_REQUESTS_MIN &&
           !(b->by == BLAME_DRIVER &&
             r->drivers[b->driver].what == RECORD_STEP);
}

/* What no run would call a leak if all requests brought it is not named beside
   what does leak: caches inside the interpreter and its libraries fill for
   thousands of requests. Where nothing is beyond all doubt, what is beyond the
   tolerance is named. */
static void acquit_tolerated(const struct record *r, const struct policy *p,
                             const struct finding *f, struct blame *b, size_t n)
{
    double least = would_pass(r, p, f);
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any |= b[i].kind >= 0 && b[i].named && kept_at_end(r, &b[i]) >= least;
    if (!any)
        least = f->tolerance_per_request;
    for (size_t i = 0; i < n; i++)
        if (b[i].kind >= 0 && b[i].named && kept_at_end(r, &b[i]) < least)
            b[i].named = false;
}

static bool is_pages(const struct finding *f)
{
    return f->metric.role == METRIC_MEMORY;
}

/* What caches fill: memory, and the objects in it. */
static bool holds_caches(const struct finding *f)
{
    return f->metric.role != METRIC_HANDLES && f->metric.role != METRIC_CUSTOM;
}

/* What the kind brought in the judged window. */
static double brought(const struct record *r, const struct finding *f,
                      const struct blame *b)
{
    return b->per_request.value * requests_of(r, f, b->kind);
}

/* No other kind that is named for the same reading brought more. */
static bool is_chief(const struct record *r, const struct verdict *v,
                     const struct blame *b)
{
    const struct finding *f = &v->findings[b->finding];
    double most = brought(r, f, b);

    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *c = &v->blames[i];

        if (c->finding == b->finding && c->kind >= 0 && c->named &&
            brought(r, f, c) > most)
            return false;
    }
    return true;
}

/* Beside a kind that was asked for often enough to accuse, and that brought
   the most, one that was not is not named, be it of another reading of the
   same memory: the caches that its first requests fill look the same until
   they are full. Who brought more in its few requests than the other in its
   many filled no cache beside it. */
static void acquit_seldom(const struct record *r, struct verdict *v)
{
    for (size_t i = 0; i < v->nblames; i++) {
        struct blame *b = &v->blames[i];
        const struct finding *f = &v->findings[b->finding];
        bool beside = false;

        if (b->kind < 0 || !b->named || !is_seldom(r, f, b))
            continue;
        for (size_t k = 0; k < v->nblames && !beside; k++) {
            const struct blame *c = &v->blames[k];
            const struct finding *g = &v->findings[c->finding];

            beside = c->kind >= 0 && c->kind != b->kind && c->named &&
                     !is_seldom(r, g, c) && is_chief(r, v, c) &&
                     (g == f || (holds_caches(f) && holds_caches(g)));
        }
        b->named = !beside;
    }
}

/* Some kind of request is named of the finding. */
static bool names_any(const struct verdict *v, int finding)
{
    for (size_t i = 0; i < v->nblames; i++)
        if (v->blames[i].finding == finding && v->blames[i].kind >= 0 &&
            v->blames[i].named)
            return true;
    return false;
}

/* Does `f` count all pages whose growth `g` shows, as far as a kind of request
   makes them grow? Anonymous memory says of all pages only which are no longer
   shared. */
static bool counts_pages_of(const struct finding *f, const struct finding *g)
{
    return is_pages(f) && (strcmp(f->name, "pss_anon_bytes") != 0 ||
                           strcmp(g->name, "uss_bytes") == 0);
}

/* RSS, PSS and USS are views of the same pages: what a kind of request takes
   shows in all of them. Where one that names another kind is sure of less, the
   growth is pages that forked workers share no longer, or share anew, and the
   kind is not named for it. */
static void acquit_contradicted(struct verdict *v)
{
    for (size_t i = 0; i < v->nblames; i++) {
        struct blame *b = &v->blames[i];
        bool other = false;

        if (b->kind < 0 || !b->named || !is_pages(&v->findings[b->finding]))
            continue;
        for (size_t k = 0; k < v->nblames && !other; k++) {
            const struct blame *c = &v->blames[k];

            other = c->kind == b->kind && !c->named &&
                    counts_pages_of(&v->findings[c->finding],
                                    &v->findings[b->finding]) &&
                    c->per_request.high < b->per_request.low &&
                    names_any(v, c->finding);
        }
        b->named = !other;
    }
}

/* malloc keeps up to seven freed blocks of each size for each thread, and
   counts them as in use: what a request's sizes fill of that, as it was seen
   with a pool of threads; all sizes would take 230 KiB. */
#define THREAD_CACHE (8.0 * 1024)

/* What the threads that were always there may keep for themselves. */
static double thread_caches(const struct record *r)
{
    const struct column *c = series_column(&r->barriers, "threads");
    double least = INFINITY;

    for (size_t i = 0; c != NULL && i < r->barriers.n; i++)
        least = fmin(least, c->v[i]);
    return isfinite(least) ? least * THREAD_CACHE : 0;
}

/* Who is named for malloc's blocks alone, beside a kind that brought more, and
   for no more than its threads' caches hold, has filled these. */
static void acquit_cached(const struct record *r, struct verdict *v)
{
    double most = thread_caches(r);

    for (size_t i = 0; i < v->nblames; i++) {
        struct blame *b = &v->blames[i];
        const struct finding *f = &v->findings[b->finding];
        bool elsewhere = false;

        if (b->kind < 0 || !b->named || is_chief(r, v, b) ||
            strcmp(f->name, "native_inuse_bytes") != 0 ||
            brought(r, f, b) > most)
            continue;
        for (size_t k = 0; k < v->nblames; k++)
            elsewhere |=
                k != i && v->blames[k].kind == b->kind && v->blames[k].named;
        b->named = elsewhere;
    }
}

/* The findings that leak, and the blames of each: `room` for one. */
struct blame_work {
    const struct record *r;
    const struct policy *p;
    const struct verdict *v;
    int *finding;
    size_t room, *n;
    struct blame *blames;
};

static void blame_finding(void *work, size_t i, size_t hand)
{
    const struct blame_work *w = work;
    const struct finding *f = &w->v->findings[w->finding[i]];
    struct blame *b = w->blames + i * w->room;
    size_t n = blame_column(w->r, w->p, f, w->finding[i], b);

    (void)hand;
    acquit_tolerated(w->r, w->p, f, b, n);
    if (w->r->nkinds == 1)
        n = blame_only_kind(f, w->finding[i], n, b);
    w->n[i] = n;
}

static void blame_findings(const struct record *r, const struct policy *p,
                           struct verdict *v)
{
    struct blame_work w = {.r = r, .p = p, .v = v, .room = r->nkinds + 2};
    size_t leaks = 0;

    if (r->nkinds == 0)
        return;
    w.finding = mem_zalloc(v->nfindings + 1, sizeof *w.finding);
    for (size_t i = 0; i < v->nfindings; i++)
        if (v->findings[i].judged && v->findings[i].outcome == OUTCOME_LEAK &&
            v->findings[i].basis != BASIS_SAMPLES &&
            series_column(&r->barriers, v->findings[i].name) != NULL)
            w.finding[leaks++] = (int)i;
    w.n = mem_zalloc(leaks + 1, sizeof *w.n);
    w.blames = mem_zalloc(leaks * w.room + 1, sizeof *w.blames);
    crew_share(leaks, crew_hands(), blame_finding, &w);
    for (size_t i = 0; i < leaks; i++)
        for (size_t k = 0; k < w.n[i]; k++)
            w.blames[v->nblames++] = w.blames[i * w.room + k];
    v->blames = w.blames;
    free(w.n);
    free(w.finding);
}

/* What bends and is not over may follow values of which there are only so
   many: then it is known when it ends. */
static void find_values(const struct record *r, const struct policy *p,
                        struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);
    struct blame *blames;
    size_t n;

    if (lead == NULL || lead->basis == BASIS_SAMPLES || r->ndrivers == 0 ||
        r->nkinds == 0)
        return;
    blames = mem_zalloc(r->nkinds + 2, sizeof *blames);
    n = blame_column(r, p, lead, v->lead, blames);
    for (size_t i = 0; i < n && !v->follows.named; i++)
        if (blames[i].named && blames[i].by == BLAME_DRIVER &&
            r->drivers[blames[i].driver].what == RECORD_DISTINCT)
            v->follows = blames[i];
    free(blames);
}

/* The part of all requests that kind `k` has: as the scenario asks for it, or
   as it came when kinds are flows, whose requests are several. NaN unknown. */
static double share_of(const struct record *r, int k)
{
    const double *c = r->kinds[k].completed, *all = r->barriers.requests;
    size_t last = r->barriers.n - 1;
    double weights = 0;

    for (size_t i = 0; i < r->nkinds; i++)
        weights += r->kinds[i].flow ? NAN : fmax(r->kinds[i].weight, 0);
    if (weights > 0)
        return fmax(r->kinds[k].weight, 0) / weights;
    return all != NULL && last > 0 && c != NULL
               ? (c[last] - c[0]) / (all[last] - all[0])
               : NAN;
}

/* Requests of the named kinds, each by what it keeps, cumulative, and in `*per`
   how much of that a request brings; NULL when nobody is named for the lead.
   Names the kind in `v` when it is one. */
static double *guilty_requests(const struct record *r, struct verdict *v,
                               double *per)
{
    double *sum = mem_zalloc(r->barriers.n + 1, sizeof *sum);
    size_t named = 0;

    *per = 0;
    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];

        if (!b->named || b->finding != v->lead || b->kind < 0 ||
            r->kinds[b->kind].completed == NULL)
            continue;
        named++;
        v->types_kind = b->kind;
        v->types_share = share_of(r, b->kind);
        *per += v->types_share * b->per_request.value;
        for (size_t j = 0; j < r->barriers.n; j++)
            sum[j] += r->kinds[b->kind].completed[j] * b->per_request.value;
    }
    if (named != 1 || !(v->types_share > 0)) {
        v->types_kind = -1;
        v->types_share = 1;
    }
    if (named > 0)
        return sum;
    free(sum);
    return NULL;
}

/* The only kind is guilty by default. Where one finding shows that it is time
   or connections, the default says nothing of the others. */
static void acquit_only_kind(struct verdict *v)
{
    bool other = false;

    for (size_t i = 0; i < v->nblames; i++)
        other |= v->blames[i].named && v->blames[i].kind != 0;
    for (size_t i = 0; other && i < v->nblames; i++)
        v->blames[i].named &= v->blames[i].kind != 0;
}

/* What the diagnosis found nearest to the root comes first of those that grow
   in step: the others hang from it. */
static void put_held_first(const struct record *r, struct verdict *v)
{
    const char *held =
        r->diagnosis.nchains > 0 ? r->diagnosis.chains[0].type : "";

    for (size_t i = 1; i < v->ntypes; i++) {
        struct type_growth t = v->types[i];

        if (t.group < 0 || t.group != v->types[0].group ||
            strcmp(t.type, held) != 0)
            continue;
        memmove(v->types + 1, v->types, i * sizeof t);
        v->types[0] = t;
        return;
    }
}

void details_fill(const struct record *r, const struct policy *p,
                  struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);
    struct types_driver driver;
    double *done;

    blame_findings(r, p, v);
    acquit_contradicted(v);
    acquit_cached(r, v);
    acquit_seldom(r, v);
    if (r->nkinds == 1)
        acquit_only_kind(v);
    if (v->outcome == OUTCOME_INCONCLUSIVE)
        find_values(r, p, v);
    if (r->nobjects == 0)
        return;
    done = guilty_requests(r, v, &driver.per_request);
    driver.done = done;
    v->ntypes = types_make(
        r, p->confidence, lead != NULL ? lead->steady_from_s : 0,
        done != NULL ? &driver : NULL, &v->types, &v->types_per_hour);
    free(done);
    put_held_first(r, v);
}
