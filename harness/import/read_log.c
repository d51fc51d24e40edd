/* Access logs of nginx and Apache, common and combined:
 *
 *   127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 23
 *
 * Anything may stand before the first '[' and behind the status, so that
 * virtual-host prefixes and added fields do no harm. */
#include "harness/import/recorded.h"

#include <ctype.h>
#include <string.h>

/* Undoes \" \\ and \xNN inside the quoted request, up to its closing quote.
 * Gives what follows the quote, or NULL. */
static const char *unquote(const char *s, const char *end, char *out,
                           size_t size, size_t *len)
{
    *len = 0;
    while (s < end && *s != '"') {
        int c = (unsigned char)*s++;

        if (c == '\\' && s < end && *s == 'x' && end - s >= 3 &&
            isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
            c = 0;
            for (int i = 1; i <= 2; i++)
                c = c * 16 + (isdigit((unsigned char)s[i])
                                  ? s[i] - '0'
                                  : tolower((unsigned char)s[i]) - 'a' + 10);
            s += 3;
        } else if (c == '\\' && s < end && (*s == '"' || *s == '\\')) {
            c = (unsigned char)*s++;
        }
        if (*len + 1 >= size)
            return NULL;
        out[(*len)++] = (char)c;
    }
    out[*len] = '\0';
    return s < end ? s + 1 : NULL;
}

static int read_status(const char *s, const char *end)
{
    while (s < end && *s == ' ')
        s++;
    if (end - s < 3)
        return 0;
    for (int i = 0; i < 3; i++)
        if (!isdigit((unsigned char)s[i]))
            return 0;
    return s[0] >= '1' && s[0] <= '5'
               ? (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0')
               : 0;
}

/* Splits "GET /a b HTTP/1.1": the target ends at the last " HTTP/". */
static bool read_request(const char *s, size_t n, struct recorded *r,
                         char *path, size_t size)
{
    const char *space = memchr(s, ' ', n), *target, *end = s + n;

    if (space == NULL)
        return false;
    r->method = recorded_method(s, (size_t)(space - s));
    target = space + 1;
    for (const char *p = end; p > target; p--)
        if (end - p >= 6 && memcmp(p, " HTTP/", 6) == 0) {
            end = p;
            break;
        }
    r->path = path;
    return r->method != NULL &&
           recorded_path(target, (size_t)(end - target), path, size);
}

/* Reads one line. 1: a request; 0: understood, but nothing to send; -1: not
 * understood. */
static int read_line(const char *s, size_t n, struct recorded *r, char *request,
                     char *path)
{
    const char *end = s + n, *open = memchr(s, '[', n), *close, *quote;
    size_t len;

    close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
    if (close == NULL)
        return -1;
    r->at_us = recorded_time_clf(open + 1, (size_t)(close - open - 1));
    if (r->at_us == INT64_MIN)
        r->at_us = recorded_time_iso(open + 1, (size_t)(close - open - 1),
                                     &r->whole_seconds);
    quote = memchr(close, '"', (size_t)(end - close));
    if (quote == NULL)
        return -1;
    quote = unquote(quote + 1, end, request, RECORDED_PATH_MAX, &len);
    if (quote == NULL)
        return -1;
    r->status = read_status(quote, end);
    if (r->status == 0)
        return -1;
    return read_request(request, len, r, path, RECORDED_PATH_MAX) ? 1 : 0;
}

int recorded_read_log(const char *text, size_t len,
                      const struct recorded_sink *sink, struct err *err)
{
    char request[RECORDED_PATH_MAX], path[RECORDED_PATH_MAX];
    struct import_summary *sum = sink->summary;
    const char *p = text, *end = text + len;
    int line = 0;

    (void)err;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl != NULL ? nl : end) - p);
        struct recorded r = {.whole_seconds = true, .line = line + 1};
        int got;

        line++;

        if (n > 0 && p[n - 1] == '\r')
            n--;
        got = n > IMPORT_LINE_MAX ? -1 : read_line(p, n, &r, request, path);
        p = nl != NULL ? nl + 1 : end;
        if (n == 0)
            continue;
        sum->lines++;
        if (got < 0 && sum->unread++ == 0)
            sum->first_unread = line;
        if (got == 0)
            sum->left_out++;
        if (got > 0 && sink->take(sink->user, &r) != 0)
            break;
    }
    return 0;
}
