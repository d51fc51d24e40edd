/* Engine "h2" inside: engine_h2.c has the engine, its connections and where
 * transfers go; h2_session.c talks to nghttp2. */
#ifndef PLATEAU_LOAD_H2_IMPL_H
#define PLATEAU_LOAD_H2_IMPL_H

#include "harness/base/buf.h"
#include "harness/load/chain.h"
#include "harness/load/engine_impl.h"
#include "harness/load/pieces.h"
#include "harness/load/wire.h"
#include "harness/model/scenario.h"

#include <nghttp2/nghttp2.h>
#include <uv.h>

#define READ_BYTES (64u << 10)
#define WRITE_BYTES (64u << 10)
#define PIECE_BYTES (17u << 10) /* nghttp2 gives at most one frame */
#define STREAMS_MAX 128         /* of ours on one connection */
#define WINDOW_BYTES (1 << 30)  /* bodies are dropped: let them come */
#define HEADER_BYTES_MAX (64u << 10)
#define INTERIM_MAX 32

struct h2_engine;
struct h2_conn;

/* A transfer on its way. */
struct h2_stream {
    struct chain_link link; /* in the engine's active or free ones */
    struct h2_conn *c;
    struct transfer *t;
    int32_t id; /* 0: not submitted to the session yet */
    int64_t deadline_ns;
    size_t body_sent;
    size_t header_bytes;
    int interims;
    bool heard, retried;
    enum transfer_error error; /* decided before the stream closes */
};

enum h2_state {
    H2_CLOSED,
    H2_CONNECTING,
    H2_OPEN,
};

struct h2_conn {
    struct wire wire;
    struct h2_engine *e;
    enum h2_state state;
    struct chain_link link;  /* in idle, roomy or closed; in none: full */
    struct chain_link dirty; /* something may be to send */
    nghttp2_session *session;
    int streams;  /* ours on it, or waiting for it to connect */
    bool reused;  /* has answered before */
    bool blocked; /* the socket's buffer is full */
    char *out;    /* WRITE_BYTES that did not fit the socket */
    size_t out_len, out_at;
};

struct h2_engine {
    struct engine base;
    const struct scenario *sc;
    struct wires *wires;
    nghttp2_session_callbacks *callbacks;
    struct pieces *pieces; /* the sessions' memory */
    nghttp2_mem mem;       /* and how they get at it */
    struct h2_conn *conns;
    int nconns;
    struct chain idle, roomy, closed_conns, dirty;
    struct chain active, free;
    struct chain failed; /* to be told by on_later, with their `error` */
    char *authority, *buf;
    struct buf text;
    uv_timer_t timer;
    uv_prepare_t flush; /* sends what a turn of the loop has put together */
    uv_idle_t later;    /* tells of failures that came up elsewhere */
    bool was_full;      /* since on_ready was called last */
    struct engine_stats stats;
    int open_handles;
    void (*on_ready)(void *);
    void *ready_user;
    void (*closed)(void *);
    void *closed_user;
};

/* engine_h2.c */

/* Ends a stream's transfer; calls `done`. */
void h2_finish(struct h2_engine *e, struct h2_stream *s,
               enum transfer_error error);
/* `s` is on no connection any more: `done` is called from the loop. */
void h2_fail_later(struct h2_engine *e, struct h2_stream *s,
                   enum transfer_error error);
/* May `s`, of which no byte was heard, begin anew elsewhere? */
bool h2_may_retry(const struct h2_engine *e, const struct h2_stream *s,
                  bool refused);
void h2_retry(struct h2_engine *e, struct h2_stream *s);
/* Puts `c` where the next transfer will look for it. */
void h2_classify(struct h2_conn *c);
/* The session may have something to send: flushed before the loop waits. */
void h2_mark_dirty(struct h2_conn *c);

/* h2_session.c */

/* Makes what every session needs: callbacks and memory. */
void h2_prepare_sessions(struct h2_engine *e);
/* Begins the session of a connection that was just made. -1: no memory. */
int h2_session_begin(struct h2_conn *c);
/* Hands `s` to its connection's session. */
void h2_request(struct h2_stream *s);
/* Sends what the session has, gathered into few writes. False: broken. */
bool h2_flush(struct h2_conn *c);
/* Reads what is there. TRANSFER_OK: go on; else the connection is of no use
 * any more. */
enum transfer_error h2_read(struct h2_conn *c);

#endif
