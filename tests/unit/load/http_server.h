/* A loopback HTTP/1.1 server with bad manners on request, in threads of the
 * test itself: one that accepts, one per connection. The path says how to
 * answer. */
#ifndef PLATEAU_TESTS_HTTP_SERVER_H
#define PLATEAU_TESTS_HTTP_SERVER_H

#include "tests/unit/assert_close.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct http_conn;

struct http_server {
    int fd, port;
    SSL_CTX *tls; /* NULL: in clear */
    void (*serve)(struct http_conn *c);
    pthread_t thread;
    _Atomic int live;     /* connection threads */
    _Atomic int accepted; /* connections ever */
    _Atomic int requests; /* requests read */
    _Atomic bool stopping;
};

struct http_conn {
    struct http_server *s;
    int fd;
    SSL *ssl;
    void *answers; /* h2_server.h's, freed at the end */
    char head[256 * 1024];
    size_t n;        /* bytes in head, of which ... */
    size_t head_len; /* ... belong to the request's head */
    size_t body_len;
};

/* What malformed peers send, by name; each must end in an error. */
static const struct {
    const char *name, *bytes;
    size_t n; /* 0: strlen */
} http_bad[] = {
    {"status-line", "HTTP/1.1 2x0 OK\r\n\r\n", 0},
    {"not-http", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0},
    {"version", "HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"cl-and-te",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     0},
    {"two-cls",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 0},
    {"cl-list", "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab", 0},
    {"cl-negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0},
    {"cl-plus", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", 0},
    {"cl-hex", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nab", 0},
    {"cl-huge",
     "HTTP/1.1 200 OK\r\n"
     "Content-Length: 99999999999999999999999999\r\n\r\n",
     0},
    {"te-other", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
     0},
    {"te-twice",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     0},
    {"bare-lf", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0},
    {"bare-cr", "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n", 0},
    {"nul", "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n", 46},
    {"fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", 0},
    {"space-colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", 0},
    {"no-name", "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n", 0},
    {"chunk-size",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", 0},
    {"chunk-minus",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n", 0},
    {"chunk-huge",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "fffffffffffffffff\r\nab\r\n",
     0},
    {"chunk-end",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 0},
    {"upgrade", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0},
    {"early-close", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0},
    {"cut-head", "HTTP/1.1 200 OK\r\nContent-Le", 0},
    {"cut-chunk",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0},
};
#define HTTP_NBAD (sizeof http_bad / sizeof http_bad[0])

/* How much slower than usual things may be: sanitizers, valgrind. */
static inline int test_slowness(void)
{
    const char *s = getenv("PLATEAU_TEST_SLOW");
    long n = s != NULL ? strtol(s, NULL, 10) : 1;

    return n > 0 && n < 1000 ? (int)n : 1;
}

static inline bool http_send(struct http_conn *c, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t rc = c->ssl != NULL ? SSL_write(c->ssl, p, (int)n)
                                    : send(c->fd, p, n, MSG_NOSIGNAL);

        if (rc <= 0)
            return false;
        p += rc;
        n -= (size_t)rc;
    }
    return true;
}

static inline ssize_t http_recv(struct http_conn *c, void *p, size_t n)
{
    return c->ssl != NULL ? SSL_read(c->ssl, p, (int)n) : recv(c->fd, p, n, 0);
}

static inline bool http_puts(struct http_conn *c, const char *s)
{
    return http_send(c, s, strlen(s));
}

static inline bool http_fill(struct http_conn *c, size_t n)
{
    static const char block[4096] = {[0 ... 4095] = 'x'};

    for (; n > 0; n -= n < sizeof block ? n : sizeof block)
        if (!http_send(c, block, n < sizeof block ? n : sizeof block))
            return false;
    return true;
}

static inline void http_sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Until the client closes. */
static inline bool http_hold(struct http_conn *c)
{
    char b[256];

    while (http_recv(c, b, sizeof b) > 0)
        ;
    return false;
}

/* `again` without end, many at a time. */
static inline bool http_endless(struct http_conn *c, const char *start,
                                const char *again)
{
    size_t n = strlen(again), len = 0;
    char block[8192];
    bool ok = http_puts(c, start);

    for (; len + n <= sizeof block; len += n)
        memcpy(block + len, again, n);
    for (long i = 0; ok && i < 100000; i++)
        ok = http_send(c, block, len);
    return false;
}

static inline bool http_bad_answer(struct http_conn *c, const char *name)
{
    for (size_t i = 0; i < HTTP_NBAD; i++)
        if (strcmp(http_bad[i].name, name) == 0)
            http_send(c, http_bad[i].bytes,
                      http_bad[i].n > 0 ? http_bad[i].n
                                        : strlen(http_bad[i].bytes));
    return false;
}

static inline bool http_chunked(struct http_conn *c, long left)
{
    char h[64];

    if (!http_puts(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
        return false;
    for (; left > 0; left -= 7) {
        long n = left < 7 ? left : 7;

        snprintf(h, sizeof h, "%lX;x=y\r\n", n);
        if (!http_puts(c, h) || !http_fill(c, (size_t)n) ||
            !http_puts(c, "\r\n"))
            return false;
    }
    return http_puts(c, "0\r\nTrailer: t\r\n\r\n");
}

static inline bool http_sized(struct http_conn *c, bool head, long n)
{
    char h[128];

    snprintf(h, sizeof h, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", n);
    return http_puts(c, h) && (head || http_fill(c, (size_t)n));
}

static inline bool http_status(struct http_conn *c, long v)
{
    char h[128];

    snprintf(h, sizeof h,
             v == 204 || v == 304 ? "HTTP/1.1 %ld\r\nX-Kept: yes\r\n\r\n"
                                  : "HTTP/1.1 %ld Some Reason\r\n"
                                    "X-Kept: yes\r\n"
                                    "Content-Length: 0\r\n\r\n",
             v);
    return http_puts(c, h);
}

static inline bool http_drip(struct http_conn *c)
{
    static const char all[] = "HTTP/1.1 200 OK\r\nA: b\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n0\r\n\r\n";

    for (size_t i = 0; i < sizeof all - 1; i++) {
        http_sleep_ms(1);
        if (!http_send(c, all + i, 1))
            return false;
    }
    return true;
}

/* `start` at once, then one byte of `rest` per second, over and over, until
 * the peer has enough of it. */
static inline bool http_creep(struct http_conn *c, const char *start,
                              const char *rest)
{
    struct pollfd end = {.fd = c->fd, .events = POLLIN};
    bool ok = http_puts(c, start);

    for (size_t i = 0; ok && i < 60; i++)
        ok = http_send(c, rest + i % strlen(rest), 1) &&
             poll(&end, 1, 1000) == 0;
    return false;
}

/* Answers that are the same bytes each time; `close`: and then the end. */
static const struct {
    const char *path, *bytes;
    bool close;
} http_fixed[] = {
    {"/login",
     "HTTP/1.1 200 OK\r\nSet-Cookie: sid=42; Path=/\r\nX-Token: h1\r\n"
     "Content-Length: 26\r\n\r\n{\"user\": {\"token\": \"t-1\"}}",
     false},
    {"/token/t-1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
    {"/redirect",
     "HTTP/1.1 302 Found\r\nLocation: ok?a=b\r\nContent-Length: 0\r\n\r\n",
     false},
    {"/redirect-login",
     "HTTP/1.1 303 See Other\r\nSet-Cookie: sid=42\r\nLocation: /me\r\n"
     "Content-Length: 0\r\n\r\n",
     false},
    {"/redirect-out",
     "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n"
     "Content-Length: 0\r\n\r\n",
     false},
    {"/loop",
     "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n",
     false},
    {"/interim",
     "HTTP/1.1 100 Continue\r\n\r\n"
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kept: yes\r\n\r\nok",
     false},
    {"/drop", "", true},
    /* Promises to keep the connection, and does not. */
    {"/once", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
    {"/extra",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
     false},
};

/* Answers without an end. */
static inline bool http_goes_on(struct http_conn *c, const char *path)
{
    if (strcmp(path, "/1xx-storm") == 0)
        return http_endless(c, "", "HTTP/1.1 100 Continue\r\n\r\n");
    if (strcmp(path, "/endless-headers") == 0)
        return http_endless(c, "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n");
    if (strcmp(path, "/endless-body") == 0)
        return http_endless(c, "HTTP/1.1 200 OK\r\n\r\n", "body body body\n");
    if (strcmp(path, "/stall") == 0)
        http_puts(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    return http_hold(c); /* and "/never" */
}

/* Answers one request; false: close the connection. */
static inline bool http_answer(struct http_conn *c, const char *method,
                               const char *path)
{
    long v = 0;

    if (sscanf(path, "/len/%ld", &v) == 1)
        return http_sized(c, strcmp(method, "HEAD") == 0, v);
    if (sscanf(path, "/chunked/%ld", &v) == 1)
        return http_chunked(c, v);
    if (sscanf(path, "/close/%ld", &v) == 1) {
        http_puts(c, "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n");
        http_fill(c, (size_t)v);
        return false;
    }
    if (sscanf(path, "/status/%ld", &v) == 1)
        return http_status(c, v);
    if (sscanf(path, "/slow/%ld", &v) == 1)
        http_sleep_ms(v);
    if (strcmp(path, "/me") == 0)
        return http_status(c,
                           strstr(c->head, "Cookie: sid=42\r\n") ? 200 : 401);
    if (strncmp(path, "/token/", 7) == 0 && strcmp(path, "/token/t-1") != 0)
        return http_status(c, 404);
    if (strcmp(path, "/echo") == 0)
        return http_sized(c, true, (long)(c->head_len + c->body_len)) &&
               http_send(c, c->head, c->head_len + c->body_len);
    if (strcmp(path, "/drip") == 0)
        return http_drip(c);
    if (strcmp(path, "/creep/head") == 0)
        return http_creep(c, "", "HTTP/1.1 200 OK\r\nX-Slow: yes\r\n");
    if (strcmp(path, "/creep/sized") == 0)
        return http_creep(
            c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "x");
    if (strcmp(path, "/creep/chunked") == 0)
        return http_creep(
            c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1\r\nx\r\n");
    if (strncmp(path, "/bad/", 5) == 0)
        return http_bad_answer(c, path + 5);
    for (size_t i = 0; i < sizeof http_fixed / sizeof http_fixed[0]; i++)
        if (strcmp(path, http_fixed[i].path) == 0)
            return http_puts(c, http_fixed[i].bytes) && !http_fixed[i].close;
    if (strncmp(path, "/1xx", 4) == 0 || strncmp(path, "/endless", 8) == 0 ||
        strcmp(path, "/stall") == 0 || strcmp(path, "/never") == 0)
        return http_goes_on(c, path);
    return http_puts(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* Reads one request; false: none any more. */
static inline bool http_read(struct http_conn *c)
{
    char *end, *cl;

    memmove(c->head, c->head + c->head_len + c->body_len,
            c->n - c->head_len - c->body_len);
    c->n -= c->head_len + c->body_len;
    c->head_len = c->body_len = 0;
    for (;;) {
        ssize_t rc;

        c->head[c->n] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (end != NULL) {
            c->head_len = (size_t)(end - c->head) + 4;
            cl = strstr(c->head, "Content-Length: ");
            c->body_len =
                cl != NULL && cl < end ? (size_t)strtoul(cl + 16, NULL, 10) : 0;
            if (c->n >= c->head_len + c->body_len)
                return true;
        }
        if (c->n + 1 >= sizeof c->head)
            return false;
        rc = http_recv(c, c->head + c->n, sizeof c->head - 1 - c->n);
        if (rc <= 0)
            return false;
        c->n += (size_t)rc;
    }
}

/* One connection's life as HTTP/1.1. */
static inline void http_serve(struct http_conn *c)
{
    bool go_on = true;

    while (go_on && !c->s->stopping && http_read(c)) {
        char method[16], path[4096];

        c->s->requests++;
        go_on = sscanf(c->head, "%15s %4095s", method, path) == 2 &&
                http_answer(c, method, path);
    }
}

static inline void *http_conn_main(void *arg)
{
    struct http_conn *c = arg;
    struct http_server *s = c->s;

    if (s->tls != NULL) {
        c->ssl = SSL_new(s->tls);
        SSL_set_fd(c->ssl, c->fd);
    }
    if (c->ssl == NULL || SSL_accept(c->ssl) == 1)
        s->serve(c);
    /* Say so before the end, or unread bytes would make it a reset. */
    if (c->ssl != NULL)
        SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_WR);
    while (recv(c->fd, c->head, sizeof c->head, 0) > 0)
        ;
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
    s->live--;
    return NULL;
}

static inline void *http_accept_main(void *arg)
{
    struct http_server *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        struct http_conn *c = calloc(1, sizeof *c);
        struct timeval limit = {20, 0};
        pthread_t t;

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        c->s = s;
        c->fd = fd;
        s->live++;
        s->accepted++;
        pthread_create(&t, NULL, http_conn_main, c);
        pthread_detach(t);
    }
    return NULL;
}

/* A server's TLS with a fresh key and a certificate for 127.0.0.1, which is
 * written to a new file, its name into `ca`. */
static inline SSL_CTX *http_make_tls(char *ca, size_t max)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                              "IP:127.0.0.1,DNS:localhost");
    FILE *f;
    int fd;

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_version(cert, 2);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_add_ext(cert, alt, -1);
    X509_EXTENSION_free(alt);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    SSL_CTX_use_certificate(ctx, cert);
    SSL_CTX_use_PrivateKey(ctx, key);
    snprintf(ca, max, "/tmp/plateau-test-ca-XXXXXX");
    fd = mkstemp(ca);
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    PEM_write_X509(f, cert);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

static inline void http_server_start(struct http_server *s, SSL_CTX *tls,
                                     void (*serve)(struct http_conn *c))
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    memset(s, 0, sizeof *s);
    s->tls = tls;
    s->serve = serve != NULL ? serve : http_serve;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 128), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, http_accept_main, s), 0);
}

/* All clients must have closed their connections. */
static inline void http_server_stop(struct http_server *s)
{
    s->stopping = true;
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; s->live > 0 && i < 5000; i++)
        http_sleep_ms(1);
    assert_int_equal(s->live, 0);
    SSL_CTX_free(s->tls);
}

#endif
