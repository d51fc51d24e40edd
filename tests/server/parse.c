/* Requests out of a byte stream; see parse.h. */
#include "tests/server/parse.h"

#include <string.h>
#include <strings.h>

void parse_init(struct parse *p)
{
    p->n = p->scanned = p->nhead = p->nkept = 0;
    p->left = 0;
}

char *parse_room(struct parse *p, size_t *room)
{
    if (p->n == PARSE_BUFFER) /* only when the rest is dropped: hung */
        p->n = 0;
    *room = PARSE_BUFFER - p->n;
    return p->buffer + p->n;
}

void parse_feed(struct parse *p, size_t n)
{
    p->n += n;
}

/* The value of the header line when it is called `name`; else NULL. */
static const char *value_of(const char *line, size_t n, const char *name)
{
    size_t k = strlen(name);

    if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
        return NULL;
    for (k++; k < n && (line[k] == ' ' || line[k] == '\t'); k++)
        ;
    return line + k;
}

static bool length_of(const char *v, const char *end, uint64_t *out)
{
    uint64_t n = 0;

    if (v == end)
        return false;
    for (; v < end; v++) {
        if (*v < '0' || *v > '9' || n > UINT64_MAX / 16)
            return false;
        n = n * 10 + (uint64_t)(*v - '0');
    }
    *out = n;
    return true;
}

/* One header line, without its CRLF. False when it cannot be served. */
static bool take_header(struct parse *p, const char *line, size_t n)
{
    const char *end = line + n, *v;

    switch (*line | 0x20) {
    case 'c':
        v = value_of(line, n, "content-length");
        if (v != NULL)
            return length_of(v, end, &p->left);
        v = value_of(line, n, "connection");
        if (v != NULL && end - v >= 5 && strncasecmp(v, "close", 5) == 0)
            p->request.close = true;
        v = value_of(line, n, "cookie");
        if (v != NULL) {
            p->cookie = (size_t)(v - p->buffer);
            p->request.ncookie = (size_t)(end - v);
        }
        return true;
    case 'e':
        v = value_of(line, n, "expect");
        p->more_expected |= v != NULL;
        return true;
    case 't':
        return value_of(line, n, "transfer-encoding") == NULL;
    default:
        return true;
    }
}

/* METHOD SP TARGET SP HTTP/1.x */
static bool take_request_line(struct parse *p, size_t n)
{
    const char *line = p->buffer;
    const char *sp = memchr(line, ' ', n), *sp2;

    if (sp == NULL || sp == line || sp[1] != '/')
        return false;
    sp2 = memchr(sp + 1, ' ', n - (size_t)(sp + 1 - line));
    if (sp2 == NULL || n - (size_t)(sp2 - line) != 9 ||
        memcmp(sp2, " HTTP/1.", 8) != 0)
        return false;
    p->request.nmethod = (size_t)(sp - line);
    p->target = (size_t)(sp + 1 - line);
    p->ntarget = (size_t)(sp2 - sp - 1);
    p->request.close = sp2[8] == '0';
    return true;
}

static bool take_head(struct parse *p)
{
    const char *at = p->buffer, *end = p->buffer + p->nhead - 2;
    bool first = true;

    p->left = 0;
    p->nkept = 0;
    p->more_expected = false;
    p->request.close = false;
    p->request.ncookie = 0;
    p->request.body_length = 0;
    p->request.body_digest = 14695981039346656037u;
    while (at < end) {
        const char *cr = memchr(at, '\r', (size_t)(end - at) + 1);
        size_t n;

        if (cr == NULL || cr[1] != '\n')
            return false;
        n = (size_t)(cr - at);
        if (first ? !take_request_line(p, n) : n == 0 || !take_header(p, at, n))
            return false;
        first = false;
        at = cr + 2;
    }
    return !first;
}

/* Digests the body bytes that are in; keeps the first ones. */
static void take_body(struct parse *p)
{
    char *from = p->buffer + p->nhead + p->nkept;
    size_t in = p->n - p->nhead - p->nkept;
    size_t n = in < p->left ? in : (size_t)p->left, keep;
    uint64_t h = p->request.body_digest;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)from[i]) * 1099511628211u;
    p->request.body_digest = h;
    p->request.body_length += n;
    p->left -= n;
    keep = p->nkept < PARSE_KEEP ? PARSE_KEEP - p->nkept : 0;
    keep = keep < n ? keep : n;
    if (p->nhead + p->nkept + keep > PARSE_BUFFER / 2)
        keep = 0; /* a large head: leave room to receive */
    memmove(from + keep, from + n, in - n);
    p->nkept += keep;
    p->n -= n - keep;
}

enum parse_result parse_step(struct parse *p)
{
    if (p->nhead == 0) {
        char *end;

        if (p->n == 0)
            return PARSE_MORE;
        end = memmem(p->buffer + p->scanned, p->n - p->scanned, "\r\n\r\n", 4);
        if (end == NULL) {
            p->scanned = p->n > 3 ? p->n - 3 : 0;
            return p->n >= PARSE_BUFFER / 2 ? PARSE_LARGE : PARSE_MORE;
        }
        p->nhead = (size_t)(end + 4 - p->buffer);
        if (!take_head(p))
            return PARSE_BAD;
    }
    if (p->left > 0)
        take_body(p);
    if (p->left == 0)
        return PARSE_WHOLE;
    if (p->more_expected) {
        p->more_expected = false;
        return PARSE_CONTINUE;
    }
    return PARSE_MORE;
}

void parse_request(struct parse *p, struct request *q)
{
    const char *mark;

    *q = p->request;
    q->method = q->head = p->buffer;
    q->nhead = p->nhead;
    q->path = p->buffer + p->target;
    mark = memchr(q->path, '?', p->ntarget);
    q->npath = mark != NULL ? (size_t)(mark - q->path) : p->ntarget;
    q->query = mark != NULL ? mark + 1 : q->path + p->ntarget;
    q->nquery = mark != NULL ? p->ntarget - q->npath - 1 : 0;
    q->body = p->buffer + p->nhead;
    q->nbody = p->nkept;
    q->cookie = q->ncookie > 0 ? p->buffer + p->cookie : NULL;
}

void parse_next(struct parse *p)
{
    size_t used = p->nhead + p->nkept;

    memmove(p->buffer, p->buffer + used, p->n - used);
    p->n -= used;
    p->scanned = p->nhead = p->nkept = 0;
}
