#include "analyzers/pooled_parts.h"

#include "analyzers/lsq.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { LIVES_MIN = 3 }; /* fewer are no rule */

/* Blocks per object among the young, at most. */
#define SHARE_BLOCKS 3

/* Share of the scatter between readings that something in step explains. */
#define IN_STEP 0.98

/* Caches are full where so little lacks of what was ever seen to come, through
   this part of the longest life. */
#define FULL_LACKS 0.02
#define FULL_SPAN 0.25

/* A number that is come to again is a bound when ages that have it are so far
   apart, in longest lives; nearer ones may have it by chance. */
#define BOUND_SPAN 0.1

/* What of the readings' scatter the entries of bounded caches explain. */
static double in_step(const struct pooled *p)
{
    double n = (double)p->n, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

    for (size_t i = 0; i < p->n; i++) {
        x += p->at[i].links / n;
        y += p->at[i].read / n;
    }
    for (size_t i = 0; i < p->n; i++) {
        double dx = p->at[i].links - x, dy = p->at[i].read - y;

        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    return xy > 0 ? xy * xy / (xx * yy) : 0;
}

/* As many entries as were ever seen, in several lives and through a good part
   of one: there is no room for more. */
static bool caches_full(const struct pooled *p, double least, double most)
{
    double full = most - FULL_LACKS * (most - least);
    double first = INFINITY, last = 0;
    size_t lives = 0;

    for (size_t i = 0; i < p->n; i++) {
        bool again = false;

        if (p->at[i].links < full)
            continue;
        first = fmin(first, p->at[i].age);
        last = fmax(last, p->at[i].age);
        for (size_t k = 0; k < i; k++)
            again |= p->at[k].life == p->at[i].life && p->at[k].links >= full;
        lives += !again;
    }
    return lives >= LIVES_MIN && last - first >= FULL_SPAN * p->oldest;
}

/* The most that was ever read was read to the object in more than one life,
   and at ages far apart: what goes on growing does not do that, unless it
   grows by next to nothing. */
static bool has_bound(const struct pooled *p)
{
    double most = -INFINITY, first = INFINITY, last = 0;
    size_t life = 0;
    bool again = false;

    for (size_t i = 0; i < p->n; i++) {
        const struct pooled_point *at = &p->at[i];

        if (at->read > most) {
            most = at->read;
            first = at->age;
            life = at->life;
            again = false;
        }
        if (at->read == most) {
            last = at->age;
            again |= at->life != life;
        }
    }
    return again && last - first >= BOUND_SPAN * p->oldest;
}

/* Objects that wait in caches with a bound are no leak. While the caches fill,
   nobody can tell one that goes on beside them; where they are full, what the
   entries explain is taken out. */
void pooled_find_cached(struct pooled *p)
{
    double most = -INFINITY, least = INFINITY;

    for (size_t i = 0; p->filling && i < p->n; i++) {
        most = fmax(most, p->at[i].links);
        least = fmin(least, p->at[i].links);
    }
    /* Entries that stand still, or that there are none of, explain nothing. */
    p->filling = p->filling && most > least;
    p->full = p->filling && caches_full(p, least, most);
    p->cached = p->filling && p->plant == 0 && in_step(p) > IN_STEP;
    p->filling = p->filling && !p->full;
    /* A type that comes to the same number again and again has a bound. */
    p->cached |= p->what == RECORD_OWN && has_bound(p);
}

/* What goes with the readings' young objects and with their entries of full
   caches, beside growth with age. */
struct passing {
    double share, share_se, entry;
};

/* False when they cannot be told apart. */
static bool fit_passing(const struct pooled *p, struct passing *out)
{
    size_t n = p->n, parts = 3, young, links;
    double *z = mem_zalloc((LSQ_PARTS + 1) * n, sizeof *z), some = 0;
    double ask[LSQ_PARTS] = {0};
    struct lsq s;
    bool told;

    *out = (struct passing){0};
    for (size_t i = 0; i < n; i++)
        some = fmax(some, p->at[i].young);
    young = some > 0 ? parts++ : 0;
    links = p->full ? parts++ : 0;
    for (size_t i = 0; i < n; i++) {
        const struct pooled_point *at = &p->at[i];

        z[i] = 1;
        z[n + i] = at->age / p->oldest;
        z[2 * n + i] = -expm1(-8 * at->age / p->oldest);
        if (young > 0)
            z[young * n + i] = at->young;
        if (links > 0)
            z[links * n + i] = at->links;
        z[LSQ_PARTS * n + i] = at->held - at->step;
    }
    told = n > parts && lsq_solve(z, n, parts, &s) &&
           isfinite(s.b[young > 0 ? young : links]);
    if (told && young > 0) {
        ask[young] = 1;
        out->share = s.b[young];
        out->share_se = sqrt(s.rss / (double)(n - parts)) * lsq_se(&s, ask);
    }
    if (told && links > 0)
        out->entry = fmax(s.b[links], 0);
    free(z);
    return told;
}

/* Takes out what comes with the entries of full caches, and the garbage that
   waits for the collector. Of the tracked objects those are left that a
   collection has seen; of blocks, the share of the young that goes is asked of
   the readings beside growth with age (garbage.c has why); of one type, as
   much as they cannot exclude: in a life without a collection its garbage
   grows like a leak. */
void pooled_clear_passing(struct pooled *p)
{
    struct passing goes;
    double share = p->what == RECORD_OWN_OBJECTS;
    bool told;

    if (p->what < RECORD_OWN_BLOCKS)
        return;
    told = fit_passing(p, &goes);
    if (told && p->what == RECORD_OWN_BLOCKS)
        share = fmin(fmax(goes.share, 0), SHARE_BLOCKS);
    else if (p->what == RECORD_OWN)
        share = told ? fmin(fmax(goes.share + 2 * goes.share_se, 0), 1) : 1;
    for (size_t i = 0; i < p->n; i++) {
        struct pooled_point *at = &p->at[i];

        at->held -= share > 0 && isfinite(at->young) ? share * at->young : 0;
        at->held -= p->full ? goes.entry * at->links : 0;
    }
}
