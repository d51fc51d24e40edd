/* What a path of the patient does beside answering: leak, cache, stall, lie.
 * An effect is written NAME[:ARG[:ARG...]], e.g. "leak:2048" or
 * "cache:1000:4K"; README.md lists them. One effect keeps its own state, so
 * two paths with the same effect do not share a cache.
 *
 * Not the wire: an effect alters a `struct reply`, conn.c sends it. */
#ifndef PLATEAU_TESTS_SERVER_EFFECT_H
#define PLATEAU_TESTS_SERVER_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the body is delimited. */
enum framing {
    FRAMING_LENGTH,
    FRAMING_CHUNKED,
    FRAMING_CLOSE,   /* no length: the body ends with the connection */
    FRAMING_ENDLESS, /* chunked, and never ends */
    FRAMING_RAW,     /* `body` is all there is: no status line of ours */
};

/* What becomes of the connection after the reply. */
enum fate {
    FATE_KEEP,
    FATE_CLOSE,
    FATE_HALF,  /* our side closes for writing, and goes on reading */
    FATE_DROP,  /* closes without a reply */
    FATE_RESET, /* the same, with a TCP reset */
    FATE_HANG,  /* neither replies nor closes */
};

/* The reply in the making. One exists; it is reused for each request. */
struct reply {
    int status;
    const char *type;   /* Content-Type */
    char headers[1024]; /* further lines, each with CRLF */
    size_t nheaders;
    char body[8192];
    size_t nbody;
    uint64_t filler;     /* this many bytes of 'x' follow the body */
    uint64_t withheld;   /* announced in Content-Length and never sent */
    unsigned delay_ms;   /* before the first byte */
    unsigned trickle_ms; /* one byte at a time, this far apart; 0: at once */
    enum framing framing;
    enum fate fate;
};

/* What an effect may know of the request. Borrowed. */
struct request {
    const char *method, *path, *query; /* not NUL-terminated */
    size_t nmethod, npath, nquery;
    const char *head; /* request line and headers, with the empty line */
    size_t nhead;
    const char *body; /* the first bytes of the body */
    size_t nbody;
    uint64_t body_length; /* all of it, as received */
    uint64_t body_digest; /* FNV-1a, 64 bits, of all of it */
    const char *cookie;   /* value of the Cookie header, or NULL */
    size_t ncookie;
    bool close; /* the client asks for it */
};

enum { EFFECT_ARGS = 4 };

struct effect {
    const struct effect_kind *kind;
    char spec[240];               /* as written */
    char text[240];               /* cut at the colons; arg[] points into it */
    const char *arg[EFFECT_ARGS]; /* "" when missing */
    uint64_t num[EFFECT_ARGS];    /* as a number with K, M, G; 0 otherwise */
    uint64_t hits;                /* requests so far */
    uint64_t count, bytes;        /* the effect's own */
    void *state;                  /* the effect's own; lives for ever */
};

typedef void (*effect_apply_fn)(struct effect *e, const struct request *q,
                                struct reply *r);
typedef void (*effect_start_fn)(struct effect *e);

struct effect_kind {
    const char *name;
    int numbers;           /* this many leading arguments must be numbers */
    effect_apply_fn apply; /* once per request, after `hits` was counted */
    effect_start_fn start; /* once, before any worker is forked; or NULL */
};

/* Tables, each ended by a NULL name. */
extern const struct effect_kind effect_memory_kinds[];
extern const struct effect_kind effect_wire_kinds[];

/* Makes an effect from its text. Returns false for an unknown name, a missing
 * or a malformed number. `e` is the caller's and must stay where it is. */
bool effect_init(struct effect *e, const char *spec);

/* "12", "4K", "2M", "1G" as a number; false for anything else. */
bool effect_number(const char *text, uint64_t *out);

/* What the patient knows of itself: the truth the harness is tested on. The
 * first two are shared by all workers, the others are this process's. */
struct ledger_shared {
    uint64_t requests;
    uint64_t orders;
};
struct ledger {
    struct ledger_shared *shared;
    uint64_t live_bytes;   /* leaked: never freed, growing with requests */
    uint64_t held_bytes;   /* caches, steps: live, but bounded */
    uint64_t live_objects; /* of them, those that objects:MILLI left */
    uint64_t fds, threads; /* leaked */
};
extern struct ledger ledger;

/* Leaks heap memory, `bytes` counted with the allocator's own header. Used
 * by the time-based leak, too. */
void effect_leak_heap(uint64_t bytes);

#endif
