#include "harness/load/h1_parse.h"

#include <string.h>

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

/* Eight bytes that a value may have and none of which is a tab: no byte below
 * 32, none that is 127. The usual bit tricks: subtracting borrows into a
 * byte's top bit when the byte was too small. */
static bool plain8(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t x, del;

    memcpy(&x, p, sizeof x);
    del = x ^ ones * 127;
    return ((((x - ones * 32) & ~x) | ((del - ones) & ~del)) & tops) == 0;
}

/* The first byte from `p` on that no value may have, or `end`. */
static const char *skip_value(const char *p, const char *end)
{
    const char *stop;

    do {
        while (end - p >= 8 && plain8(p))
            p += 8;
        stop = end - p < 8 ? end : p + 8;
        while (p < stop && value_char[(unsigned char)*p])
            p++;
    } while (p == stop && p < end);
    return p;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
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
    *item = skip_blanks(*p, stop);
    *p = comma != NULL ? comma + 1 : end + 1;
    while (stop > *item && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *n = (size_t)(stop - *item);
    return true;
}

static bool same8(const char *p, const char *word)
{
    const uint64_t blanks = 0x2020202020202020u;
    uint64_t a, b;

    memcpy(&a, p, sizeof a);
    memcpy(&b, word, sizeof b);
    return (a | blanks) == b;
}

/* Is it `word`, which has small letters and hyphens only, in any case? Adding
 * the bit of small letters makes these of letters, hyphens, and of CR, which
 * stands in nothing that is compared here. */
static inline bool is(const char *p, size_t n, const char *word)
{
    size_t len = strlen(word), i = 0;

    if (n != len)
        return false;
    if (len >= 8) {
        for (; i + 8 < len; i += 8)
            if (!same8(p + i, word + i))
                return false;
        return same8(p + len - 8, word + len - 8);
    }
    for (; i < len; i++)
        if ((p[i] | ' ') != word[i])
            return false;
    return true;
}

/* Digits and nothing else, at most 18 of them; the same again behind commas. */
static const char *take_length(struct framing *f, const char *p,
                               const char *end)
{
    for (;;) {
        const char *digits = p = skip_blanks(p, end);
        uint64_t v = 0;

        for (; p < end && *p >= '0' && *p <= '9' && p - digits < 19; p++)
            v = v * 10 + (uint64_t)(*p - '0');
        if (p == digits || p - digits > 18)
            return "a Content-Length that is no plain number";
        p = skip_blanks(p, end);
        if (p < end && *p != ',')
            return "a Content-Length that is no plain number";
        if (f->has_length && v != f->length)
            return "two different Content-Lengths";
        f->has_length = true;
        f->length = v;
        if (p == end)
            return NULL;
        p++;
    }
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

/* Lines are taken in one pass: H1_OK moves `*p` behind the CRLF, H1_PARTIAL
 * says that the bytes end within the line. */

static enum h1_result bad(const char **why, const char *text)
{
    *why = text;
    return H1_BAD;
}

/* The end of a line whose last value ended at `p`. */
static enum h1_result take_eol(const char **p, const char *end,
                               const char **why)
{
    if (end - *p < 2)
        return H1_PARTIAL;
    if (**p == '\n')
        return bad(why, "a line that ends in a bare LF");
    if (**p != '\r' || (*p)[1] != '\n')
        return bad(why, "a control character in a line");
    *p += 2;
    return H1_OK;
}

static enum h1_result take_field(struct framing *f, const char **p,
                                 const char *end, const char **why)
{
    const char *name = *p, *q = name, *value;
    enum h1_result r;
    size_t n;

    while (q < end && token_char[(unsigned char)*q])
        q++;
    n = (size_t)(q - name);
    if (q == end)
        return H1_PARTIAL;
    if (n == 0)
        return bad(why, "a field without a name, or a folded line");
    if (*q != ':')
        return bad(why, "a field name that is no token");
    value = q + 1;
    *p = q = skip_value(value, end);
    r = take_eol(p, end, why);
    if (r != H1_OK)
        return r;
    *why = NULL;
    /* Most fields are none of the three: their lengths say so. */
    if (n == 14 && is(name, n, "content-length"))
        *why = take_length(f, value, q);
    else if (n == 17 && is(name, n, "transfer-encoding"))
        *why = take_coding(f, value, q);
    else if (n == 10 && is(name, n, "connection"))
        take_connection(f, value, q);
    return *why == NULL ? H1_OK : H1_BAD;
}

/* "HTTP/1.x SSS reason". */
static enum h1_result take_status(const char **p, const char *end, int *status,
                                  bool *http10, const char **why)
{
    const char *q = *p;

    if (end - q < 13)
        return H1_PARTIAL;
    if (memcmp(q, "HTTP/1.", 7) != 0 || (q[7] != '0' && q[7] != '1') ||
        q[8] != ' ')
        return bad(why, "no HTTP/1 status line");
    *http10 = q[7] == '0';
    for (int i = 9; i < 12; i++)
        if (q[i] < '0' || q[i] > '9')
            return bad(why, "no status code of three digits");
    *status = (q[9] - '0') * 100 + (q[10] - '0') * 10 + (q[11] - '0');
    if (*status < 100 || (q[12] != ' ' && value_char[(unsigned char)q[12]]))
        return bad(why, "no status code of three digits");
    *p = skip_value(q + 12, end);
    return take_eol(p, end, why);
}

/* All lines, the empty one included, which `*p` is moved behind. */
static enum h1_result take_lines(const char **p, const char *end,
                                 struct framing *f, bool *http10,
                                 struct h1_head *out, const char **why)
{
    enum h1_result r = take_status(p, end, &out->status, http10, why);

    out->fields = *p;
    while (r == H1_OK) {
        if (end - *p >= 2 && (*p)[0] == '\r' && (*p)[1] == '\n') {
            out->fields_len = (size_t)(*p - out->fields);
            *p += 2;
            return H1_OK;
        }
        r = take_field(f, p, end, why);
    }
    return r;
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

/* Is the empty line here? `*seen` moves to the start of the last line that is
 * not whole. */
static bool has_end(const char *p, size_t n, size_t *seen)
{
    const char *line = p + *seen, *end = p + n, *eol;

    while (line < end &&
           (eol = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        if (eol == line || (eol == line + 1 && *line == '\r'))
            return true;
        line = eol + 1;
    }
    *seen = (size_t)(line - p);
    return false;
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
    const char *at = p;
    enum h1_result r;
    bool http10 = false;

    if (!may_start(p, n))
        return bad(why, "no HTTP/1 status line");
    /* Nearly always all of a head is here at once, and one look does. In
       pieces, nothing is said before the last one. */
    if (*seen > 0 || memchr(p, '\n', n) == NULL)
        if (!has_end(p, n, seen))
            return H1_PARTIAL;
    r = take_lines(&at, p + n, &f, &http10, out, why);
    if (r != H1_OK && *seen == 0 && !has_end(p, n, seen))
        return H1_PARTIAL;
    if (r == H1_PARTIAL)
        return bad(why, "no HTTP/1 status line"); /* whole, and too short */
    if (r != H1_OK)
        return r;
    out->len = (size_t)(at - p);
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
