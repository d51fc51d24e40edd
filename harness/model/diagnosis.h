/* What the diagnosis after a leak found: who holds the memory and who asked
 * for it. Written to diagnosis.json in the run directory and read back with
 * the record. Data; strings owned; all of them foreign text (escape at the
 * sink). It never changes a verdict. */
#ifndef PLATEAU_MODEL_DIAGNOSIS_H
#define PLATEAU_MODEL_DIAGNOSIS_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DIAGNOSIS_FLAMEGRAPH "flamegraph.html"

/* A container on a chain that takes no more than a limit: what fills it looks
 * like a leak until it is full. */
struct diagnosis_bound {
    char *container;    /* "deque", "lru_cache"; NULL: there is none */
    double size, limit; /* entries */
    char *entry;        /* the type of its entries */
    double share;       /* of all instances of the chain's type, 0 to 1: those
                           in its process; other processes fill their own */
};

/* What the container that a chain leads through holds, counted in the service
 * by a tool of its own. */
struct diagnosis_deep {
    char *holder; /* "history"; NULL: nobody counted */
    double bytes; /* with all that hangs from it */
    bool whole;   /* all of it was counted, not a part */
    bool least;   /* not all of that could be looked into: it may hold more */
    double share; /* of all instances of the chain's type, 0 to 1 */
};

/* A chain of references that keeps instances of a type alive. */
struct diagnosis_chain {
    char *type;       /* module.qualname of what grows */
    char *text;       /* "module shop -> history: list[51204] -> Order" */
    double instances; /* living ones of the type, all processes */
    bool unheld;      /* no holder was found: while it is told alone */
    double sampled;   /* instances that were followed */
    double found;     /* of those, how many hang on this chain */
    struct diagnosis_bound bound;
    struct diagnosis_deep deep;
};

/* An allocation site that kept more and more: a line of Python, or a native
 * stack. */
struct diagnosis_site {
    char *where; /* "shop.py:41" */
    char *trace; /* callers, newest first, one per line */
    double bytes_per_request, count_per_request;
};

/* A mapping of the process that grew while the diagnosis ran load. */
struct diagnosis_mapping {
    char *name; /* "[heap]", "anonymous", a file */
    double grown_bytes, resident_bytes;
};

struct diagnosis {
    bool ran;
    double seconds;
    double requests; /* of the diagnosis' own load */
    char *method;    /* "from outside", "through the agent" */
    struct diagnosis_chain *chains;
    size_t nchains;
    struct diagnosis_site *sites;
    size_t nsites;
    struct diagnosis_mapping *mappings;
    size_t nmappings;
    char *flamegraph; /* DIAGNOSIS_FLAMEGRAPH, in the run directory; or NULL */
    /* The native pass: the command once more, under a tool. */
    char *native_tool; /* NULL: there was none */
    double native_seconds, native_requests;
    struct diagnosis_site *natives;
    size_t nnatives;
    char **notes; /* what could not be found out, one line each */
    size_t nnotes;
};

/* Append one; the strings are copied. */
void diagnosis_add_chain(struct diagnosis *d,
                         const struct diagnosis_chain *chain);
/* Puts the chains of `type` in front of the others. */
void diagnosis_prefer(struct diagnosis *d, const char *type);
/* Puts the chains that hold half of the instances followed of their type, or
 * more, in front of the others: of what is there at any moment some is about to
 * go, and its holder is no leak's. A holder that was found says more than one
 * that was not: those without come second. Their order is kept. */
void diagnosis_rank(struct diagnosis *d);
void diagnosis_add_site(struct diagnosis *d, const struct diagnosis_site *site);
void diagnosis_add_native(struct diagnosis *d,
                          const struct diagnosis_site *site);
void diagnosis_add_mapping(struct diagnosis *d,
                           const struct diagnosis_mapping *mapping);
void diagnosis_note(struct diagnosis *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct buf;

/* Appends the JSON document. */
void diagnosis_write(const struct diagnosis *d, struct buf *out);

/* Reads the document back; a missing file leaves `ran` false and is no
 * error. Gives a diagnosis to release. */
int diagnosis_load(const char *path, struct diagnosis *out, struct err *err);

void diagnosis_release(struct diagnosis *d);

#endif
