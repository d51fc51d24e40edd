/* One connection's outgoing bytes: a reply as it goes over the wire, and how
 * much of it is out. Bodies of any length come from one block. */
#ifndef PLATEAU_TESTS_SERVER_OUT_H
#define PLATEAU_TESTS_SERVER_OUT_H

#include "tests/server/effect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUT_MAX = 16384 };

struct out {
    char bytes[OUT_MAX]; /* head, body, first chunks */
    size_t n, off;
    const char *block; /* filler bytes, repeated */
    size_t nblock, at;
    uint64_t filler;  /* of them still to send */
    const char *tail; /* then this */
    bool trickle;     /* one byte at a time */
};

enum out_result {
    OUT_GONE = -1, /* the peer is */
    OUT_LATER = 0, /* the socket is full, or a byte was trickled */
    OUT_DONE = 1,
};

/* Once per process, before any reply. */
void out_init(void);

/* Writes `r` into `o`; of the answer to a HEAD request only the head. */
void out_reply(struct out *o, const struct reply *r, bool head_only);

/* Sends what can be sent now. */
enum out_result out_flush(struct out *o, int fd);

#endif
