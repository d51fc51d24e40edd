/* What a response is asked for: is it what was expected, and which values of
 * it serve later requests. Pure functions over the kept bytes; compiled
 * patterns belong to one worker. */
#ifndef PLATEAU_LOAD_CAPTURE_H
#define PLATEAU_LOAD_CAPTURE_H

#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/model/scenario.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#define CAPTURE_MAX 4096u /* longest captured value, bytes */

/* A capture made ready for use. */
struct capturer {
    const struct capture *capture; /* borrowed */
    regex_t regex;                 /* CAPTURE_REGEX only */
    size_t slot;                   /* index into scenario.captured */
};

/* Compiles `c`. -1: a bad pattern, or a name the scenario does not list. */
int capturer_init(struct capturer *cr, const struct scenario *sc,
                  const struct capture *c, struct err *err);
void capturer_release(struct capturer *cr);

/* Appends the captured value to `out`. `headers` is the header block as
 * received, `body` the kept bytes. -1: not there, or too long for `out`. */
int capturer_take(const struct capturer *cr, const char *headers,
                  size_t headers_len, const char *body, size_t body_len,
                  struct buf *out);

/* True when `status` is one of the expected ones (none named: 200..399). */
bool expect_status(const struct expect *e, int status);

/* True when the body holds every text it shall contain. */
bool expect_body(const struct expect *e, const char *body, size_t len);

/* The value of header `name` (any case) in a block of "Name: value" lines:
 * trimmed, borrowed, `*len` bytes; NULL: not there. `*from` (may be NULL) is
 * where to look on from; behind the hit afterwards. */
const char *header_find(const char *block, size_t block_len, const char *name,
                        size_t *len, const char **from);

#endif
