/* The test server's HTTP/2 side: one session per connection, by nghttp2. The
 * path says how to answer. */
#ifndef PLATEAU_TESTS_H2_SERVER_H
#define PLATEAU_TESTS_H2_SERVER_H

#include "tests/unit/load/http_server.h"

#include <nghttp2/nghttp2.h>

struct h2_answer {
    struct h2_answer *next;
    int32_t id;
    char path[256], method[16], authority[128];
    bool saw_host, saw_connection;
    size_t body; /* received */
    size_t left; /* to be sent */
};

#define H2_NV(n, v)                                                            \
    (nghttp2_nv)                                                               \
    {                                                                          \
        (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n),       \
            strlen(v), NGHTTP2_NV_FLAG_NONE                                    \
    }

static inline ssize_t h2s_send(nghttp2_session *s, const uint8_t *p, size_t n,
                               int flags, void *user)
{
    (void)s;
    (void)flags;
    return http_send(user, (const char *)p, n) ? (ssize_t)n
                                               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static inline ssize_t h2s_read(nghttp2_session *s, int32_t id, uint8_t *out,
                               size_t max, uint32_t *flags,
                               nghttp2_data_source *src, void *user)
{
    struct h2_answer *a = src->ptr;
    size_t n = a->left < max ? a->left : max;

    (void)s;
    (void)id;
    (void)user;
    memset(out, 'x', n);
    a->left -= n;
    if (a->left == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static inline void h2s_reply(nghttp2_session *s, struct h2_answer *a,
                             const char *status, size_t bytes)
{
    nghttp2_nv nv[] = {H2_NV(":status", status), H2_NV("x-kept", "yes")};
    nghttp2_data_provider body = {{.ptr = a}, h2s_read};

    a->left = bytes;
    nghttp2_submit_response(s, a->id, nv, 2, bytes > 0 ? &body : NULL);
}

static inline void h2s_storm(nghttp2_session *s, struct h2_answer *a)
{
    nghttp2_nv nv[] = {H2_NV(":status", "103"), H2_NV("link", "x")};

    for (int i = 0; i < 1000; i++)
        nghttp2_submit_headers(s, NGHTTP2_FLAG_NONE, a->id, NULL, nv, 2, NULL);
    h2s_reply(s, a, "200", 2);
}

static inline void h2s_big_head(nghttp2_session *s, struct h2_answer *a)
{
    static char value[3000];
    nghttp2_nv nv[40];

    memset(value, 'v', sizeof value - 1);
    nv[0] = H2_NV(":status", "200");
    for (int i = 1; i < 40; i++)
        nv[i] = H2_NV("x-more", value);
    nghttp2_submit_response(s, a->id, nv, 40, NULL);
}

/* Answers that HTTP/2 forbids, by name; each but the first must end in an
 * error. A body of two bytes follows each. */
static const struct {
    const char *name, *status;
    const char *field, *value;
    const char *again; /* once more, with this value; NULL: not */
} h2_bad[] = {
    {"nothing", "200", "x-a", "b", NULL}, /* that is wrong: to compare */
    {"status", "2x0", "x-a", "b", NULL},
    {"cl-short", "200", "content-length", "1", NULL},
    {"cl-long", "200", "content-length", "10", NULL},
    {"cl-negative", "200", "content-length", "-1", NULL},
    {"cl-huge", "200", "content-length", "99999999999999999999999", NULL},
    {"two-cls", "200", "content-length", "2", "3"},
    {"te", "200", "transfer-encoding", "chunked", NULL},
    {"connection", "200", "connection", "close", NULL},
    {"space-name", "200", "x a", "b", NULL},
    {"control", "200", "x-a", "b\001c", NULL},
    {"pseudo", "200", ":path", "/", NULL},
};
#define H2_NBAD (sizeof h2_bad / sizeof h2_bad[0])

static inline void h2s_bad(nghttp2_session *s, struct h2_answer *a)
{
    nghttp2_data_provider body = {{.ptr = a}, h2s_read};

    a->left = 2;
    for (size_t i = 0; i < H2_NBAD; i++) {
        const char *field = h2_bad[i].field;
        nghttp2_nv nv[] = {
            H2_NV(":status", h2_bad[i].status), H2_NV(field, h2_bad[i].value),
            H2_NV(field, h2_bad[i].again ? h2_bad[i].again : h2_bad[i].value)};

        if (strcmp(h2_bad[i].name, a->path + 5) == 0)
            nghttp2_submit_response(s, a->id, nv, h2_bad[i].again ? 3 : 2,
                                    &body);
    }
}

/* The request is whole: answer it. -1: drop the connection. */
static inline int h2s_answer(nghttp2_session *s, struct h2_answer *a,
                             struct http_conn *c)
{
    char status[8];
    long v = 0;

    c->s->requests++;
    if (sscanf(a->path, "/slow/%ld", &v) == 1)
        http_sleep_ms(v);
    if (sscanf(a->path, "/len/%ld", &v) == 1) {
        h2s_reply(s, a, "200", strcmp(a->method, "HEAD") ? (size_t)v : 0);
    } else if (sscanf(a->path, "/status/%ld", &v) == 1) {
        snprintf(status, sizeof status, "%ld", v);
        h2s_reply(s, a, status, 0);
    } else if (strcmp(a->path, "/count") == 0) {
        h2s_reply(s, a, "200", a->body);
    } else if (strcmp(a->path, "/strict") == 0) {
        h2s_reply(s, a,
                  !a->saw_host && !a->saw_connection &&
                          strcmp(a->authority, "shop.test") == 0
                      ? "200"
                      : "400",
                  2);
    } else if (strcmp(a->path, "/rst") == 0) {
        nghttp2_submit_rst_stream(s, 0, a->id, NGHTTP2_INTERNAL_ERROR);
    } else if (strcmp(a->path, "/refuse") == 0 && c->s->requests % 2 == 1) {
        nghttp2_submit_rst_stream(s, 0, a->id, NGHTTP2_REFUSED_STREAM);
    } else if (strcmp(a->path, "/goaway") == 0) {
        h2s_reply(s, a, "200", 2);
        nghttp2_submit_goaway(s, 0, a->id, NGHTTP2_NO_ERROR, NULL, 0);
    } else if (strcmp(a->path, "/drop") == 0) {
        return -1;
    } else if (strcmp(a->path, "/garbage") == 0) {
        http_puts(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        return -1;
    } else if (strcmp(a->path, "/half-a-frame") == 0) {
        http_send(c, "\0\0\20\0\0\0\0\0", 8);
        return -1;
    } else if (strcmp(a->path, "/bad-frame") == 0) {
        /* DATA of 16 MiB, on a stream that nobody opened. */
        http_send(c, "\377\377\377\0\0\0\0\0\3", 9);
    } else if (strncmp(a->path, "/bad/", 5) == 0) {
        h2s_bad(s, a);
    } else if (strcmp(a->path, "/1xx-storm") == 0) {
        h2s_storm(s, a);
    } else if (strcmp(a->path, "/big-head") == 0) {
        h2s_big_head(s, a);
    } else if (strcmp(a->path, "/never") != 0) {
        h2s_reply(s, a, "200", 2);
    }
    return 0;
}

static inline int h2s_on_begin(nghttp2_session *s, const nghttp2_frame *f,
                               void *user)
{
    struct h2_answer *a = calloc(1, sizeof *a);

    a->id = f->hd.stream_id;
    a->next = ((struct http_conn *)user)->answers;
    ((struct http_conn *)user)->answers = a;
    nghttp2_session_set_stream_user_data(s, a->id, a);
    return 0;
}

static inline int h2s_on_header(nghttp2_session *s, const nghttp2_frame *f,
                                const uint8_t *name, size_t nl,
                                const uint8_t *value, size_t vl, uint8_t flags,
                                void *user)
{
    struct h2_answer *a =
        nghttp2_session_get_stream_user_data(s, f->hd.stream_id);
    const char *n = (const char *)name;

    (void)flags;
    (void)user;
    (void)nl;
    if (a == NULL)
        return 0;
    if (strcmp(n, ":path") == 0)
        snprintf(a->path, sizeof a->path, "%.*s", (int)vl, value);
    else if (strcmp(n, ":method") == 0)
        snprintf(a->method, sizeof a->method, "%.*s", (int)vl, value);
    else if (strcmp(n, ":authority") == 0)
        snprintf(a->authority, sizeof a->authority, "%.*s", (int)vl, value);
    a->saw_host = a->saw_host || strcmp(n, "host") == 0;
    a->saw_connection = a->saw_connection || strcmp(n, "connection") == 0;
    return 0;
}

static inline int h2s_on_data(nghttp2_session *s, uint8_t flags, int32_t id,
                              const uint8_t *p, size_t n, void *user)
{
    struct h2_answer *a = nghttp2_session_get_stream_user_data(s, id);

    (void)flags;
    (void)p;
    (void)user;
    if (a != NULL)
        a->body += n;
    return 0;
}

static inline int h2s_on_frame(nghttp2_session *s, const nghttp2_frame *f,
                               void *user)
{
    struct h2_answer *a =
        nghttp2_session_get_stream_user_data(s, f->hd.stream_id);

    if ((f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) ||
        !(f->hd.flags & NGHTTP2_FLAG_END_STREAM) || a == NULL)
        return 0;
    return h2s_answer(s, a, user) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* One connection's life as HTTP/2. */
static inline void h2_serve(struct http_conn *c)
{
    nghttp2_session_callbacks *cb;
    nghttp2_session *s;
    nghttp2_option *option;
    nghttp2_settings_entry limit = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                    10};
    ssize_t n;

    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_send_callback(cb, h2s_send);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2s_on_begin);
    nghttp2_session_callbacks_set_on_header_callback(cb, h2s_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2s_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2s_on_frame);
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    nghttp2_session_server_new2(&s, cb, c, option);
    nghttp2_option_del(option);
    nghttp2_submit_settings(s, 0, &limit, 1);
    while (nghttp2_session_send(s) == 0 &&
           (nghttp2_session_want_read(s) || nghttp2_session_want_write(s)) &&
           (n = http_recv(c, c->head, sizeof c->head)) > 0 &&
           nghttp2_session_mem_recv(s, (const uint8_t *)c->head, (size_t)n) >=
               0)
        ;
    nghttp2_session_del(s);
    nghttp2_session_callbacks_del(cb);
    while (c->answers != NULL) {
        struct h2_answer *a = c->answers;

        c->answers = a->next;
        free(a);
    }
}

/* Chooses h2 when the client offers it; as SSL_CTX_set_alpn_select_cb's. */
static inline int h2_alpn(SSL *ssl, const unsigned char **out,
                          unsigned char *out_len, const unsigned char *in,
                          unsigned in_len, void *user)
{
    (void)ssl;
    (void)user;
    return nghttp2_select_next_protocol((unsigned char **)(uintptr_t)out,
                                        out_len, in, in_len) == 1
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

#endif
