#include "harness/base/jsonw.h"

#include "harness/base/escape.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void jsonw_init(struct jsonw *w, struct buf *out, bool compact)
{
    *w = (struct jsonw){.out = out, .first = true, .compact = compact};
}

static void newline(struct jsonw *w)
{
    if (w->compact)
        return;
    buf_addc(w->out, '\n');
    for (int i = 0; i < w->depth; i++)
        buf_adds(w->out, "  ");
}

/* UTF-16 escape of the character `s`, `n` (2 to 4) bytes of valid UTF-8. */
static void add_escaped(struct buf *out, const unsigned char *s, size_t n)
{
    uint32_t code = s[0] & (0xFFu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        code = code << 6 | (s[i] & 0x3Fu);
    if (code > 0xFFFF) {
        code -= 0x10000;
        buf_addf(out, "\\u%04x\\u%04x", (unsigned)(0xD800 + (code >> 10)),
                 (unsigned)(0xDC00 + (code & 0x3FF)));
    } else {
        buf_addf(out, "\\u%04x", (unsigned)code);
    }
}

static void add_ascii(struct buf *out, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *at = c != '\0' ? strchr(plain, c) : NULL;

    if (at != NULL)
        buf_addf(out, "\\%c", letter[at - plain]);
    else if ((unsigned char)c < 0x20 || c == 0x7F || c == '<' || c == '>' ||
             c == '&')
        buf_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
    else
        buf_addc(out, c);
}

/* False for all characters that escape.h calls steering, and for some of their
 * neighbours: an escape is always right and hides nothing. */
static bool harmless(const unsigned char *s, size_t n)
{
    if (n == 2)
        return !(s[0] == 0xC2 && s[1] < 0xA0) &&
               !(s[0] == 0xD8 && s[1] == 0x9C);
    if (n == 3)
        return !(s[0] == 0xE2 && (s[1] == 0x80 || s[1] == 0x81)) &&
               !(s[0] == 0xEF && s[1] >= 0xBB);
    return (s[n - 2] & 0x3F) != 0x3F;
}

static void add_string(struct buf *out, const char *s)
{
    size_t n = strlen(s);

    buf_addc(out, '"');
    for (size_t i = 0; i < n;) {
        const unsigned char *u = (const unsigned char *)s + i;
        size_t len = escape_utf8_len(s + i, n - i);

        if (len == 0)
            buf_adds(out, "\\ufffd");
        else if (len == 1)
            add_ascii(out, s[i]);
        else if (harmless(u, len))
            buf_add(out, u, len);
        else
            add_escaped(out, u, len);
        i += len > 0 ? len : 1;
    }
    buf_addc(out, '"');
}

/* Comma, new line, key: all that stands in front of a value. */
static void begin(struct jsonw *w, const char *key)
{
    if (!w->first)
        buf_addc(w->out, ',');
    if (w->depth > 0)
        newline(w);
    w->first = false;
    if (key != NULL) {
        add_string(w->out, key);
        buf_adds(w->out, w->compact ? ":" : ": ");
    }
}

static void open_bracket(struct jsonw *w, const char *key, char bracket)
{
    begin(w, key);
    buf_addc(w->out, bracket);
    w->depth++;
    w->first = true;
}

static void close_bracket(struct jsonw *w, char bracket)
{
    w->depth--;
    if (!w->first)
        newline(w);
    w->first = false;
    buf_addc(w->out, bracket);
    if (w->depth == 0)
        buf_addc(w->out, '\n');
}

void jsonw_object(struct jsonw *w, const char *key)
{
    open_bracket(w, key, '{');
}

void jsonw_object_end(struct jsonw *w)
{
    close_bracket(w, '}');
}

void jsonw_array(struct jsonw *w, const char *key)
{
    open_bracket(w, key, '[');
}

void jsonw_array_end(struct jsonw *w)
{
    close_bracket(w, ']');
}

void jsonw_string(struct jsonw *w, const char *key, const char *value)
{
    if (value == NULL) {
        jsonw_null(w, key);
        return;
    }
    begin(w, key);
    add_string(w->out, value);
}

void jsonw_double(struct jsonw *w, const char *key, double value)
{
    if (!isfinite(value))
        jsonw_null(w, key);
    else if (value == floor(value) && fabs(value) < 0x1p53)
        jsonw_int(w, key, (int64_t)value);
    else {
        begin(w, key);
        buf_addf(w->out, "%.10g", value);
    }
}

void jsonw_int(struct jsonw *w, const char *key, int64_t value)
{
    begin(w, key);
    buf_addf(w->out, "%" PRId64, value);
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
    begin(w, key);
    buf_adds(w->out, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
    begin(w, key);
    buf_adds(w->out, "null");
}
