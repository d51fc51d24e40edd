/* From a record to a verdict: the whole judgement, as one pure function.
 * Same record, same verdict, to the last byte: no clock, no I/O, no globals,
 * no randomness but from fixed seeds. Links nothing but libm. */
#ifndef PLATEAU_ANALYZERS_VERDICT_H
#define PLATEAU_ANALYZERS_VERDICT_H

#include "analyzers/finding.h"
#include "harness/model/record.h"

#include <stddef.h>

/* Growth of one metric laid at one kind of request, from the barriers'
 * regression on the requests by kind (see attribution.h). */
enum blame_by {
    BLAME_REQUESTS, /* with each request of the kind */
    BLAME_DRIVER,   /* with something else that goes with them: `driver` */
    BLAME_EITHER,   /* the two cannot be told apart in this run */
};

struct blame {
    int finding; /* index into findings */
    int kind;    /* index into record.kinds; -1: grows with time itself,
                    -2: with connections */
    struct interval per_request; /* of that kind; per hour when kind is -1,
                                    per connection when it is -2 */
    enum blame_by by;
    int driver;                 /* index into record.drivers; -1: none */
    struct interval per_driver; /* with BLAME_DRIVER: growth per new value, per
                                   step */
    bool named; /* guilty at the policy's confidence, error rate kept over
                   all kinds */
    double minimum_per_request; /* smallest growth that would be named */
};

/* Growth by object type (objects.csv); ranked by confidence, then size. */
struct type_growth {
    char type[160]; /* foreign bytes: escape at the sink */
    struct interval count_per_request;
    double bytes_per_request;
    double count;     /* at the last census */
    int group;        /* types that grow in step share a number; -1: none */
    bool significant; /* false discovery rate kept over all types */
};

/* What kind of growth it is, told by weighing the sources against each
 * other. */
struct cause {
    char class[24];    /* a word: "live_objects", "untracked_blocks",
                          "native_heap", "kept_by_allocator", "unsharing",
                          "file_backed", "descriptors", "sockets", "threads",
                          "tasks", "zombies", "cache_filling", ...; "": not told */
    char text[512];    /* one sentence for people: which source says so */
    char against[256]; /* what speaks against it, or does not fit; "" */
    char fix[320];     /* fixes that belong to this kind of growth */
};

struct verdict {
    enum outcome outcome;
    bool partial;      /* judged from a run that did not end by itself */
    bool idle;         /* requests were counted, and none was made */
    char reason[1024]; /* reads like a colleague: what was seen, why it is
                          (not) a leak, what else it could be */
    char advice[512];  /* what to do next, one sentence */
    double steady_from_s;
    double more_chance;           /* of its finding, which waits longest */
    double more_requests, more_s; /* inconclusive: what would settle it, else
                                     and where nobody knows NaN */
    struct cause cause;
    struct finding *findings;
    size_t nfindings;
    int lead; /* index into findings: what it rests on most; -1: none */
    struct blame *blames;
    size_t nblames;
    struct blame follows; /* no leak, but the lead rises with distinct values
                             (BLAME_DRIVER); `named` false: nothing known */
    struct type_growth *types;
    size_t ntypes;
    bool types_per_hour; /* their growth is per hour: nobody counted requests */
    int types_kind;      /* the one kind of request that makes them; -1: all, or
                            several */
    double types_share;  /* its requests among all, as counts and bytes per
                            request of `types` were stated for; 1 for all */
    /* The positive control: a leak of the stated minimum, added to the
       recorded readings, turned the verdict to leak. */
    bool control_ran, control_ok;
    char control_text[256];
    size_t types_seen; /* types among which type columns were chosen */
    char **texts;      /* names and titles of findings by type; owned */
    size_t ntexts;
    bool certain; /* stop now: the sequential rule's error is paid for */
    struct growth_memo *memo; /* while judging; NULL afterwards */
};

/* Judges `r` under `p` (NULL: r->policy). Never fails: what cannot be judged
 * is inconclusive and says so. Gives a verdict to release. */
void verdict_judge(const struct record *r, const struct policy *p,
                   struct verdict *out);

void verdict_release(struct verdict *v);

/* The finding the verdict rests on most, or NULL. Borrowed. */
const struct finding *verdict_lead(const struct verdict *v);

/* What the kind `kind` keeps, in bytes: of the memory laid at it the one that
 * says least about others (RSS, PSS and USS tell of the same bytes, so that
 * one of them is told). NULL: none is. Borrowed. */
const struct blame *verdict_kept_bytes(const struct verdict *v, int kind);

#endif
