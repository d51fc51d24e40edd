#include "harness/load/h2_request.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static void add(nghttp2_nv *nv, size_t *n, const char *name, size_t name_len,
                const char *value, size_t value_len)
{
    nv[(*n)++] =
        (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                     name_len, value_len, NGHTTP2_NV_FLAG_NONE};
}

/* RFC 9113, 8.2.2. */
static bool is_forbidden(const char *name, size_t n)
{
    static const char *const words[] = {
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "te",
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == n && strncasecmp(words[i], name, n) == 0)
            return true;
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* One "Name: value" line, without its CRLF, whose name may be changed. */
static void add_line(nghttp2_nv *nv, size_t *n, char *p, size_t len)
{
    char *colon = memchr(p, ':', len);
    const char *value, *end = p + len;
    size_t name_len;

    if (colon == NULL || colon == p)
        return;
    name_len = (size_t)(colon - p);
    if (is_forbidden(p, name_len))
        return;
    for (size_t i = 0; i < name_len; i++)
        p[i] = lower(p[i]);
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    add(nv, n, p, name_len, value, (size_t)(end - value));
}

size_t h2_request_fields(const struct transfer *t, const char *scheme,
                         const char *authority, struct buf *text,
                         nghttp2_nv *nv)
{
    const char *host = t->host != NULL ? t->host : authority;
    char *p, *end;
    size_t n = 0, digits;

    /* All text first: it moves while it grows. */
    buf_reset(text);
    buf_addf(text, "%zu", t->body_len);
    digits = text->len;
    buf_add(text, t->headers, t->headers_len);
    p = text->p + digits;
    end = text->p + text->len;
    add(nv, &n, ":method", 7, t->method, strlen(t->method));
    add(nv, &n, ":scheme", 7, scheme, strlen(scheme));
    add(nv, &n, ":authority", 10, host, strlen(host));
    add(nv, &n, ":path", 5, t->target, t->target_len);
    while (p < end && n < H2_FIELDS_MAX) {
        char *eol = memchr(p, '\r', (size_t)(end - p));
        char *stop = eol != NULL ? eol : end;

        add_line(nv, &n, p, (size_t)(stop - p));
        p = eol != NULL ? eol + 2 : end;
    }
    if (t->has_body)
        add(nv, &n, "content-length", 14, text->p, digits);
    return n;
}
