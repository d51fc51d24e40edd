#include "harness/model/distinct.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS_LEAST = 64 };

/* Open addressing, linear probing; 0 marks a free slot. */
struct set {
    _Atomic uint64_t *slot;
    size_t mask;
    _Atomic size_t used;
    size_t most; /* three quarters: beyond, the set is full for good */
    _Atomic bool full;
};

struct counted {
    size_t group;
    bool fresh; /* every value is new: no set is needed */
    _Atomic uint64_t count;
};

struct distinct {
    struct set *sets; /* by group */
    struct counted *sites;
    size_t n;
};

static void set_open(struct set *s, double values, size_t slots_max)
{
    size_t slots = SLOTS_LEAST;

    while ((double)slots * 0.7 < values && slots * 2 <= slots_max)
        slots *= 2;
    s->slot = mem_zalloc(slots, sizeof *s->slot);
    s->mask = slots - 1;
    s->most = slots / 4 * 3;
}

/* The most values that any site of the group can bring. */
static double group_values(const struct scenario *sc, size_t group,
                           double requests, bool *any)
{
    double most = 0;

    *any = false;
    for (size_t i = 0; i < sc->nsites; i++) {
        if (sc->sites[i].group != group || sc->sites[i].fresh)
            continue;
        *any = true;
        most += sc->sites[i].most;
    }
    return requests > 0 && requests < most ? requests : most;
}

struct distinct *distinct_new(const struct scenario *sc, double requests)
{
    struct distinct *d;
    size_t slots_max;

    if (sc->nsites == 0)
        return NULL;
    d = mem_zalloc(1, sizeof *d);
    d->n = sc->nsites;
    d->sets = mem_zalloc(d->n, sizeof *d->sets);
    d->sites = mem_zalloc(d->n, sizeof *d->sites);
    slots_max = DISTINCT_BYTES_MAX / sizeof(uint64_t) / d->n;
    for (size_t i = 0; i < d->n; i++) {
        bool any;
        double values = group_values(sc, i, requests, &any);

        d->sites[i].group = sc->sites[i].group;
        d->sites[i].fresh = sc->sites[i].fresh;
        if (any)
            set_open(&d->sets[i], values, slots_max);
    }
    return d;
}

void distinct_free(struct distinct *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->n; i++)
        free(d->sets[i].slot);
    free(d->sets);
    free(d->sites);
    free(d);
}

/* FNV-1a, its bits mixed once more (Steele et al. 2014): the slot is taken
   from the low ones. Never 0. */
static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    h ^= h >> 31;
    return h != 0 ? h : 1;
}

/* True when `h` was not in the set. */
static bool set_add(struct set *s, uint64_t h)
{
    size_t at = h & s->mask;

    for (;;) {
        uint64_t seen =
            atomic_load_explicit(&s->slot[at], memory_order_relaxed);

        if (seen == h)
            return false;
        if (seen == 0) {
            if (atomic_load_explicit(&s->used, memory_order_relaxed) >=
                s->most) {
                atomic_store_explicit(&s->full, true, memory_order_relaxed);
                return false;
            }
            if (atomic_compare_exchange_strong(&s->slot[at], &seen, h)) {
                atomic_fetch_add_explicit(&s->used, 1, memory_order_relaxed);
                return true;
            }
            continue; /* another thread was faster: look again */
        }
        at = (at + 1) & s->mask;
    }
}

void distinct_add(struct distinct *d, size_t site, const char *s, size_t n)
{
    struct counted *c = &d->sites[site - 1];

    if (c->fresh || set_add(&d->sets[c->group], hash_of(s, n)))
        atomic_fetch_add_explicit(&c->count, 1, memory_order_relaxed);
}

double distinct_count(const struct distinct *d, size_t site)
{
    const struct counted *c = &d->sites[site - 1];

    if (!c->fresh &&
        atomic_load_explicit(&d->sets[c->group].full, memory_order_relaxed))
        return NAN;
    return (double)atomic_load_explicit(&c->count, memory_order_relaxed);
}
