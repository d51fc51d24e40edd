#include "harness/load/traffic.h"

#include "harness/base/mem.h"
#include "harness/load/address.h"
#include "harness/model/distinct.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULTS_ROOM 64 /* the header lines that we add */
#define COOKIES_ROOM 300 /* a usual Cookie line */

/* What a template needs while only constants are rendered. */
static struct template_context constant_context(const struct scenario *sc,
                                                struct rng *rng)
{
    rng_init(rng, 0);
    return (struct template_context){.sc = sc, .rng = rng};
}

static bool illegal_in_target(char c)
{
    unsigned char u = (unsigned char)c;

    return u <= ' ' || u >= 127;
}

int traffic_encode_target(struct buf *out, size_t from)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t bad = 0, len = out->len;

    for (size_t i = from; i < len; i++)
        bad += illegal_in_target(out->p[i]);
    if (bad == 0)
        return 0;
    for (size_t i = 0; i < bad; i++)
        if (buf_adds(out, "%%") != 0)
            return -1;
    for (size_t r = len, w = out->len; r-- > from;) {
        unsigned char u = (unsigned char)out->p[r];

        if (!illegal_in_target(out->p[r])) {
            out->p[--w] = (char)u;
            continue;
        }
        out->p[--w] = hex[u & 15];
        out->p[--w] = hex[u >> 4];
        out->p[--w] = '%';
    }
    return 0;
}

int traffic_render_target(const struct traffic *t, const struct prepared *p,
                          const struct template_context *ctx, struct buf *out)
{
    size_t from = out->len;

    if (buf_adds(out, t->sc->target.url.base) != 0 ||
        template_render(&p->rq->path, ctx, out) != 0)
        return -1;
    if (out->len == from || out->p[from] != '/')
        return -1;
    return traffic_encode_target(out, from);
}

static void tame_value(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++)
        if (out->p[i] == '\r' || out->p[i] == '\n' || out->p[i] == '\0')
            out->p[i] = ' ';
}

/* Lines that are the engine's own. */
static bool is_engines(const char *name)
{
    return strcasecmp(name, "Host") == 0 ||
           strcasecmp(name, "Content-Length") == 0 ||
           strcasecmp(name, "Transfer-Encoding") == 0;
}

int traffic_render_headers(const struct prepared *p,
                           const struct template_context *ctx, struct buf *out)
{
    if (buf_adds(out, p->defaults) != 0)
        return -1;
    for (size_t i = 0; i < p->rq->nheaders; i++) {
        const struct request_header *h = &p->rq->headers[i];
        size_t from;

        if (is_engines(h->name))
            continue;
        if (buf_addf(out, "%s: ", h->name) != 0)
            return -1;
        from = out->len;
        if (template_render(&h->value, ctx, out) != 0)
            return -1;
        tame_value(out, from);
        if (buf_adds(out, "\r\n") != 0)
            return -1;
    }
    return 0;
}

static size_t more(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

struct room traffic_room(const struct scenario *sc, const struct request *rq)
{
    const char *base = sc->target.url.base;
    size_t headers = DEFAULTS_ROOM + (sc->load.cookies ? COOKIES_ROOM : 0);
    size_t body = 0;

    for (size_t i = 0; i < rq->nheaders; i++)
        headers += strlen(rq->headers[i].name) + 4 +
                   template_max_len(&rq->headers[i].value, sc);
    if (rq->has_body)
        body = template_max_len(&rq->body, sc);
    return (struct room){
        .target = at_most((base != NULL ? strlen(base) : 0) +
                              template_max_len(&rq->path, sc),
                          ROOM_MAX),
        .headers = at_most(headers, ROOM_MAX),
        .body = at_most(body, ROOM_MAX),
    };
}

static bool has_header(const struct request *rq, const char *name)
{
    for (size_t i = 0; i < rq->nheaders; i++)
        if (strcasecmp(rq->headers[i].name, name) == 0)
            return true;
    return false;
}

/* These methods announce their body even when there is none (RFC 9110,
 * 8.6): many servers refuse them otherwise. */
static bool method_has_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static bool template_uses_csv(const struct template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].what == PIECE_CSV)
            return true;
    return false;
}

static void prepare_headers(struct prepared *p,
                            const struct template_context *ctx)
{
    bool constant = true;
    struct buf b;

    p->defaults =
        mem_printf("%s%s",
                   has_header(p->rq, "User-Agent")
                       ? ""
                       : "User-Agent: plateau/" PLATEAU_VERSION "\r\n",
                   has_header(p->rq, "Accept") ? "" : "Accept: */*\r\n");
    for (size_t i = 0; i < p->rq->nheaders; i++) {
        const struct request_header *h = &p->rq->headers[i];
        bool fixed = template_is_constant(&h->value);

        if (strcasecmp(h->name, "Host") == 0)
            p->host_template = &h->value;
        else
            constant = constant && fixed;
        p->uses_seq = p->uses_seq || template_uses_seq(&h->value);
        p->uses_csv = p->uses_csv || template_uses_csv(&h->value);
    }
    buf_init(&b, TRAFFIC_MAX_HEADERS);
    if (constant && traffic_render_headers(p, ctx, &b) == 0) {
        p->headers_len = b.len;
        p->headers = buf_take(&b);
    }
    buf_release(&b);
    if (p->host_template != NULL && template_is_constant(p->host_template)) {
        buf_init(&b, TRAFFIC_MAX_HEADERS);
        if (template_render(p->host_template, ctx, &b) == 0) {
            tame_value(&b, 0);
            p->host = buf_take(&b);
        }
        buf_release(&b);
    }
}

static void prepare(struct traffic *t, struct prepared *p,
                    const struct request *rq,
                    const struct template_context *ctx)
{
    struct buf b;

    p->rq = rq;
    prepare_headers(p, ctx);
    if (template_is_constant(&rq->path)) {
        buf_init(&b, TRAFFIC_MAX_TARGET);
        if (traffic_render_target(t, p, ctx, &b) == 0) {
            p->target_len = b.len;
            p->target = buf_take(&b);
        }
        buf_release(&b);
    }
    if (rq->has_body && template_is_constant(&rq->body)) {
        buf_init(&b, TRAFFIC_MAX_BODY);
        if (template_render(&rq->body, ctx, &b) == 0) {
            p->body_len = b.len;
            p->body = buf_take(&b);
        }
        buf_release(&b);
    }
    p->has_body = rq->has_body || method_has_body(rq->method);
    p->uses_seq = p->uses_seq || template_uses_seq(&rq->path) ||
                  template_uses_seq(&rq->body);
    p->uses_csv = p->uses_csv || template_uses_csv(&rq->path) ||
                  template_uses_csv(&rq->body);
    p->keep_body = rq->expect.nbody_contains > 0;
    p->keep_headers = t->sc->load.cookies || t->sc->load.redirects > 0;
    for (size_t i = 0; i < rq->ncaptures; i++) {
        if (rq->captures[i].from == CAPTURE_HEADER)
            p->keep_headers = true;
        else
            p->keep_body = true;
    }
    p->timeout_ns =
        rq->timeout_ns > 0 ? rq->timeout_ns : t->sc->load.timeout_ns;
}

/* What is rendered once takes no room of a run's. */
static void add_room(struct traffic *t, const struct prepared *p)
{
    struct room r = traffic_room(t->sc, p->rq);

    if (p->target == NULL)
        t->room.target = more(t->room.target, r.target);
    if (p->headers == NULL || t->sc->load.cookies)
        t->room.headers = more(t->room.headers, r.headers);
    if (p->rq->has_body && p->body == NULL)
        t->room.body = more(t->room.body, r.body);
}

/* Is something of it rendered per request? */
static bool varies(const struct prepared *p)
{
    return p->target == NULL || p->headers == NULL ||
           (p->rq->has_body && p->body == NULL) ||
           (p->host_template != NULL && p->host == NULL);
}

static void prepare_kind(struct traffic *t, size_t k)
{
    struct traffic_kind *kind = &t->kinds[k];
    size_t at;

    kind->draws = t->sc->load.think_max_ns > 0;
    if (!scenario_kind_at(t->sc, k, &at)) {
        kind->request = (int)at;
        kind->steps = 1;
        kind->uses_csv = t->requests[at].uses_csv;
        kind->draws = kind->draws || varies(&t->requests[at]);
        t->kind_of_request[at] = (int)k;
        return;
    }
    kind->flow = &t->sc->flows[at];
    kind->steps = kind->flow->nsteps;
    kind->request = kind->steps > 0 ? kind->flow->steps[0] : 0;
    kind->draws = kind->draws || kind->flow->think_max_ns > 0;
    for (size_t i = 0; i < kind->steps; i++) {
        const struct prepared *p = &t->requests[kind->flow->steps[i]];

        kind->uses_csv = kind->uses_csv || p->uses_csv;
        kind->draws = kind->draws || varies(p);
    }
}

/* How many requests the run will make; 0: not known beforehand. */
static double planned_requests(const struct scenario_load *l)
{
    double warmup = (double)l->warmup_requests;
    double block = (double)l->block_requests;

    if (l->model == LOAD_OPEN) {
        warmup += l->rate_rps * (double)l->warmup_ns / 1e9;
        block += l->rate_rps * (double)l->block_ns / 1e9;
    } else if (l->warmup_ns > 0 || l->block_ns > 0) {
        return 0;
    }
    return 1.1 * (warmup + block * l->blocks) + 100;
}

void traffic_init(struct traffic *t, const struct scenario *sc)
{
    struct rng rng;
    struct template_context ctx = constant_context(sc, &rng);

    *t = (struct traffic){
        .sc = sc, .nrequests = sc->nrequests, .nkinds = scenario_kinds(sc)};
    t->loopback = address_is_loopback_name(sc->target.url.host);
    t->requests = mem_zalloc(t->nrequests, sizeof *t->requests);
    t->kinds = mem_zalloc(t->nkinds, sizeof *t->kinds);
    t->kind_of_request = mem_zalloc(t->nrequests, sizeof *t->kind_of_request);
    t->feeder_row = mem_zalloc(sc->nfeeders, sizeof *t->feeder_row);
    for (size_t i = 0; i < t->nrequests; i++) {
        t->kind_of_request[i] = -1;
        prepare(t, &t->requests[i], &sc->requests[i], &ctx);
        add_room(t, &t->requests[i]);
    }
    for (size_t k = 0; k < t->nkinds; k++)
        prepare_kind(t, k);
    if (sc->load.blocks > 0)
        t->distinct = distinct_new(
            sc, sc->replay.nentries == 0 ? planned_requests(&sc->load) : 0);
}

void traffic_release(struct traffic *t)
{
    for (size_t i = 0; i < t->nrequests; i++) {
        struct prepared *p = &t->requests[i];

        free(p->target);
        free(p->headers);
        free(p->defaults);
        free(p->host);
        free(p->body);
    }
    free(t->requests);
    free(t->kinds);
    free(t->kind_of_request);
    free(t->feeder_row);
    distinct_free(t->distinct);
    *t = (struct traffic){0};
}
