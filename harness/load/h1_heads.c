#include "harness/load/h1_heads.h"

#include <string.h>

enum h1_result h1_heads_parse(struct h1_heads *h, const char *p, size_t n,
                              size_t *seen, bool head_request,
                              struct h1_head *out, const char **why)
{
    struct h1_known_head *k = &h->kept[n % H1_HEADS_KEPT];
    enum h1_result r;

    if (k->head.len > 0 && k->head.len <= n && *seen == 0 &&
        k->head_request == head_request &&
        memcmp(k->bytes, p, k->head.len) == 0) {
        *out = k->head;
        out->fields = p + k->fields_at;
        return H1_OK;
    }
    r = h1_parse_head(p, n, seen, head_request, out, why);
    if (r == H1_OK && out->len <= H1_HEADS_BYTES) {
        k->head = *out;
        k->head.fields = NULL;
        k->fields_at = (size_t)(out->fields - p);
        k->head_request = head_request;
        memcpy(k->bytes, p, out->len);
    }
    return r;
}
