#include "harness/base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

size_t escape_utf8_len(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char low = 0x80, high = 0xBF; /* range of the second byte */
    size_t len;

    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xC2 || u[0] > 0xF4)
        return 0; /* continuation, overlong, or above U+10FFFF */
    len = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if (len > n)
        return 0;
    if (u[0] == 0xE0)
        low = 0xA0; /* overlong below */
    else if (u[0] == 0xED)
        high = 0x9F; /* surrogates above */
    else if (u[0] == 0xF0)
        low = 0x90; /* overlong below */
    else if (u[0] == 0xF4)
        high = 0x8F; /* above U+10FFFF */
    if (u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (u[i] < 0x80 || u[i] > 0xBF)
            return 0;
    return len;
}

/* A character of the input, or one bad byte. */
struct character {
    const char *p;
    size_t len;
    uint32_t code; /* U+FFFD when bad */
    bool bad;
};

/* Takes the next character; `*i` moves behind it. */
static struct character next_char(const char *s, size_t n, size_t *i)
{
    const unsigned char *u = (const unsigned char *)s + *i;
    size_t len = escape_utf8_len(s + *i, n - *i);
    struct character c = {s + *i, len, 0xFFFD, false};

    if (len == 0) {
        c.len = 1;
        c.bad = true;
    } else if (len == 1) {
        c.code = u[0];
    } else {
        c.code = u[0] & (0xFFu >> (len + 1));
        for (size_t k = 1; k < len; k++)
            c.code = c.code << 6 | (u[k] & 0x3Fu);
    }
    *i += c.len;
    return c;
}

/* Characters that steer a terminal, break a line, hide, or turn the reading
 * direction, so that a text shows other than it is. */
static bool steers(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C ||
           code == 0x200B || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF ||
           (code & 0xFFFE) == 0xFFFE;
}

static void add_char(struct buf *out, struct character c)
{
    if (c.bad)
        buf_adds(out, REPLACEMENT);
    else
        buf_add(out, c.p, c.len);
}

void escape_text(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct character c = next_char(s, n, &i);

        if (!steers(c.code))
            add_char(out, c);
        else if (c.code < 0x80)
            buf_addf(out, "\\x%02x", (unsigned)c.code);
        else
            buf_addf(out, "\\u{%04x}", (unsigned)c.code);
    }
}

static const char *html_entity(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\r':
        return " ";
    case '\n':
        return "\n";
    case '\t':
        return "\t";
    }
    return steers(code) ? REPLACEMENT : NULL;
}

void escape_html(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct character c = next_char(s, n, &i);
        const char *entity = html_entity(c.code);

        if (entity != NULL)
            buf_adds(out, entity);
        else
            add_char(out, c);
    }
}

/* "-12.5", "1e3": a sign, digits, a point, an exponent; all of the field. */
static bool is_number(const char *s, size_t n)
{
    char text[64];
    char *end;

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    if (strspn(text, "+-.0123456789eE") < n)
        return false;
    strtod(text, &end);
    return *end == '\0' && end != text;
}

void escape_csv(struct buf *out, const char *s, size_t n)
{
    bool formula =
        n > 0 && memchr("=+-@\t\r", s[0], 6) != NULL && !is_number(s, n);
    bool quote = formula;

    for (size_t i = 0; i < n && !quote; i++)
        quote = s[i] == ',' || s[i] == '"' || s[i] == ';' || s[i] == '\t' ||
                s[i] == '\r' || s[i] == '\n' ||
                (s[i] == ' ' && (i == 0 || i + 1 == n));
    if (quote)
        buf_addc(out, '"');
    if (formula)
        buf_addc(out, '\'');
    for (size_t i = 0; i < n;) {
        struct character c = next_char(s, n, &i);

        if (c.code == '"')
            buf_adds(out, "\"\"");
        else if (c.code == '\n' || c.code == '\r')
            buf_addc(out, ' ');
        else if (c.code != '\t' && steers(c.code))
            buf_adds(out, REPLACEMENT);
        else
            add_char(out, c);
    }
    if (quote)
        buf_addc(out, '"');
}

void escape_gnuplot(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct character c = next_char(s, n, &i);

        if (c.code == '\'')
            buf_adds(out, "''");
        else if (steers(c.code))
            buf_addc(out, ' ');
        else
            add_char(out, c);
    }
}

/* True when the character before `i` makes an automatic link of "://" or
 * "www." there, which GitHub's dialect of Markdown does without brackets. */
static bool starts_link(const char *s, size_t n, size_t i)
{
    if (s[i] == ':')
        return i + 2 < n && s[i + 1] == '/' && s[i + 2] == '/';
    return s[i] == '.' && i >= 3 && memcmp(s + i - 3, "www", 3) == 0;
}

/* True when all before `i` are digits, so that "1." or "1)" would start a
 * list. */
static bool ends_ordinal(const char *s, size_t i)
{
    return i > 0 && i < 10 && strspn(s, "0123456789") >= i;
}

static void add_markdown(struct buf *out, const char *s, size_t n, size_t at,
                         struct character c)
{
    char ch = c.code < 0x80 ? (char)c.code : 'x';

    if (ch == '&')
        buf_adds(out, "&amp;");
    else if (ch == '<')
        buf_adds(out, "&lt;");
    else if (ch == '>')
        buf_adds(out, "&gt;");
    else if (ch == '@') /* a backslash does not stop a mention */
        buf_adds(out, "&#64;");
    else if (ch == '\n' || ch == '\r' || ch == '\t')
        buf_addc(out, ' ');
    else if (steers(c.code))
        buf_adds(out, REPLACEMENT);
    else {
        if (strchr("\\`*_[]#|~!$", ch) != NULL ||
            (at == 0 && strchr("+-=:", ch) != NULL) ||
            ((ch == '.' || ch == ')') && ends_ordinal(s, at) &&
             (at + 1 == n || s[at + 1] == ' ')) ||
            ((ch == ':' || ch == '.') && starts_link(s, n, at)))
            buf_addc(out, '\\');
        add_char(out, c);
    }
}

void escape_markdown(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t at = i;
        struct character c = next_char(s, n, &i);

        add_markdown(out, s, n, at, c);
    }
}
