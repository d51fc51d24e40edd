#include "harness/load/cookies.h"

#include "harness/base/mem.h"
#include "harness/load/capture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Made room for from the start; more cookies, and longer ones, take theirs
 * when they come. */
#define USUAL_COOKIES 2
#define USUAL_BYTES 127
#define USUAL_PATH 31

struct cookie {
    struct buf text; /* "name=value" */
    size_t name_len;
    struct buf path;
    unsigned long age; /* 0: empty place; rises */
};

struct jar {
    struct cookie at[COOKIES_MAX];
    unsigned long clock;
};

/* A Set-Cookie line taken apart; borrowed from it. */
struct parsed {
    const char *pair, *path;
    size_t pair_len, name_len, path_len;
    bool secure, expired;
};

struct jar *jar_new(void)
{
    struct jar *j = mem_zalloc(1, sizeof *j);

    for (int i = 0; i < COOKIES_MAX; i++) {
        buf_init(&j->at[i].text, COOKIES_BYTES);
        buf_init(&j->at[i].path, COOKIES_BYTES);
    }
    for (int i = 0; i < USUAL_COOKIES; i++) {
        buf_reserve(&j->at[i].text, USUAL_BYTES);
        buf_reserve(&j->at[i].path, USUAL_PATH);
    }
    return j;
}

void jar_free(struct jar *j)
{
    if (j == NULL)
        return;
    for (int i = 0; i < COOKIES_MAX; i++) {
        buf_release(&j->at[i].text);
        buf_release(&j->at[i].path);
    }
    free(j);
}

void jar_clear(struct jar *j)
{
    for (int i = 0; i < COOKIES_MAX; i++)
        j->at[i].age = 0;
}

static void trim(const char **p, size_t *n)
{
    while (*n > 0 && (**p == ' ' || **p == '\t')) {
        ++*p;
        --*n;
    }
    while (*n > 0 && ((*p)[*n - 1] == ' ' || (*p)[*n - 1] == '\t'))
        --*n;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" and the dashed form of old servers. */
static bool date_is_past(const char *p, size_t n, long long now_s)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S", "%a, %d-%b-%Y %H:%M:%S",
        "%A, %d-%b-%y %H:%M:%S", "%a %b %d %H:%M:%S %Y"};
    char text[64];

    if (n >= sizeof text)
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};

        if (strptime(text, forms[i], &tm) != NULL)
            return (long long)timegm(&tm) <= now_s;
    }
    return false;
}

static bool attribute_is(const char *p, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(p, name, n) == 0;
}

static void take_attribute(struct parsed *c, const char *p, size_t n,
                           long long now_s, bool *has_max_age)
{
    const char *eq = memchr(p, '=', n);
    size_t key_len = eq != NULL ? (size_t)(eq - p) : n;
    const char *value = eq != NULL ? eq + 1 : p + n;
    size_t value_len = n - (size_t)(value - p);

    trim(&p, &key_len);
    trim(&value, &value_len);
    if (attribute_is(p, key_len, "Path") && value_len > 0 && value[0] == '/') {
        c->path = value;
        c->path_len = value_len;
    } else if (attribute_is(p, key_len, "Secure")) {
        c->secure = true;
    } else if (attribute_is(p, key_len, "Max-Age") && value_len > 0) {
        *has_max_age = true;
        c->expired = value[0] == '-' || strspn(value, "0") >= value_len;
    } else if (attribute_is(p, key_len, "Expires") && !*has_max_age) {
        c->expired = date_is_past(value, value_len, now_s);
    }
}

static bool parse(struct parsed *c, const char *p, size_t n, long long now_s)
{
    const char *end = p + n;
    const char *semi = memchr(p, ';', n);
    const char *eq;
    bool has_max_age = false;

    *c = (struct parsed){.pair = p,
                         .pair_len = semi != NULL ? (size_t)(semi - p) : n};
    trim(&c->pair, &c->pair_len);
    eq = memchr(c->pair, '=', c->pair_len);
    if (eq == NULL || eq == c->pair)
        return false;
    c->name_len = (size_t)(eq - c->pair);
    while (semi != NULL) {
        const char *from = semi + 1;

        semi = memchr(from, ';', (size_t)(end - from));
        take_attribute(c, from, (size_t)((semi != NULL ? semi : end) - from),
                       now_s, &has_max_age);
    }
    return true;
}

static size_t path_len(const char *target, size_t n)
{
    const char *q = memchr(target, '?', n);

    return q != NULL ? (size_t)(q - target) : n;
}

static struct cookie *place_for(struct jar *j, const struct parsed *c)
{
    struct cookie *best = NULL;

    for (int i = 0; i < COOKIES_MAX; i++) {
        struct cookie *k = &j->at[i];

        if (k->age > 0 && k->name_len == c->name_len &&
            memcmp(k->text.p, c->pair, c->name_len) == 0 &&
            k->path.len == c->path_len &&
            memcmp(k->path.p, c->path, c->path_len) == 0)
            return k;
        if (best == NULL || k->age < best->age)
            best = k;
    }
    return best;
}

static void keep(struct jar *j, const struct parsed *c)
{
    struct cookie *k = place_for(j, c);

    k->age = 0;
    if (c->expired)
        return;
    buf_reset(&k->text);
    buf_reset(&k->path);
    if (buf_add(&k->text, c->pair, c->pair_len) != 0 ||
        buf_add(&k->path, c->path, c->path_len) != 0)
        return;
    k->name_len = c->name_len;
    k->age = ++j->clock;
}

void jar_take(struct jar *j, const char *headers, size_t len,
              const char *target, size_t target_len, bool secure,
              long long now_s)
{
    const char *from = NULL, *value;
    size_t n;

    while ((value = header_find(headers, len, "Set-Cookie", &n, &from)) !=
           NULL) {
        struct parsed c;

        if (!parse(&c, value, n, now_s) || (c.secure && !secure))
            continue;
        if (c.path == NULL) {
            /* The default: the request's folder (RFC 6265, 5.1.4). */
            size_t p = path_len(target, target_len);

            while (p > 1 && target[p - 1] != '/')
                p--;
            c.path = target;
            c.path_len = p > 1 ? p - 1 : p;
        }
        keep(j, &c);
    }
}

static bool path_matches(const struct cookie *k, const char *path, size_t n)
{
    size_t m = k->path.len;

    if (n < m || memcmp(path, buf_str(&k->path), m) != 0)
        return false;
    return n == m || k->path.p[m - 1] == '/' || path[m] == '/';
}

int jar_write(const struct jar *j, const char *target, size_t target_len,
              struct buf *out)
{
    size_t n = path_len(target, target_len);
    bool any = false;

    for (int i = 0; i < COOKIES_MAX; i++) {
        const struct cookie *k = &j->at[i];

        if (k->age == 0 || !path_matches(k, target, n))
            continue;
        if (buf_adds(out, any ? "; " : "Cookie: ") != 0 ||
            buf_add(out, k->text.p, k->text.len) != 0)
            return -1;
        any = true;
    }
    return any ? buf_adds(out, "\r\n") : 0;
}
