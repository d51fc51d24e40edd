/* One connection's incoming bytes, cut into requests. The head must fit the
 * buffer; the body may be of any length: its first bytes are kept, all of it
 * is digested. */
#ifndef PLATEAU_TESTS_SERVER_PARSE_H
#define PLATEAU_TESTS_SERVER_PARSE_H

#include "tests/server/effect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARSE_BUFFER = 32768, PARSE_KEEP = 8192 };

enum parse_result {
    PARSE_MORE,     /* needs more bytes */
    PARSE_WHOLE,    /* a request is in: parse_request, then parse_next */
    PARSE_CONTINUE, /* the client waits for "100 Continue" */
    PARSE_BAD,
    PARSE_LARGE,
};

struct parse {
    char buffer[PARSE_BUFFER];
    size_t n;               /* bytes in the buffer */
    size_t scanned;         /* no end of head before here */
    size_t nhead;           /* 0: the head is not complete */
    size_t nkept;           /* body bytes kept behind the head */
    uint64_t left;          /* body bytes still to come */
    bool more_expected;     /* asked for 100 Continue and not answered yet */
    struct request request; /* pointers filled by parse_request */
    size_t target, ntarget, cookie; /* offsets */
};

/* Between connections: forgets everything. */
void parse_init(struct parse *p);

/* Where to receive, and how much fits (never 0). */
char *parse_room(struct parse *p, size_t *room);

/* `n` bytes were received into that room. */
void parse_feed(struct parse *p, size_t n);

enum parse_result parse_step(struct parse *p);

/* The request that is whole; pointers into `p`, until parse_next. */
void parse_request(struct parse *p, struct request *q);

/* On to the next one; bytes of it that are in already are kept. */
void parse_next(struct parse *p);

#endif
