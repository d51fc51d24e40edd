/* One HTTP/1.1 answer on its way into a transfer: fed with bytes in pieces of
 * any size, it fills the transfer's status, kept bytes and counts. Knows
 * nothing of sockets and time. */
#ifndef PLATEAU_LOAD_H1_ANSWER_H
#define PLATEAU_LOAD_H1_ANSWER_H

#include "harness/base/buf.h"
#include "harness/load/engine.h"
#include "harness/load/h1_heads.h"

#define H1_HEAD_MAX (64u << 10) /* a longer response head is refused */
#define H1_INTERIM_MAX 32       /* 1xx answers before the answer */

struct h1_answer {
    struct transfer *t;
    struct h1_heads *heads; /* borrowed */
    uint64_t max_body;      /* bytes; 0: no limit */
    bool head_request;
    bool heard; /* a byte has come */
    bool in_body;
    bool surplus; /* bytes behind the end: the peer is confused */
    int interims;
    struct buf in; /* a head that has not come whole yet */
    size_t seen;
    struct h1_head head;
    uint64_t left; /* of a body with a length */
    struct h1_chunks chunks;
    enum transfer_error error;
};

enum h1_progress {
    H1_MORE,   /* bytes are missing */
    H1_WHOLE,  /* the answer is whole */
    H1_FAILED, /* a->error says why */
};

/* `max_piece` is the most that one h1_answer_take will bring; `heads`, which
 * many may share, outlives it. */
void h1_answer_init(struct h1_answer *a, uint64_t max_body, size_t max_piece,
                    struct h1_heads *heads);
void h1_answer_release(struct h1_answer *a);

/* Starts anew, for the answer to `t`. */
void h1_answer_begin(struct h1_answer *a, struct transfer *t);

/* Takes the `n` > 0 bytes at `p`. */
enum h1_progress h1_answer_take(struct h1_answer *a, const char *p, size_t n);

/* How many of the next bytes nobody wants to see: they may be thrown away
 * unread, and told by h1_answer_skipped. */
uint64_t h1_answer_skippable(const struct h1_answer *a);
enum h1_progress h1_answer_skipped(struct h1_answer *a, uint64_t n);

/* The peer has closed: the end of some answers, too early for others. */
enum h1_progress h1_answer_eof(struct h1_answer *a);

/* Of a whole answer: may the connection be used again? */
bool h1_answer_keeps_alive(const struct h1_answer *a);

#endif
