/* The pages: a small shop, and what the patient knows of itself. */
#include "tests/server/page.h"
#include "tests/server/options.h"
#include "tests/server/route.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Appends to the body; what does not fit is cut. */
static void say(struct reply *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct reply *r, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->body + r->nbody, sizeof r->body - r->nbody, fmt, ap);
    va_end(ap);
    if (n > 0)
        r->nbody += (size_t)n;
    if (r->nbody >= sizeof r->body)
        r->nbody = sizeof r->body - 1;
}

static void header(struct reply *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void header(struct reply *r, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->headers + r->nheaders, sizeof r->headers - r->nheaders,
                  fmt, ap);
    va_end(ap);
    if (n > 0 && r->nheaders + (size_t)n < sizeof r->headers)
        r->nheaders += (size_t)n;
}

static bool method_is(const struct request *q, const char *name)
{
    return q->nmethod == strlen(name) &&
           memcmp(q->method, name, q->nmethod) == 0;
}

/* The number at the end of "/products/17"; 0 when there is none. */
static uint64_t last_number(const struct request *q)
{
    uint64_t n = 0;
    size_t i = q->npath;

    while (i > 0 && q->path[i - 1] >= '0' && q->path[i - 1] <= '9')
        i--;
    for (; i < q->npath && n < UINT64_MAX / 16; i++)
        n = n * 10 + (uint64_t)(q->path[i] - '0');
    return n;
}

void page_ok(const struct request *q, struct reply *r)
{
    (void)q;
    memcpy(r->body, "ok\n", 3);
    r->nbody = 3;
}

void page_missing(const struct request *q, struct reply *r)
{
    r->status = 404;
    say(r, "no page at %.*s\n", (int)(q->npath < 200 ? q->npath : 200),
        q->path);
}

void page_health(const struct request *q, struct reply *r)
{
    static struct timespec first;
    struct timespec t;
    uint64_t ms;

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (first.tv_sec == 0)
        first = t;
    ms = (uint64_t)(t.tv_sec - first.tv_sec) * 1000 +
         (uint64_t)(t.tv_nsec / 1000000) - (uint64_t)(first.tv_nsec / 1000000);
    page_ok(q, r);
    if (ms < options.ready_after_ms)
        r->status = 503;
}

void page_product(const struct request *q, struct reply *r)
{
    uint64_t id = last_number(q);

    r->type = "application/json";
    say(r,
        "{\"id\": %" PRIu64 ", \"name\": \"product %" PRIu64
        "\", \"price\": \"9.99\"}\n",
        id, id);
}

/* POST makes an order and names it three ways: body, Location, ETag. */
void page_orders(const struct request *q, struct reply *r)
{
    uint64_t id;

    r->type = "application/json";
    if (!method_is(q, "POST")) {
        say(r, "{\"orders\": %" PRIu64 "}\n",
            __atomic_load_n(&ledger.shared->orders, __ATOMIC_RELAXED));
        return;
    }
    id = __atomic_add_fetch(&ledger.shared->orders, 1, __ATOMIC_RELAXED);
    r->status = 201;
    header(r, "Location: /orders/%" PRIu64 "\r\nETag: \"o-%" PRIu64 "\"\r\n",
           id, id);
    say(r, "{\"id\": %" PRIu64 ", \"ref\": \"ref-%" PRIu64 "\"}\n", id, id);
}

void page_order(const struct request *q, struct reply *r)
{
    uint64_t id = last_number(q);

    r->type = "application/json";
    if (id == 0 ||
        id > __atomic_load_n(&ledger.shared->orders, __ATOMIC_RELAXED)) {
        r->status = 404;
        say(r, "{\"error\": \"no such order\"}\n");
        return;
    }
    say(r, "{\"id\": %" PRIu64 ", \"state\": \"open\"}\n", id);
}

void page_login(const struct request *q, struct reply *r)
{
    static uint64_t users;

    (void)q;
    users++;
    header(r, "Set-Cookie: sid=s%d-%" PRIu64 "; Path=/; HttpOnly\r\n",
           (int)getpid(), users);
    say(r, "welcome, user %" PRIu64 "\n", users);
}

/* 401 without the cookie of /login, and tells who comes with it. */
void page_me(const struct request *q, struct reply *r)
{
    const char *sid = NULL;

    if (q->cookie != NULL)
        sid = memmem(q->cookie, q->ncookie, "sid=s", 5);
    if (sid == NULL) {
        r->status = 401;
        say(r, "who are you?\n");
        return;
    }
    say(r, "%.*s\n", (int)(q->cookie + q->ncookie - sid), sid);
}

void page_echo(const struct request *q, struct reply *r)
{
    size_t n = q->nhead < 4096 ? q->nhead : 4096;
    size_t b = q->nbody < sizeof r->body - n ? q->nbody : sizeof r->body - n;

    memcpy(r->body, q->head, n);
    memcpy(r->body + n, q->body, b);
    r->nbody = n + b;
}

void page_digest(const struct request *q, struct reply *r)
{
    r->type = "application/json";
    say(r, "{\"length\": %" PRIu64 ", \"fnv1a64\": \"%016" PRIx64 "\"}\n",
        q->body_length, q->body_digest);
}

/* /redirect?to=URL, URL taken as it stands. */
void page_redirect(const struct request *q, struct reply *r)
{
    r->status = 302;
    if (q->nquery > 3 && memcmp(q->query, "to=", 3) == 0)
        header(r, "Location: %.*s\r\n", (int)(q->nquery - 3), q->query + 3);
    else
        header(r, "Location: /ok\r\n");
}

static size_t heap_in_use(size_t *kept)
{
    struct mallinfo2 m = mallinfo2();

    *kept = m.fordblks;
    return m.uordblks + m.hblkhd;
}

void page_stats(const struct request *q, struct reply *r)
{
    size_t kept, used = heap_in_use(&kept);

    (void)q;
    r->type = "application/json";
    say(r,
        "{\"pid\": %d, \"requests\": %" PRIu64 ", \"orders\": %" PRIu64
        ", \"live_bytes\": %" PRIu64 ", \"live_objects\": %" PRIu64
        ", \"held_bytes\": %" PRIu64 ", \"fds\": %" PRIu64
        ", \"threads\": %" PRIu64
        ", \"heap_inuse_bytes\": %zu, \"heap_free_bytes\": %zu}\n",
        (int)getpid(),
        __atomic_load_n(&ledger.shared->requests, __ATOMIC_RELAXED),
        __atomic_load_n(&ledger.shared->orders, __ATOMIC_RELAXED),
        ledger.live_bytes, ledger.live_objects, ledger.held_bytes, ledger.fds,
        ledger.threads, used, kept);
}

static void gauge(struct reply *r, const char *name, const char *what,
                  uint64_t value)
{
    say(r, "# HELP leaky_%s %s\n# TYPE leaky_%s gauge\nleaky_%s %" PRIu64 "\n",
        name, what, name, name, value);
}

void page_metrics(const struct request *q, struct reply *r)
{
    size_t kept, used = heap_in_use(&kept);
    const char *path;
    uint64_t hits;

    (void)q;
    r->type = "text/plain; version=0.0.4";
    say(r,
        "# HELP leaky_requests_total Requests answered by all workers.\n"
        "# TYPE leaky_requests_total counter\n"
        "leaky_requests_total %" PRIu64 "\n",
        __atomic_load_n(&ledger.shared->requests, __ATOMIC_RELAXED));
    gauge(r, "live_bytes", "Leaked by this process.", ledger.live_bytes);
    gauge(r, "live_objects", "Objects leaked.", ledger.live_objects);
    gauge(r, "held_bytes", "In bounded caches.", ledger.held_bytes);
    gauge(r, "open_fds", "Descriptors leaked.", ledger.fds);
    gauge(r, "leaked_threads", "Threads leaked.", ledger.threads);
    gauge(r, "heap_inuse_bytes", "The allocator's count.", used);
    gauge(r, "heap_free_bytes", "Freed and kept.", kept);
    say(r, "# HELP leaky_path_requests_total By path.\n"
           "# TYPE leaky_path_requests_total counter\n");
    for (int i = 0; (path = route_path(i, &hits)) != NULL; i++)
        if (hits > 0 && strpbrk(path, "\"\\") == NULL)
            say(r, "leaky_path_requests_total{path=\"%s\"} %" PRIu64 "\n", path,
                hits);
}
