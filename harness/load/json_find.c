#include "harness/load/json_find.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const char *p, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end &&
           (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool eat(struct cursor *c, char what)
{
    skip_space(c);
    if (c->p >= c->end || *c->p != what)
        return false;
    c->p++;
    return true;
}

static int hex4(struct cursor *c, uint32_t *out)
{
    uint32_t v = 0;

    if (c->end - c->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char ch = *c->p++;

        v <<= 4;
        if (ch >= '0' && ch <= '9')
            v |= (uint32_t)(ch - '0');
        else if ((ch | 32) >= 'a' && (ch | 32) <= 'f')
            v |= (uint32_t)((ch | 32) - 'a' + 10);
        else
            return -1;
    }
    *out = v;
    return 0;
}

static size_t utf8(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 63));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 63));
        out[2] = (char)(0x80 | (cp & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 63));
    out[2] = (char)(0x80 | (cp >> 6 & 63));
    out[3] = (char)(0x80 | (cp & 63));
    return 4;
}

/* \uXXXX behind its u; a lone surrogate becomes U+FFFD. */
static int unicode_escape(struct cursor *c, char out[4], size_t *n)
{
    uint32_t hi, lo;

    if (hex4(c, &hi) != 0)
        return -1;
    if (hi >= 0xd800 && hi < 0xdc00 && c->end - c->p >= 6 && c->p[0] == '\\' &&
        c->p[1] == 'u') {
        struct cursor low = {c->p + 2, c->end};

        if (hex4(&low, &lo) == 0 && lo >= 0xdc00 && lo < 0xe000) {
            hi = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
            c->p = low.p;
        }
    }
    if (hi >= 0xd800 && hi < 0xe000)
        hi = 0xfffd;
    *n = utf8(hi, out);
    return 0;
}

/* The next character inside a string: its bytes into `out`. Returns how many;
 * 0 at the closing quote (eaten), -1 at the end of the text. */
static int next_char(struct cursor *c, char out[4])
{
    static const char plain[] = "\"\\/bfnrt";
    static const char means[] = "\"\\/\b\f\n\r\t";
    const char *at;
    size_t n;

    if (c->p >= c->end)
        return -1;
    if (*c->p == '"') {
        c->p++;
        return 0;
    }
    if (*c->p != '\\') {
        out[0] = *c->p++;
        return 1;
    }
    if (++c->p >= c->end)
        return -1;
    if (*c->p == 'u') {
        c->p++;
        return unicode_escape(c, out, &n) == 0 ? (int)n : -1;
    }
    at = *c->p != '\0' ? strchr(plain, *c->p) : NULL;
    if (at == NULL)
        return -1;
    c->p++;
    out[0] = means[at - plain];
    return 1;
}

/* Behind the opening quote. Eats the string; true when it equals the `n`
 * bytes at `want`. `*bad`: the string has no end. */
static bool string_equals(struct cursor *c, const char *want, size_t n,
                          bool *bad)
{
    bool same = true;
    char ch[4];
    int k;

    while ((k = next_char(c, ch)) > 0) {
        if ((size_t)k > n || memcmp(want, ch, (size_t)k) != 0) {
            same = false;
            continue;
        }
        want += k;
        n -= (size_t)k;
    }
    *bad = k < 0;
    return same && n == 0 && k == 0;
}

/* A number, true, false, null. */
static int skip_scalar(struct cursor *c)
{
    const char *from = c->p;

    while (c->p < c->end && (unsigned char)*c->p > ' ' &&
           strchr(",:]}[{\"", *c->p) == NULL)
        c->p++;
    return c->p > from ? 0 : -1;
}

/* Eats one value of any kind. Depth is a counter, not recursion; brackets of
 * the two kinds are not told apart, which only malformed text notices. */
static int skip_value(struct cursor *c)
{
    size_t depth = 0;

    do {
        bool bad;

        skip_space(c);
        if (c->p >= c->end)
            return -1;
        switch (*c->p) {
        case '"':
            c->p++;
            string_equals(c, "", 0, &bad);
            if (bad)
                return -1;
            break;
        case '{':
        case '[':
            depth++;
            c->p++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return -1;
            depth--;
            c->p++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return -1;
            c->p++;
            break;
        default:
            if (skip_scalar(c) != 0 || (c->p >= c->end && depth > 0))
                return -1;
        }
    } while (depth > 0);
    return 0;
}

/* One reference token of the pointer, ~1 and ~0 undone. */
static int next_token(const char **pointer, char *out, size_t max, size_t *n)
{
    const char *p = *pointer;

    if (*p++ != '/')
        return -1;
    for (*n = 0; *p != '\0' && *p != '/'; p++) {
        if (*n >= max)
            return -1;
        if (*p == '~' && (p[1] == '0' || p[1] == '1'))
            out[(*n)++] = *++p == '0' ? '~' : '/';
        else
            out[(*n)++] = *p;
    }
    *pointer = p;
    return 0;
}

static int enter_object(struct cursor *c, const char *key, size_t n)
{
    if (eat(c, '}'))
        return -1;
    do {
        bool bad, same;

        if (!eat(c, '"'))
            return -1;
        same = string_equals(c, key, n, &bad);
        if (bad || !eat(c, ':'))
            return -1;
        if (same)
            return 0;
        if (skip_value(c) != 0)
            return -1;
    } while (eat(c, ','));
    return -1;
}

static int enter_array(struct cursor *c, const char *index, size_t n)
{
    size_t i = 0;

    if (n == 0 || n > 9 || (n > 1 && index[0] == '0'))
        return -1;
    for (size_t k = 0; k < n; k++) {
        if (index[k] < '0' || index[k] > '9')
            return -1;
        i = i * 10 + (size_t)(index[k] - '0');
    }
    if (eat(c, ']'))
        return -1;
    for (; i > 0; i--)
        if (skip_value(c) != 0 || !eat(c, ','))
            return -1;
    return 0;
}

static int append_value(struct cursor *c, struct buf *out)
{
    const char *from;
    char ch[4];
    int k;

    if (eat(c, '"')) {
        while ((k = next_char(c, ch)) > 0)
            if (buf_add(out, ch, (size_t)k) != 0)
                return -1;
        return k;
    }
    skip_space(c);
    from = c->p;
    if (skip_value(c) != 0 || c->p == from)
        return -1;
    return buf_add(out, from, (size_t)(c->p - from));
}

int json_find(const char *s, size_t n, const char *pointer, struct buf *out)
{
    struct cursor c = {s, s + n};
    char token[256];
    size_t len;

    while (*pointer != '\0') {
        if (next_token(&pointer, token, sizeof token, &len) != 0)
            return -1;
        if (eat(&c, '{')) {
            if (enter_object(&c, token, len) != 0)
                return -1;
        } else if (eat(&c, '[')) {
            if (enter_array(&c, token, len) != 0)
                return -1;
        } else {
            return -1;
        }
    }
    return append_value(&c, out);
}
