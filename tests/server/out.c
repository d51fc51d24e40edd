#include "tests/server/out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CHUNK = 4096,           /* data bytes in a filler chunk */
    CHUNK_WIRE = CHUNK + 8, /* "1000\r\n", data, "\r\n" */
    CHUNKS = 16,            /* per block */
};

static char plain_block[65536];
static char chunk_block[CHUNK_WIRE * CHUNKS];

void out_init(void)
{
    memset(plain_block, 'x', sizeof plain_block);
    for (int i = 0; i < CHUNKS; i++) {
        char *p = &chunk_block[i * CHUNK_WIRE];

        memcpy(p, "1000\r\n", 6);
        memset(p + 6, 'x', CHUNK);
        memcpy(p + 6 + CHUNK, "\r\n", 2);
    }
}

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 302:
        return "Found";
    case 404:
        return "Not Found";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Whatever";
    }
}

static void add(struct out *o, const void *bytes, size_t n)
{
    if (n > OUT_MAX - o->n)
        n = OUT_MAX - o->n;
    memcpy(o->bytes + o->n, bytes, n);
    o->n += n;
}

/* One chunk: its length, `n` bytes (of 'x' when `bytes` is NULL), CRLF. */
static void add_chunk(struct out *o, const char *bytes, size_t n)
{
    char size[24];

    if (n == 0)
        return;
    add(o, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    add(o, bytes != NULL ? bytes : plain_block, n);
    add(o, "\r\n", 2);
}

static void add_head(struct out *o, const struct reply *r)
{
    unsigned long long length = r->nbody + r->filler + r->withheld;
    char head[512];
    int n =
        snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s",
                 r->status, status_text(r->status), r->type,
                 r->fate == FATE_KEEP ? "" : "Connection: close\r\n");

    if (r->framing == FRAMING_LENGTH)
        n += snprintf(head + n, sizeof head - (size_t)n,
                      "Content-Length: %llu\r\n", length);
    else if (r->framing != FRAMING_CLOSE)
        n += snprintf(head + n, sizeof head - (size_t)n,
                      "Transfer-Encoding: chunked\r\n");
    add(o, head, (size_t)n);
    add(o, r->headers, r->nheaders);
    add(o, "\r\n", 2);
}

static void add_body(struct out *o, const struct reply *r)
{
    bool endless = r->framing == FRAMING_ENDLESS;

    if (r->framing != FRAMING_CHUNKED && !endless) {
        add(o, r->body, r->nbody);
        o->block = plain_block;
        o->nblock = sizeof plain_block;
        o->filler = r->filler;
        return;
    }
    /* Several chunks even of a short body: parsers must join them. */
    add_chunk(o, r->body, r->nbody / 2);
    add_chunk(o, r->body + r->nbody / 2, r->nbody - r->nbody / 2);
    add_chunk(o, NULL, r->filler % CHUNK);
    o->block = chunk_block;
    o->nblock = sizeof chunk_block;
    o->filler = endless ? UINT64_MAX : r->filler / CHUNK * CHUNK_WIRE;
    o->tail = endless ? "" : "0\r\n\r\n";
}

void out_reply(struct out *o, const struct reply *r, bool head_only)
{
    o->n = o->off = o->at = 0;
    o->filler = 0;
    o->tail = "";
    o->trickle = r->trickle_ms > 0;
    if (r->framing != FRAMING_RAW)
        add_head(o, r);
    if (!head_only)
        add_body(o, r);
}

/* How many bytes went out; 0 when the socket is full, -1 when the peer is
 * gone. */
static ssize_t send_some(struct out *o, int fd, const char *bytes, size_t n)
{
    ssize_t done;

    if (o->trickle)
        n = 1;
    do
        done = send(fd, bytes, n, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return errno == EAGAIN ? 0 : -1;
    return done;
}

static ssize_t send_filler(struct out *o, int fd)
{
    size_t n = o->nblock - o->at;
    ssize_t done;

    if (n > o->filler)
        n = (size_t)o->filler;
    done = send_some(o, fd, o->block + o->at, n);
    if (done > 0) {
        o->at = (o->at + (size_t)done) % o->nblock;
        o->filler -= (uint64_t)done;
    }
    return done;
}

enum out_result out_flush(struct out *o, int fd)
{
    for (;;) {
        ssize_t done;

        if (o->off < o->n) {
            done = send_some(o, fd, o->bytes + o->off, o->n - o->off);
            o->off += done > 0 ? (size_t)done : 0;
        } else if (o->filler > 0) {
            done = send_filler(o, fd);
        } else if (*o->tail != '\0') {
            done = send_some(o, fd, o->tail, strlen(o->tail));
            o->tail += done > 0 ? done : 0;
        } else {
            return OUT_DONE;
        }
        if (done < 0)
            return OUT_GONE;
        if (done == 0 || o->trickle)
            return OUT_LATER;
    }
}
