#include "harness/sampler/inspect/chunks.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW (256u << 10)
#define CHUNK_MIN 32u
#define PREV_INUSE 1u
#define IS_MMAPPED 2u
#define FLAGS 7u
#define FENCE 64u /* the end marks of a full thread heap fit in this */
#define RETRIES 3
#define RESYNC_CHAIN 8         /* chunks that must follow each other */
#define RESYNC_SPAN (4u << 20) /* bytes searched before a range is given up */
#define ARENA_STATE_MIN 1024u
#define ARENA_STATE_MAX 4096u
#define MAPPED_MIN (8u << 10)

struct chunks {
    struct memview *v;
    unsigned char *window;
    uint64_t at, end; /* addresses that the window holds */
    int64_t until_ns; /* 0: no limit */
};

/* The walk of one range. */
struct walk {
    struct chunks *c;
    uint64_t end;
    chunks_fn fn;
    void *ctx;
    struct chunks_total *total;
    uint64_t pending; /* the last chunk: its use is said by the next one */
    uint64_t pending_size;
    unsigned char head[CHUNKS_HEAD];
};

struct chunks *chunks_new(struct memview *v)
{
    struct chunks *c = mem_zalloc(1, sizeof *c);

    c->v = v;
    c->window = mem_zalloc(1, WINDOW);
    return c;
}

void chunks_free(struct chunks *c)
{
    if (!c)
        return;
    free(c->window);
    free(c);
}

/* Makes the window hold `n` bytes from `addr`, or as many as there are before
 * `limit`. Returns where they are, or NULL when fewer than `n`. */
static const unsigned char *window_get(struct chunks *c, uint64_t addr,
                                       size_t n, uint64_t limit)
{
    if (addr < c->at || addr + n > c->end) {
        uint64_t start = addr - addr % MEMVIEW_PAGE;
        uint64_t end = limit + (MEMVIEW_PAGE - 1);

        end -= end % MEMVIEW_PAGE;
        if (end - start > WINDOW)
            end = start + WINDOW;
        c->at = start;
        c->end = end;
        memview_bulk(c->v, start, c->window, (size_t)(end - start));
    }
    if (addr + n > c->end || addr + n > limit)
        return NULL;
    return c->window + (addr - c->at);
}

/* Forgets the window: what is read next is fresh. */
static void window_drop(struct chunks *c)
{
    c->at = c->end = 0;
}

/* The size in a chunk's size word at `addr`, or 0 when it cannot be one. */
static uint64_t size_of(uint64_t word, uint64_t addr, uint64_t end)
{
    uint64_t size = word & ~(uint64_t)FLAGS;

    if (word & IS_MMAPPED || size < CHUNK_MIN || size % 16 != 0 ||
        addr >= end || size > end - addr)
        return 0;
    return size;
}

/* The size of the chunk at `addr`, or 0 when no chunk can begin there; `word`
 * gets its size word where there is one. */
static uint64_t chunk_size(struct chunks *c, uint64_t addr, uint64_t end,
                           uint64_t *word)
{
    const unsigned char *p = window_get(c, addr, 16, end);

    if (!p)
        return 0;
    *word = memview_word(p + 8);
    return size_of(*word, addr, end);
}

static void report(struct walk *w, bool inuse)
{
    struct chunks_total *t = w->total;

    if (!w->pending)
        return;
    if (inuse) {
        t->inuse_bytes += w->pending_size;
        t->inuse_chunks++;
        if (w->fn)
            w->fn(w->ctx, w->pending + 16, w->pending_size - 8, w->head);
    } else {
        t->free_bytes += w->pending_size;
        t->free_chunks++;
        if (w->pending_size > t->largest_free)
            t->largest_free = w->pending_size;
    }
    w->pending = 0;
}

/* Keeps the chunk at `addr` until the next one says whether it is in use. */
static void hold(struct walk *w, uint64_t addr, uint64_t size)
{
    size_t n = size - 8 < CHUNKS_HEAD ? (size_t)(size - 8) : CHUNKS_HEAD;
    const unsigned char *p;

    if (n > w->end - addr - 16)
        n = (size_t)(w->end - addr - 16);
    p = window_get(w->c, addr + 16, n, w->end);
    memset(w->head, 0, sizeof w->head);
    if (p)
        memcpy(w->head, p, n);
    w->pending = addr;
    w->pending_size = size;
}

/* Do RESYNC_CHAIN chunks follow each other from `addr`, or fewer up to the
 * end? Looks ahead through the page cache, so that the window stays. */
static bool chain_ok(struct chunks *c, uint64_t addr, uint64_t end)
{
    for (int i = 0; i < RESYNC_CHAIN && addr < end; i++) {
        uint64_t word, size;

        if (memview_u64(c->v, addr + 8, &word) != 0)
            return false;
        size = size_of(word, addr, end);
        if (!size)
            return end - addr <= FENCE && i > 0;
        addr += size;
    }
    return true;
}

/* The first place after `addr` where chunks follow each other, or `end`. */
static uint64_t resync(struct chunks *c, uint64_t addr, uint64_t end)
{
    uint64_t stop = end - addr > RESYNC_SPAN ? addr + RESYNC_SPAN : end;

    for (uint64_t q = addr + 16; q < stop; q += 16) {
        uint64_t word;

        /* Absent pages read as zeros: nothing to find in them. */
        if (chunk_size(c, q, end, &word) && chain_ok(c, q, end))
            return q;
        if (q % MEMVIEW_PAGE == 0 && c->until_ns &&
            clock_now_ns() > c->until_ns)
            break;
    }
    return end;
}

/* The chain broke at `addr`: reads afresh from `anchor`, a chunk known to be
 * good, then looks further ahead. Returns where to go on. */
static uint64_t recover(struct walk *w, uint64_t anchor, uint64_t addr,
                        int *retries)
{
    uint64_t word, next;

    w->pending = 0;
    window_drop(w->c);
    memview_forget(w->c->v);
    if (++*retries <= RETRIES && anchor < addr &&
        chunk_size(w->c, anchor, w->end, &word)) {
        uint64_t p = anchor;

        while (p < addr) {
            uint64_t size = chunk_size(w->c, p, w->end, &word);

            if (!size)
                break;
            p += size;
        }
        if (p > addr)
            return p;
    }
    next = resync(w->c, addr, w->end);
    w->total->gap_bytes += next - addr;
    return next;
}

bool chunks_walk(struct chunks *c, uint64_t start, uint64_t end,
                 int64_t until_ns, chunks_fn fn, void *ctx,
                 struct chunks_total *total)
{
    struct walk w = {.c = c, .end = end, .fn = fn, .ctx = ctx, .total = total};
    uint64_t p = start, anchor = start;
    int retries = 0;

    window_drop(c);
    c->until_ns = until_ns;
    for (uint64_t steps = 0; p < end; steps++) {
        uint64_t word = PREV_INUSE;
        uint64_t size = chunk_size(c, p, end, &word);

        if (until_ns && steps % 65536 == 65535 && clock_now_ns() > until_ns)
            return false;
        if (!size) {
            if (end - p <= FENCE && p > start) {
                report(&w, word & PREV_INUSE);
                return true;
            }
            p = recover(&w, anchor, p, &retries);
            anchor = p;
            continue;
        }
        report(&w, word & PREV_INUSE);
        if (p + size == end) {
            /* The last chunk is the arena's unused end. */
            w.pending = p;
            w.pending_size = size;
            report(&w, false);
            return true;
        }
        hold(&w, p, size);
        /* A broken chain is taken up again one window back at most. */
        if (p - anchor > WINDOW / 2) {
            anchor = p;
            retries = 0;
        }
        p += size;
    }
    return true;
}

/* struct heap_info: arena @0, previous heap @8, size @16. An arena's first
 * heap holds its state (malloc_state) behind that, then the chunks; how long
 * both are depends on glibc's version, so the first chunk is the place from
 * which chunks follow each other. */
bool chunks_thread_heap(struct memview *v, uint64_t addr, uint64_t *first,
                        uint64_t *end)
{
    unsigned char info[64];
    unsigned char state[ARENA_STATE_MAX];
    uint64_t arena, prev, size, at, stop;
    struct chunks c = {.v = v};
    bool found = false;

    if (memview_read(v, addr, info, sizeof info) != 0)
        return false;
    arena = memview_word(info);
    prev = memview_word(info + 8);
    size = memview_word(info + 16);
    if (size < MEMVIEW_PAGE || size > CHUNKS_ARENA || size % MEMVIEW_PAGE ||
        arena % 16 != 0 || prev % CHUNKS_ARENA != 0)
        return false;
    if (!prev && (arena < addr + 24 || arena > addr + 64))
        return false;
    if (prev && (!memview_find(v, arena) || memview_read(v, prev, state, 64) ||
                 arena == 0))
        return false;
    c.window = mem_zalloc(1, WINDOW);
    at = prev ? addr + 32 : arena + ARENA_STATE_MIN;
    stop = prev ? addr + 128 : arena + ARENA_STATE_MAX;
    for (; at < stop && at < addr + size && !found; at += 16) {
        uint64_t word;
        uint64_t n = chunk_size(&c, at, addr + size, &word);

        if (n && (word & PREV_INUSE) && chain_ok(&c, at, addr + size)) {
            *first = at;
            *end = addr + size;
            found = true;
        }
    }
    free(c.window);
    return found;
}

uint64_t chunks_mapped(const unsigned char *head, uint64_t addr, uint64_t end)
{
    uint64_t word = memview_word(head + 8);
    uint64_t size = word & ~(uint64_t)FLAGS;

    if (memview_word(head) != 0 || (word & FLAGS) != IS_MMAPPED ||
        size < MAPPED_MIN || size % MEMVIEW_PAGE != 0 || addr >= end ||
        size > end - addr)
        return 0;
    return size;
}
