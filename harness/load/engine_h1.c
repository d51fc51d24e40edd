/* Engine "h1": HTTP/1.1 on keep-alive connections at the cost of the system
 * calls: one send and one receive per plain request. Never pipelines.
 *
 * Connections are used in turn, so that a service of several processes gets
 * its load spread, and none of them idles into the server's timeout. */
#include "harness/load/engine_impl.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/h1_parse.h"
#include "harness/load/sink.h"
#include "harness/load/wire.h"
#include "harness/model/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <uv.h>

#define READ_BYTES (64u << 10)
#define HEAD_MAX (64u << 10)     /* a longer response head is refused */
#define INTERIM_MAX 32           /* 1xx answers before the answer */
#define BODY_COPIED (16u << 10)  /* up to here a body is sent with the head */
#define REQUEST_MAX (1u << 20)

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
    struct conn *next; /* in the idle or the closed list */
    struct conn *prev;
    struct transfer *t;
    int64_t deadline_ns;
    struct buf out;    /* head, and small bodies */
    size_t sent;       /* of head and body together */
    enum transfer_error failed; /* found while submitting: told later */
    struct conn *next_failed;
    bool reused;       /* has answered before */
    bool retried;
    bool heard;        /* bytes of this answer came */
    bool in_body;
    int interims;
    struct buf in;     /* a head that has not come whole yet */
    size_t seen;
    struct h1_head head;
    uint64_t left;     /* of a body with a length */
    struct h1_chunks chunks;
};

struct list {
    struct conn *first, *last;
};

struct h1_engine {
    struct engine base;
    const struct scenario *sc;
    struct wires *wires;
    struct conn *conns;
    int nconns;
    struct list idle, closed_conns;
    int in_flight, opened;
    char *host; /* "name:port" for the Host header */
    char *buf;  /* READ_BYTES, shared by all connections */
    uv_timer_t timer; /* looks for timeouts */
    uv_idle_t later;  /* tells of failures found while submitting */
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

/* ---- lists ---- */

static void append(struct list *l, struct conn *c)
{
    c->next = NULL;
    c->prev = l->last;
    if (l->last != NULL)
        l->last->next = c;
    else
        l->first = c;
    l->last = c;
}

static void take_out(struct list *l, struct conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        l->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        l->last = c->prev;
    c->next = c->prev = NULL;
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

    if (c->state == IDLE)
        take_out(&e->idle, c);
    if (c->state == BUSY || c->state == IDLE)
        e->stats.open_connections--;
    wire_close(&c->wire);
    c->state = CLOSED;
    c->reused = false;
    buf_reset(&c->in);
    append(&e->closed_conns, c);
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
    e->in_flight--;
    if (c->state == BUSY && error == TRANSFER_OK && c->head.keep_alive) {
        c->state = IDLE;
        c->reused = true;
        append(&e->idle, c);
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
    if (!c->heard)
        t->first_byte_ns = t->end_ns;
    finish(c, error);
}

/* ---- sending ---- */

static void render(struct conn *c)
{
    struct transfer *t = c->t;
    struct buf *b = &c->out;
    const char *host = t->host != NULL ? t->host : c->e->host;

    buf_reset(b);
    buf_adds(b, t->method);
    buf_addc(b, ' ');
    buf_add(b, t->target, t->target_len);
    buf_add(b, " HTTP/1.1\r\nHost: ", 17);
    buf_adds(b, host);
    buf_add(b, "\r\n", 2);
    buf_add(b, t->headers, t->headers_len);
    if (t->has_body)
        buf_addf(b, "Content-Length: %zu\r\n", t->body_len);
    buf_add(b, "\r\n", 2);
    if (t->has_body && t->body_len <= BODY_COPIED)
        buf_add(b, t->body, t->body_len);
}

/* Sends what is left of the request. False: the connection is broken. */
static bool send_more(struct conn *c)
{
    const struct transfer *t = c->t;
    bool apart = t->has_body && t->body_len > BODY_COPIED;
    size_t total = c->out.len + (apart ? t->body_len : 0);

    while (c->sent < total) {
        struct iovec iov[2];
        int n = 0;
        long rc;

        if (c->sent < c->out.len)
            iov[n++] = (struct iovec){c->out.p + c->sent,
                                      c->out.len - c->sent};
        if (apart) {
            size_t at = c->sent > c->out.len ? c->sent - c->out.len : 0;

            iov[n++] = (struct iovec){
                (char *)(uintptr_t)t->body + at, t->body_len - at};
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
    size_t body = c->t->body_len;

    return c->sent >= c->out.len &&
           (!c->t->has_body || body <= BODY_COPIED ||
            c->sent >= c->out.len + body);
}

static void begin_answer(struct conn *c)
{
    c->state = BUSY;
    c->sent = 0;
    c->heard = c->in_body = false;
    c->interims = 0;
    c->seen = 0;
    c->t->body_bytes = 0;
    c->t->kept = c->t->kept_headers = 0;
    c->t->status = 0;
}

static bool reconnect(struct conn *c);

/* A kept connection that the peer closed before it answered a byte: it had
 * most likely been closed when we sent. Once more, on a new one. */
static bool retry(struct conn *c)
{
    struct h1_engine *e = c->e;

    if (!c->reused || c->heard || c->retried || e->closed != NULL)
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

enum progress {
    MORE,     /* wait for more bytes */
    WHOLE,    /* the answer is whole */
    BAD,      /* failed and told already */
};

static enum progress bad(struct conn *c, enum transfer_error error)
{
    fail(c, error);
    return BAD;
}

/* The head is known: what comes now? */
static enum progress begin_body(struct conn *c)
{
    struct transfer *t = c->t;
    uint64_t max = c->e->sc->load.max_body_bytes;

    sink_headers(t, c->head.fields, c->head.fields_len);
    t->status = c->head.status;
    c->in_body = true;
    c->left = c->head.content_length;
    c->chunks = (struct h1_chunks){0};
    if (c->head.framing == H1_NO_BODY)
        return WHOLE;
    if (c->head.framing == H1_LENGTH && max > 0 && c->left > max)
        return bad(c, TRANSFER_TOO_LARGE);
    return MORE;
}

/* Takes body bytes from `*p`; moves it behind what belongs to this answer. */
static enum progress take_body(struct conn *c, const char **p,
                               const char *end)
{
    struct transfer *t = c->t;
    uint64_t max = c->e->sc->load.max_body_bytes;

    if (c->head.framing == H1_CHUNKED) {
        const char *data;
        enum h1_result r;
        size_t n;

        while ((r = h1_parse_chunks(&c->chunks, p, end, &data, &n)) ==
               H1_DATA)
            if (!sink_body(t, data, n, max))
                return bad(c, TRANSFER_TOO_LARGE);
        if (r == H1_BAD)
            return bad(c, TRANSFER_PROTOCOL);
        return r == H1_OK ? WHOLE : MORE;
    }
    size_t n = (size_t)(end - *p);

    if (c->head.framing == H1_LENGTH && n > c->left)
        n = (size_t)c->left;
    if (!sink_body(t, *p, n, max))
        return bad(c, TRANSFER_TOO_LARGE);
    *p += n;
    if (c->head.framing == H1_UNTIL_CLOSE)
        return MORE;
    c->left -= n;
    return c->left == 0 ? WHOLE : MORE;
}

/* Parses from `*p`; on MORE everything was taken or is kept in c->in. */
static enum progress take_bytes(struct conn *c, const char **p,
                                const char *end)
{
    bool head_request = strcmp(c->t->method, "HEAD") == 0;

    while (!c->in_body) {
        const char *why;
        enum progress g;

        switch (h1_parse_head(*p, (size_t)(end - *p), &c->seen, head_request,
                              &c->head, &why)) {
        case H1_PARTIAL:
            return (size_t)(end - *p) < HEAD_MAX
                       ? MORE
                       : bad(c, TRANSFER_PROTOCOL);
        case H1_OK:
            break;
        default:
            return bad(c, TRANSFER_PROTOCOL);
        }
        *p += c->head.len;
        c->seen = 0;
        if (c->head.status < 200) {
            /* Nobody asked for another protocol. */
            if (c->head.status == 101 || ++c->interims > INTERIM_MAX)
                return bad(c, TRANSFER_PROTOCOL);
            if (*p == end)
                return MORE;
            continue;
        }
        g = begin_body(c);
        if (g != MORE)
            return g;
    }
    return *p < end ? take_body(c, p, end) : MORE;
}

/* `n` new bytes in e->buf. */
static enum progress received(struct conn *c, size_t n)
{
    const char *p = c->e->buf, *end = p + n;
    enum progress g;

    if (c->in.len > 0) {
        /* Heads in pieces are rare: put together in a buffer of their own. */
        if (buf_add(&c->in, p, n) != 0)
            return bad(c, TRANSFER_PROTOCOL);
        p = c->in.p;
        end = p + c->in.len;
    }
    g = take_bytes(c, &p, end);
    if (g == BAD)
        return BAD;
    if (g == WHOLE && p < end)
        c->head.keep_alive = false; /* more than was asked for */
    if (g == MORE && !c->in_body && p < end) {
        if (c->in.len > 0) {
            size_t rest = (size_t)(end - p);

            memmove(c->in.p, p, rest);
            c->in.len = rest;
        } else if (buf_add(&c->in, p, (size_t)(end - p)) != 0) {
            return bad(c, TRANSFER_PROTOCOL);
        }
    } else {
        buf_reset(&c->in);
    }
    return g;
}

static void whole(struct conn *c, int64_t now_ns)
{
    c->t->end_ns = now_ns;
    if (!is_sent(c))
        c->head.keep_alive = false;
    finish(c, TRANSFER_OK);
}

/* Bytes of a body that nobody wants need not be copied. */
static bool may_skip(const struct conn *c)
{
    const struct transfer *t = c->t;

    return c->in_body && c->head.framing == H1_LENGTH &&
           c->left > READ_BYTES / 4 &&
           (t->keep == NULL || t->kept == t->keep_max);
}

static long receive(struct conn *c, bool *skipped)
{
    struct h1_engine *e = c->e;

    *skipped = may_skip(c);
    if (*skipped)
        return wire_skip(&c->wire, c->left < SIZE_MAX / 2
                                       ? (size_t)c->left
                                       : SIZE_MAX / 2);
    return wire_recv(&c->wire, e->buf, READ_BYTES);
}

static void ended(struct conn *c, long rc)
{
    if (rc == WIRE_EOF && c->in_body && c->head.framing == H1_UNTIL_CLOSE)
        whole(c, clock_now_ns());
    else
        broken(c, TRANSFER_CLOSED);
}

static void read_answer(struct conn *c)
{
    struct h1_engine *e = c->e;
    enum progress g = MORE;

    do {
        bool skipped;
        int64_t now;
        long rc = receive(c, &skipped);

        if (rc == WIRE_AGAIN)
            return;
        if (rc <= 0) {
            ended(c, rc);
            return;
        }
        now = clock_now_ns();
        e->stats.bytes_in += (uint64_t)rc;
        if (!c->heard)
            c->t->first_byte_ns = now;
        c->heard = true;
        if (skipped) {
            c->left -= (uint64_t)rc;
            c->t->body_bytes += (uint64_t)rc;
            g = c->left == 0 ? WHOLE : MORE;
        } else {
            g = received(c, (size_t)rc);
        }
        if (g == WHOLE)
            whole(c, now);
        /* A plain socket tells again when there is more. */
    } while (g == MORE && wire_is_buffered(&c->wire));
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
}

static void on_connected(struct wire *w, enum transfer_error error)
{
    struct conn *c = w->user;

    if (error != TRANSFER_OK) {
        fail(c, error);
        return;
    }
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

    take_out(&e->closed_conns, c);
    c->state = CONNECTING;
    c->heard = false;
    if (wire_connect(e->wires, &c->wire, c) == 0)
        return true;
    append(&e->closed_conns, c);
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
    struct conn *c = e->idle.first != NULL ? e->idle.first
                                           : e->closed_conns.first;

    if (!h1_ready(base))
        return -1;
    e->in_flight++;
    c->t = t;
    t->slot = c;
    t->status = 0;
    t->sent_ns = clock_now_ns();
    c->deadline_ns = t->sent_ns + t->timeout_ns;
    c->retried = false;
    render(c);
    if (c->state == IDLE) {
        take_out(&e->idle, c);
        begin_answer(c);
        if (t->url != NULL)
            fail_later(c, TRANSFER_REDIRECT);
        else if (!send_more(c))
            fail_later(c, TRANSFER_SEND);
    } else if (t->url != NULL || !reconnect(c)) {
        /* Out of the list while it waits to be told. */
        take_out(&e->closed_conns, c);
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
        buf_release(&e->conns[i].out);
        buf_release(&e->conns[i].in);
    }
    free(e->conns);
    free(e->host);
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
        conn_close(e->idle.first);
    uv_close((uv_handle_t *)&e->timer, on_handle_closed);
    uv_close((uv_handle_t *)&e->later, on_handle_closed);
    wires_close(e->wires, on_wires_closed, e);
}

/* How often timeouts are looked for: a twentieth of the shortest, so that
 * one is noticed within 5 % of its length. */
static uint64_t timer_ms(const struct scenario *sc)
{
    int64_t least = sc->load.timeout_ns;
    int64_t ms;

    for (size_t i = 0; i < sc->nrequests; i++)
        if (sc->requests[i].timeout_ns > 0 &&
            sc->requests[i].timeout_ns < least)
            least = sc->requests[i].timeout_ns;
    ms = least / 20 / CLOCK_NS_PER_MS;
    return ms < 1 ? 1 : ms > 250 ? 250 : (uint64_t)ms;
}

static char *host_text(const struct url *u)
{
    const char *open = strchr(u->host, ':') != NULL ? "[" : "";
    const char *close = *open != '\0' ? "]" : "";

    if (u->port == (u->tls ? 443 : 80))
        return mem_printf("%s%s%s", open, u->host, close);
    return mem_printf("%s%s%s:%d", open, u->host, close, u->port);
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

    if (ws == NULL)
        return -1;
    e = mem_zalloc(1, sizeof *e);
    e->base.ops = &engine_ops_h1;
    e->sc = cfg->scenario;
    e->wires = ws;
    e->nconns = cfg->connections;
    e->conns = mem_zalloc((size_t)e->nconns, sizeof *e->conns);
    for (int i = 0; i < e->nconns; i++) {
        struct conn *c = &e->conns[i];

        c->e = e;
        buf_init(&c->out, REQUEST_MAX);
        buf_init(&c->in, HEAD_MAX + READ_BYTES);
        append(&e->closed_conns, c);
    }
    e->host = host_text(&cfg->scenario->target.url);
    e->buf = mem_zalloc(READ_BYTES, 1);
    e->open_handles = 3;
    uv_timer_init(cfg->loop, &e->timer);
    uv_idle_init(cfg->loop, &e->later);
    e->timer.data = e->later.data = e;
    uv_timer_start(&e->timer, on_timer, timer_ms(cfg->scenario),
                   timer_ms(cfg->scenario));
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
