/* Engine "curl": libcurl's multi interface on libuv. Serves everything; the
 * fallback for what the faster engines lack. */
#include "harness/load/engine_impl.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/multi.h"
#include "harness/load/origin.h"
#include "harness/load/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#define HEADERS_MAX (512u << 10)

struct curl_engine;

/* One easy handle and the transfer on it. */
struct curl_slot {
    struct curl_engine *e;
    CURL *easy;
    struct curl_slot *next_free;
    struct transfer *t; /* NULL: free */
    struct origin_check check;
    bool too_large, whole_head, retried;
    /* What the handle is set to, to be set only when it changes. */
    struct buf method, target, headers;
    struct curl_slist *list;
    size_t rendered; /* identity of the transfer it is set up for */
    int64_t deadline_ns;
    bool has_body, foreign;
};

struct curl_engine {
    struct engine base;
    const struct scenario *sc;
    struct multi *multi;
    uv_timer_t timer; /* looks for timeouts: libcurl's own cost a timer per
                         request */
    CURLM *curlm;
    CURLU *origin;
    struct curl_slot *slots, *free_slots;
    int nslots, in_flight;
    int open_handles;
    struct engine_stats stats;
    void (*on_ready)(void *);
    void *ready_user;
    void (*closed)(void *);
    void *closed_user;
};

static struct curl_engine *self(const struct engine *e)
{
    return (struct curl_engine *)(uintptr_t)e;
}

/* ---- transfers ---- */

static bool curl_ready(const struct engine *base)
{
    const struct curl_engine *e = self(base);

    return e->closed == NULL && e->free_slots != NULL;
}

static void set_times(struct curl_slot *s, struct transfer *t)
{
    curl_off_t start_us = 0;

    t->end_ns = clock_now_ns();
    curl_easy_getinfo(s->easy, CURLINFO_STARTTRANSFER_TIME_T, &start_us);
    t->first_byte_ns = start_us > 0 ? t->sent_ns + start_us * 1000 : t->end_ns;
    if (t->first_byte_ns > t->end_ns)
        t->first_byte_ns = t->end_ns;
}

static void count(struct curl_engine *e, struct curl_slot *s,
                  const struct transfer *t)
{
    long headers = 0, sent = 0, connects = 0;

    curl_easy_getinfo(s->easy, CURLINFO_HEADER_SIZE, &headers);
    curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
    e->stats.bytes_in += t->body_bytes + (uint64_t)headers;
    e->stats.bytes_out += (uint64_t)sent;
    e->stats.connects += (uint64_t)connects;
    e->stats.kept += t->error == TRANSFER_OK && connects == 0;
    if (t->error == TRANSFER_RESOURCE)
        e->stats.resource_errors++;
}

static void finish(struct curl_slot *s, enum transfer_error error)
{
    struct curl_engine *e = s->e;
    struct transfer *t = s->t;
    bool was_full = e->free_slots == NULL;
    long status = 0;

    set_times(s, t);
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    t->status = (int)status;
    t->error = s->too_large && error != TRANSFER_CANCELLED ? TRANSFER_TOO_LARGE
                                                           : error;
    count(e, s, t);
    s->t = NULL;
    s->next_free = e->free_slots;
    e->free_slots = s;
    e->stats.ended++;
    e->in_flight--;
    t->done(t);
    if (was_full && curl_ready(&e->base) && e->on_ready != NULL)
        e->on_ready(e->ready_user);
}

/* A kept connection that the peer closed before it answered a byte: it had
 * most likely been closed when we sent. libcurl repeats some of these itself,
 * not all. */
static bool retry(struct curl_slot *s, enum transfer_error error)
{
    long connects = 0, bytes = 0;

    if ((error != TRANSFER_SEND && error != TRANSFER_CLOSED) || s->retried)
        return false;
    curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(s->easy, CURLINFO_HEADER_SIZE, &bytes);
    if (connects > 0 || bytes > 0 || !engine_may_retry(&s->e->stats))
        return false;
    s->retried = true;
    s->e->stats.retries++;
    curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT, 1L);
    return curl_multi_add_handle(s->e->curlm, s->easy) == CURLM_OK;
}

static void on_transfer(void *user, CURL *easy, CURLcode rc)
{
    struct curl_slot *s = NULL;
    enum transfer_error error;

    (void)user;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
    error = origin_error(rc, easy, &s->check);
    /* libcurl takes a head that the peer cut for a whole one. */
    if (rc == CURLE_OK && !s->whole_head)
        error = TRANSFER_CLOSED;
    if (!retry(s, error))
        finish(s, error);
}

/* ---- what comes in ---- */

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
    struct curl_slot *s = user;
    struct transfer *t = s->t;

    n *= size;
    if (!sink_body(t, p, n, s->e->sc->load.max_body_bytes)) {
        s->too_large = true;
        return 0;
    }
    return n;
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
    struct curl_slot *s = user;
    struct transfer *t = s->t;
    size_t len = size * n;

    if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        /* An interim answer's headers are not the answer's. */
        t->kept_headers = 0;
        s->whole_head = false;
        return len;
    }
    if (len == 2 && p[0] == '\r')
        s->whole_head = true;
    sink_headers(t, p, len);
    return len;
}

/* ---- what goes out ---- */

static bool same(const struct buf *b, const char *p, size_t n)
{
    return b->len == n && memcmp(buf_str(b), p, n) == 0;
}

/* libcurl's way to say it: "Name;" is an empty header, "Name:" none. */
static void add_line(struct curl_slist **list, const char *line, size_t n)
{
    char *text = mem_strndup(line, n);
    char *colon = strchr(text, ':');
    struct curl_slist *grown;

    if (colon != NULL && colon[1 + strspn(colon + 1, " \t")] == '\0') {
        colon[0] = ';';
        colon[1] = '\0';
    }
    grown = curl_slist_append(*list, text);
    if (grown != NULL)
        *list = grown;
    free(text);
}

/* The two lines that nearly every request has are cheaper as options: each
 * line of the list is compared with all that libcurl adds itself. */
static bool set_option(CURL *easy, const char *line, size_t n)
{
    static const char agent[] = "User-Agent: ", accept[] = "Accept: */*";
    char *value;

    if (n == sizeof accept - 1 && memcmp(line, accept, n) == 0)
        return true; /* libcurl's own */
    if (n < sizeof agent || memcmp(line, agent, sizeof agent - 1) != 0)
        return false;
    value = mem_strndup(line + sizeof agent - 1, n - (sizeof agent - 1));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, value);
    free(value);
    return true;
}

static bool has_line(const char *lines, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = lines; p != NULL && *p != '\0';) {
        if (strncasecmp(p, name, n) == 0 && p[n] == ':')
            return true;
        p = strchr(p, '\n');
        p = p != NULL ? p + 1 : NULL;
    }
    return false;
}

static void set_headers(struct curl_slot *s, const struct transfer *t)
{
    /* What libcurl would add by itself; the last two only to bodies. */
    static const char *const silent[] = {"Accept", "Expect", "Content-Type"};
    size_t nsilent = t->has_body ? 3 : 1;
    const char *host = t->host != NULL ? t->host : "";
    size_t host_len = strlen(host);
    struct curl_slist *list = NULL;

    /* Kept as the Host value, whether there is a body, the lines. */
    if (s->headers.len == host_len + 1 + t->headers_len &&
        memcmp(s->headers.p, host, host_len) == 0 &&
        s->headers.p[host_len] == (t->has_body ? '+' : '-') &&
        memcmp(s->headers.p + host_len + 1, t->headers, t->headers_len) == 0)
        return;
    buf_reset(&s->headers);
    buf_add(&s->headers, host, host_len);
    buf_addc(&s->headers, t->has_body ? '+' : '-');
    buf_add(&s->headers, t->headers, t->headers_len);
    curl_easy_setopt(s->easy, CURLOPT_USERAGENT, NULL);
    for (const char *p = s->headers.p + host_len + 1; *p != '\0';) {
        const char *eol = strstr(p, "\r\n");
        size_t n = eol != NULL ? (size_t)(eol - p) : strlen(p);

        if (!set_option(s->easy, p, n))
            add_line(&list, p, n);
        p = eol != NULL ? eol + 2 : p + n;
    }
    for (size_t i = 0; i < nsilent; i++)
        if (!has_line(s->headers.p + host_len + 1, silent[i])) {
            char line[32];

            snprintf(line, sizeof line, "%s:", silent[i]);
            list = curl_slist_append(list, line);
        }
    if (host_len > 0) {
        char *line = mem_printf("Host: %s", host);

        list = curl_slist_append(list, line);
        free(line);
    }
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(s->list);
    s->list = list;
}

static void set_method(struct curl_slot *s, const struct transfer *t)
{
    size_t n = strlen(t->method);

    if (t->has_body) {
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)t->body_len);
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS,
                         t->body != NULL ? t->body : "");
    }
    if (s->has_body == t->has_body && same(&s->method, t->method, n))
        return;
    buf_reset(&s->method);
    buf_add(&s->method, t->method, n);
    s->has_body = t->has_body;
    curl_easy_setopt(s->easy, CURLOPT_NOBODY, 0L);
    if (t->has_body)
        curl_easy_setopt(s->easy, CURLOPT_POST, 1L);
    else
        curl_easy_setopt(s->easy, CURLOPT_HTTPGET, 1L);
    if (strcmp(t->method, "HEAD") == 0)
        curl_easy_setopt(s->easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(s->easy, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_target(struct curl_slot *s, const struct transfer *t)
{
    struct curl_engine *e = s->e;

    if (t->url != NULL) {
        s->foreign = true;
        buf_reset(&s->target);
        curl_easy_setopt(s->easy, CURLOPT_CURLU, NULL);
        curl_easy_setopt(s->easy, CURLOPT_URL, t->url);
        curl_easy_setopt(s->easy, CURLOPT_REQUEST_TARGET, NULL);
        return;
    }
    if (s->foreign || s->target.len == 0)
        curl_easy_setopt(s->easy, CURLOPT_URL, NULL);
    curl_easy_setopt(s->easy, CURLOPT_CURLU, e->origin);
    s->foreign = false;
    if (same(&s->target, t->target, t->target_len))
        return;
    buf_reset(&s->target);
    buf_add(&s->target, t->target, t->target_len);
    curl_easy_setopt(s->easy, CURLOPT_REQUEST_TARGET, buf_str(&s->target));
}

/* The host of an absolute URL, to see whether it was named. */
static void begin_check(struct curl_slot *s, const struct transfer *t)
{
    const struct scenario *sc = s->e->sc;
    CURLU *u = t->url != NULL ? curl_url() : NULL;
    char *host = NULL;

    if (u != NULL && curl_url_set(u, CURLUPART_URL, t->url, 0) == CURLUE_OK)
        curl_url_get(u, CURLUPART_HOST, &host, 0);
    origin_begin(&s->check, sc, host != NULL ? host : sc->target.url.host);
    curl_free(host);
    curl_url_cleanup(u);
}

static int curl_submit(struct engine *base, struct transfer *t)
{
    struct curl_engine *e = self(base);
    struct curl_slot *s = e->free_slots;

    if (!curl_ready(base))
        return -1;
    e->free_slots = s->next_free;
    e->in_flight++;
    s->t = t;
    s->too_large = s->whole_head = false;
    if (s->retried)
        curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT, 0L);
    s->retried = false;
    if (!engine_may_keep(&e->stats))
        curl_easy_setopt(s->easy, CURLOPT_FORBID_REUSE, 1L);
    t->slot = s;
    t->body_bytes = 0;
    t->kept = t->kept_headers = 0;
    t->sent_ns = clock_now_ns();
    begin_check(s, t);
    if (t->identity == 0 || t->identity != s->rendered) {
        set_method(s, t);
        set_target(s, t);
        set_headers(s, t);
    }
    s->rendered = t->identity;
    s->deadline_ns = t->sent_ns + t->timeout_ns;
    /* Fails only for a handle that is in use or broken: our fault. */
    if (curl_multi_add_handle(e->curlm, s->easy) != CURLM_OK)
        abort();
    return 0;
}

/* ---- life ---- */

static long http_version(const struct scenario *sc)
{
    switch (sc->load.http) {
    case HTTP_1_1:
        return CURL_HTTP_VERSION_1_1;
    case HTTP_2:
        return sc->target.url.tls ? CURL_HTTP_VERSION_2TLS
                                  : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    case HTTP_AUTO:
        break;
    }
    return sc->target.url.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
}

static int slot_init(struct curl_engine *e, struct curl_slot *s,
                     struct err *err)
{
    CURL *c = curl_easy_init();

    if (c == NULL)
        return err_set(err, "libcurl: no memory for a handle");
    s->e = e;
    s->easy = c;
    buf_init(&s->method, 256);
    buf_init(&s->target, HEADERS_MAX);
    buf_init(&s->headers, HEADERS_MAX);
    s->next_free = e->free_slots;
    e->free_slots = s;
    e->nslots++;
    if (origin_setup(c, e->sc, &s->check, e->multi, err) != 0)
        return -1;
    curl_easy_setopt(c, CURLOPT_PRIVATE, s);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, http_version(e->sc));
    curl_easy_setopt(c, CURLOPT_PIPEWAIT, e->sc->load.http == HTTP_2 ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, multi_close_socket);
    curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, e->multi);
    return 0;
}

static void curl_cancel_all(struct engine *base)
{
    struct curl_engine *e = self(base);

    for (int i = 0; i < e->nslots; i++) {
        struct curl_slot *s = &e->slots[i];

        if (s->t == NULL)
            continue;
        curl_multi_remove_handle(e->curlm, s->easy);
        finish(s, TRANSFER_CANCELLED);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct curl_engine *e = timer->data;
    int64_t now = clock_now_ns();

    for (int i = 0; e->in_flight > 0 && i < e->nslots; i++) {
        struct curl_slot *s = &e->slots[i];

        if (s->t == NULL || now < s->deadline_ns)
            continue;
        curl_multi_remove_handle(e->curlm, s->easy);
        finish(s, TRANSFER_TIMEOUT);
    }
}

static void release(void *user)
{
    struct curl_engine *e = user;
    void (*closed)(void *) = e->closed;
    void *closed_user = e->closed_user;

    if (--e->open_handles > 0)
        return;
    for (int i = 0; i < e->nslots; i++) {
        buf_release(&e->slots[i].method);
        buf_release(&e->slots[i].target);
        buf_release(&e->slots[i].headers);
        curl_slist_free_all(e->slots[i].list);
    }
    free(e->slots);
    free(e);
    closed(closed_user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void curl_close(struct engine *base, void (*closed)(void *), void *user)
{
    struct curl_engine *e = self(base);

    e->closed = closed;
    e->closed_user = user;
    curl_cancel_all(base);
    for (int i = 0; i < e->nslots; i++)
        curl_easy_cleanup(e->slots[i].easy);
    curl_url_cleanup(e->origin);
    uv_close((uv_handle_t *)&e->timer, on_timer_closed);
    multi_close(e->multi, release, e);
}

static void nothing(void *user)
{
    (void)user;
}

static int curl_open(const struct engine_config *cfg, struct engine **out,
                     struct err *err)
{
    struct curl_engine *e = mem_zalloc(1, sizeof *e);
    uint64_t tick = engine_tick_ms(cfg->scenario);
    char text[400];

    e->base.ops = &engine_ops_curl;
    e->sc = cfg->scenario;
    e->multi = multi_open(cfg->loop, false, on_transfer, e, err);
    if (e->multi == NULL) {
        free(e);
        return -1;
    }
    e->open_handles = 2;
    uv_timer_init(cfg->loop, &e->timer);
    e->timer.data = e;
    uv_timer_start(&e->timer, on_timer, tick, tick);
    e->curlm = multi_curlm(e->multi);
    e->origin = curl_url();
    e->slots = mem_zalloc((size_t)cfg->connections, sizeof *e->slots);
    origin_text(&cfg->scenario->target.url, text, sizeof text);
    if (e->origin == NULL ||
        curl_url_set(e->origin, CURLUPART_URL, text, 0) != CURLUE_OK) {
        err_set(err, "libcurl does not take the URL '%s'", text);
        goto fail;
    }
    curl_multi_setopt(e->curlm, CURLMOPT_MAXCONNECTS, (long)cfg->connections);
    for (int i = 0; i < cfg->connections; i++)
        if (slot_init(e, &e->slots[i], err) != 0)
            goto fail;
    *out = &e->base;
    return 0;
fail:
    curl_close(&e->base, nothing, NULL);
    return -1;
}

static void curl_on_ready(struct engine *base, void (*fn)(void *), void *user)
{
    self(base)->on_ready = fn;
    self(base)->ready_user = user;
}

static void curl_stats(const struct engine *base, struct engine_stats *out)
{
    *out = self(base)->stats;
    out->open_connections = multi_sockets(self(base)->multi);
}

const struct engine_ops engine_ops_curl = {
    .name = "curl",
    .open = curl_open,
    .ready = curl_ready,
    .submit = curl_submit,
    .on_ready = curl_on_ready,
    .cancel_all = curl_cancel_all,
    .stats = curl_stats,
    .close = curl_close,
};
