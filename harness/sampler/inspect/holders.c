#include "harness/sampler/inspect/holders.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/sampler/inspect/census_impl.h"
#include "harness/sampler/inspect/holders_impl.h"

#include <stdlib.h>
#include <string.h>

#define TIME_LIMIT_NS (10 * CLOCK_NS_PER_S)
#define SAMPLES_MAX 32u
#define NODES_MAX 4096u
#define HOLDERS_MAX 12u /* followed per node; a hub has thousands */
#define DEPTH_MAX 24u
#define RAW_SPAN 64u /* pointers to a block point at its first bytes */
#define KEYS 65536u  /* slots: at most NODES_MAX * RAW_SPAN / 8 are used */
#define BLOOM 65536u
#define DEQUE_BLOCK 528u
#define DEQUE_BLOCKS_MAX 1000000u
#define PIECE (256u << 10)
#define SMALL_MAX 512u
#define INLINE_VALUES (1u << 2) /* type flag of 3.13 and later */
#define TEXT_MAX 4096u

struct key {
    uint64_t word;
    int32_t node;
};

/* What a block that is being scanned holds: found out at its first hit. */
struct block {
    uint64_t addr, size;
    const unsigned char *head;
    size_t nhead;
    bool asked, object;
    struct pyobject o;
};

struct search {
    struct census_reader *r;
    const char *type;
    signed char *wanted; /* by type index: 0 not asked, 1 yes, -1 no */
    unsigned max_samples;
    struct rng rng;
    uint64_t instances;
    struct holder *nodes;
    uint32_t nnodes, nsamples;
    bool done[SAMPLES_MAX]; /* a root was found */
    struct key *keys;       /* words looked for in this pass */
    uint64_t bloom[BLOOM / 64];
    uint64_t low, high;
    unsigned char *piece;
    int64_t until_ns;
};

static size_t hash_word(uint64_t w)
{
    return (size_t)((w >> 3) * 0x9e3779b97f4a7c15u >> 40);
}

static bool is_wanted(struct search *s, uint32_t type)
{
    if (type >= PYTYPES_MAX)
        return false;
    if (s->wanted[type] == 0)
        s->wanted[type] =
            strcmp(pytypes_name(s->r->types, type), s->type) == 0 ? 1 : -1;
    return s->wanted[type] > 0;
}

/* Keeps a uniform sample of the instances (Vitter 1985, algorithm R). */
static void sample(struct search *s, uint64_t addr, uint32_t type)
{
    uint64_t at = s->instances++;

    if (at >= s->max_samples)
        at = rng_below(&s->rng, s->instances);
    if (at >= s->max_samples)
        return;
    s->nodes[at] = (struct holder){.addr = addr,
                                   .type = (int32_t)type,
                                   .child = -1,
                                   .sample = (uint32_t)at};
    if (at >= s->nnodes)
        s->nnodes = s->nsamples = (uint32_t)at + 1;
}

static void sample_pool(void *ctx, uint64_t addr, const struct pool *p,
                        const unsigned char *bytes,
                        const struct pool_free *free, bool torn)
{
    struct search *s = ctx;
    uint32_t skew = s->r->alloc.skew;

    (void)torn;
    for (uint32_t i = 0; bytes && i < p->carved; i++) {
        uint32_t at = POOL_HEADER + i * p->block + skew;
        struct pyobject o;

        if (p->block > skew + 16 && !pool_is_free(free, i) &&
            pytypes_object(s->r->types, bytes + at, p->block - skew, &o) &&
            is_wanted(s, o.type))
            sample(s, addr + at + o.at, o.type);
    }
}

static void sample_chunk(void *ctx, uint64_t addr, uint64_t n,
                         const unsigned char *head)
{
    struct search *s = ctx;
    uint32_t skew = s->r->alloc.large_skew;
    struct pyobject o;

    if (n > (s->r->alloc.pools ? SMALL_MAX : skew + 16) &&
        pytypes_object(s->r->types, head + skew, CHUNKS_HEAD - skew, &o) &&
        is_wanted(s, o.type))
        sample(s, addr + skew + o.at, o.type);
}

/* Adds a word to look for. Several samples may hang on one container: then
 * the nodes are chained. */
static void key_add(struct search *s, uint64_t word, int32_t node)
{
    size_t i = hash_word(word) % KEYS;
    size_t b = (word >> 3) % BLOOM;

    while (s->keys[i].word && s->keys[i].word != word)
        i = (i + 1) % KEYS;
    if (s->keys[i].word && word == s->nodes[node].addr)
        s->nodes[node].same = s->keys[i].node;
    s->keys[i] = (struct key){word, node};
    s->bloom[b / 64] |= (uint64_t)1 << (b % 64);
    if (word < s->low)
        s->low = word;
    if (word > s->high)
        s->high = word;
}

/* The node that `word` points at in this pass, or -1. */
static int32_t key_find(const struct search *s, uint64_t word)
{
    size_t b = (word >> 3) % BLOOM;
    size_t i;

    if (!(s->bloom[b / 64] >> (b % 64) & 1))
        return -1;
    i = hash_word(word) % KEYS;
    while (s->keys[i].word) {
        if (s->keys[i].word == word)
            return s->keys[i].node;
        i = (i + 1) % KEYS;
    }
    return -1;
}

/* Looks for what the nodes from `first` on are held by. Returns their number
 * of keys. */
static unsigned keys_fill(struct search *s, uint32_t first)
{
    unsigned n = 0;

    memset(s->keys, 0, KEYS * sizeof *s->keys);
    memset(s->bloom, 0, sizeof s->bloom);
    s->low = UINT64_MAX;
    s->high = 0;
    for (uint32_t i = first; i < s->nnodes; i++) {
        const struct holder *h = &s->nodes[i];

        if (h->root || s->done[h->sample])
            continue;
        n++;
        s->nodes[i].same = -1;
        key_add(s, h->addr, (int32_t)i);
        for (uint64_t at = 8; at < h->size && at < RAW_SPAN; at += 8)
            key_add(s, h->addr + at, (int32_t)i);
    }
    return n;
}

static bool known(const struct search *s, uint64_t addr, uint32_t which)
{
    for (uint32_t i = 0; i < s->nnodes; i++)
        if (s->nodes[i].addr == addr && s->nodes[i].sample == which)
            return true;
    return false;
}

/* Weak references do not keep anything alive. */
static bool is_weak(const char *name)
{
    return strncmp(name, "weakref.", 8) == 0 ||
           strncmp(name, "builtins.weak", 13) == 0;
}

/* Does the list at `list` really hold what its buffer holds at `hit`? What
 * lies behind its length is left over. */
static bool list_holds(struct search *s, uint64_t list, uint64_t hit)
{
    uint64_t word[4]; /* count, type, length, buffer */

    return memview_read(s->r->v, list, word, sizeof word) == 0 &&
           hit >= word[3] && (hit - word[3]) / 8 < word[2];
}

/* Does object `h` use what plain block `c` holds? A list's buffer may be
 * longer than the list; a code object (up to 3.7) keeps its last, dead frame.
 */
static bool holds_block(struct search *s, const struct holder *h,
                        const struct holder *c)
{
    const char *name = pytypes_name(s->r->types, (uint32_t)h->type);

    if (strcmp(name, "builtins.list") == 0)
        return list_holds(s, h->addr, c->hit);
    return strcmp(name, "builtins.code") != 0;
}

/* Is the word at `hit` part of the object that `h` is? A block may be longer
 * than its object; what lies behind is left over from an older one, and so
 * are the collector's links of an object that it does not track. */
static bool within(struct search *s, const struct holder *h, uint64_t hit)
{
    uint32_t type = (uint32_t)h->type;
    uint64_t end = h->addr + pytypes_basicsize(s->r->types, type);
    uint64_t item = 0, length;

    if (hit < h->addr)
        return hit < h->addr - s->r->rt.version->gc_head;
    if (hit < end || pytypes_flags(s->r->types, type) & INLINE_VALUES)
        return true;
    if (memview_u64(s->r->v,
                    pytypes_address(s->r->types, type) + PYTYPE_ITEMSIZE,
                    &item) != 0 ||
        item == 0 || item > 64 ||
        memview_u64(s->r->v, h->addr + 16, &length) != 0)
        return false;
    /* A negative length is a sign, not a length. */
    if ((int64_t)length < 0)
        length = 0 - length;
    return (hit - end) / item < length;
}

/* The word at `hit`, in block `b`, points at node `child`. */
static void on_hit(struct search *s, struct block *b, uint64_t hit,
                   int32_t child)
{
    struct holder *c = &s->nodes[child];
    struct holder h = {.addr = b->addr,
                       .size = b->size,
                       .hit = hit,
                       .type = -1,
                       .child = child,
                       .depth = c->depth + 1,
                       .sample = c->sample};

    if (!b->asked) {
        b->asked = true;
        b->object = pytypes_object(s->r->types, b->head, b->nhead, &b->o);
    }
    if (b->object) {
        h.addr = b->addr + b->o.at;
        h.size = 0;
        h.type = (int32_t)b->o.type;
        if (is_weak(pytypes_name(s->r->types, b->o.type)) ||
            !within(s, &h, hit))
            return;
    }
    if (c->size && b->object && !holds_block(s, &h, c))
        return;
    if (c->holders >= HOLDERS_MAX || s->nnodes >= NODES_MAX ||
        known(s, h.addr, h.sample))
        return;
    c->holders++;
    s->nodes[s->nnodes++] = h;
}

/* Looks at `n` bytes at `addr`, part of block `b`. */
static void scan_words(struct search *s, struct block *b,
                       const unsigned char *bytes, size_t n, uint64_t addr)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t w = memview_word(bytes + i);
        int32_t node;

        /* 3.12 marks a pointer to values by taking one away. */
        w += (w & 7) == 7;
        if (w < s->low || w > s->high || w & 7)
            continue;
        for (node = key_find(s, w); node >= 0; node = s->nodes[node].same)
            on_hit(s, b, addr + i, node);
    }
}

static void climb_pool(void *ctx, uint64_t addr, const struct pool *p,
                       const unsigned char *bytes, const struct pool_free *free,
                       bool torn)
{
    struct search *s = ctx;
    uint32_t skew = s->r->alloc.skew;

    (void)torn;
    for (uint32_t i = 0; bytes && i < p->carved; i++) {
        uint32_t at = POOL_HEADER + i * p->block + skew;
        struct block b = {.addr = addr + at,
                          .size = p->block - skew,
                          .head = bytes + at,
                          .nhead = p->block - skew};

        if (p->block > skew && !pool_is_free(free, i))
            scan_words(s, &b, bytes + at, p->block - skew, addr + at);
    }
}

static void climb_chunk(void *ctx, uint64_t addr, uint64_t n,
                        const unsigned char *head)
{
    struct search *s = ctx;
    uint32_t skew = s->r->alloc.large_skew;
    struct block b = {.addr = addr + skew,
                      .size = n - skew,
                      .head = head + skew,
                      .nhead = CHUNKS_HEAD - skew};

    if (n <= skew)
        return;
    /* Small ones through the page cache, neighbours share its pages. */
    for (uint64_t at = 0; at < n; at += PIECE) {
        size_t part = n - at < PIECE ? (size_t)(n - at) & ~(size_t)7 : PIECE;
        uint64_t from = addr + at;
        uint64_t page = from - from % MEMVIEW_PAGE;
        size_t span = (size_t)(from + part - page + MEMVIEW_PAGE - 1);

        if (n <= MEMVIEW_PAGE) {
            if (memview_read(s->r->v, from, s->piece, part) == 0)
                scan_words(s, &b, s->piece, part, from);
        } else {
            memview_bulk(s->r->v, page, s->piece, span - span % MEMVIEW_PAGE);
            scan_words(s, &b, s->piece + (from - page), part, from);
        }
        if (clock_now_ns() > s->until_ns)
            return;
    }
}

static bool pass(struct search *s, bool climbing)
{
    struct chunks_total native = {0};
    struct heapscan_options o = {
        .pool_size = s->r->alloc.pools ? s->r->rt.version->pool : 0,
        .native = census_has_native(s->r),
        .until_ns = s->until_ns,
    };
    struct heapscan_sink sink = {
        .pool = climbing ? climb_pool : sample_pool,
        .chunk = climbing ? climb_chunk : sample_chunk,
        .ctx = s,
    };

    memview_forget(s->r->v);
    return heapscan_run(s->r->scan, &o, &sink, &native);
}

/* The blocks of a deque are linked to each other, and only the outer two to
 * the deque: goes on to the last one. A block is two links around 64 places. */
static void to_last_block(struct search *s, struct holder *h)
{
    uint64_t next, back;

    if (h->size < DEQUE_BLOCK || h->size > DEQUE_BLOCK + 16)
        return;
    for (uint32_t i = 0; i < DEQUE_BLOCKS_MAX; i++) {
        if (i % 4096 == 4095 && clock_now_ns() > s->until_ns)
            return;
        if (memview_u64(s->r->v, h->addr + DEQUE_BLOCK - 8, &next) != 0 ||
            memview_u64(s->r->v, next, &back) != 0 || back != h->addr)
            return;
        h->addr = next;
    }
}

/* Modules and classes are where chains begin. */
static void mark_roots(struct search *s, uint32_t first)
{
    struct holder_world w = {s->r->v, s->r->rt.version, s->r->types, s->nodes};

    for (uint32_t i = first; i < s->nnodes; i++) {
        struct holder *h = &s->nodes[i];
        char name[128];

        if (clock_now_ns() > s->until_ns)
            return;
        if (h->size) {
            to_last_block(s, h);
            continue;
        }
        h->root = pytypes_lookup(s->r->types, h->addr) >= 0 ||
                  holder_is(&w, h->type, "builtins.module") ||
                  (holder_is(&w, h->type, "builtins.dict") &&
                   holder_namespace(&w, h->addr, name, sizeof name));
        if (h->root)
            s->done[h->sample] = true;
    }
}

/* Where each sample's chain begins: its root, else the highest holder. */
static int32_t top_of(const struct search *s, uint32_t which)
{
    int32_t best = -1;

    for (uint32_t i = s->nsamples; i < s->nnodes; i++) {
        const struct holder *h = &s->nodes[i];

        if (h->sample != which)
            continue;
        if (h->root)
            return (int32_t)i;
        if (best < 0 || h->depth > s->nodes[best].depth)
            best = (int32_t)i;
    }
    return best;
}

static int by_found(const void *a, const void *b)
{
    const struct holders_chain *x = a, *y = b;

    if (x->found != y->found)
        return x->found < y->found ? 1 : -1;
    return strcmp(x->text, y->text);
}

static void add_chain(struct holders *out, const char *text, bool rooted)
{
    for (size_t i = 0; i < out->nchains; i++)
        if (strcmp(out->chains[i].text, text) == 0) {
            out->chains[i].found++;
            return;
        }
    out->chains =
        mem_realloc(out->chains, out->nchains + 1, sizeof *out->chains);
    out->chains[out->nchains++] =
        (struct holders_chain){mem_strdup(text), 1, rooted};
}

static void tell(struct search *s, struct holders *out)
{
    struct holder_world w = {s->r->v, s->r->rt.version, s->r->types, s->nodes};
    struct buf text;

    buf_init(&text, TEXT_MAX);
    for (uint32_t i = 0; i < s->nsamples; i++) {
        int32_t top = top_of(s, i);

        if (top < 0)
            continue;
        buf_reset(&text);
        if (!s->nodes[top].root)
            buf_adds(&text, "(a running frame or C) -> ");
        holder_text(&w, top, &text);
        add_chain(out, buf_str(&text), s->nodes[top].root);
    }
    buf_release(&text);
    if (out->nchains)
        qsort(out->chains, out->nchains, sizeof *out->chains, by_found);
}

int holders_find(struct census_reader *r, const char *type, unsigned samples,
                 int64_t time_limit_ns, struct holders *out, struct err *err)
{
    struct search s = {.r = r, .type = type};
    int64_t began = clock_now_ns();
    uint32_t first = 0;

    memset(out, 0, sizeof *out);
    if (census_attach(r, err) != 0)
        return -1;
    if (!census_is_python(r))
        return err_set(err, "no CPython whose objects can be read");
    s.max_samples = samples < 1             ? 1
                    : samples > SAMPLES_MAX ? SAMPLES_MAX
                                            : samples;
    s.until_ns = began + (time_limit_ns ? time_limit_ns : TIME_LIMIT_NS);
    s.wanted = mem_zalloc(PYTYPES_MAX, 1);
    s.nodes = mem_zalloc(NODES_MAX, sizeof *s.nodes);
    s.keys = mem_zalloc(KEYS, sizeof *s.keys);
    s.piece = mem_zalloc(1, PIECE + 2 * MEMVIEW_PAGE);
    rng_init(&s.rng, 1);
    pytypes_begin(r->types);
    out->partial = !pass(&s, false);
    while (!out->partial && keys_fill(&s, first) > 0 &&
           s.nodes[s.nnodes - 1].depth < DEPTH_MAX) {
        uint32_t before = s.nnodes;

        out->partial = !pass(&s, true);
        mark_roots(&s, before);
        first = before;
    }
    tell(&s, out);
    out->instances = s.instances;
    out->sampled = s.nsamples;
    out->wall_ns = clock_now_ns() - began;
    free(s.wanted);
    free(s.nodes);
    free(s.keys);
    free(s.piece);
    return 0;
}

void holders_release(struct holders *h)
{
    for (size_t i = 0; i < h->nchains; i++)
        free(h->chains[i].text);
    free(h->chains);
    memset(h, 0, sizeof *h);
}
