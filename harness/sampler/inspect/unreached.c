#include "harness/sampler/inspect/unreached.h"

#include "harness/base/mem.h"
#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/roots.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_MAX 512u
#define BYTES_MOST (256ull << 20) /* copied, at most */
#define ALONE_LEAST (64u << 10)   /* a chunk of a mapping of its own */
#define CHUNK_HEADER 16u
#define INLINE_VALUES (1u << 2) /* type flag of 3.13 and later */
#define OB_SIZE 16
#define DEQUE_BLOCK 64u
#define CONTAINER 40u    /* bytes of a list */
#define DEQUE 64u        /* of a deque, at least */
#define GARBAGE_MOST 0.7 /* of all objects: more is our mistake */

struct gather {
    struct census_reader *r;
    struct reach *reach;
    struct roots_skips skips;
    struct roots_skips left_over; /* places in containers' buffers */
    unsigned char *copy;          /* of one chunk */
    uint64_t room;
    bool failed;
};

static bool is_text(const char *name)
{
    static const char *const plain[] = {"str", "bytes", "int", "float"};

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strncmp(name, "builtins.", 9) == 0 &&
            strcmp(name + 9, plain[i]) == 0)
            return true;
    return false;
}

static void wipe_later(struct gather *g, uint64_t start, uint64_t end)
{
    roots_skip(&g->left_over, start, end);
}

/* Containers do not wipe the places that they have emptied: a list those
   behind its end, a deque those before its first entry and behind its last. */
static void find_left_over(struct gather *g, const char *name,
                           const unsigned char *object, uint32_t size)
{
    uint64_t n = memview_word(object + OB_SIZE);
    uint64_t first = memview_word(object + OB_SIZE + 8);
    uint64_t last = memview_word(object + OB_SIZE + 16);

    if (strcmp(name, "builtins.list") == 0 && last > n && last < 1u << 28)
        wipe_later(g, first + 8 * n, first + 8 * last);
    if (size >= DEQUE && strcmp(name, "collections.deque") == 0) {
        uint64_t left = memview_word(object + OB_SIZE + 24);
        uint64_t right = memview_word(object + OB_SIZE + 32);

        if (left >= DEQUE_BLOCK || right >= DEQUE_BLOCK)
            return;
        if (n == 0) {
            left = DEQUE_BLOCK;
            right = DEQUE_BLOCK - 1;
        }
        wipe_later(g, first + 8, first + 8 + 8 * left);
        wipe_later(g, last + 8 + 8 * (right + 1), last + 8 + 8 * DEQUE_BLOCK);
    }
}

/* Where object `o` ends, in a block of `size` bytes whose `object` is copied:
   blocks are longer than what lies in them. References that are cut off by
   mistake keep alive what they lead to, being one too many. */
static uint32_t end_of(const struct gather *g, const struct pyobject *o,
                       const struct reach_block *b, const unsigned char *object)
{
    uint64_t end = pytypes_basicsize(g->r->types, o->type), item = 0;
    uint64_t flags = pytypes_flags(g->r->types, o->type);
    const char *name = pytypes_name(g->r->types, o->type);

    if (memview_u64(g->r->v,
                    pytypes_address(g->r->types, o->type) + PYTYPE_ITEMSIZE,
                    &item) != 0 ||
        flags & INLINE_VALUES || holder_is_generator(name))
        return b->size;
    if (strcmp(name, "builtins.tuple") == 0)
        end += memview_word(object + OB_SIZE) * 8;
    else if (item != 0)
        return b->size;
    return end + b->object < b->size ? (uint32_t)end + b->object : b->size;
}

/* `b` is the block at `skew` of what was allocated; whether it holds an object
   `o` was seen. */
static void add(struct gather *g, struct reach_block b,
                const struct pyobject *o, uint32_t skew,
                const unsigned char *bytes)
{
    const char *name;

    b.used = b.size;
    if (o != NULL) {
        name = pytypes_name(g->r->types, o->type);
        b.object = skew + o->at;
        b.kind = holder_is_weak(name) ? REACH_WEAK
                 : is_text(name)      ? REACH_LEAF
                                      : REACH_OBJECT;
        b.tracked = o->tracked;
        if (pytypes_flags(g->r->types, o->type) & PYTYPE_HAVE_GC)
            b.head = g->r->rt.version->gc_head;
        if (b.kind == REACH_LEAF)
            bytes += b.object;
        else
            b.used = end_of(g, o, &b, bytes + b.object);
        if (b.kind == REACH_OBJECT && b.size - b.object >= CONTAINER)
            find_left_over(g, name, bytes + b.object, b.size - b.object);
    }
    g->failed |= !reach_add(g->reach, &b, bytes);
}

static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    struct gather *g = ctx;
    struct pytypes *types = g->r->types;
    uint32_t skew = g->r->alloc.skew;

    (void)torn;
    roots_skip(&g->skips, addr, addr + g->r->rt.version->pool);
    for (uint32_t i = 0; i < p->carved && bytes; i++) {
        uint32_t at = POOL_HEADER + i * p->block;
        const unsigned char *b = bytes + at + skew;
        struct pyobject o;
        bool object = false;

        if (pool_is_free(free, i))
            continue;
        if (p->block >= skew * 2 + 16) {
            object = pytypes_object(types, b, p->block - skew, &o);
            if (!object && pytypes_set_aside(types, b, p->block - skew))
                continue;
        }
        add(g,
            (struct reach_block){
                .addr = addr + at, .size = p->block, .pooled = true},
            object ? &o : NULL, skew, bytes + at);
    }
}

/* Copies the `n` bytes at `addr`; borrowed until the next call. Pages that are
   not there read as zeros. */
static const unsigned char *copied(struct gather *g, uint64_t addr, uint64_t n)
{
    uint64_t start = addr & ~(uint64_t)(MEMVIEW_PAGE - 1);
    uint64_t whole =
        (addr + n - start + MEMVIEW_PAGE - 1) / MEMVIEW_PAGE * MEMVIEW_PAGE;

    if (whole > g->room) {
        g->room = whole * 2;
        g->copy = mem_realloc(g->copy, g->room, 1);
    }
    memview_bulk(g->r->v, start, g->copy, whole);
    return g->copy + (addr - start);
}

/* A thread's cache of freed chunks, by its size (glibc 2.26 and 2.30): what it
   leads to is dead. Anything else of that size may be left out as well, since
   what hangs on it has one reference too many. */
static bool is_cache(uint64_t n)
{
    return n == 584 || n == 648;
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    struct gather *g = ctx;
    uint32_t skew = g->r->alloc.large_skew;
    struct pyobject o;
    bool object, text;

    if (n > BYTES_MOST)
        g->failed = true;
    if (g->failed || n < 8 || is_cache(n))
        return;
    if (n >= ALONE_LEAST && addr % MEMVIEW_PAGE == CHUNK_HEADER)
        roots_skip(&g->skips, addr - CHUNK_HEADER, addr + n);
    object = n > (g->r->alloc.pools ? SMALL_MAX : skew + 16) &&
             pytypes_object(g->r->types, head + skew, CHUNKS_HEAD - skew, &o) &&
             pytypes_fits(g->r->types, &o, head + skew, n - skew);
    text = object && is_text(pytypes_name(g->r->types, o.type));
    add(g, (struct reach_block){.addr = addr, .size = (uint32_t)n},
        object ? &o : NULL, skew, text ? head : copied(g, addr, n));
}

static bool wipe(const struct gather *g)
{
    for (size_t i = 0; i < g->left_over.n; i++)
        reach_wipe(g->reach, g->left_over.at[i].start, g->left_over.at[i].end);
    return true;
}

static void on_root(void *ctx, uint64_t word)
{
    struct gather *g = ctx;

    reach_root(g->reach, word);
}

/* From 3.12 on the upper half of the count's word is not the count. */
static unsigned count_bits(const struct census_reader *r)
{
    return r->rt.version->minor >= 12 ? 32 : 64;
}

bool unreached_count(struct census_reader *r, int64_t until_ns,
                     struct reach_count *out)
{
    struct gather g = {.r = r};
    struct heapscan_sink sink = {on_pool, on_chunk, &g};
    bool whole;

    if (!census_is_python(r))
        return false;
    g.reach = reach_new(BYTES_MOST, count_bits(r));
    whole = holder_pass(r, &sink, until_ns) && !g.failed &&
            reach_ready(g.reach) && wipe(&g) &&
            roots_walk(r, &g.skips, until_ns, on_root, &g);
    if (whole) {
        reach_settle(g.reach, out);
        whole = out->tracked <= (int64_t)(r->tracked * GARBAGE_MOST);
    }
    reach_free(g.reach);
    roots_skips_release(&g.skips);
    roots_skips_release(&g.left_over);
    free(g.copy);
    return whole;
}
