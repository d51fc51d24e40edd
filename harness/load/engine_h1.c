/* Engine "h1": HTTP/1.1 on keep-alive connections at the cost of the system
 * calls: one send and one receive per plain request. Never pipelines.
 *
 * Connections are used in turn, so that a service of several processes gets
 * its load spread, and none of them idles into the server's timeout. */
#include "harness/load/engine_impl.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/chain.h"
#include "harness/load/h1_answer.h"
#include "harness/load/h1_request.h"
#include "harness/load/rest.h"
#include "harness/load/wire.h"
#include "harness/model/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <uv.h>

#define READ_BYTES (64u << 10)
#define SKIP_LEAST (16u << 10) /* fewer body bytes are simply read */
#define SKIP_MOST (4u << 20)   /* more than lies in a socket */

enum conn_state {
    CLOSED,
    CONNECTING,
    IDLE,
    BUSY,
};

struct h1_engine;

struct conn {
    struct wire wire;
    struct h1_engine *e;
    enum conn_state state;
    struct chain_link link; /* in the idle or the closed connections */
    struct transfer *t;
    int64_t deadline_ns;
    struct buf own;
    const struct buf *out;      /* what to send first: `own`, or shared */
    size_t sent;                /* of head and body together */
    enum transfer_error failed; /* found while submitting: told later */
    struct conn *next_failed;
    bool reused; /* has answered before */
    bool retried;
    bool keep_alive; /* after the answer that is just whole */
    struct h1_answer answer;
};

struct h1_engine {
    struct engine base;
    struct wires *wires;
    struct conn *conns;
    int nconns;
    struct chain idle, closed_conns;
    int in_flight;
    int64_t now_ns; /* within on_event: read a moment ago; else 0 */
    struct h1_requests *requests;
    struct h1_heads heads;
    char *buf; /* SKIP_MOST, shared by all; READ_BYTES of it are touched */
    bool may_rest;
    struct rest rest;
    uv_prepare_t look; /* before each look at the sockets */
    uv_timer_t timer;  /* looks for timeouts */
    uv_idle_t later;   /* tells of failures found while submitting */
    struct conn *failed;
    struct engine_stats stats;
    int open_handles;
    void (*on_ready)(void *);
    void *ready_user;
    void (*closed)(void *);
    void *closed_user;
};

static struct h1_engine *self(const struct engine *e)
{
    return (struct h1_engine *)(uintptr_t)e;
}

static bool h1_ready(const struct engine *base)
{
    const struct h1_engine *e = self(base);

    return e->closed == NULL &&
           (e->idle.first != NULL || e->closed_conns.first != NULL);
}

/* ---- the end of a transfer ---- */

static void conn_close(struct conn *c)
{
    struct h1_engine *e = c->e;

    if (c->state == BUSY || c->state == IDLE)
        e->stats.open_connections--;
    wire_close(&c->wire);
    c->state = CLOSED;
    c->reused = false;
    chain_append(&e->closed_conns, &c->link);
}

static void finish(struct conn *c, enum transfer_error error)
{
    struct h1_engine *e = c->e;
    struct transfer *t = c->t;
    bool was_ready = h1_ready(&e->base);

    c->t = NULL;
    t->error = error;
    if (error == TRANSFER_RESOURCE)
        e->stats.resource_errors++;
    e->stats.ended++;
    e->stats.kept += error == TRANSFER_OK && c->reused;
    e->in_flight--;
    if (c->state == BUSY && error == TRANSFER_OK && c->keep_alive &&
        engine_may_keep(&e->stats)) {
        c->state = IDLE;
        c->reused = true;
        chain_append(&e->idle, &c->link);
    } else if (c->state != CLOSED) {
        conn_close(c);
    }
    t->done(t);
    if (!was_ready && h1_ready(&e->base) && e->on_ready != NULL)
        e->on_ready(e->ready_user);
}

static void fail(struct conn *c, enum transfer_error error)
{
    struct transfer *t = c->t;

    t->end_ns = clock_now_ns();
    if (!c->answer.heard)
        t->first_byte_ns = t->end_ns;
    finish(c, error);
}

/* ---- sending ---- */

/* Sends what is left of the request. False: the connection is broken. */
static bool send_more(struct conn *c)
{
    const struct transfer *t = c->t;
    bool apart = h1_request_body_apart(t);
    size_t total = c->out->len + (apart ? t->body_len : 0);

    while (c->sent < total) {
        struct iovec iov[2];
        int n = 0;
        long rc;

        if (c->sent < c->out->len)
            iov[n++] =
                (struct iovec){c->out->p + c->sent, c->out->len - c->sent};
        if (apart) {
            size_t at = c->sent > c->out->len ? c->sent - c->out->len : 0;

            iov[n++] = (struct iovec){(char *)(uintptr_t)t->body + at,
                                      t->body_len - at};
        }
        rc = wire_send(&c->wire, iov, n);
        if (rc == WIRE_AGAIN) {
            wire_want_write(&c->wire, true);
            return true;
        }
        if (rc < 0)
            return false;
        c->sent += (size_t)rc;
        c->e->stats.bytes_out += (uint64_t)rc;
    }
    return true;
}

static bool is_sent(const struct conn *c)
{
    return c->sent >=
           c->out->len + (h1_request_body_apart(c->t) ? c->t->body_len : 0);
}

static void begin_answer(struct conn *c)
{
    c->state = BUSY;
    c->sent = 0;
    h1_answer_begin(&c->answer, c->t);
}

static bool reconnect(struct conn *c);

/* A kept connection that the peer closed before it answered a byte: it had
 * most likely been closed when we sent. Once more, on a new one. */
static bool retry(struct conn *c)
{
    struct h1_engine *e = c->e;

    if (!c->reused || c->answer.heard || c->retried || e->closed != NULL ||
        !engine_may_retry(&e->stats))
        return false;
    c->retried = true;
    e->stats.retries++;
    conn_close(c);
    return reconnect(c);
}

static void broken(struct conn *c, enum transfer_error error)
{
    if (!retry(c))
        fail(c, error);
}

/* ---- receiving ---- */

static void whole(struct conn *c, int64_t end_ns, int64_t now_ns)
{
    c->t->end_ns = end_ns;
    c->t->told_ns = now_ns;
    rest_answer(&c->e->rest, end_ns - c->t->sent_ns);
    c->keep_alive = h1_answer_keeps_alive(&c->answer) && is_sent(c);
    finish(c, TRANSFER_OK);
}

static void ended(struct conn *c, long rc)
{
    int64_t now = clock_now_ns();

    if (rc == WIRE_EOF && h1_answer_eof(&c->answer) == H1_WHOLE)
        whole(c, now, now);
    else
        broken(c, TRANSFER_CLOSED);
}

/* Reads, or throws `skip` bytes away. `*at_ns` is when the last of them came;
 * e->now_ns is now. */
static long receive(struct conn *c, uint64_t skip, int64_t *at_ns)
{
    struct h1_engine *e = c->e;
    size_t n = skip == 0 ? READ_BYTES : skip < SKIP_MOST ? skip : SKIP_MOST;
    int64_t wall_ns, least;
    long rc;

    if (!e->rest.rested) {
        rc = skip > 0 ? wire_skip(&c->wire, e->buf, n)
                      : wire_recv(&c->wire, e->buf, n);
        *at_ns = e->now_ns = clock_now_ns();
        return rc;
    }
    rc = wire_recv_arrival(&c->wire, e->buf, n, skip > 0, &wall_ns);
    e->now_ns = clock_now_ns();
    least = c->answer.heard ? c->t->first_byte_ns : c->t->sent_ns;
    *at_ns = rest_arrival(&e->rest, wall_ns, e->now_ns);
    if (*at_ns < least)
        *at_ns = least;
    return rc;
}

static void read_answer(struct conn *c)
{
    struct h1_engine *e = c->e;
    enum h1_progress g;

    do {
        uint64_t skip = h1_answer_skippable(&c->answer);
        bool skips = skip > SKIP_LEAST;
        int64_t at;
        long rc = receive(c, skips ? skip : 0, &at);

        if (rc == WIRE_AGAIN)
            return;
        if (rc <= 0) {
            ended(c, rc);
            return;
        }
        e->stats.bytes_in += (uint64_t)rc;
        if (!c->answer.heard)
            c->t->first_byte_ns = at;
        g = skips ? h1_answer_skipped(&c->answer, (uint64_t)rc)
                  : h1_answer_take(&c->answer, e->buf, (size_t)rc);
        if (g == H1_WHOLE)
            whole(c, at, e->now_ns);
        else if (g == H1_FAILED)
            fail(c, c->answer.error);
        /* A plain socket tells again when there is more. */
    } while (g == H1_MORE && wire_is_buffered(&c->wire));
}

/* ---- events ---- */

static void on_event(struct wire *w, int events)
{
    struct conn *c = w->user;

    if (c->state == IDLE) {
        /* The peer closed it, or says what nobody asked for; but a TLS
           session has business of its own. */
        if (!wire_is_buffered(w) ||
            wire_recv(w, c->e->buf, READ_BYTES) != WIRE_AGAIN)
            conn_close(c);
        return;
    }
    if (c->state != BUSY || c->failed != TRANSFER_OK)
        return;
    if (events & UV_WRITABLE) {
        wire_want_write(w, false);
        if (!send_more(c)) {
            broken(c, TRANSFER_SEND);
            return;
        }
    }
    if (events & ~UV_WRITABLE)
        read_answer(c);
    c->e->now_ns = 0;
}

static void on_connected(struct wire *w, enum transfer_error error)
{
    struct conn *c = w->user;

    if (error != TRANSFER_OK) {
        fail(c, error);
        return;
    }
    if (c->e->may_rest)
        wire_note_arrivals(w);
    c->e->stats.connects++;
    c->e->stats.open_connections++;
    begin_answer(c);
    if (!send_more(c))
        broken(c, TRANSFER_SEND);
}

/* Connects `c`, which is in the closed list and has its transfer. */
static bool reconnect(struct conn *c)
{
    struct h1_engine *e = c->e;

    chain_remove(&c->link);
    c->state = CONNECTING;
    c->answer.heard = false;
    if (wire_connect(e->wires, &c->wire, c) == 0)
        return true;
    chain_append(&e->closed_conns, &c->link);
    c->state = CLOSED;
    return false;
}

static void on_later(uv_idle_t *idle)
{
    struct h1_engine *e = idle->data;

    uv_idle_stop(idle);
    while (e->failed != NULL) {
        struct conn *c = e->failed;
        enum transfer_error error = c->failed;

        e->failed = c->next_failed;
        c->failed = TRANSFER_OK;
        if (c->t == NULL)
            continue;
        if (error == TRANSFER_SEND)
            broken(c, error);
        else
            fail(c, error);
    }
}

/* `done` must not be called within submit. */
static void fail_later(struct conn *c, enum transfer_error error)
{
    c->failed = error;
    c->next_failed = c->e->failed;
    c->e->failed = c;
    uv_idle_start(&c->e->later, on_later);
}

static int h1_submit(struct engine *base, struct transfer *t)
{
    struct h1_engine *e = self(base);
    struct chain_link *l =
        e->idle.first != NULL ? e->idle.first : e->closed_conns.first;
    struct conn *c;

    if (!h1_ready(base))
        return -1;
    c = chain_item(l, struct conn, link);
    e->in_flight++;
    c->t = t;
    t->slot = c;
    t->status = 0;
    t->told_ns = 0;
    t->sent_ns = e->now_ns >= t->due_ns ? e->now_ns : clock_now_ns();
    c->deadline_ns = t->sent_ns + t->timeout_ns;
    c->retried = false;
    c->out = h1_requests_render(e->requests, t, &c->own);
    if (c->state == IDLE) {
        chain_remove(&c->link);
        begin_answer(c);
        if (t->url != NULL)
            fail_later(c, TRANSFER_REDIRECT);
        else if (!send_more(c))
            fail_later(c, TRANSFER_SEND);
    } else if (t->url != NULL || !reconnect(c)) {
        /* Out of the list while it waits to be told. */
        chain_remove(&c->link);
        c->state = CONNECTING;
        fail_later(c, t->url != NULL ? TRANSFER_REDIRECT : TRANSFER_RESOURCE);
    }
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct h1_engine *e = timer->data;
    int64_t now;

    if (e->in_flight == 0)
        return;
    now = clock_now_ns();
    for (int i = 0; i < e->nconns; i++) {
        struct conn *c = &e->conns[i];

        if (c->t != NULL && c->failed == TRANSFER_OK && now >= c->deadline_ns)
            fail(c, TRANSFER_TIMEOUT);
    }
}

static void on_look(uv_prepare_t *look)
{
    struct h1_engine *e = look->data;

    if (e->may_rest)
        rest_before_look(&e->rest, e->in_flight);
}

/* ---- life ---- */

static void h1_cancel_all(struct engine *base)
{
    struct h1_engine *e = self(base);

    for (int i = 0; i < e->nconns; i++)
        if (e->conns[i].t != NULL)
            fail(&e->conns[i], TRANSFER_CANCELLED);
}

static void end_of_handle(struct h1_engine *e)
{
    void (*closed)(void *) = e->closed;
    void *user = e->closed_user;

    if (--e->open_handles > 0)
        return;
    for (int i = 0; i < e->nconns; i++) {
        buf_release(&e->conns[i].own);
        h1_answer_release(&e->conns[i].answer);
    }
    free(e->conns);
    h1_requests_free(e->requests);
    free(e->buf);
    free(e);
    closed(user);
}

static void on_handle_closed(uv_handle_t *handle)
{
    end_of_handle(handle->data);
}

static void on_wires_closed(void *user)
{
    end_of_handle(user);
}

static void h1_close(struct engine *base, void (*closed)(void *), void *user)
{
    struct h1_engine *e = self(base);

    e->closed = closed;
    e->closed_user = user;
    h1_cancel_all(base);
    while (e->idle.first != NULL)
        conn_close(chain_item(e->idle.first, struct conn, link));
    uv_close((uv_handle_t *)&e->look, on_handle_closed);
    uv_close((uv_handle_t *)&e->timer, on_handle_closed);
    uv_close((uv_handle_t *)&e->later, on_handle_closed);
    wires_close(e->wires, on_wires_closed, e);
}

static int h1_open(const struct engine_config *cfg, struct engine **out,
                   struct err *err)
{
    struct wires_config wc = {.loop = cfg->loop,
                              .scenario = cfg->scenario,
                              .alpn = "http/1.1",
                              .connected = on_connected,
                              .event = on_event};
    struct wires *ws = wires_open(&wc, err);
    struct h1_engine *e;
    uint64_t tick = engine_tick_ms(cfg->scenario);

    if (ws == NULL)
        return -1;
    e = mem_zalloc(1, sizeof *e);
    e->base.ops = &engine_ops_h1;
    e->wires = ws;
    e->requests = h1_requests_new(cfg->scenario);
    e->nconns = cfg->connections;
    e->conns = mem_zalloc((size_t)e->nconns, sizeof *e->conns);
    for (int i = 0; i < e->nconns; i++) {
        struct conn *c = &e->conns[i];

        c->e = e;
        h1_answer_init(&c->answer, cfg->scenario->load.max_body_bytes,
                       READ_BYTES, &e->heads);
        chain_append(&e->closed_conns, &c->link);
    }
    e->buf = mem_zalloc(SKIP_MOST, 1);
    e->may_rest = cfg->may_rest && !cfg->scenario->target.url.tls;
    e->open_handles = 4;
    uv_prepare_init(cfg->loop, &e->look);
    uv_timer_init(cfg->loop, &e->timer);
    uv_idle_init(cfg->loop, &e->later);
    e->timer.data = e->later.data = e->look.data = e;
    uv_prepare_start(&e->look, on_look);
    uv_timer_start(&e->timer, on_timer, tick, tick);
    *out = &e->base;
    return 0;
}

static bool h1_can_serve(const struct scenario *sc, const char **why_not)
{
    if (sc->load.http == HTTP_2) {
        *why_not = "the scenario asks for HTTP/2";
        return false;
    }
    if (sc->load.redirects > 0) {
        *why_not = "redirects may lead to other hosts, which takes libcurl";
        return false;
    }
    return true;
}

static void h1_on_ready(struct engine *base, void (*fn)(void *), void *user)
{
    self(base)->on_ready = fn;
    self(base)->ready_user = user;
}

static void h1_stats(const struct engine *base, struct engine_stats *out)
{
    *out = self(base)->stats;
}

const struct engine_ops engine_ops_h1 = {
    .name = "h1",
    .open = h1_open,
    .ready = h1_ready,
    .submit = h1_submit,
    .on_ready = h1_on_ready,
    .cancel_all = h1_cancel_all,
    .stats = h1_stats,
    .close = h1_close,
    .can_serve = h1_can_serve,
};
