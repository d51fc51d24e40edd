#include "harness/load/wire.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/chain.h"
#include "harness/load/address.h"
#include "harness/load/origin.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <uv.h>

/* Connects at a time: to loopback they take microseconds, elsewhere many round
 * trips may have to overlap. */
#define CONNECTING_NEAR 16
#define CONNECTING_FAR 512
#define CONNECTORS_KEPT 4 /* free ones, for the next connects */
#define TRIM_FROM 32      /* connectors at a time that are worth it */

/* A curl handle that makes connections, one after the other. */
struct connector {
    struct wires *ws;
    CURL *easy;
    CURLSH *cache; /* a connection cache of its own */
    struct origin_check check;
    struct chain_link free, all; /* in the chains of its wires */
    struct wire *wire;           /* NULL: free */
    SSL *ssl;                    /* of the connection being made */
    int taken_fd; /* not to be closed: it is the wire's now; -1: none */
    bool added;   /* to the multi */
};

struct wires {
    struct wires_config cfg;
    struct multi *multi;
    struct chain free, all; /* connectors */
    struct chain pending;   /* wires that wait to connect */
    int nconnectors, connecting, connecting_max;
    unsigned char alpn[16]; /* as TLS wants it: a length and the name */
    unsigned alpn_len;
    bool tls;
    char *url;
    void (*closed)(void *user);
    void *closed_user;
};

/* ---- connecting ---- */

static CURLcode on_ssl_ctx(CURL *easy, void *ctx, void *user)
{
    struct wires *ws = user;

    (void)easy;
    SSL_CTX_set_alpn_protos(ctx, ws->alpn, ws->alpn_len);
    return CURLE_OK;
}

/* The last moment at which libcurl tells what TLS session it has. */
static int on_connected(void *user, char *ip, char *local_ip, int port,
                        int local_port)
{
    struct connector *c = user;
    const struct curl_tlssessioninfo *info = NULL;

    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    if (curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK &&
        info != NULL && info->backend == CURLSSLBACKEND_OPENSSL)
        c->ssl = info->internals;
    return CURL_PREREQFUNC_OK;
}

static int on_close_socket(void *user, curl_socket_t fd)
{
    struct connector *c = user;

    if (fd == c->taken_fd)
        return 0;
    return multi_close_socket(c->ws->multi, fd);
}

static struct connector *connector_new(struct wires *ws)
{
    struct connector *c = mem_zalloc(1, sizeof *c);
    CURL *e = curl_easy_init();

    c->ws = ws;
    c->easy = e;
    c->cache = curl_share_init();
    if (e == NULL || c->cache == NULL ||
        origin_setup(e, ws->cfg.scenario, &c->check, ws->multi, NULL) != 0) {
        curl_easy_cleanup(e);
        curl_share_cleanup(c->cache);
        free(c);
        return NULL;
    }
    curl_share_setopt(c->cache, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    curl_easy_setopt(e, CURLOPT_SHARE, c->cache);
    curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    curl_easy_setopt(e, CURLOPT_URL, ws->url);
    curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* With libcurl's own ALPN it would speak HTTP/2 by itself. */
    curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, ws);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
    chain_append(&ws->all, &c->all);
    ws->nconnectors++;
    return c;
}

static void connector_free(struct connector *c)
{
    struct wires *ws = c->ws;

    chain_remove(&c->all);
    curl_easy_cleanup(c->easy);
    curl_share_cleanup(c->cache);
    ws->nconnectors--;
    free(c);
}

/* Gives the memory back that many connects at once took, when all are made:
 * a load of thousands of connections begins that way. */
static void shrink(struct wires *ws)
{
    struct chain_link *l, *next;
    int many = ws->nconnectors;

    if (ws->connecting > 0 || many <= CONNECTORS_KEPT)
        return;
    for (l = ws->all.first; l != NULL && ws->nconnectors > CONNECTORS_KEPT;
         l = next) {
        struct connector *c = chain_item(l, struct connector, all);

        next = l->next;
        if (c->wire == NULL) {
            chain_remove(&c->free);
            connector_free(c);
        }
    }
    if (many >= TRIM_FROM)
        malloc_trim(0);
}

/* Back to the pool; a connection it still has is closed by libcurl. */
static void connector_give(struct connector *c)
{
    struct wires *ws = c->ws;

    if (c->added)
        curl_multi_remove_handle(multi_curlm(ws->multi), c->easy);
    c->added = false;
    c->wire = NULL;
    c->ssl = NULL;
    c->taken_fd = -1;
    chain_append(&ws->free, &c->free);
}

/* Gives `w` a connector to connect with. */
static int begin(struct wire *w)
{
    struct wires *ws = w->ws;
    struct chain_link *l = ws->free.first;
    struct connector *c =
        l != NULL ? chain_item(l, struct connector, free) : connector_new(ws);

    if (c == NULL)
        return -1;
    chain_remove(&c->free);
    c->wire = w;
    c->taken_fd = -1;
    origin_begin(&c->check, ws->cfg.scenario,
                 ws->cfg.scenario->target.url.host);
    if (curl_multi_add_handle(multi_curlm(ws->multi), c->easy) != CURLM_OK) {
        connector_give(c);
        return -1;
    }
    w->connector = c;
    c->added = true;
    ws->connecting++;
    return 0;
}

int wire_connect(struct wires *ws, struct wire *w, void *user)
{
    *w = (struct wire){.ws = ws, .user = user};
    if (ws->connecting < ws->connecting_max)
        return begin(w);
    chain_append(&ws->pending, &w->pending);
    return 0;
}

/* The next in the queue, as far as there is room. */
static void begin_pending(struct wires *ws)
{
    while (ws->pending.first != NULL && ws->connecting < ws->connecting_max) {
        struct wire *w = chain_item(ws->pending.first, struct wire, pending);

        chain_remove(&w->pending);
        if (begin(w) != 0)
            ws->cfg.connected(w, TRANSFER_RESOURCE);
    }
}

static void on_watch(void *user, int events)
{
    struct wire *w = user;

    w->ws->cfg.event(w, events);
}

/* Takes the TLS session: its reads and writes go straight to the socket from
 * now on, many bytes at a time instead of five and then the rest. */
static bool take_ssl(struct wire *w, SSL *ssl)
{
    if (ssl == NULL || SSL_set_fd(ssl, w->fd) != 1)
        return false;
    SSL_set_read_ahead(ssl, 1);
    /* libcurl has it give its buffers back whenever they are empty: two
       allocations for each read and each write. */
    SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    w->ssl = ssl;
    return true;
}

static void on_done(void *user, CURL *easy, CURLcode rc)
{
    struct wires *ws = user;
    struct connector *c = NULL;
    struct wire *w;
    enum transfer_error error;
    curl_socket_t fd = -1;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c);
    w = c->wire;
    error = origin_error(rc, easy, &c->check);
    if (error == TRANSFER_OK)
        curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    if (error == TRANSFER_OK && fd < 0)
        error = TRANSFER_CONNECT;
    w->fd = fd;
    if (error == TRANSFER_OK && ws->tls && !take_ssl(w, c->ssl))
        error = TRANSFER_TLS;
    if (error == TRANSFER_OK) {
        w->watch = multi_take_watch(ws->multi, fd, on_watch, w);
        if (w->watch == NULL)
            error = TRANSFER_RESOURCE;
    }
    if (error == TRANSFER_OK && !ws->tls)
        c->taken_fd = fd;
    if (error != TRANSFER_OK || !ws->tls) {
        connector_give(c);
        w->connector = NULL;
    }
    w->open = error == TRANSFER_OK;
    ws->connecting--;
    begin_pending(ws);
    shrink(ws);
    ws->cfg.connected(w, error);
}

void wire_close(struct wire *w)
{
    struct connector *c = w->connector;
    bool plain = w->open && c == NULL;
    struct wires *ws = w->ws;
    int fd = w->fd;

    if (ws == NULL)
        return;
    chain_remove(&w->pending);
    if (!w->open && c != NULL)
        ws->connecting--;
    *w = (struct wire){0};
    if (plain)
        multi_close_socket(ws->multi, fd);
    else if (c != NULL)
        connector_give(c);
    begin_pending(ws);
}

/* ---- bytes ---- */

static long tls_result(struct wire *w, int n)
{
    switch (SSL_get_error(w->ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return WIRE_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return WIRE_EOF;
    case SSL_ERROR_SSL:
        /* Many servers just close; HTTP's framing says what that means. */
        return ERR_GET_REASON(ERR_peek_error()) ==
                       SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? WIRE_EOF
                   : WIRE_ERROR;
    default:
        return WIRE_ERROR;
    }
}

static long tls_send(struct wire *w, const struct iovec *iov, int n)
{
    long sent = 0;

    for (int i = 0; i < n; i++) {
        size_t done = 0;

        while (done < iov[i].iov_len) {
            size_t left = iov[i].iov_len - done;
            int rc;

            ERR_clear_error();
            rc = SSL_write(w->ssl, (const char *)iov[i].iov_base + done,
                           left < (1 << 20) ? (int)left : 1 << 20);
            if (rc <= 0) {
                long why = tls_result(w, rc);

                if (sent > 0 && why == WIRE_AGAIN)
                    return sent;
                return why == WIRE_EOF ? WIRE_ERROR : why;
            }
            done += (size_t)rc;
            sent += rc;
        }
    }
    return sent;
}

static ssize_t send_pieces(int fd, const struct iovec *iov, int n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                       .msg_iovlen = (size_t)n};

    return sendmsg(fd, &m, MSG_NOSIGNAL);
}

long wire_send(struct wire *w, const struct iovec *iov, int n)
{
    ssize_t rc;

    if (w->ssl != NULL)
        return tls_send(w, iov, n);
    do {
        rc = n == 1 ? send(w->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                    : send_pieces(w->fd, iov, n);
    } while (rc < 0 && errno == EINTR);
    if (rc >= 0)
        return rc;
    return errno == EAGAIN ? WIRE_AGAIN : WIRE_ERROR;
}

static long plain_recv(struct wire *w, void *p, size_t n, int flags)
{
    ssize_t rc;

    do {
        rc = recv(w->fd, p, n, flags);
    } while (rc < 0 && errno == EINTR);
    if (rc >= 0)
        return rc;
    return errno == EAGAIN ? WIRE_AGAIN : WIRE_ERROR;
}

long wire_recv(struct wire *w, void *p, size_t n)
{
    int rc;

    if (w->ssl == NULL)
        return plain_recv(w, p, n, 0);
    ERR_clear_error();
    rc = SSL_read(w->ssl, p, n < (1 << 20) ? (int)n : 1 << 20);
    return rc > 0 ? rc : tls_result(w, rc);
}

long wire_skip(struct wire *w, void *p, size_t n)
{
    /* TCP throws the bytes away without copying them (tcp(7)). */
    if (w->ssl == NULL)
        return plain_recv(w, p, n, MSG_TRUNC);
    return wire_recv(w, p, n);
}

void wire_note_arrivals(struct wire *w)
{
    int on = 1;

    /* Where it fails wire_recv_arrival will know nothing. */
    if (w->ssl == NULL)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

long wire_recv_arrival(struct wire *w, void *p, size_t n, bool skip,
                       int64_t *wall_ns)
{
    struct iovec iov = {.iov_base = p, .iov_len = n};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c;
    ssize_t rc;

    *wall_ns = 0;
    if (w->ssl != NULL)
        return wire_recv(w, p, n);
    do {
        rc = recvmsg(w->fd, &m, skip ? MSG_TRUNC : 0);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return errno == EAGAIN ? WIRE_AGAIN : WIRE_ERROR;
    c = CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET &&
        c->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec ts;

        memcpy(&ts, CMSG_DATA(c), sizeof ts);
        *wall_ns = ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
    }
    return rc;
}

bool wire_is_buffered(const struct wire *w)
{
    return w->ssl != NULL;
}

void wire_want_write(struct wire *w, bool want)
{
    watch_for(w->watch, want ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

void wire_protocol(const struct wire *w, char *out, size_t max)
{
    const unsigned char *p = NULL;
    unsigned n = 0;

    out[0] = '\0';
    if (w->ssl == NULL)
        return;
    SSL_get0_alpn_selected(w->ssl, &p, &n);
    if (n > 0 && n < max) {
        memcpy(out, p, n);
        out[n] = '\0';
    }
}

/* ---- life ---- */

static void on_multi_closed(void *user)
{
    struct wires *ws = user;
    void (*closed)(void *) = ws->closed;
    void *closed_user = ws->closed_user;

    free(ws->url);
    free(ws);
    closed(closed_user);
}

void wires_close(struct wires *ws, void (*closed)(void *user), void *user)
{
    struct chain_link *l;

    ws->closed = closed;
    ws->closed_user = user;
    while ((l = chain_shift(&ws->all)) != NULL)
        connector_free(chain_item(l, struct connector, all));
    multi_close(ws->multi, on_multi_closed, ws);
}

struct wires *wires_open(const struct wires_config *cfg, struct err *err)
{
    const struct url *u = &cfg->scenario->target.url;
    struct wires *ws = mem_zalloc(1, sizeof *ws);
    size_t n = strlen(cfg->alpn);
    char url[400];

    ws->cfg = *cfg;
    ws->tls = u->tls;
    ws->connecting_max =
        address_is_loopback_name(u->host) ? CONNECTING_NEAR : CONNECTING_FAR;
    ws->alpn[0] = (unsigned char)n;
    memcpy(ws->alpn + 1, cfg->alpn, n);
    ws->alpn_len = (unsigned)n + 1;
    origin_text(u, url, sizeof url);
    ws->url = mem_strdup(url);
    ws->multi = multi_open(cfg->loop, true, on_done, ws, err);
    if (ws->multi == NULL) {
        free(ws->url);
        free(ws);
        return NULL;
    }
    return ws;
}
