/* Connections for the engines that speak their protocol themselves: libcurl
 * does names, TCP and TLS (CONNECT_ONLY), then bytes go straight through the
 * socket, or through the TLS session, without libcurl in between.
 *
 * A plain socket is taken away from libcurl once it is connected, and the
 * handle that made it serves the next connect. A TLS session stays libcurl's
 * until the wire is closed. Every handle has a connection cache of its own:
 * from a common one libcurl would close connections of ours that look
 * readable, whenever it opens another. One thread: the loop's. */
#ifndef PLATEAU_LOAD_WIRE_H
#define PLATEAU_LOAD_WIRE_H

#include "harness/load/chain.h"
#include "harness/load/engine.h"
#include "harness/load/multi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct iovec;
struct scenario;
struct connector;
struct wires;

/* One connection; part of the engine's own. All zero while closed. */
struct wire {
    struct wires *ws;
    void *user;
    int fd; /* meaningful while open */
    bool open;
    struct ssl_st *ssl;          /* NULL: plain */
    struct connector *connector; /* connecting, or TLS */
    struct watch *watch;
    struct chain_link pending; /* waits for its turn to connect */
};

struct wires_config {
    struct uv_loop_s *loop;
    const struct scenario *scenario;
    const char *alpn; /* "h2", "http/1.1" */
    /* A connect ended; never called within wire_connect. */
    void (*connected)(struct wire *w, enum transfer_error error);
    /* Readable or writable (UV_READABLE, UV_WRITABLE). */
    void (*event)(struct wire *w, int events);
};

struct wires *wires_open(const struct wires_config *cfg, struct err *err);

/* All wires must be closed before. */
void wires_close(struct wires *ws, void (*closed)(void *user), void *user);

/* Begins to connect, or queues for it: only so many connect at a time, since
 * that takes far more memory than to be connected. -1: no memory for it. `user`
 * is the owner's. */
int wire_connect(struct wires *ws, struct wire *w, void *user);

/* What reads and writes give besides a number of bytes. */
#define WIRE_EOF 0
#define WIRE_ERROR (-1)
#define WIRE_AGAIN (-2)

/* Sends what can go out now. Returns bytes, WIRE_AGAIN or WIRE_ERROR. */
long wire_send(struct wire *w, const struct iovec *iov, int n);

/* Receives at most `n` bytes. */
long wire_recv(struct wire *w, void *p, size_t n);

/* From now on the kernel notes when what comes was received, where it can. */
void wire_note_arrivals(struct wire *w);

/* As wire_recv, or with `skip` as wire_skip; `*wall_ns` is when the kernel
 * received the last of them, wall time in ns since 1970, or 0: unknown. */
long wire_recv_arrival(struct wire *w, void *p, size_t n, bool skip,
                       int64_t *wall_ns);

/* Throws away at most `n` bytes. Plain wires never copy them, but they might
 * be written to `p`, and TLS does use its first pages. */
long wire_skip(struct wire *w, void *p, size_t n);

/* True when received bytes may lie within the TLS session, where no event
 * tells of them: read until WIRE_AGAIN. */
bool wire_is_buffered(const struct wire *w);

/* Also be told when it is writable. */
void wire_want_write(struct wire *w, bool want);

/* The protocol agreed on ("h2"), or "" for none or plain. */
void wire_protocol(const struct wire *w, char *out, size_t max);

/* Closes, or gives up connecting. Legal on a closed wire. */
void wire_close(struct wire *w);

#endif
