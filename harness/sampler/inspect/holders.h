/* Who keeps the instances of a type alive, found from outside: samples some
 * instances, finds the words in the heap that point at them, and climbs
 * through lists, dicts, sets, tuples and instances to a module's global or a
 * class attribute, or else to a running frame. Each step up is one pass over
 * the heap: bounded in steps and in time. The process runs on meanwhile; what
 * moves under the search is lost, which is why several instances are followed.
 *
 * Containers with a bound of their own are written with it: "deque[812, at most
 * 5,000]", "functools.lru_cache[700, unbounded]".
 *
 * Weak references do not hold. What hangs on a variable of C code ends without
 * a name. Where malloc is replaced, blocks above 512 bytes are not seen, and
 * with them the entries of large lists and dicts: what was not found there is
 * told as unseen, never as absent. Keys of plain dicts are never shown: they
 * may be somebody's data. */
#ifndef PLATEAU_SAMPLER_INSPECT_HOLDERS_H
#define PLATEAU_SAMPLER_INSPECT_HOLDERS_H

#include "harness/base/err.h"
#include "harness/sampler/inspect/census.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A container that carries its own bound. */
struct holders_bound {
    const char *what; /* "deque", "lru_cache"; NULL: there is none */
    uint64_t addr;
    uint64_t size, limit; /* entries; UINT64_MAX: no limit was given */
    char entry[128];      /* the type of the entry that leads to an instance */
};

struct holders_chain {
    char *text;     /* "module shop -> history: list[51,204] -> shop.Order" */
    unsigned found; /* how many of the sampled instances hang on it */
    bool rooted;    /* it begins at a module, a class or a running frame */
    /* The container with a limit nearest to the root, where all the instances
       of this chain hang on one and the same. */
    struct holders_bound bound;
};

struct holders {
    uint64_t instances; /* living ones of the type */
    unsigned sampled;
    unsigned lone;   /* of those: nothing in the heap points at them */
    unsigned cycles; /* of those: only what they hold themselves does */
    unsigned unseen; /* of those: no holder was found, and not all was seen */
    struct holders_chain *chains; /* most found first */
    size_t nchains;
    bool partial; /* the time ran out */
    int64_t wall_ns;
};

/* The instances of some types that were there at one moment: who grows is
 * among those that came later, whatever number was there before. */
struct holders_mark;

/* Marks what instances of `types[0..n)` there are. Gives a mark to free; it
 * is empty when the time ran out or there are over 2 million. Fails as
 * holders_find. */
int holders_mark(struct census_reader *r, const char *const *types, size_t n,
                 int64_t time_limit_ns, struct holders_mark **out,
                 struct err *err);

/* Is the instance at `addr` marked? */
bool holders_marked(const struct holders_mark *m, uint64_t addr);

void holders_mark_free(struct holders_mark *m);

/* Looks for the holders of type `type` ("shop.Order") in the process of `r`,
 * following at most `samples` instances (1 .. 32): of those that `before`
 * does not mark, if there are any. NULL: of all. `time_limit_ns`: 0 for 10 s.
 * Gives `*out` to release; no instances or no chain is no error. Fails when
 * the process is no readable CPython or has ended. */
int holders_find(struct census_reader *r, const char *type, unsigned samples,
                 const struct holders_mark *before, int64_t time_limit_ns,
                 struct holders *out, struct err *err);

void holders_release(struct holders *h);

#endif
