/* The response parser: any bytes, in any pieces, must end in the same answer
 * and never read behind the end. The first byte chooses the piece length and
 * whether the request was HEAD; the rest is what the peer sent. A head that
 * is known from before must say what it said then. */
#include "harness/load/h1_heads.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Body bytes of a chunked body fed in pieces of `step`, as a checksum. */
static enum h1_result unchunk(const char *p, size_t n, size_t step,
                              uint64_t *sum, size_t *used)
{
    struct h1_chunks c = {0};
    enum h1_result r = H1_PARTIAL;
    size_t at = 0;

    *sum = 0;
    while (at < n && r == H1_PARTIAL) {
        size_t k = n - at < step ? n - at : step, len;
        /* An allocation of its own, so that ASan sees its end. */
        char *piece = malloc(k);
        const char *q = piece, *data;

        memcpy(piece, p + at, k);
        while ((r = h1_parse_chunks(&c, &q, piece + k, &data, &len)) ==
               H1_DATA) {
            check(len > 0 && data >= piece && data + len <= piece + k);
            for (size_t i = 0; i < len; i++)
                *sum = *sum * 31 + (unsigned char)data[i];
        }
        at += (size_t)(q - piece);
        free(piece);
    }
    *used = at;
    return r;
}

static enum h1_result head(const char *p, size_t n, size_t step, bool is_head,
                           struct h1_head *out)
{
    size_t seen = 0;
    const char *why = NULL;
    enum h1_result r = H1_PARTIAL;

    for (size_t k = step < n ? step : n; r == H1_PARTIAL; k += step) {
        char *copy;

        if (k > n)
            k = n;
        copy = malloc(k > 0 ? k : 1);
        memcpy(copy, p, k);
        r = h1_parse_head(copy, k, &seen, is_head, out, &why);
        check(seen <= k && (r != H1_BAD || why != NULL));
        if (r == H1_OK) {
            check(out->len <= k && out->fields >= copy &&
                  out->fields + out->fields_len <= copy + out->len);
            out->fields = NULL; /* it was borrowed */
        }
        free(copy);
        if (k == n)
            break;
    }
    return r;
}

/* The second time it is known, whatever the first one left behind. */
static void known(const char *p, size_t n, bool is_head, enum h1_result r,
                  const struct h1_head *a)
{
    static struct h1_heads heads;
    char *copy = malloc(n);

    memcpy(copy, p, n);
    for (int i = 0; i < 2; i++) {
        struct h1_head b = {0};
        const char *why = NULL;
        size_t seen = 0;

        check(h1_heads_parse(&heads, copy, n, &seen, is_head, &b, &why) == r);
        check(r != H1_BAD || why != NULL);
        if (r != H1_OK)
            continue;
        check(a->status == b.status && a->len == b.len &&
              a->framing == b.framing &&
              a->content_length == b.content_length &&
              a->keep_alive == b.keep_alive && a->fields_len == b.fields_len &&
              b.fields + b.fields_len <= copy + b.len && b.fields >= copy);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct h1_head a = {0}, b = {0};
    const char *p = (const char *)bytes + 1;
    uint64_t sum_a, sum_b;
    size_t step, used_a, used_b;
    enum h1_result r;
    bool is_head;

    if (n < 2 || n > 1 << 16)
        return 0;
    step = (bytes[0] >> 1) % 61 + 1;
    is_head = bytes[0] & 1;
    n--;
    r = head(p, n, n, is_head, &a);
    check(head(p, n, step, is_head, &b) == r);
    known(p, n, is_head, r, &a);
    if (r != H1_OK)
        return 0;
    check(a.status == b.status && a.len == b.len && a.framing == b.framing &&
          a.content_length == b.content_length &&
          a.keep_alive == b.keep_alive && a.fields_len == b.fields_len);
    check(a.status >= 100 && a.status <= 999);
    if (a.framing != H1_CHUNKED)
        return 0;
    r = unchunk(p + a.len, n - a.len, n, &sum_a, &used_a);
    check(unchunk(p + a.len, n - a.len, step, &sum_b, &used_b) == r);
    check(sum_a == sum_b && used_a == used_b);
    return 0;
}
