#include "harness/load/h1_request.h"

#include "harness/base/mem.h"
#include "harness/load/origin.h"
#include "harness/load/traffic.h"
#include "harness/model/scenario.h"

#include <stdlib.h>

#define REQUEST_MAX (1u << 20)
#define LINES_ROOM 128 /* request line, Host, Content-Length */

struct h1_requests {
    char *host;         /* "name:port" for the Host header */
    size_t room;        /* for any of the scenario's, if of a usual size */
    struct buf *shared; /* by identity - 1 */
    size_t nshared;
};

static size_t room_of(const struct scenario *sc, const struct request *rq)
{
    struct room r = traffic_room(sc, rq);

    return LINES_ROOM + r.target + r.headers + r.body;
}

struct h1_requests *h1_requests_new(const struct scenario *sc)
{
    struct h1_requests *r = mem_zalloc(1, sizeof *r);

    r->host = origin_authority(&sc->target.url);
    r->nshared = sc->nrequests;
    r->shared = mem_zalloc(r->nshared, sizeof *r->shared);
    for (size_t i = 0; i < r->nshared; i++) {
        size_t n = room_of(sc, &sc->requests[i]);

        r->room = n > r->room ? n : r->room;
        buf_init(&r->shared[i], REQUEST_MAX);
        /* Only what is written there becomes memory. */
        buf_reserve(&r->shared[i], n);
    }
    return r;
}

void h1_requests_free(struct h1_requests *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->nshared; i++)
        buf_release(&r->shared[i]);
    free(r->shared);
    free(r->host);
    free(r);
}

static void write_request(const struct h1_requests *r, const struct transfer *t,
                          struct buf *b)
{
    buf_reset(b);
    buf_adds(b, t->method);
    buf_addc(b, ' ');
    buf_add(b, t->target, t->target_len);
    buf_add(b, " HTTP/1.1\r\nHost: ", 17);
    buf_adds(b, t->host != NULL ? t->host : r->host);
    buf_add(b, "\r\n", 2);
    buf_add(b, t->headers, t->headers_len);
    if (t->has_body)
        buf_addf(b, "Content-Length: %zu\r\n", t->body_len);
    buf_add(b, "\r\n", 2);
    if (t->has_body && !h1_request_body_apart(t))
        buf_add(b, t->body, t->body_len);
}

const struct buf *h1_requests_render(struct h1_requests *r,
                                     const struct transfer *t, struct buf *own)
{
    if (t->identity > 0 && t->identity <= r->nshared) {
        struct buf *b = &r->shared[t->identity - 1];

        if (b->len == 0)
            write_request(r, t, b);
        return b;
    }
    if (own->p == NULL) {
        buf_init(own, REQUEST_MAX);
        buf_reserve(own, r->room);
    }
    write_request(r, t, own);
    return own;
}
