/* HTTP/1.1 requests as bytes: the head, and a small body with it. Those that
 * are the same each time (transfer.identity) are made once, and shared by all
 * connections of an engine. One thread. */
#ifndef PLATEAU_LOAD_H1_REQUEST_H
#define PLATEAU_LOAD_H1_REQUEST_H

#include "harness/base/buf.h"
#include "harness/load/engine.h"

/* Up to here a body is sent with the head; a longer one goes out from where
 * it lies. */
#define H1_BODY_COPIED (16u << 10)

struct h1_requests;

/* Has room for any request of `sc` (borrowed) that is of a usual size. */
struct h1_requests *h1_requests_new(const struct scenario *sc);
void h1_requests_free(struct h1_requests *r);

/* Gives the bytes of `t`, good until the next call with `own`; rendered into
 * `own` (zeroed at first, released by its owner) unless they are shared. */
const struct buf *h1_requests_render(struct h1_requests *r,
                                     const struct transfer *t, struct buf *own);

/* Does the body of `t` go out apart from the head? */
static inline bool h1_request_body_apart(const struct transfer *t)
{
    return t->has_body && t->body_len > H1_BODY_COPIED;
}

#endif
