#include "harness/load/h1_answer.h"

#include "harness/load/sink.h"

#include <string.h>

void h1_answer_init(struct h1_answer *a, uint64_t max_body, size_t max_piece,
                    struct h1_heads *heads)
{
    *a = (struct h1_answer){.heads = heads, .max_body = max_body};
    buf_init(&a->in, H1_HEAD_MAX + max_piece);
}

void h1_answer_release(struct h1_answer *a)
{
    buf_release(&a->in);
}

void h1_answer_begin(struct h1_answer *a, struct transfer *t)
{
    a->t = t;
    a->head_request = strcmp(t->method, "HEAD") == 0;
    a->heard = a->in_body = a->surplus = false;
    a->interims = 0;
    a->seen = 0;
    a->error = TRANSFER_OK;
    if (a->in.len > 0)
        buf_reset(&a->in);
    t->body_bytes = 0;
    t->kept = t->kept_headers = 0;
    t->status = 0;
}

static enum h1_progress failed(struct h1_answer *a, enum transfer_error error)
{
    a->error = error;
    return H1_FAILED;
}

/* The head is known: what comes now? */
static enum h1_progress begin_body(struct h1_answer *a)
{
    struct transfer *t = a->t;

    sink_headers(t, a->head.fields, a->head.fields_len);
    t->status = a->head.status;
    a->in_body = true;
    a->left = a->head.content_length;
    a->chunks = (struct h1_chunks){0};
    if (a->head.framing == H1_NO_BODY)
        return H1_WHOLE;
    if (a->head.framing == H1_LENGTH && a->max_body > 0 &&
        a->left > a->max_body)
        return failed(a, TRANSFER_TOO_LARGE);
    return H1_MORE;
}

static enum h1_progress take_chunks(struct h1_answer *a, const char **p,
                                    const char *end)
{
    const char *data;
    enum h1_result r;
    size_t n;

    while ((r = h1_parse_chunks(&a->chunks, p, end, &data, &n)) == H1_DATA)
        if (!sink_body(a->t, data, n, a->max_body))
            return failed(a, TRANSFER_TOO_LARGE);
    if (r == H1_BAD)
        return failed(a, TRANSFER_PROTOCOL);
    return r == H1_OK ? H1_WHOLE : H1_MORE;
}

/* Takes body bytes from `*p`; moves it behind what belongs to this answer. */
static enum h1_progress take_body(struct h1_answer *a, const char **p,
                                  const char *end)
{
    size_t n = (size_t)(end - *p);

    if (a->head.framing == H1_CHUNKED)
        return take_chunks(a, p, end);
    if (a->head.framing == H1_LENGTH && n > a->left)
        n = (size_t)a->left;
    if (!sink_body(a->t, *p, n, a->max_body))
        return failed(a, TRANSFER_TOO_LARGE);
    *p += n;
    if (a->head.framing == H1_UNTIL_CLOSE)
        return H1_MORE;
    a->left -= n;
    return a->left == 0 ? H1_WHOLE : H1_MORE;
}

/* Takes heads up to the one that counts. On H1_MORE and not in_body what lies
 * at `*p` is the start of a head. */
static enum h1_progress take_heads(struct h1_answer *a, const char **p,
                                   const char *end)
{
    while (*p < end) {
        const char *why;

        switch (h1_heads_parse(a->heads, *p, (size_t)(end - *p), &a->seen,
                               a->head_request, &a->head, &why)) {
        case H1_PARTIAL:
            return (size_t)(end - *p) < H1_HEAD_MAX
                       ? H1_MORE
                       : failed(a, TRANSFER_PROTOCOL);
        case H1_OK:
            break;
        default:
            return failed(a, TRANSFER_PROTOCOL);
        }
        *p += a->head.len;
        a->seen = 0;
        if (a->head.status >= 200)
            return begin_body(a);
        /* Nobody asked for another protocol. */
        if (a->head.status == 101 || ++a->interims > H1_INTERIM_MAX)
            return failed(a, TRANSFER_PROTOCOL);
    }
    return H1_MORE;
}

/* Keeps the start of a head, from `p` on, for the next time. */
static enum h1_progress keep_rest(struct h1_answer *a, const char *p,
                                  const char *end)
{
    size_t n = (size_t)(end - p);

    if (a->in.len > 0) {
        memmove(a->in.p, p, n);
        a->in.len = n;
    } else if (buf_add(&a->in, p, n) != 0) {
        return failed(a, TRANSFER_PROTOCOL);
    }
    return H1_MORE;
}

enum h1_progress h1_answer_take(struct h1_answer *a, const char *p, size_t n)
{
    const char *end = p + n;
    enum h1_progress g = H1_MORE;

    a->heard = true;
    if (a->in.len > 0) {
        /* Heads in pieces are rare: put together in a buffer of their own. */
        if (buf_add(&a->in, p, n) != 0)
            return failed(a, TRANSFER_PROTOCOL);
        p = a->in.p;
        end = p + a->in.len;
    }
    if (!a->in_body)
        g = take_heads(a, &p, end);
    if (g == H1_MORE && !a->in_body)
        return keep_rest(a, p, end);
    if (g == H1_MORE && p < end)
        g = take_body(a, &p, end);
    a->surplus = g == H1_WHOLE && p < end;
    if (a->in.len > 0)
        buf_reset(&a->in);
    return g;
}

uint64_t h1_answer_skippable(const struct h1_answer *a)
{
    const struct transfer *t = a->t;

    if (!a->in_body || a->head.framing != H1_LENGTH ||
        (t->keep != NULL && t->kept < t->keep_max))
        return 0;
    return a->left;
}

enum h1_progress h1_answer_skipped(struct h1_answer *a, uint64_t n)
{
    a->left -= n;
    a->t->body_bytes += n;
    return a->left == 0 ? H1_WHOLE : H1_MORE;
}

enum h1_progress h1_answer_eof(struct h1_answer *a)
{
    if (a->in_body && a->head.framing == H1_UNTIL_CLOSE)
        return H1_WHOLE;
    return failed(a, TRANSFER_CLOSED);
}

bool h1_answer_keeps_alive(const struct h1_answer *a)
{
    return a->head.keep_alive && !a->surplus;
}
