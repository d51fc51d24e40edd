#include "harness/sampler/inspect/reach.h"

#include "harness/base/mem.h"
#include "harness/sampler/inspect/memview.h"

#include <stdlib.h>
#include <string.h>

/* A weak reference: count, type, referent, callback, hash, two links. */
enum { WEAK_CALLBACK = 24, WEAK_END = 64 };

#define OBJECT_HEAD 16u
#define PAGE_BITS 14

struct node {
    struct reach_block b;
    uint64_t copy;  /* offset of its bytes */
    uint32_t inner; /* references from blocks that nothing reaches */
    bool held;
};

/* The nodes that lie, or begin, in one page. */
struct page {
    uint64_t key; /* 0: a free place */
    uint32_t first, last;
};

struct reach {
    struct node *nodes;
    size_t n, cap;
    unsigned char *bytes;
    uint64_t used, room, most;
    uint64_t count_mask;
    struct page *pages; /* a hash table of those that hold nodes */
    size_t mask;
    uint32_t *todo;
    size_t ntodo;
};

struct reach *reach_new(uint64_t most, unsigned count_bits)
{
    struct reach *r = mem_zalloc(1, sizeof *r);

    r->most = most;
    r->count_mask = count_bits < 64 ? (1ull << count_bits) - 1 : UINT64_MAX;
    return r;
}

void reach_free(struct reach *r)
{
    if (!r)
        return;
    free(r->nodes);
    free(r->bytes);
    free(r->pages);
    free(r->todo);
    free(r);
}

bool reach_add(struct reach *r, const struct reach_block *b,
               const unsigned char *bytes)
{
    size_t n = b->kind == REACH_LEAF ? OBJECT_HEAD : b->size;

    if (r->used + n > r->most || r->n >= UINT32_MAX - 1)
        return false;
    if (r->used + n > r->room) {
        r->room = (r->used + n) * 2;
        r->bytes = mem_realloc(r->bytes, r->room, 1);
    }
    r->nodes = mem_grow(r->nodes, r->n, &r->cap, sizeof *r->nodes);
    memcpy(r->bytes + r->used, bytes, n);
    r->nodes[r->n++] = (struct node){.b = *b, .copy = r->used};
    r->used += n;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct node *x = a, *y = b;

    return (x->b.addr > y->b.addr) - (x->b.addr < y->b.addr);
}

static struct page *page_of(const struct reach *r, uint64_t addr)
{
    uint64_t key = (addr >> PAGE_BITS) + 1;
    size_t i = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & r->mask;

    while (r->pages[i].key != 0 && r->pages[i].key != key)
        i = (i + 1) & r->mask;
    return &r->pages[i];
}

static void index_pages(struct reach *r)
{
    uint64_t pages = 0, page = (uint64_t)1 << PAGE_BITS;

    for (size_t i = 0; i < r->n; i++)
        pages += 2 + (r->nodes[i].b.size >> PAGE_BITS);
    for (r->mask = 64; r->mask < pages; r->mask *= 2)
        ;
    r->pages = mem_zalloc(r->mask * 2, sizeof *r->pages);
    r->mask = r->mask * 2 - 1;
    for (size_t i = 0; i < r->n; i++) {
        const struct reach_block *b = &r->nodes[i].b;
        uint64_t at = b->addr >> PAGE_BITS << PAGE_BITS;

        for (; at < b->addr + b->size; at += page) {
            struct page *p = page_of(r, at);

            if (p->key == 0)
                p->first = (uint32_t)i;
            p->key = (at >> PAGE_BITS) + 1;
            p->last = (uint32_t)i;
        }
    }
}

bool reach_ready(struct reach *r)
{
    if (r->n == 0)
        return false;
    qsort(r->nodes, r->n, sizeof *r->nodes, by_address);
    for (size_t i = 0; i + 1 < r->n; i++)
        if (r->nodes[i].b.addr + r->nodes[i].b.size > r->nodes[i + 1].b.addr)
            return false;
    index_pages(r);
    r->todo = mem_zalloc(r->n, sizeof *r->todo);
    return true;
}

/* The node that `word` points into, or NULL. Nobody but the collector points
   at an object's head. */
static struct node *target(const struct reach *r, uint64_t word)
{
    const struct page *p;
    size_t low, high;

    if (word < (1u << PAGE_BITS))
        return NULL;
    p = page_of(r, word);
    if (p->key == 0)
        return NULL;
    low = p->first;
    high = p->last;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;

        if (r->nodes[middle].b.addr <= word)
            low = middle;
        else
            high = middle - 1;
    }
    if (word < r->nodes[low].b.addr + r->nodes[low].b.object ||
        word >= r->nodes[low].b.addr + r->nodes[low].b.size)
        return NULL;
    return &r->nodes[low];
}

void reach_wipe(struct reach *r, uint64_t start, uint64_t end)
{
    const struct node *n = target(r, start);
    uint64_t from;

    if (n == NULL || n->b.kind != REACH_PLAIN || end <= start)
        return;
    from = start - n->b.addr;
    if (end - start <= n->b.size - from)
        memset(r->bytes + n->copy + from, 0, end - start);
}

/* Does the word at offset `at` of a block refer to anything? */
static bool refers(const struct reach_block *b, uint32_t at)
{
    switch (b->kind) {
    case REACH_LEAF:
        return false;
    case REACH_WEAK:
        return at == b->object + WEAK_CALLBACK || at >= b->object + WEAK_END;
    case REACH_OBJECT:
        return at > b->object || at + b->head < b->object;
    default:
        return true;
    }
}

static void hold(struct reach *r, struct node *n)
{
    if (n == NULL || n->held)
        return;
    n->held = true;
    r->todo[r->ntodo++] = (uint32_t)(n - r->nodes);
}

static void spread(struct reach *r)
{
    while (r->ntodo > 0) {
        const struct node *n = &r->nodes[r->todo[--r->ntodo]];

        if (n->b.kind == REACH_LEAF)
            continue;
        for (uint32_t at = 0; at + 8 <= n->b.used; at += 8)
            if (refers(&n->b, at))
                hold(r, target(r, memview_word(r->bytes + n->copy + at)));
    }
}

void reach_root(struct reach *r, uint64_t word)
{
    hold(r, target(r, word));
    spread(r);
}

/* Counts the references of node `n`, and comes to the memory it owns. */
static void count_from(struct reach *r, const struct node *n)
{
    for (uint32_t at = 0; at + 8 <= n->b.used; at += 8) {
        uint64_t word = memview_word(r->bytes + n->copy + at);
        struct node *t = refers(&n->b, at) ? target(r, word) : NULL;

        if (t == NULL || t->held)
            continue;
        if (t->b.kind == REACH_PLAIN && t->inner++ == 0)
            r->todo[r->ntodo++] = (uint32_t)(t - r->nodes);
        else if (word == t->b.addr + t->b.object)
            t->inner++;
    }
}

/* Counts what refers to each of those that nothing holds, from among them.
   Memory that belongs to no object has no say: malloc calls what it has freed
   to its caches in use. */
static void count_inner(struct reach *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!r->nodes[i].held && r->nodes[i].b.kind != REACH_PLAIN &&
            r->nodes[i].b.kind != REACH_LEAF)
            count_from(r, &r->nodes[i]);
        while (r->ntodo > 0)
            count_from(r, &r->nodes[r->todo[--r->ntodo]]);
    }
}

/* More references than were seen: C code has one, or lost one, and that will
   never be collected. */
static bool is_lost(const struct reach *r, const struct node *n)
{
    const unsigned char *object = r->bytes + n->copy;

    if (n->b.kind != REACH_LEAF)
        object += n->b.object;
    return (memview_word(object) & r->count_mask) > n->inner;
}

/* Memory of no object is nobody's: neither garbage nor holding anything. */
static bool is_stray(const struct node *n)
{
    return n->b.kind == REACH_PLAIN && n->inner == 0;
}

void reach_settle(struct reach *r, struct reach_count *out)
{
    *out = (struct reach_count){0, 0};
    count_inner(r);
    for (size_t i = 0; i < r->n; i++)
        if (!r->nodes[i].held && r->nodes[i].b.kind != REACH_PLAIN &&
            is_lost(r, &r->nodes[i]))
            hold(r, &r->nodes[i]);
    spread(r);
    for (size_t i = 0; i < r->n; i++) {
        const struct node *n = &r->nodes[i];

        out->tracked += !n->held && n->b.tracked;
        out->pooled += !n->held && n->b.pooled && !is_stray(n);
    }
}
