#include "harness/sampler/inspect/holders.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/sampler/inspect/census_impl.h"
#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/procmem.h"

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
#define ATTEMPTS 3 /* what moves meanwhile may be found the next time */
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
    const struct holders_mark *before; /* NULL: any instance will do */
    unsigned max_samples;
    struct rng rng;
    uint64_t instances, eligible;
    struct holder *nodes;
    uint32_t nnodes, nsamples;
    bool done[SAMPLES_MAX]; /* a root was found */
    bool cut[SAMPLES_MAX];  /* some holders were not followed */
    bool nameless;          /* variables were tried as roots already */
    struct key *keys;       /* words looked for in this pass */
    uint64_t bloom[BLOOM / 64];
    uint64_t low, high;
    unsigned char *piece;
    int64_t until_ns;
};

static struct holder_world world(const struct search *s)
{
    return (struct holder_world){s->r->v, s->r->rt.version, s->r->types,
                                 s->nodes};
}

static size_t hash_word(uint64_t w)
{
    return (size_t)((w >> 3) * 0x9e3779b97f4a7c15u >> 40);
}

/* Keeps a uniform sample of the instances that are not marked (Vitter 1985,
 * algorithm R). */
static void sample(void *ctx, uint64_t addr, uint32_t type, size_t which)
{
    struct search *s = ctx;
    uint64_t at;

    (void)which;
    s->instances++;
    if (s->before != NULL && holders_marked(s->before, addr))
        return;
    at = s->eligible++;
    if (at >= s->max_samples)
        at = rng_below(&s->rng, s->eligible);
    if (at >= s->max_samples)
        return;
    s->nodes[at] = (struct holder){.addr = addr,
                                   .type = (int32_t)type,
                                   .child = -1,
                                   .sample = (uint32_t)at};
    if (at >= s->nnodes)
        s->nnodes = s->nsamples = (uint32_t)at + 1;
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

/* Was `h` found before? One frame may hold in several ways, and which of them
 * is true shows at the end. */
static bool known(const struct search *s, const struct holder *h)
{
    struct holder_world w = world(s);
    bool frame = holder_is(&w, h->type, "builtins.frame");

    for (uint32_t i = 0; i < s->nnodes; i++) {
        const struct holder *n = &s->nodes[i];

        if (n->addr == h->addr && n->sample == h->sample &&
            (!frame || n->hit == h->hit))
            return true;
    }
    return false;
}

/* The word at `hit`, in block `b`, points at node `child`. */
static void on_hit(struct search *s, struct block *b, uint64_t hit,
                   int32_t child)
{
    struct holder_world w = world(s);
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
        if (!holder_holds(&w, &h, c))
            return;
    }
    c->held = true;
    if (c->holders >= HOLDERS_MAX || s->nnodes >= NODES_MAX) {
        s->cut[h.sample] = true;
        return;
    }
    if (known(s, &h))
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

/* Finds the instances to follow; when all were there before, any of them. */
static bool choose(struct search *s)
{
    bool whole;

    s->instances = s->eligible = 0;
    s->nnodes = s->nsamples = 0;
    whole = holder_instances(s->r, &s->type, 1, s->until_ns, sample, s);
    if (!whole || s->eligible > 0 || s->instances == 0)
        return whole;
    s->before = NULL;
    s->instances = 0;
    return holder_instances(s->r, &s->type, 1, s->until_ns, sample, s);
}

static bool climb(struct search *s)
{
    struct heapscan_sink sink = {
        .pool = climb_pool, .chunk = climb_chunk, .ctx = s};

    return holder_pass(s->r, &sink, s->until_ns);
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
    struct holder_world w = world(s);

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

/* Is frame node `h` a root in this round? A variable holds what it names. A
 * frame's own stack keeps words of what was taken off it, and nothing tells
 * how much of it is in use while it runs: those slots are asked last. */
static bool is_frame_root(const struct search *s, const struct holder *h)
{
    struct holder_world w = world(s);
    char function[HOLDER_NAME_CAP], variable[HOLDER_NAME_CAP];

    return s->nameless ||
           (holder_frame(&w, h, function, variable) && *variable);
}

/* A word on a running frame's stack: does it hold something without a root? */
static void on_stack(void *ctx, uint64_t from, uint64_t at, uint64_t word)
{
    struct search *s = ctx;
    int32_t node = word < s->low || word > s->high ? -1 : key_find(s, word);

    for (; node >= 0; node = s->nodes[node].same) {
        const struct holder *c = &s->nodes[node];
        struct holder h = {.addr = from,
                           .hit = at,
                           .type = -1,
                           .child = node,
                           .depth = c->depth + 1,
                           .sample = c->sample,
                           .root = true,
                           .frame = true};

        if (c->size || s->done[c->sample] || s->nnodes >= NODES_MAX ||
            !is_frame_root(s, &h))
            continue;
        s->done[c->sample] = true;
        s->nodes[s->nnodes++] = h;
    }
}

/* What no module and no class holds, perhaps a running frame does. Up to 3.10
 * it is an object, which was found already; later a frame that runs lies on
 * its thread's stack, and an object is one that a traceback kept. */
static void root_in_frames(struct search *s)
{
    struct holder_world w = world(s);

    for (int round = 0; round < 2; round++) {
        s->nameless = round > 0;
        for (uint32_t i = s->nsamples; i < s->nnodes; i++) {
            struct holder *h = &s->nodes[i];

            if (w.version->minor <= 10 && !s->done[h->sample] &&
                holder_is(&w, h->type, "builtins.frame") && is_frame_root(s, h))
                h->root = s->done[h->sample] = true;
        }
        holder_stacks(s->r->v, &s->r->rt, s->until_ns, on_stack, s);
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

static void add_chain(struct holders *out, const char *text, bool rooted,
                      const struct holders_bound *bound)
{
    for (size_t i = 0; i < out->nchains; i++) {
        struct holders_chain *c = &out->chains[i];

        if (strcmp(c->text, text) != 0)
            continue;
        c->found++;
        /* Of many containers alike, their number is what may grow. */
        if (c->bound.addr != bound->addr)
            c->bound = (struct holders_bound){.what = NULL};
        return;
    }
    out->chains =
        mem_realloc(out->chains, out->nchains + 1, sizeof *out->chains);
    out->chains[out->nchains++] =
        (struct holders_chain){mem_strdup(text), 1, rooted, *bound};
}

/* Is sample `which` held by nothing but things that it holds itself? Then
 * each thing that was found has a holder, and none of them is a root. */
static bool is_cycle(const struct search *s, uint32_t which)
{
    if (s->cut[which])
        return false;
    for (uint32_t i = 0; i < s->nnodes; i++)
        if (s->nodes[i].sample == which &&
            (s->nodes[i].root || !s->nodes[i].held))
            return false;
    return true;
}

static void tell(struct search *s, struct holders *out)
{
    struct holder_world w = world(s);
    bool blind = !census_has_native(s->r);
    struct buf text;

    buf_init(&text, TEXT_MAX);
    for (uint32_t i = 0; i < s->nsamples; i++) {
        int32_t top = top_of(s, i);
        struct holders_bound bound;

        if (!out->partial && is_cycle(s, i)) {
            *(blind ? &out->unseen : &out->cycles) += 1;
            continue;
        }
        if (top < 0) {
            *(blind ? &out->unseen : &out->lone) += !out->partial;
            continue;
        }
        buf_reset(&text);
        if (!s->nodes[top].root)
            buf_adds(&text, blind ? "(memory that was not seen) -> "
                                  : "(a running frame or C) -> ");
        holder_text(&w, top, &text, &bound);
        add_chain(out, buf_str(&text), s->nodes[top].root, &bound);
    }
    buf_release(&text);
    if (out->nchains)
        qsort(out->chains, out->nchains, sizeof *out->chains, by_found);
}

/* Samples, climbs, and tells. */
static void look(struct search *s, struct holders *out)
{
    uint32_t first = 0;

    memset(out, 0, sizeof *out);
    memset(s->done, 0, sizeof s->done);
    memset(s->cut, 0, sizeof s->cut);
    pytypes_begin(s->r->types);
    out->partial = !choose(s);
    while (!out->partial && keys_fill(s, first) > 0 &&
           s->nodes[s->nnodes - 1].depth < DEPTH_MAX) {
        uint32_t before = s->nnodes;

        out->partial = !climb(s);
        mark_roots(s, before);
        first = before;
    }
    if (keys_fill(s, 0) > 0)
        root_in_frames(s);
    tell(s, out);
    out->instances = s->instances;
    out->sampled = s->nsamples;
}

static unsigned rooted(const struct holders *h)
{
    unsigned n = 0;

    for (size_t i = 0; i < h->nchains; i++)
        n += h->chains[i].rooted ? h->chains[i].found : 0;
    return n + h->cycles;
}

/* Looks again while most chains have no root and half the time is left. */
static void look_again(struct search *s, int64_t began, struct holders *out)
{
    look(s, out);
    for (int i = 1; i < ATTEMPTS && rooted(out) * 2 < out->sampled; i++) {
        int64_t now = clock_now_ns();
        struct holders more;

        if (out->partial || now - began > s->until_ns - now)
            return;
        look(s, &more);
        if (rooted(&more) > rooted(out)) {
            holders_release(out);
            *out = more;
        } else {
            holders_release(&more);
        }
    }
}

void holders_search(struct census_reader *r, const char *type, unsigned samples,
                    const struct holders_mark *before, int64_t time_limit_ns,
                    struct holders *out)
{
    struct search s = {.r = r, .type = type, .before = before};
    int64_t began = clock_now_ns();

    s.max_samples = samples < 1             ? 1
                    : samples > SAMPLES_MAX ? SAMPLES_MAX
                                            : samples;
    s.until_ns = began + (time_limit_ns ? time_limit_ns : TIME_LIMIT_NS);
    s.nodes = mem_zalloc(NODES_MAX, sizeof *s.nodes);
    s.keys = mem_zalloc(KEYS, sizeof *s.keys);
    s.piece = mem_zalloc(1, PIECE + 2 * MEMVIEW_PAGE);
    rng_init(&s.rng, 1);
    look_again(&s, began, out);
    out->wall_ns = clock_now_ns() - began;
    free(s.nodes);
    free(s.keys);
    free(s.piece);
}

int holders_find(struct census_reader *r, const char *type, unsigned samples,
                 const struct holders_mark *before, int64_t time_limit_ns,
                 struct holders *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (census_attach(r, err) != 0)
        return -1;
    if (!census_is_python(r))
        return err_set(err, "no CPython whose objects can be read");
    holders_search(r, type, samples, before, time_limit_ns, out);
    return 0;
}

void holders_release(struct holders *h)
{
    for (size_t i = 0; i < h->nchains; i++)
        free(h->chains[i].text);
    free(h->chains);
    memset(h, 0, sizeof *h);
}
