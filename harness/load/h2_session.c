/* Engine "h2": what nghttp2 asks and tells, and the bytes in between. */
#include "harness/load/h2_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/h2_request.h"
#include "harness/load/sink.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* ---- what the session tells ---- */

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *user)
{
    struct h2_conn *c = user;
    struct h2_stream *s =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (s == NULL)
        return 0;
    if (!s->heard)
        s->t->first_byte_ns = clock_now_ns();
    s->heard = true;
    if (s->t->status < 200) {
        s->t->kept_headers = 0;
        if (++s->interims > INTERIM_MAX) {
            s->error = TRANSFER_PROTOCOL;
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
                                      NGHTTP2_PROTOCOL_ERROR);
            h2_mark_dirty(c);
        }
    }
    return 0;
}

static void keep_header(struct transfer *t, const uint8_t *name, size_t nl,
                        const uint8_t *value, size_t vl)
{
    char *p;

    if (t->keep_headers == NULL ||
        nl + vl + 4 > t->keep_headers_max - t->kept_headers)
        return;
    p = t->keep_headers + t->kept_headers;
    memcpy(p, name, nl);
    memcpy(p + nl, ": ", 2);
    memcpy(p + nl + 2, value, vl);
    memcpy(p + nl + 2 + vl, "\r\n", 2);
    t->kept_headers += nl + vl + 4;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t nl, const uint8_t *value,
                     size_t vl, uint8_t flags, void *user)
{
    struct h2_stream *s =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)user;
    if (s == NULL)
        return 0;
    s->header_bytes += nl + vl;
    if (s->header_bytes > HEADER_BYTES_MAX) {
        s->error = TRANSFER_PROTOCOL;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (nl == 7 && memcmp(name, ":status", 7) == 0 && vl == 3)
        s->t->status =
            (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
    else if (name[0] != ':')
        keep_header(s->t, name, nl, value, vl);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                   const uint8_t *p, size_t n, void *user)
{
    struct h2_conn *c = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    if (s == NULL || s->error != TRANSFER_OK)
        return 0;
    if (!sink_body(s->t, (const char *)p, n, c->e->sc->load.max_body_bytes)) {
        s->error = TRANSFER_TOO_LARGE;
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                  NGHTTP2_CANCEL);
        h2_mark_dirty(c);
    }
    return 0;
}

static enum transfer_error stream_error(const struct h2_stream *s,
                                        uint32_t code)
{
    if (s->error != TRANSFER_OK)
        return s->error;
    switch (code) {
    case NGHTTP2_NO_ERROR:
        return s->t->status >= 200 ? TRANSFER_OK : TRANSFER_CLOSED;
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
        return TRANSFER_PROTOCOL;
    default:
        return TRANSFER_CLOSED;
    }
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                           void *user)
{
    struct h2_conn *c = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

    if (s == NULL)
        return 0;
    nghttp2_session_set_stream_user_data(session, id, NULL);
    s->id = 0;
    if (code == NGHTTP2_REFUSED_STREAM && h2_may_retry(c->e, s, true))
        h2_retry(c->e, s);
    else
        h2_finish(c->e, s, stream_error(s, code));
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *user)
{
    (void)session;
    /* Either may change how many streams fit. */
    if (frame->hd.type == NGHTTP2_SETTINGS || frame->hd.type == NGHTTP2_GOAWAY)
        h2_classify(user);
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *out,
                         size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    size_t left, n;

    (void)source;
    (void)user;
    if (s == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    left = s->t->body_len - s->body_sent;
    n = left < max ? left : max;
    if (n > 0)
        memcpy(out, s->t->body + s->body_sent, n);
    s->body_sent += n;
    if (n == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

void h2_request(struct h2_stream *s)
{
    struct h2_conn *c = s->c;
    struct h2_engine *e = c->e;
    nghttp2_nv nv[H2_FIELDS_MAX + 1];
    nghttp2_data_provider body = {.read_callback = read_body};
    size_t n = h2_request_fields(s->t, e->sc->target.url.tls ? "https" : "http",
                                 e->authority, &e->text, nv);
    int32_t id = nghttp2_submit_request(c->session, NULL, nv, n,
                                        s->t->has_body ? &body : NULL, s);

    if (id > 0) {
        s->id = id;
        h2_mark_dirty(c);
        return;
    }
    /* Stream numbers are used up, or no memory. */
    c->streams--;
    h2_classify(c);
    h2_fail_later(e, s, TRANSFER_RESOURCE);
}

static void *mem_take(size_t n, void *user)
{
    return pieces_take(user, n);
}

static void *mem_take_zero(size_t n, size_t size, void *user)
{
    return pieces_take_zero(user, n, size);
}

static void *mem_resize(void *p, size_t n, void *user)
{
    return pieces_resize(user, p, n);
}

static void mem_give(void *p, void *user)
{
    pieces_give(user, p);
}

void h2_prepare_sessions(struct h2_engine *e)
{
    nghttp2_session_callbacks *cb = NULL;

    if (nghttp2_session_callbacks_new(&cb) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    e->callbacks = cb;
    e->pieces = pieces_new();
    e->mem = (nghttp2_mem){.mem_user_data = e->pieces,
                           .malloc = mem_take,
                           .free = mem_give,
                           .calloc = mem_take_zero,
                           .realloc = mem_resize};
}

int h2_session_begin(struct h2_conn *c)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
    };

    if (nghttp2_session_client_new3(&c->session, c->e->callbacks, c, NULL,
                                    &c->e->mem) != 0)
        return -1;
    if (c->out == NULL)
        c->out = mem_zalloc(WRITE_BYTES, 1);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
                                          WINDOW_BYTES);
    return 0;
}

/* ---- bytes ---- */

/* Sends what the session has, gathered into few writes. False: broken. */
bool h2_flush(struct h2_conn *c)
{
    struct h2_engine *e = c->e;

    chain_remove(&c->dirty);
    for (;;) {
        const uint8_t *p;
        struct iovec iov;
        ssize_t n;
        long rc;

        while (c->out_at == 0 && c->out_len + PIECE_BYTES <= WRITE_BYTES &&
               (n = nghttp2_session_mem_send(c->session, &p)) > 0) {
            memcpy(c->out + c->out_len, p, (size_t)n);
            c->out_len += (size_t)n;
        }
        if (c->out_len == 0)
            break;
        iov = (struct iovec){c->out + c->out_at, c->out_len - c->out_at};
        rc = wire_send(&c->wire, &iov, 1);
        if (rc == WIRE_AGAIN) {
            c->blocked = true;
            wire_want_write(&c->wire, true);
            return true;
        }
        if (rc < 0)
            return false;
        e->stats.bytes_out += (uint64_t)rc;
        c->out_at += (size_t)rc;
        if (c->out_at == c->out_len)
            c->out_at = c->out_len = 0;
    }
    if (c->blocked)
        wire_want_write(&c->wire, false);
    c->blocked = false;
    return true;
}

enum transfer_error h2_read(struct h2_conn *c)
{
    struct h2_engine *e = c->e;

    do {
        long rc = wire_recv(&c->wire, e->buf, READ_BYTES);
        ssize_t used;

        if (rc == WIRE_AGAIN)
            break;
        if (rc <= 0)
            return TRANSFER_CLOSED;
        e->stats.bytes_in += (uint64_t)rc;
        used = nghttp2_session_mem_recv(c->session, (const uint8_t *)e->buf,
                                        (size_t)rc);
        if (used < 0)
            return TRANSFER_PROTOCOL;
    } while (wire_is_buffered(&c->wire));
    h2_mark_dirty(c);
    return TRANSFER_OK;
}
