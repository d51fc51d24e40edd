/* Containers of CPython that carry a bound of their own: a deque that was given
 * a length, and the memo of functools.lru_cache. Their fields have kept their
 * places since 3.6 and 3.7 (read off Modules/_collectionsmodule.c and
 * Modules/_functoolsmodule.c, and on 3.6 to 3.15 themselves). */
#include "harness/sampler/inspect/holders_impl.h"

#include <string.h>

enum {
    DEQUE_LENGTH = 16,
    DEQUE_LIMIT = 64,   /* -1: none */
    LINK_PREVIOUS = 16, /* in an entry of a memo, and in the memo itself */
    LINK_END = 32,
    MEMO_ENTRIES = 72, /* its dict */
    MEMO_LIMIT = 96,   /* -1: none */
    MEMO_ENTRIES_6 = 88,
    MEMO_LIMIT_6 = 56,
    DICT_LENGTH = 16
};

#define NO_LIMIT UINT64_MAX
#define LARGEST ((uint64_t)1 << 40) /* beyond: not a length */

static bool is_memo(const struct holder_world *w, int32_t type)
{
    return holder_is(w, type, "functools._lru_cache_wrapper");
}

static bool is_entry(const struct holder_world *w, int32_t type)
{
    return holder_is(w, type, "functools._lru_list_elem");
}

bool holder_is_borrowed_link(const struct holder_world *w,
                             const struct holder *h)
{
    return (is_memo(w, h->type) || is_entry(w, h->type)) &&
           h->hit >= h->addr + LINK_PREVIOUS && h->hit < h->addr + LINK_END;
}

/* The dict of the memo at `memo`, or 0. */
static uint64_t entries_of(const struct holder_world *w, uint64_t memo)
{
    uint64_t at = w->version->minor < 7 ? MEMO_ENTRIES_6 : MEMO_ENTRIES;
    uint64_t dict;

    return memview_u64(w->v, memo + at, &dict) == 0 ? dict : 0;
}

bool holder_bound(const struct holder_world *w, const struct holder *n,
                  struct holders_bound *out)
{
    bool memo = is_memo(w, n->type);
    uint64_t limit_at = !memo                   ? DEQUE_LIMIT
                        : w->version->minor < 7 ? MEMO_LIMIT_6
                                                : MEMO_LIMIT;
    uint64_t length_at = n->addr + DEQUE_LENGTH;

    if (!memo && !holder_is(w, n->type, "collections.deque"))
        return false;
    if (memo)
        length_at = entries_of(w, n->addr) + DICT_LENGTH;
    *out = (struct holders_bound){.what = memo ? "lru_cache" : "deque",
                                  .addr = n->addr};
    /* What is torn, or no such thing after all, does not fit together. */
    return memview_u64(w->v, length_at, &out->size) == 0 &&
           memview_u64(w->v, n->addr + limit_at, &out->limit) == 0 &&
           out->size < LARGEST &&
           (out->limit == NO_LIMIT ||
            (out->limit < LARGEST && out->size <= out->limit));
}

int32_t holder_memo_value(const struct holder_world *w, int32_t memo)
{
    const struct holder *n = &w->nodes[memo];
    int32_t i = n->child;

    if (!is_memo(w, n->type) || i < 0 ||
        w->nodes[i].addr != entries_of(w, n->addr))
        return -1;
    do
        i = w->nodes[i].child;
    while (i >= 0 && w->nodes[i].child >= 0 &&
           (w->nodes[i].size || is_entry(w, w->nodes[i].type)));
    return i;
}
