/* Engine "h2": HTTP/2 by nghttp2 on our own connections, over TLS with ALPN
 * or in clear with prior knowledge; many streams per connection.
 *
 * A transfer goes to a connection that is open and idle; else a new one is
 * opened while there may be more; else it joins the others in turn, as far as
 * the peer's limit of streams allows. So users up to `connections` have one
 * each, and more users share. */
#include "harness/load/h2_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/origin.h"

#include <stdlib.h>
#include <string.h>

static struct h2_engine *self(const struct engine *e)
{
    return (struct h2_engine *)(uintptr_t)e;
}

static bool h2_ready(const struct engine *base)
{
    const struct h2_engine *e = self(base);

    return e->closed == NULL &&
           (e->idle.first != NULL || e->closed_conns.first != NULL ||
            e->roomy.first != NULL);
}

/* How many more streams `c` may carry. */
static int room(const struct h2_conn *c)
{
    uint32_t max = STREAMS_MAX;

    if (c->state == H2_OPEN) {
        max = nghttp2_session_get_remote_settings(
            c->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        if (!nghttp2_session_check_request_allowed(c->session))
            max = 0;
    }
    return (int)(max < STREAMS_MAX ? max : STREAMS_MAX) - c->streams;
}

/* Puts `c` where the next transfer will look for it. */
void h2_classify(struct h2_conn *c)
{
    struct h2_engine *e = c->e;

    if (c->state == H2_CLOSED)
        chain_append(&e->closed_conns, &c->link);
    else if (room(c) <= 0)
        chain_remove(&c->link);
    else if (c->state == H2_OPEN && c->streams == 0)
        chain_append(&e->idle, &c->link);
    else
        chain_append(&e->roomy, &c->link);
    if (!h2_ready(&e->base))
        e->was_full = true;
}

/* A stream's end, a connection's, or a new limit may have made room. */
static void tell_ready(struct h2_engine *e)
{
    if (!e->was_full || !h2_ready(&e->base))
        return;
    e->was_full = false;
    if (e->on_ready != NULL)
        e->on_ready(e->ready_user);
}

void h2_mark_dirty(struct h2_conn *c)
{
    if (c->dirty.in == NULL && c->state == H2_OPEN)
        chain_append(&c->e->dirty, &c->dirty);
}

/* ---- the end of a transfer ---- */

void h2_finish(struct h2_engine *e, struct h2_stream *s,
               enum transfer_error error)
{
    struct transfer *t = s->t;

    t->error = error;
    t->end_ns = clock_now_ns();
    if (!s->heard)
        t->first_byte_ns = t->end_ns;
    if (error == TRANSFER_RESOURCE)
        e->stats.resource_errors++;
    if (s->c != NULL) {
        s->c->streams--;
        s->c->reused = s->c->reused || error == TRANSFER_OK;
        h2_classify(s->c);
    }
    chain_append(&e->free, &s->link);
    e->stats.ended++;
    t->done(t);
    tell_ready(e);
}

/* Ends the stream on the wire too, if it is on one. */
static void abandon(struct h2_engine *e, struct h2_stream *s,
                    enum transfer_error error)
{
    if (s->c != NULL && s->id > 0) {
        nghttp2_session_set_stream_user_data(s->c->session, s->id, NULL);
        nghttp2_submit_rst_stream(s->c->session, NGHTTP2_FLAG_NONE, s->id,
                                  NGHTTP2_CANCEL);
        h2_mark_dirty(s->c);
    }
    h2_finish(e, s, error);
}

static void place(struct h2_engine *e, struct h2_stream *s);

static void on_later(uv_idle_t *idle)
{
    struct h2_engine *e = idle->data;
    struct chain_link *last = e->failed.last, *l;

    uv_idle_stop(idle);
    /* What fails meanwhile waits for the next turn. */
    do {
        struct h2_stream *s;

        l = e->failed.first;
        if (l == NULL)
            return;
        s = chain_item(l, struct h2_stream, link);
        h2_finish(e, s, s->error);
    } while (l != last);
    if (e->failed.first != NULL)
        uv_idle_start(idle, on_later);
}

/* `s` is on no connection: `done` is called from the loop. */
void h2_fail_later(struct h2_engine *e, struct h2_stream *s,
                   enum transfer_error error)
{
    s->c = NULL;
    s->error = error;
    chain_append(&e->failed, &s->link);
    uv_idle_start(&e->later, on_later);
}

/* Asked of a stream whose connection went before a byte was heard. */
bool h2_may_retry(const struct h2_engine *e, const struct h2_stream *s,
                  bool refused)
{
    return e->closed == NULL && !s->heard && !s->retried &&
           (refused ||
            (s->c != NULL && s->c->reused && engine_may_retry(&e->stats)));
}

void h2_retry(struct h2_engine *e, struct h2_stream *s)
{
    s->retried = true;
    s->id = 0;
    s->c->streams--;
    h2_classify(s->c);
    s->c = NULL;
    s->body_sent = s->header_bytes = 0;
    e->stats.retries++;
    if (h2_ready(&e->base))
        place(e, s);
    else
        h2_fail_later(e, s, TRANSFER_CLOSED);
}

/* Closes the connection; the streams on it fail, or begin anew elsewhere. */
static void conn_close(struct h2_conn *c, enum transfer_error error)
{
    struct h2_engine *e = c->e;
    struct chain_link *l, *next;

    if (c->state == H2_OPEN)
        e->stats.open_connections--;
    c->state = H2_CLOSED;
    wire_close(&c->wire);
    chain_remove(&c->dirty);
    nghttp2_session_del(c->session);
    c->session = NULL;
    c->out_len = c->out_at = 0;
    c->blocked = false;
    /* First detach them all, since `done` may begin new ones. */
    for (l = e->active.first; l != NULL; l = next) {
        struct h2_stream *s = chain_item(l, struct h2_stream, link);

        next = l->next;
        if (s->c != c)
            continue;
        s->id = 0;
        if (error != TRANSFER_CANCELLED && h2_may_retry(e, s, false)) {
            h2_retry(e, s);
            continue;
        }
        c->streams--;
        h2_fail_later(e, s, error);
    }
    c->reused = false;
    h2_classify(c);
}

/* ---- events ---- */

/* After a GOAWAY either way there is nothing left to say. */
static bool is_over(const struct h2_conn *c)
{
    return !nghttp2_session_want_read(c->session) &&
           !nghttp2_session_want_write(c->session);
}

static void on_event(struct wire *w, int events)
{
    struct h2_conn *c = w->user;

    if (c->state != H2_OPEN)
        return;
    if (events & UV_WRITABLE && !h2_flush(c)) {
        conn_close(c, TRANSFER_SEND);
        return;
    }
    if (events & ~UV_WRITABLE) {
        enum transfer_error error = h2_read(c);

        if (error != TRANSFER_OK)
            conn_close(c, error);
    }
}

static void on_flush(uv_prepare_t *prepare)
{
    struct h2_engine *e = prepare->data;

    tell_ready(e);
    while (e->dirty.first != NULL) {
        struct h2_conn *c = chain_item(e->dirty.first, struct h2_conn, dirty);

        if (c->blocked)
            chain_remove(&c->dirty);
        else if (!h2_flush(c))
            conn_close(c, TRANSFER_SEND);
        else if (!c->blocked && is_over(c))
            conn_close(c, TRANSFER_PROTOCOL);
    }
}

/* ---- requests ---- */

static bool connect_conn(struct h2_conn *c)
{
    if (wire_connect(c->e->wires, &c->wire, c) != 0)
        return false;
    c->state = H2_CONNECTING;
    return true;
}

/* Finds a connection for `s`; there is one. */
static void place(struct h2_engine *e, struct h2_stream *s)
{
    struct chain_link *l = e->idle.first;
    struct h2_conn *c;

    if (l == NULL)
        l = e->closed_conns.first != NULL ? e->closed_conns.first
                                          : e->roomy.first;
    c = chain_item(l, struct h2_conn, link);
    if (c->state == H2_CLOSED && !connect_conn(c)) {
        h2_fail_later(e, s, TRANSFER_RESOURCE);
        return;
    }
    s->c = c;
    c->streams++;
    h2_classify(c);
    if (c->state == H2_OPEN)
        h2_request(s);
}

static void on_connected(struct wire *w, enum transfer_error error)
{
    struct h2_conn *c = w->user;
    struct h2_engine *e = c->e;
    char protocol[16];

    wire_protocol(w, protocol, sizeof protocol);
    if (error == TRANSFER_OK && e->sc->target.url.tls &&
        strcmp(protocol, "h2") != 0)
        error = TRANSFER_PROTOCOL;
    if (error == TRANSFER_OK && h2_session_begin(c) != 0)
        error = TRANSFER_RESOURCE;
    if (error != TRANSFER_OK) {
        conn_close(c, error);
        return;
    }
    c->state = H2_OPEN;
    e->stats.connects++;
    e->stats.open_connections++;
    for (struct chain_link *l = e->active.first, *next; l != NULL; l = next) {
        struct h2_stream *s = chain_item(l, struct h2_stream, link);

        next = l->next;
        if (s->c == c)
            h2_request(s);
    }
    h2_classify(c);
    h2_mark_dirty(c);
}

static int h2_submit(struct engine *base, struct transfer *t)
{
    struct h2_engine *e = self(base);
    struct chain_link *l = e->free.first;
    struct h2_stream *s = l != NULL ? chain_item(l, struct h2_stream, link)
                                    : mem_zalloc(1, sizeof *s);

    if (!h2_ready(base))
        return -1;
    chain_remove(&s->link);
    *s = (struct h2_stream){.t = t};
    chain_append(&e->active, &s->link);
    t->slot = s;
    t->status = 0;
    t->body_bytes = 0;
    t->kept = t->kept_headers = 0;
    t->sent_ns = clock_now_ns();
    s->deadline_ns = t->sent_ns + t->timeout_ns;
    if (t->url == NULL)
        place(e, s);
    else
        h2_fail_later(e, s, TRANSFER_REDIRECT);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct h2_engine *e = timer->data;
    struct chain_link *l, *next;
    int64_t now = clock_now_ns();

    for (l = e->active.first; l != NULL; l = next) {
        struct h2_stream *s = chain_item(l, struct h2_stream, link);

        next = l->next;
        if (now < s->deadline_ns)
            continue;
        if (s->c->state == H2_CONNECTING)
            conn_close(s->c, TRANSFER_TIMEOUT);
        else
            abandon(e, s, TRANSFER_TIMEOUT);
        next = e->active.first; /* `done` may have changed everything */
    }
}

/* ---- life ---- */

static void h2_cancel_all(struct engine *base)
{
    struct h2_engine *e = self(base);
    struct chain_link *last = e->active.last, *l = e->active.first;

    /* What `done` submits anew comes behind the last one. */
    while (l != NULL) {
        bool end = l == last;

        abandon(e, chain_item(l, struct h2_stream, link), TRANSFER_CANCELLED);
        l = end ? NULL : e->active.first;
    }
    for (l = e->failed.first; l != NULL; l = l->next)
        chain_item(l, struct h2_stream, link)->error = TRANSFER_CANCELLED;
}

static void end_of_handle(struct h2_engine *e)
{
    void (*closed)(void *) = e->closed;
    void *user = e->closed_user;
    struct chain_link *l;

    if (--e->open_handles > 0)
        return;
    while ((l = chain_shift(&e->free)) != NULL)
        free(chain_item(l, struct h2_stream, link));
    for (int i = 0; i < e->nconns; i++)
        free(e->conns[i].out);
    nghttp2_session_callbacks_del(e->callbacks);
    pieces_free(e->pieces);
    buf_release(&e->text);
    free(e->conns);
    free(e->authority);
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

static void h2_close(struct engine *base, void (*closed)(void *), void *user)
{
    struct h2_engine *e = self(base);

    e->closed = closed;
    e->closed_user = user;
    h2_cancel_all(base);
    while (e->failed.first != NULL)
        on_later(&e->later);
    for (int i = 0; i < e->nconns; i++)
        if (e->conns[i].state != H2_CLOSED)
            conn_close(&e->conns[i], TRANSFER_CANCELLED);
    uv_close((uv_handle_t *)&e->timer, on_handle_closed);
    uv_close((uv_handle_t *)&e->flush, on_handle_closed);
    uv_close((uv_handle_t *)&e->later, on_handle_closed);
    wires_close(e->wires, on_wires_closed, e);
}

static int h2_open(const struct engine_config *cfg, struct engine **out,
                   struct err *err)
{
    struct wires_config wc = {.loop = cfg->loop,
                              .scenario = cfg->scenario,
                              .alpn = "h2",
                              .connected = on_connected,
                              .event = on_event};
    struct wires *ws = wires_open(&wc, err);
    struct h2_engine *e;
    uint64_t tick = engine_tick_ms(cfg->scenario);

    if (ws == NULL)
        return -1;
    e = mem_zalloc(1, sizeof *e);
    e->base.ops = &engine_ops_h2;
    e->sc = cfg->scenario;
    e->wires = ws;
    h2_prepare_sessions(e);
    e->nconns = cfg->connections;
    e->conns = mem_zalloc((size_t)e->nconns, sizeof *e->conns);
    for (int i = 0; i < e->nconns; i++) {
        e->conns[i].e = e;
        h2_classify(&e->conns[i]);
    }
    e->authority = origin_authority(&cfg->scenario->target.url);
    e->buf = mem_zalloc(READ_BYTES, 1);
    buf_init(&e->text, 1 << 20);
    e->open_handles = 4;
    uv_timer_init(cfg->loop, &e->timer);
    uv_prepare_init(cfg->loop, &e->flush);
    uv_idle_init(cfg->loop, &e->later);
    e->timer.data = e->flush.data = e->later.data = e;
    uv_prepare_start(&e->flush, on_flush);
    uv_timer_start(&e->timer, on_timer, tick, tick);
    *out = &e->base;
    return 0;
}

static bool h2_can_serve(const struct scenario *sc, const char **why_not)
{
    if (sc->load.http == HTTP_1_1) {
        *why_not = "the scenario asks for HTTP/1.1";
        return false;
    }
    if (sc->load.redirects > 0) {
        *why_not = "redirects may lead to other hosts, which takes libcurl";
        return false;
    }
    return true;
}

static void h2_on_ready(struct engine *base, void (*fn)(void *), void *user)
{
    self(base)->on_ready = fn;
    self(base)->ready_user = user;
}

static void h2_stats(const struct engine *base, struct engine_stats *out)
{
    *out = self(base)->stats;
}

const struct engine_ops engine_ops_h2 = {
    .name = "h2",
    .open = h2_open,
    .ready = h2_ready,
    .submit = h2_submit,
    .on_ready = h2_on_ready,
    .cancel_all = h2_cancel_all,
    .stats = h2_stats,
    .close = h2_close,
    .can_serve = h2_can_serve,
};
