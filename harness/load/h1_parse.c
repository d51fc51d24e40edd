#include "harness/load/h1_parse.h"

#include <string.h>
#include <strings.h>

/* Chunk extensions and trailers beyond this are an attack. */
#define OVERHEAD_MAX (64u << 10)

/* Characters of a token (RFC 9110, 5.6.2), and of a field value. */
static const unsigned char token_char[256] = {
    ['!'] = 1,         ['#'] = 1,         ['$'] = 1, ['%'] = 1,
    ['&'] = 1,         ['\''] = 1,        ['*'] = 1, ['+'] = 1,
    ['-'] = 1,         ['.'] = 1,         ['^'] = 1, ['_'] = 1,
    ['`'] = 1,         ['|'] = 1,         ['~'] = 1, ['0' ... '9'] = 1,
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};
static const unsigned char value_char[256] = {
    ['\t'] = 1,
    [' ' ... '~'] = 1,
    [128 ... 255] = 1,
};

/* What the fields say about framing, gathered over all of them. */
struct framing {
    bool has_length, has_coding, chunked, close, keep_alive;
    uint64_t length;
};

static bool all_value_chars(const char *p, const char *end)
{
    for (; p < end; p++)
        if (!value_char[(unsigned char)*p])
            return false;
    return true;
}

/* Digits and nothing else, at most 18 of them. */
static bool parse_length(const char *p, size_t n, uint64_t *out)
{
    uint64_t v = 0;

    if (n == 0 || n > 18)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(p[i] - '0');
    }
    *out = v;
    return true;
}

/* The next element of a comma-separated list, trimmed; false at the end. */
static bool next_item(const char **p, const char *end, const char **item,
                      size_t *n)
{
    const char *comma, *stop;

    if (*p > end)
        return false;
    comma = memchr(*p, ',', (size_t)(end - *p));
    stop = comma != NULL ? comma : end;
    *item = *p;
    *p = comma != NULL ? comma + 1 : end + 1;
    while (*item < stop && (**item == ' ' || **item == '\t'))
        ++*item;
    while (stop > *item && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *n = (size_t)(stop - *item);
    return true;
}

static bool is(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(p, word, n) == 0;
}

static const char *take_length(struct framing *f, const char *p,
                               const char *end)
{
    const char *item;
    size_t n;

    while (next_item(&p, end, &item, &n)) {
        uint64_t v;

        if (!parse_length(item, n, &v))
            return "a Content-Length that is no plain number";
        if (f->has_length && v != f->length)
            return "two different Content-Lengths";
        f->has_length = true;
        f->length = v;
    }
    return NULL;
}

static const char *take_coding(struct framing *f, const char *p,
                               const char *end)
{
    const char *item;
    size_t n;

    while (next_item(&p, end, &item, &n)) {
        /* Whatever comes behind chunked makes the end ambiguous. */
        if (f->chunked || n == 0)
            return "a Transfer-Encoding that does not end in one chunked";
        f->has_coding = true;
        f->chunked = is(item, n, "chunked");
    }
    return NULL;
}

static void take_connection(struct framing *f, const char *p, const char *end)
{
    const char *item;
    size_t n;

    while (next_item(&p, end, &item, &n)) {
        f->close = f->close || is(item, n, "close");
        f->keep_alive = f->keep_alive || is(item, n, "keep-alive");
    }
}

/* One field line without its CRLF. Returns what is wrong with it, or NULL. */
static const char *take_field(struct framing *f, const char *p, const char *end)
{
    const char *name = p;
    size_t n;

    while (p < end && token_char[(unsigned char)*p])
        p++;
    n = (size_t)(p - name);
    if (n == 0)
        return "a field without a name, or a folded line";
    if (p == end || *p != ':')
        return "a field name that is no token";
    p++;
    if (!all_value_chars(p, end))
        return "a control character in a field";
    /* Most fields are none of the three: their lengths say so. */
    if (n == 14 && is(name, n, "Content-Length"))
        return take_length(f, p, end);
    if (n == 17 && is(name, n, "Transfer-Encoding"))
        return take_coding(f, p, end);
    if (n == 10 && is(name, n, "Connection"))
        take_connection(f, p, end);
    return NULL;
}

/* "HTTP/1.x SSS reason" without its CRLF. */
static const char *take_status(const char *p, const char *end, int *status,
                               bool *http10)
{
    if (end - p < 12 || memcmp(p, "HTTP/1.", 7) != 0 ||
        (p[7] != '0' && p[7] != '1') || p[8] != ' ')
        return "no HTTP/1 status line";
    *http10 = p[7] == '0';
    for (int i = 9; i < 12; i++)
        if (p[i] < '0' || p[i] > '9')
            return "no status code of three digits";
    *status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    if (*status < 100 || (end > p + 12 && p[12] != ' '))
        return "no status code of three digits";
    return all_value_chars(p + 12, end) ? NULL
                                        : "a control character in the reason";
}

static const char *decide(const struct framing *f, bool http10,
                          bool head_request, struct h1_head *out)
{
    out->keep_alive = http10 ? f->keep_alive && !f->close : !f->close;
    out->content_length = 0;
    if (f->has_coding && f->has_length)
        return "Content-Length beside Transfer-Encoding";
    if (f->has_coding && (!f->chunked || http10))
        return "a Transfer-Encoding that does not end in one chunked";
    if (head_request || out->status < 200 || out->status == 204 ||
        out->status == 304) {
        out->framing = H1_NO_BODY;
    } else if (f->chunked) {
        out->framing = H1_CHUNKED;
    } else if (f->has_length) {
        out->framing = f->length > 0 ? H1_LENGTH : H1_NO_BODY;
        out->content_length = f->length;
    } else {
        out->framing = H1_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return NULL;
}

/* The line end that is an empty line; NULL: not here yet. `*seen` moves to
 * the start of the last line that is not whole. */
static const char *find_end(const char *p, size_t n, size_t *seen)
{
    const char *line = p + *seen, *end = p + n, *eol;

    while (line < end &&
           (eol = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        if (eol == line || (eol == line + 1 && *line == '\r'))
            return eol + 1;
        line = eol + 1;
    }
    *seen = (size_t)(line - p);
    return NULL;
}

/* A start that can never become a status line need not be waited for. */
static bool may_start(const char *p, size_t n)
{
    return memcmp(p, "HTTP/1.", n < 7 ? n : 7) == 0;
}

enum h1_result h1_parse_head(const char *p, size_t n, size_t *seen,
                             bool head_request, struct h1_head *out,
                             const char **why)
{
    struct framing f = {0};
    const char *line = p, *end;
    bool http10 = false;

    if (!may_start(p, n)) {
        *why = "no HTTP/1 status line";
        return H1_BAD;
    }
    end = find_end(p, n, seen);
    if (end == NULL)
        return H1_PARTIAL;
    for (;;) {
        const char *eol = memchr(line, '\n', (size_t)(end - line));

        *why = NULL;
        if (eol == line || eol[-1] != '\r')
            *why = "a line that ends in a bare LF";
        else if (line == p)
            *why = take_status(line, eol - 1, &out->status, &http10);
        else if (eol == line + 1)
            break;
        else
            *why = take_field(&f, line, eol - 1);
        if (*why != NULL)
            return H1_BAD;
        if (line == p)
            out->fields = eol + 1;
        line = eol + 1;
    }
    out->fields_len = (size_t)(line - out->fields);
    out->len = (size_t)(end - p);
    *why = decide(&f, http10, head_request, out);
    return *why == NULL ? H1_OK : H1_BAD;
}

/* ---- chunks ---- */

enum {
    SIZE,   /* hex digits */
    BLANKS, /* blanks behind them */
    EXT,    /* ";..." up to the CR */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* at the start of a line behind the last chunk */
    FIELD,   /* within a trailer line */
    FIELD_LF,
    END_LF,
    THROUGH,
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* Everything up to and with the LF behind the size. */
static enum h1_result size_char(struct h1_chunks *c, char ch)
{
    int digit;

    switch (c->state) {
    case SIZE:
        digit = hex(ch);
        if (digit >= 0) {
            /* Up to 2^60: no real size is larger, nothing overflows. */
            if (++c->digits > 16 || c->left >> 56 != 0)
                return H1_BAD;
            c->left = c->left << 4 | (uint64_t)digit;
            return H1_PARTIAL;
        }
        if (c->digits == 0)
            return H1_BAD;
        c->state = BLANKS;
        /* fall through */
    case BLANKS:
        if (ch == ' ' || ch == '\t')
            break;
        if (ch == '\r')
            c->state = SIZE_LF;
        else if (ch == ';')
            c->state = EXT;
        else
            return H1_BAD;
        break;
    case EXT:
        if (ch == '\r')
            c->state = SIZE_LF;
        else if (!value_char[(unsigned char)ch])
            return H1_BAD;
        break;
    default: /* SIZE_LF */
        if (ch != '\n')
            return H1_BAD;
        c->state = c->left > 0 ? DATA : TRAILER;
        return H1_PARTIAL;
    }
    return ++c->overhead > OVERHEAD_MAX ? H1_BAD : H1_PARTIAL;
}

/* The CRLF behind a chunk's data, and the trailer. */
static enum h1_result other_char(struct h1_chunks *c, char ch)
{
    switch (c->state) {
    case DATA_CR:
        c->state = DATA_LF;
        return ch == '\r' ? H1_PARTIAL : H1_BAD;
    case DATA_LF:
        c->state = SIZE;
        c->digits = 0;
        c->left = 0;
        return ch == '\n' ? H1_PARTIAL : H1_BAD;
    case TRAILER:
        if (ch == '\r') {
            c->state = END_LF;
            return H1_PARTIAL;
        }
        c->state = FIELD;
        /* A line that starts with a blank is a folded one. */
        if (!token_char[(unsigned char)ch])
            return H1_BAD;
        break;
    case FIELD:
        if (ch == '\r')
            c->state = FIELD_LF;
        else if (!value_char[(unsigned char)ch])
            return H1_BAD;
        break;
    case FIELD_LF:
        c->state = TRAILER;
        return ch == '\n' ? H1_PARTIAL : H1_BAD;
    default: /* END_LF */
        c->state = THROUGH;
        return ch == '\n' ? H1_OK : H1_BAD;
    }
    return ++c->overhead > OVERHEAD_MAX ? H1_BAD : H1_PARTIAL;
}

enum h1_result h1_parse_chunks(struct h1_chunks *c, const char **p,
                               const char *end, const char **data, size_t *len)
{
    if (c->state == THROUGH)
        return H1_OK;
    while (*p < end) {
        enum h1_result r;

        if (c->state == DATA) {
            uint64_t here = (uint64_t)(end - *p);

            *len = (size_t)(here < c->left ? here : c->left);
            *data = *p;
            *p += *len;
            c->left -= *len;
            if (c->left == 0)
                c->state = DATA_CR;
            return H1_DATA;
        }
        r = c->state < DATA ? size_char(c, *(*p)++) : other_char(c, *(*p)++);
        if (r != H1_PARTIAL)
            return r;
    }
    return H1_PARTIAL;
}
