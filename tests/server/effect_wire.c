/* Effects on the reply: late, wrong, cut, endless, or none at all. */
#include "tests/server/effect.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void raw(struct reply *r, const char *text, enum fate fate)
{
    r->framing = FRAMING_RAW;
    r->fate = fate;
    r->nbody = (size_t)snprintf(r->body, sizeof r->body, "%s", text);
}

/* slow:MS[:EVERY] */
static void apply_slow(struct effect *e, const struct request *q,
                       struct reply *r)
{
    (void)q;
    if (e->num[1] == 0 || e->hits % e->num[1] == 0)
        r->delay_ms = (unsigned)e->num[0];
}

/* freeze:MS stops the whole process, every connection with it. */
static void apply_freeze(struct effect *e, const struct request *q,
                         struct reply *r)
{
    struct timespec t = {.tv_sec = (time_t)(e->num[0] / 1000),
                         .tv_nsec = (long)(e->num[0] % 1000) * 1000000};

    (void)q;
    (void)r;
    nanosleep(&t, NULL);
}

/* spin:US burns CPU. */
static void apply_spin(struct effect *e, const struct request *q,
                       struct reply *r)
{
    struct timespec t;
    int64_t now, end = -1;

    (void)q;
    (void)r;
    do {
        clock_gettime(CLOCK_MONOTONIC, &t);
        now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
        if (end < 0)
            end = now + (int64_t)e->num[0];
    } while (now < end);
}

/* status:CODE[:EVERY] */
static void apply_status(struct effect *e, const struct request *q,
                         struct reply *r)
{
    (void)q;
    if (e->num[1] == 0 || e->hits % e->num[1] == 0)
        r->status = (int)e->num[0];
}

/* die:AFTER[:exit|segv|kill|abort] */
static void apply_die(struct effect *e, const struct request *q,
                      struct reply *r)
{
    (void)q;
    (void)r;
    if (e->hits < e->num[0])
        return;
    if (strcmp(e->arg[1], "segv") == 0)
        raise(SIGSEGV);
    else if (strcmp(e->arg[1], "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(e->arg[1], "abort") == 0)
        abort();
    _exit(3);
}

/* big:BYTES and chunked:BYTES: a body of that length. */
static void apply_big(struct effect *e, const struct request *q,
                      struct reply *r)
{
    (void)q;
    r->nbody = 0;
    r->filler = e->num[0];
}

static void apply_chunked(struct effect *e, const struct request *q,
                          struct reply *r)
{
    (void)q;
    r->framing = FRAMING_CHUNKED;
    if (e->num[0] > 0) {
        r->nbody = 0;
        r->filler = e->num[0];
    }
}

/* nolength: no Content-Length; the end of the connection ends the body. */
static void apply_nolength(struct effect *e, const struct request *q,
                           struct reply *r)
{
    (void)e;
    (void)q;
    r->framing = FRAMING_CLOSE;
    r->fate = FATE_CLOSE;
}

static void apply_endless(struct effect *e, const struct request *q,
                          struct reply *r)
{
    (void)e;
    (void)q;
    r->framing = FRAMING_ENDLESS;
    r->nbody = 0;
}

/* trickle:MS sends one byte every MS milliseconds. */
static void apply_trickle(struct effect *e, const struct request *q,
                          struct reply *r)
{
    (void)q;
    r->trickle_ms = e->num[0] > 0 ? (unsigned)e->num[0] : 1;
}

/* cut: announces 100 bytes more than it sends, then closes. */
static void apply_cut(struct effect *e, const struct request *q,
                      struct reply *r)
{
    (void)e;
    (void)q;
    r->withheld = 100;
    r->fate = FATE_CLOSE;
}

static void apply_half(struct effect *e, const struct request *q,
                       struct reply *r)
{
    (void)e;
    (void)q;
    r->fate = FATE_HALF;
}

static void apply_drop(struct effect *e, const struct request *q,
                       struct reply *r)
{
    (void)q;
    if (e->num[0] == 0 || e->hits % e->num[0] == 0)
        r->fate = FATE_DROP;
}

static void apply_reset(struct effect *e, const struct request *q,
                        struct reply *r)
{
    (void)q;
    if (e->num[0] == 0 || e->hits % e->num[0] == 0)
        r->fate = FATE_RESET;
}

static void apply_hang(struct effect *e, const struct request *q,
                       struct reply *r)
{
    (void)e;
    (void)q;
    r->fate = FATE_HANG;
}

static void apply_close(struct effect *e, const struct request *q,
                        struct reply *r)
{
    (void)e;
    (void)q;
    r->fate = FATE_CLOSE;
}

/* badstatus, garbage, badchunk, badlength: not HTTP. */
static void apply_badstatus(struct effect *e, const struct request *q,
                            struct reply *r)
{
    (void)e;
    (void)q;
    raw(r, "HTTP/1.1 two hundred OK\r\nContent-Length: 0\r\n\r\n", FATE_CLOSE);
}

static void apply_garbage(struct effect *e, const struct request *q,
                          struct reply *r)
{
    (void)e;
    (void)q;
    raw(r, "\x01\x02<script>alert(1)</script>\x1b[2J\xff\xfe\r\n\r\n",
        FATE_CLOSE);
}

static void apply_badchunk(struct effect *e, const struct request *q,
                           struct reply *r)
{
    (void)e;
    (void)q;
    raw(r,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "fffffffffffffffff\r\nx\r\n",
        FATE_CLOSE);
}

static void apply_badlength(struct effect *e, const struct request *q,
                            struct reply *r)
{
    (void)e;
    (void)q;
    raw(r,
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 7\r\n\r\n"
        "ok\n",
        FATE_CLOSE);
}

/* longheader:BYTES sends one header line of that length. */
static void apply_longheader(struct effect *e, const struct request *q,
                             struct reply *r)
{
    (void)q;
    r->framing = FRAMING_RAW;
    r->fate = FATE_CLOSE;
    r->nbody = (size_t)snprintf(r->body, sizeof r->body,
                                "HTTP/1.1 200 OK\r\nX-Long: ");
    r->filler = e->num[0];
}

/* redirect:URL answers 302; the last argument may hold colons. */
static void apply_redirect(struct effect *e, const struct request *q,
                           struct reply *r)
{
    const char *url = e->spec + strlen("redirect");

    (void)q;
    r->status = 302;
    r->nheaders += (size_t)snprintf(
        r->headers + r->nheaders, sizeof r->headers - r->nheaders,
        "Location: %s\r\n", *url == ':' ? url + 1 : "/");
}

const struct effect_kind effect_wire_kinds[] = {
    {"slow", 1, apply_slow, NULL},
    {"freeze", 1, apply_freeze, NULL},
    {"spin", 1, apply_spin, NULL},
    {"status", 1, apply_status, NULL},
    {"die", 1, apply_die, NULL},
    {"big", 1, apply_big, NULL},
    {"chunked", 0, apply_chunked, NULL},
    {"nolength", 0, apply_nolength, NULL},
    {"endless", 0, apply_endless, NULL},
    {"trickle", 0, apply_trickle, NULL},
    {"cut", 0, apply_cut, NULL},
    {"half", 0, apply_half, NULL},
    {"drop", 0, apply_drop, NULL},
    {"reset", 0, apply_reset, NULL},
    {"hang", 0, apply_hang, NULL},
    {"close", 0, apply_close, NULL},
    {"badstatus", 0, apply_badstatus, NULL},
    {"garbage", 0, apply_garbage, NULL},
    {"badchunk", 0, apply_badchunk, NULL},
    {"badlength", 0, apply_badlength, NULL},
    {"longheader", 1, apply_longheader, NULL},
    {"redirect", 0, apply_redirect, NULL},
    {NULL, 0, NULL, NULL},
};
