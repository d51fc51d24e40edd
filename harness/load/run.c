#include "harness/load/run.h"

#include "harness/base/mem.h"
#include "harness/model/distinct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CAPTURE_ROOM 63 /* most captured values are ids */

static void open_buf(struct buf *b, size_t max, size_t room)
{
    buf_init(b, max);
    if (room > 0)
        buf_reserve(b, room);
}

struct run *run_new(const struct traffic *tr)
{
    const struct scenario *sc = tr->sc;
    struct run *r = mem_zalloc(1, sizeof *r);

    open_buf(&r->target, TRAFFIC_MAX_TARGET, tr->room.target);
    open_buf(&r->headers, TRAFFIC_MAX_HEADERS, tr->room.headers);
    open_buf(&r->body, TRAFFIC_MAX_BODY, tr->room.body);
    buf_init(&r->host, TRAFFIC_MAX_HEADERS);
    buf_init(&r->url, TRAFFIC_MAX_TARGET);
    r->feeder_row = mem_zalloc(sc->nfeeders, sizeof *r->feeder_row);
    r->ncaptured = sc->ncaptured;
    r->captured = mem_zalloc(sc->ncaptured, sizeof *r->captured);
    r->captured_p = mem_zalloc(sc->ncaptured, sizeof *r->captured_p);
    r->captured_len = mem_zalloc(sc->ncaptured, sizeof *r->captured_len);
    for (size_t i = 0; i < sc->ncaptured; i++)
        open_buf(&r->captured[i], CAPTURE_MAX, CAPTURE_ROOM);
    if (sc->load.cookies)
        r->jar = jar_new();
    r->t.user = r;
    r->t.session = -1;
    return r;
}

void run_free(struct run *r)
{
    if (r == NULL)
        return;
    buf_release(&r->target);
    buf_release(&r->headers);
    buf_release(&r->body);
    buf_release(&r->host);
    buf_release(&r->url);
    for (size_t i = 0; i < r->ncaptured; i++)
        buf_release(&r->captured[i]);
    free(r->captured);
    free(r->captured_p);
    free(r->captured_len);
    free(r->feeder_row);
    jar_free(r->jar);
    free(r);
}

void run_begin(struct run *r, struct traffic *t,
               const struct traffic_kind *kind, uint64_t seed)
{
    r->kind = kind;
    r->step = 0;
    r->request = kind->request;
    r->path = NULL;
    r->busy = true;
    r->begun = false;
    if (kind->draws)
        rng_init(&r->rng, seed);
    if (kind->uses_csv)
        for (size_t i = 0; i < t->sc->nfeeders; i++) {
            size_t rows = t->sc->feeders[i].nrows;
            uint64_t n = atomic_fetch_add_explicit(&t->feeder_row[i], 1,
                                                   memory_order_relaxed);

            r->feeder_row[i] = rows > 0 ? (size_t)(n % rows) : 0;
        }
    if (r->is_user)
        return;
    for (size_t i = 0; i < r->ncaptured; i++)
        r->captured_p[i] = NULL;
    if (r->jar != NULL)
        jar_clear(r->jar);
}

static size_t identity_of(const struct run *r)
{
    return (size_t)r->request + 1;
}

static int render_headers(struct run *r, const struct prepared *p,
                          const struct template_context *ctx)
{
    struct transfer *t = &r->t;
    bool cookies = r->jar != NULL;

    t->host = p->host;
    if (p->host_template != NULL && p->host == NULL) {
        buf_reset(&r->host);
        if (template_render(p->host_template, ctx, &r->host) != 0)
            return -1;
        for (size_t i = 0; i < r->host.len; i++)
            if ((unsigned char)r->host.p[i] <= ' ')
                r->host.p[i] = '-';
        t->host = buf_str(&r->host);
    }
    t->headers = p->headers;
    t->headers_len = p->headers_len;
    if (p->headers != NULL && !cookies) {
        if (t->target == p->target && t->body == p->body &&
            (p->host_template == NULL || p->host != NULL))
            t->identity = identity_of(r);
        return 0;
    }
    buf_reset(&r->headers);
    if (p->headers != NULL ? buf_add(&r->headers, p->headers, p->headers_len)
                           : traffic_render_headers(p, ctx, &r->headers))
        return -1;
    if (cookies &&
        jar_write(r->jar, t->target, t->target_len, &r->headers) != 0)
        return -1;
    t->headers = buf_str(&r->headers);
    t->headers_len = r->headers.len;
    return 0;
}

static int render_recorded(struct run *r, const struct traffic *tr)
{
    size_t site = tr->requests[r->request].rq->path.site;

    if (buf_adds(&r->target, tr->sc->target.url.base) != 0 ||
        buf_adds(&r->target, r->path) != 0)
        return -1;
    if (site > 0 && tr->distinct != NULL)
        distinct_add(tr->distinct, site, r->path, strlen(r->path));
    return traffic_encode_target(&r->target, 0);
}

int run_render(struct run *r, struct traffic *tr)
{
    const struct prepared *p = &tr->requests[r->request];
    struct transfer *t = &r->t;
    struct template_context ctx = {
        .sc = tr->sc,
        .rng = &r->rng,
        .feeder_row = r->feeder_row,
        .captured = r->captured_p,
        .captured_len = r->captured_len,
        .distinct = tr->distinct,
    };

    r->hops = 0;
    /* All of it constant, and what it was: nothing is to be done. */
    if (t->identity == identity_of(r) && r->path == NULL)
        return 0;
    if (p->uses_seq)
        ctx.seq =
            1 + atomic_fetch_add_explicit(&tr->seq, 1, memory_order_relaxed);
    t->url = NULL;
    t->identity = 0;
    t->method = p->rq->method;
    t->timeout_ns = p->timeout_ns;
    t->target = p->target;
    t->target_len = p->target_len;
    if (p->target == NULL || r->path != NULL) {
        buf_reset(&r->target);
        if (r->path != NULL ? render_recorded(r, tr)
                            : traffic_render_target(tr, p, &ctx, &r->target))
            return -1;
        t->target = buf_str(&r->target);
        t->target_len = r->target.len;
    }
    t->has_body = p->has_body;
    t->body = p->body;
    t->body_len = p->body_len;
    if (p->rq->has_body && p->body == NULL) {
        buf_reset(&r->body);
        if (template_render(&p->rq->body, &ctx, &r->body) != 0)
            return -1;
        t->body = buf_str(&r->body);
        t->body_len = r->body.len;
    }
    return render_headers(r, p, &ctx);
}

static int take_captures(struct run *r, const struct capturers *cs)
{
    const struct transfer *t = &r->t;
    int rc = 0;

    for (size_t i = 0; i < cs->n; i++) {
        const struct capturer *c = &cs->at[i];
        struct buf *b = &r->captured[c->slot];

        buf_reset(b);
        r->captured_p[c->slot] = NULL;
        if (capturer_take(c, t->keep_headers, t->kept_headers, t->keep, t->kept,
                          b) != 0) {
            rc = -1;
            continue;
        }
        r->captured_p[c->slot] = buf_str(b);
        r->captured_len[c->slot] = b->len;
    }
    return rc;
}

void run_take_cookies(struct run *r, const struct traffic *tr)
{
    const struct transfer *t = &r->t;

    if (r->jar != NULL && t->url == NULL && t->error == TRANSFER_OK)
        jar_take(r->jar, t->keep_headers, t->kept_headers, t->target,
                 t->target_len, tr->sc->target.url.tls || tr->loopback,
                 (long long)time(NULL));
}

enum run_outcome run_judge(struct run *r, struct traffic *tr,
                           const struct capturers *capturers)
{
    const struct prepared *p = &tr->requests[r->request];
    const struct transfer *t = &r->t;

    if (t->error != TRANSFER_OK)
        return RUN_TRANSPORT;
    if (!expect_status(&p->rq->expect, t->status))
        return RUN_STATUS;
    if (p->rq->expect.nbody_contains > 0 &&
        !expect_body(&p->rq->expect, t->keep, t->kept))
        return RUN_CHECK;
    if (capturers->n > 0 && take_captures(r, capturers) != 0)
        return RUN_CAPTURE;
    return RUN_OK;
}

static void describe_expected(const struct expect *e, char *out, size_t max)
{
    size_t n = 0;

    if (e->nstatus == 0)
        snprintf(out, max, "200..399");
    for (size_t i = 0; i < e->nstatus && n < max; i++) {
        const struct status_range *s = &e->status[i];
        int k = s->low == s->high ? snprintf(out + n, max - n, "%s%d",
                                             i > 0 ? " " : "", s->low)
                                  : snprintf(out + n, max - n, "%s%d..%d",
                                             i > 0 ? " " : "", s->low, s->high);

        n += k > 0 ? (size_t)k : 0;
    }
}

void run_describe(const struct run *r, const struct request *rq,
                  enum run_outcome outcome, char *out, size_t max)
{
    char expected[128];
    const char *target = r->t.target != NULL ? r->t.target : "";
    int n =
        snprintf(out, max, "%s %.*s: ", rq->method,
                 (int)(r->t.target_len < 200 ? r->t.target_len : 200), target);
    char *p = out + (n > 0 && (size_t)n < max ? n : 0);
    size_t left = max - (size_t)(p - out);

    switch (outcome) {
    case RUN_OK:
        snprintf(p, left, "%d", r->t.status);
        break;
    case RUN_TRANSPORT:
        snprintf(p, left, "%s", transfer_error_name(r->t.error));
        break;
    case RUN_STATUS:
        describe_expected(&rq->expect, expected, sizeof expected);
        snprintf(p, left, "%d (expected %s)", r->t.status, expected);
        break;
    case RUN_CHECK:
        snprintf(p, left, "%d, but the body lacks what it should contain",
                 r->t.status);
        break;
    case RUN_CAPTURE:
        snprintf(p, left, "%d, but a value to capture was not there",
                 r->t.status);
        break;
    case RUN_UNSENDABLE:
        snprintf(p, left, "not sent: it rendered to an unusable request");
        break;
    }
}
