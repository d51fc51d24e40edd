/* What a scenario sends, made ready once and then shared, read-only, by all
 * workers: constant parts rendered, defaults added, kinds resolved; and the
 * run-wide counters that templates draw from. */
#ifndef PLATEAU_LOAD_TRAFFIC_H
#define PLATEAU_LOAD_TRAFFIC_H

#include "harness/base/buf.h"
#include "harness/model/scenario.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_KEEP_BODY (1u << 20) /* most body bytes checks can see */
#define TRAFFIC_KEEP_HEADERS (64u << 10)
#define TRAFFIC_MAX_TARGET (64u << 10)
#define TRAFFIC_MAX_HEADERS (256u << 10)
#define TRAFFIC_MAX_BODY (64u << 20)

/* One of scenario.requests. Texts are owned. */
struct prepared {
    const struct request *rq;
    char *target; /* base and path; NULL: rendered per request */
    size_t target_len;
    char *headers; /* all lines; NULL: rendered per request */
    size_t headers_len;
    char *defaults; /* lines we add: User-Agent, Accept */
    char *host;     /* constant Host header; NULL: none, or rendered */
    const struct template *host_template; /* borrowed; NULL: none */
    char *body;                           /* NULL: none, or rendered */
    size_t body_len;
    bool has_body; /* or a method that announces one, even if empty */
    bool uses_seq, uses_csv;
    bool keep_body, keep_headers;
    int64_t timeout_ns;
};

/* One kind of traffic: a single request, or a flow of several. */
struct traffic_kind {
    const struct flow *flow; /* NULL: a single request */
    int request;             /* its index, or of the flow's first step */
    size_t steps;
    bool uses_csv;
    bool draws; /* random numbers: for values, or to think */
};

/* Bytes to have ready for what is rendered, so that no request need grow a
 * buffer: any rendering of `rq` fits, but for parts over ROOM_MAX, whose
 * buffers grow when they first come. */
#define ROOM_MAX 2048
struct room {
    size_t target, headers, body;
};

struct traffic {
    const struct scenario *sc; /* borrowed */
    struct prepared *requests;
    size_t nrequests;
    struct traffic_kind *kinds;
    size_t nkinds;
    int *kind_of_request; /* the single-request kind of each, -1: none */
    bool loopback;        /* the URL's host is a loopback name */
    struct room room;     /* of all parts that are rendered per request */
    _Atomic uint64_t seq;
    _Atomic uint64_t *feeder_row;
    struct distinct *distinct; /* values sent so far; NULL: not counted */
};

void traffic_init(struct traffic *t, const struct scenario *sc);
void traffic_release(struct traffic *t);

/* The room that any rendering of `rq` takes. */
struct room traffic_room(const struct scenario *sc, const struct request *rq);

/* Appends every "Name: value\r\n" line but Host, Content-Length and
 * Transfer-Encoding, which are the engine's. -1: too long for `out`.
 * Line breaks and NULs in rendered values become spaces, so that captured
 * text can never forge a header. */
int traffic_render_headers(const struct prepared *p,
                           const struct template_context *ctx, struct buf *out);

/* Appends base and path. Bytes that cannot stand in a request line (controls,
 * spaces, above 126) are percent-encoded; all others go as they are. */
int traffic_render_target(const struct traffic *t, const struct prepared *p,
                          const struct template_context *ctx, struct buf *out);

/* Percent-encodes in place what must not stand in a request line, from
 * `from` on. -1: too long for `out`. */
int traffic_encode_target(struct buf *out, size_t from);

#endif
