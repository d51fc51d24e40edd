/* A small cookie jar (RFC 6265) for one virtual user: one origin, a fixed
 * number of cookies, no allocation after new. Not for several hosts: a
 * redirect elsewhere carries no cookies. */
#ifndef PLATEAU_LOAD_COOKIES_H
#define PLATEAU_LOAD_COOKIES_H

#include "harness/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define COOKIES_MAX 32      /* per jar; the oldest gives way */
#define COOKIES_BYTES 4096u /* name and value of one; longer is not kept */

struct jar;

struct jar *jar_new(void);
void jar_free(struct jar *j);
void jar_clear(struct jar *j);

/* Takes every Set-Cookie line of the header block of a response to `target`
 * (path and query). `secure`: cookies marked Secure may be kept (TLS, or
 * loopback). `now_s`: wall time in Unix seconds, for Expires. */
void jar_take(struct jar *j, const char *headers, size_t len,
              const char *target, size_t target_len, bool secure,
              long long now_s);

/* Appends "Cookie: a=b; c=d\r\n" for `target`, nothing when no cookie fits.
 * -1: too long for `out`. */
int jar_write(const struct jar *j, const char *target, size_t target_len,
              struct buf *out);

#endif
