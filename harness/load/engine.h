/* Engines, for callers: how a request reaches the wire. One engine per worker
 * thread, on that worker's loop.
 *
 * Contract, tested for every engine (tests/unit/load/test_engine_*.c):
 * `done` fires exactly once per accepted transfer, never inside
 * engine_submit, always before the engine's close callback; times never
 * decrease (due <= sent <= first_byte <= end); a dying connection fails only
 * the transfer it carried; nothing is allocated between the first submit and
 * the close once pools are warm. */
#ifndef PLATEAU_LOAD_ENGINE_H
#define PLATEAU_LOAD_ENGINE_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct scenario;
struct engine;

/* Why a transfer failed before or in spite of a status. Counted by class. */
enum transfer_error {
    TRANSFER_OK,
    TRANSFER_CONNECT, /* refused, unreachable, name not found */
    TRANSFER_TLS,
    TRANSFER_CERTIFICATE, /* by nobody we trust, or for another host */
    TRANSFER_SEND,
    TRANSFER_CLOSED, /* the peer closed before the answer was whole */
    TRANSFER_TIMEOUT,
    TRANSFER_PROTOCOL,  /* not HTTP, or HTTP that must not be trusted */
    TRANSFER_TOO_LARGE, /* body over load.max_body */
    TRANSFER_REDIRECT,  /* to a host that is not allowed, or too many */
    TRANSFER_RESOURCE,  /* out of descriptors, ports or memory on our side */
    TRANSFER_CANCELLED, /* by engine_close or engine_cancel_all */
    TRANSFER_ERRORS,
};

const char *transfer_error_name(enum transfer_error e);

/* One request on its way. The caller owns it and everything it points at
 * until `done`; the engine fills the second half. */
struct transfer {
    /* Set by the caller. */
    const char *method;
    const char *target; /* path and query, base included; "/..." */
    size_t target_len;
    const char *headers; /* complete lines "Name: value\r\n"...; Host,
                            Content-Length and Transfer-Encoding are the
                            engine's */
    size_t headers_len;
    const char *body;
    size_t body_len;
    bool has_body;      /* sends Content-Length even when 0 */
    const char *host;   /* value of the Host header; NULL: the URL's */
    const char *url;    /* absolute, instead of the scenario's origin and
                           `target` (a redirect); NULL: none. An engine
                           that has one origin only fails it with
                           TRANSFER_REDIRECT */
    size_t identity;    /* not 0: every transfer with this number has the
                           same bytes above, which live as long as the
                           engine, so it may keep what it made of them;
                           from 1 to the scenario's number of requests */
    int64_t due_ns;     /* intended send time; times count from here */
    int64_t timeout_ns; /* from the moment it is sent */
    int session;        /* virtual user: keeps its cookies; -1: none */
    char *keep;         /* the body's first `keep_max` bytes are wanted
                           here (captures, checks); NULL: dropped */
    size_t keep_max;
    char *keep_headers; /* the header block, as received; NULL: dropped */
    size_t keep_headers_max;
    void (*done)(struct transfer *t);
    void *user;

    /* Set by the engine before `done`. */
    enum transfer_error error;
    int status;      /* 0: no answer */
    int64_t sent_ns; /* the engine began: to send, or to connect first */
    int64_t first_byte_ns, end_ns;
    int64_t told_ns; /* when `done` was called, if that is later than the end
                        by more than the engine's own doing; else 0 */
    uint64_t body_bytes; /* received, whether kept or not */
    size_t kept, kept_headers;

    /* The engine's. */
    struct transfer *next;
    void *slot;
};

struct engine_config {
    struct uv_loop_s *loop;
    const struct scenario *scenario; /* url, tls, http, redirects, cookies,
                                        max_body, allow_hosts */
    int connections;                 /* most at a time, this worker */
    int sessions;                    /* virtual users of this worker */
    bool may_rest;                   /* nobody said when a next request shall
                                        go (rest.h) */
    int worker;                      /* number of the worker, from 0 */
};

struct engine_stats {
    uint64_t connects; /* connections opened */
    uint64_t bytes_in, bytes_out;
    uint64_t resource_errors;
    uint64_t ended;   /* transfers, whichever way */
    uint64_t retries; /* sent again, since a kept connection had been
                         closed by the peer before it answered a byte */
    uint64_t kept;    /* answers on connections that had answered before */
    int open_connections;
};

/* Which engine serves `sc`: one of "h1", "h2", "curl", "null"; `*why` gets a
 * static sentence for the report. -1: the scenario asks for one that cannot
 * serve it. */
int engine_choose(const struct scenario *sc, const char **name,
                  const char **why, struct err *err);

/* Opens the named engine. Worker's thread. */
int engine_open(const char *name, const struct engine_config *cfg,
                struct engine **out, struct err *err);

/* True while another transfer can go out at once (a free connection, or room
 * for a new one). */
bool engine_ready(const struct engine *e);

/* Accepts `t`, or returns -1 when engine_ready() is false. */
int engine_submit(struct engine *e, struct transfer *t);

/* Called by the engine when it becomes ready again after it was not. */
void engine_on_ready(struct engine *e, void (*fn)(void *), void *user);

/* Fails all transfers in flight with TRANSFER_CANCELLED, each `done` called
 * from the loop before this returns or soon after. */
void engine_cancel_all(struct engine *e);

void engine_get_stats(const struct engine *e, struct engine_stats *out);

/* Starts to close: cancels, closes connections and handles; `closed` is called
 * from the loop when nothing is left; the memory is gone after it. Nulls. */
void engine_close(struct engine **e, void (*closed)(void *), void *user);

#endif
