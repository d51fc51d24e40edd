/* The patient's event loop. Connections live in a static pool and are watched
 * edge-triggered from accept to close; request bodies are digested and
 * dropped, filler bodies come from one block. */
#include "tests/server/conn.h"
#include "tests/server/options.h"
#include "tests/server/parse.h"
#include "tests/server/route.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNS_MAX = 8192,
    OUT_MAX = 16384,
    EVENTS = 256,
    CHUNK = 4096,           /* data bytes in a filler chunk */
    CHUNK_WIRE = CHUNK + 8, /* "1000\r\n", data, "\r\n" */
    CHUNKS = 16,            /* per block */
    TICK_MS = 20,
};

enum state { STATE_READ, STATE_DELAY, STATE_WRITE, STATE_SWALLOW };

struct conn {
    int fd;
    enum state state;
    bool drained;   /* the last recv emptied the socket */
    bool peer_done; /* it sends no more: read on until recv says so */
    bool waiting;   /* in the waiting list */
    struct parse parse;

    char out[OUT_MAX];
    size_t nout, off;
    const char *block; /* filler bytes, repeated */
    size_t nblock, at;
    uint64_t filler; /* of them still to send */
    const char *tail;
    enum fate fate;
    unsigned trickle_ms;
    int64_t due_ns;
    struct conn *prev, *next; /* waiting list; `next` alone: free list */
};

static struct conn pool[CONNS_MAX];
static struct conn *free_list;
static size_t nused; /* of the pool; the rest was never touched */
static struct conn waiting = {.prev = &waiting, .next = &waiting};
static size_t nopen;
static int epoll_fd = -1, log_fd = -1;
static uint64_t answered;
static bool draining; /* recycled: every reply closes its connection */
static volatile sig_atomic_t stopping;
static struct reply reply;
static char plain_block[65536];
static char chunk_block[CHUNK_WIRE * CHUNKS];

void conn_stop(void)
{
    stopping = 1;
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void wait_leave(struct conn *c)
{
    if (!c->waiting)
        return;
    c->waiting = false;
    c->prev->next = c->next;
    c->next->prev = c->prev;
}

static void wait_until(struct conn *c, int64_t due_ns)
{
    c->due_ns = due_ns;
    if (c->waiting)
        return;
    c->waiting = true;
    c->next = &waiting;
    c->prev = waiting.prev;
    c->prev->next = c;
    waiting.prev = c;
}

static void conn_close(struct conn *c, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    wait_leave(c);
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(c->fd);
    c->fd = -1;
    c->next = free_list;
    free_list = c;
    nopen--;
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

static void out_add(struct conn *c, const void *bytes, size_t n)
{
    if (n > OUT_MAX - c->nout)
        n = OUT_MAX - c->nout;
    memcpy(c->out + c->nout, bytes, n);
    c->nout += n;
}

/* One chunk: its length, `n` bytes (of 'x' when `bytes` is NULL), CRLF. */
static void out_chunk(struct conn *c, const char *bytes, size_t n)
{
    char size[24];

    if (n == 0)
        return;
    out_add(c, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    out_add(c, bytes != NULL ? bytes : plain_block, n);
    out_add(c, "\r\n", 2);
}

static void out_body(struct conn *c, const struct reply *r)
{
    bool endless = r->framing == FRAMING_ENDLESS;

    c->tail = "";
    if (r->framing != FRAMING_CHUNKED && !endless) {
        out_add(c, r->body, r->nbody);
        c->block = plain_block;
        c->nblock = sizeof plain_block;
        c->filler = r->filler;
        return;
    }
    /* Several chunks even of a short body: parsers must join them. */
    out_chunk(c, r->body, r->nbody / 2);
    out_chunk(c, r->body + r->nbody / 2, r->nbody - r->nbody / 2);
    out_chunk(c, NULL, r->filler % CHUNK);
    c->block = chunk_block;
    c->nblock = sizeof chunk_block;
    c->filler = endless ? UINT64_MAX : r->filler / CHUNK * CHUNK_WIRE;
    c->tail = endless ? "" : "0\r\n\r\n";
}

static void out_reply(struct conn *c, const struct reply *r)
{
    unsigned long long length = r->nbody + r->filler + r->withheld;
    char head[512];
    int n = 0;

    c->nout = c->off = c->at = 0;
    if (r->framing != FRAMING_RAW) {
        n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s", r->status,
                     status_text(r->status), r->type,
                     r->fate == FATE_KEEP ? "" : "Connection: close\r\n");
        if (r->framing == FRAMING_LENGTH)
            n += snprintf(head + n, sizeof head - (size_t)n,
                          "Content-Length: %llu\r\n", length);
        else if (r->framing != FRAMING_CLOSE)
            n += snprintf(head + n, sizeof head - (size_t)n,
                          "Transfer-Encoding: chunked\r\n");
        out_add(c, head, (size_t)n);
        out_add(c, r->headers, r->nheaders);
        out_add(c, "\r\n", 2);
    }
    out_body(c, r);
}

/* Sends `n` bytes, one only while trickling. Gives how many went out, 0 when
 * the socket is full, -1 when the peer is gone. */
static ssize_t send_some(struct conn *c, const char *bytes, size_t n)
{
    ssize_t done;

    if (c->trickle_ms > 0 && n > 1)
        n = 1;
    do
        done = send(c->fd, bytes, n, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return errno == EAGAIN ? 0 : -1;
    return done;
}

/* Sends what is due. 1: all of it, 0: later, -1: the peer is gone. */
static int flush(struct conn *c)
{
    for (;;) {
        ssize_t done;

        if (c->off < c->nout) {
            done = send_some(c, c->out + c->off, c->nout - c->off);
            c->off += done > 0 ? (size_t)done : 0;
        } else if (c->filler > 0) {
            size_t n = c->nblock - c->at;

            if (n > c->filler)
                n = (size_t)c->filler;
            done = send_some(c, c->block + c->at, n);
            if (done > 0) {
                c->at = (c->at + (size_t)done) % c->nblock;
                c->filler -= (uint64_t)done;
            }
        } else if (*c->tail != '\0') {
            done = send_some(c, c->tail, strlen(c->tail));
            c->tail += done > 0 ? done : 0;
        } else {
            return 1;
        }
        if (done <= 0)
            return (int)done;
        if (c->trickle_ms > 0) {
            wait_until(c, now_ns() + (int64_t)c->trickle_ms * 1000000);
            return 0;
        }
    }
}

/* The reply is out. False when the connection is gone. */
static bool reply_done(struct conn *c)
{
    wait_leave(c);
    if (c->fate == FATE_CLOSE) {
        conn_close(c, false);
        return false;
    }
    if (c->fate == FATE_HALF) {
        shutdown(c->fd, SHUT_WR);
        c->state = STATE_SWALLOW;
        return true;
    }
    c->state = STATE_READ;
    return true;
}

static bool write_on(struct conn *c)
{
    int done = flush(c);

    if (done < 0) {
        conn_close(c, false);
        return false;
    }
    return done == 0 || reply_done(c);
}

static void log_request(const struct request *q)
{
    static const char mark[] = "\n----\n";

    if (write(log_fd, q->head, q->nhead) < 0 ||
        write(log_fd, q->body, q->nbody) < 0 ||
        write(log_fd, mark, sizeof mark - 1) < 0)
        log_fd = -1;
}

/* A whole request is in. False when the connection is gone. */
static bool answer(struct conn *c)
{
    struct request q;

    parse_request(&c->parse, &q);
    if (log_fd >= 0)
        log_request(&q);
    route_answer(&q, &reply);
    answered++;
    if (options.recycle > 0 && answered >= options.recycle)
        draining = true;
    if (draining && reply.fate == FATE_KEEP)
        reply.fate = FATE_CLOSE;
    c->fate = reply.fate;
    c->trickle_ms = reply.trickle_ms;
    if (reply.fate == FATE_DROP || reply.fate == FATE_RESET) {
        conn_close(c, reply.fate == FATE_RESET);
        return false;
    }
    if (reply.fate == FATE_HANG) {
        c->state = STATE_SWALLOW;
        return true;
    }
    out_reply(c, &reply);
    if (q.nmethod == 4 && memcmp(q.method, "HEAD", 4) == 0) {
        char *end = memmem(c->out, c->nout, "\r\n\r\n", 4);

        c->nout = end != NULL ? (size_t)(end + 4 - c->out) : c->nout;
        c->filler = 0;
        c->tail = "";
    }
    parse_next(&c->parse);
    if (reply.delay_ms > 0) {
        c->state = STATE_DELAY;
        wait_until(c, now_ns() + (int64_t)reply.delay_ms * 1000000);
        return true;
    }
    c->state = STATE_WRITE;
    return write_on(c);
}

static void refuse(struct conn *c, int status)
{
    char text[128];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n"
                     "Connection: close\r\n\r\n",
                     status);

    if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
        errno = 0; /* it is closed in any case */
    conn_close(c, false);
}

/* Receives once. False when the connection is gone or has nothing more. */
static bool receive(struct conn *c)
{
    size_t room;
    char *to = parse_room(&c->parse, &room);
    ssize_t n;

    if (c->drained)
        return false;
    do
        n = recv(c->fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        c->drained = true;
        return false;
    }
    if (n <= 0) {
        conn_close(c, false);
        return false;
    }
    c->drained = (size_t)n < room && !c->peer_done;
    if (c->state == STATE_READ)
        parse_feed(&c->parse, (size_t)n);
    return true;
}

/* Does all that can be done now: answers what is in, receives more. */
static void conn_run(struct conn *c)
{
    for (;;) {
        if (c->state == STATE_READ) {
            switch (parse_step(&c->parse)) {
            case PARSE_WHOLE:
                if (!answer(c))
                    return;
                continue;
            case PARSE_CONTINUE:
                if (send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25,
                         MSG_NOSIGNAL) < 0)
                    errno = 0; /* the next recv will tell */
                continue;
            case PARSE_BAD:
                refuse(c, 400);
                return;
            case PARSE_LARGE:
                refuse(c, 431);
                return;
            case PARSE_MORE:
                break;
            }
        } else if (c->state != STATE_SWALLOW) {
            return; /* a timer or a writable socket goes on */
        }
        if (!receive(c))
            return;
    }
}

static void conn_event(struct conn *c, uint32_t events)
{
    if (c->fd < 0)
        return; /* closed earlier in this round */
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->drained = false;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->peer_done = true;
    if ((events & (EPOLLHUP | EPOLLERR)) && c->state != STATE_READ) {
        conn_close(c, false);
        return;
    }
    if (c->state == STATE_WRITE && !c->waiting && !write_on(c))
        return;
    conn_run(c);
}

static struct conn *conn_take(void)
{
    struct conn *c = free_list;

    if (c != NULL)
        free_list = c->next;
    else if (nused < CONNS_MAX)
        c = &pool[nused++];
    nopen += c != NULL;
    return c;
}

static void conn_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct epoll_event ev = {.events =
                                 EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    struct conn *c;
    int on = 1;

    if (fd < 0)
        return;
    c = conn_take();
    if (c == NULL) {
        close(fd);
        return;
    }
    if (options.conn_leak > 0)
        effect_leak_heap(options.conn_leak);
    c->fd = fd;
    c->state = STATE_READ;
    c->drained = c->waiting = c->peer_done = false;
    parse_init(&c->parse);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ev.data.ptr = c;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        conn_close(c, false);
}

/* Wakes those whose time has come; gives epoll_wait's timeout. */
static int run_timers(void)
{
    int64_t now = now_ns(), next = INT64_MAX;
    struct conn *c = waiting.next;

    while (c != &waiting) {
        struct conn *after = c->next;

        if (c->due_ns <= now) {
            wait_leave(c);
            c->state = STATE_WRITE;
            if (write_on(c))
                conn_run(c);
        }
        c = after;
    }
    for (c = waiting.next; c != &waiting; c = c->next)
        if (c->due_ns < next)
            next = c->due_ns;
    return next == INT64_MAX ? -1 : (int)((next - now) / 1000000 + 1);
}

/* Leaks and freezes that go by the clock, not by requests. */
static void run_clock(void)
{
    static int64_t leaked_until, frozen_at;
    int64_t now = now_ns(), every = (int64_t)options.freeze_every_s;
    uint64_t due;

    if (leaked_until == 0)
        leaked_until = frozen_at = now;
    due = (uint64_t)((double)(now - leaked_until) * 1e-9 *
                     (double)options.time_leak);
    if (options.time_leak > 0 && due >= 1024) {
        effect_leak_heap(due / 16 * 16);
        leaked_until = now;
    }
    if (every > 0 && now - frozen_at >= every * 1000000000) {
        struct timespec t = {.tv_sec = (time_t)(options.freeze_ms / 1000),
                             .tv_nsec =
                                 (long)(options.freeze_ms % 1000) * 1000000};

        nanosleep(&t, NULL);
        frozen_at = now_ns();
    }
}

static void prepare(int listener, int shared)
{
    struct epoll_event ev = {.events =
                                 EPOLLIN | (shared ? EPOLLEXCLUSIVE : 0u)};

    memset(plain_block, 'x', sizeof plain_block);
    for (int i = 0; i < CHUNKS; i++) {
        char *p = &chunk_block[i * CHUNK_WIRE];

        memcpy(p, "1000\r\n", 6);
        memset(p + 6, 'x', CHUNK);
        memcpy(p + 6 + CHUNK, "\r\n", 2);
    }
    if (options.log != NULL)
        log_fd =
            open(options.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev) != 0) {
        perror("leaky: epoll");
        exit(1);
    }
}

void conn_serve(int listener, int shared)
{
    struct epoll_event events[EVENTS];
    bool clocked = options.time_leak > 0 || options.freeze_every_s > 0;
    int64_t drain_ends = 0;

    prepare(listener, shared);
    while (!stopping) {
        int timeout = waiting.next != &waiting ? run_timers() : -1, n;

        if (clocked || draining)
            timeout = timeout < 0 || timeout > TICK_MS ? TICK_MS : timeout;
        n = epoll_wait(epoll_fd, events, EVENTS, timeout);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                conn_accept(listener);
            else
                conn_event(events[i].data.ptr, events[i].events);
        }
        if (clocked)
            run_clock();
        if (!draining)
            continue;
        if (drain_ends == 0) {
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listener, NULL);
            drain_ends = now_ns() + 2000000000;
        }
        if (nopen == 0 || now_ns() > drain_ends)
            return;
    }
}
