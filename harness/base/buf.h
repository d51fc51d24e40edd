/* A growing byte string, born with a limit, so that a runaway writer becomes
 * an error and not a bigger process.
 *
 * Invariants: `p` is NUL-terminated behind `len` bytes once anything was
 * added; after the limit is met `overflow` is set, stays set, and further
 * additions are dropped whole. */
#ifndef PLATEAU_BASE_BUF_H
#define PLATEAU_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *p; /* may be NULL while len == 0; see buf_str */
    size_t len;
    size_t cap;
    size_t max; /* most bytes ever held, the NUL not counted */
    bool overflow;
};

/* Makes `b` empty with a limit of `max` bytes. */
void buf_init(struct buf *b, size_t max);

/* Frees the bytes; `b` is as after buf_init with the same limit. */
void buf_release(struct buf *b);

/* Forgets the bytes and the overflow, keeps the memory. */
void buf_reset(struct buf *b);

/* Makes room for `n` more bytes and the NUL, so that adding them allocates
 * nothing. -1: they would pass the limit. */
int buf_reserve(struct buf *b, size_t n);

/* Append bytes, a string, a character, formatted text. Return 0, or -1 when
 * the limit would be passed (nothing is added then). */
int buf_add(struct buf *b, const void *bytes, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The string, never NULL; borrowed until the next change. */
const char *buf_str(const struct buf *b);

/* Gives the string to the caller (free()) and empties `b`. Never NULL. */
char *buf_take(struct buf *b);

#endif
