#include "harness/sampler/inspect/heapscan.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW (512u << 10)
#define WINDOW_PAGES (WINDOW / MEMVIEW_PAGE)
#define TORN_RETRIES 2
/* Reservations larger than this (a sanitizer's shadow) hold no heap of ours;
 * only to ask which of their pages exist would take minutes. */
#define MAPPING_MAX (256ull << 30)
/* Without Python only chunks that were mapped alone are looked for, at the
 * start of a mapping and behind each other: a Java heap need not be searched
 * page by page. */
#define MISSES_MAX 256u

struct heapscan {
    struct memview *v;
    struct chunks *chunks;
    unsigned char *window;
    unsigned char *again; /* a pool read once more */
};

/* One run's state. */
struct scan {
    struct heapscan *s;
    const struct heapscan_options *o;
    const struct heapscan_sink *sink;
    struct chunks_total *native;
    unsigned misses; /* pages in a row that held nothing */
    bool out_of_time;
};

struct heapscan *heapscan_new(struct memview *v)
{
    struct heapscan *s = mem_zalloc(1, sizeof *s);

    s->v = v;
    s->chunks = chunks_new(v);
    s->window = mem_zalloc(1, WINDOW);
    s->again = mem_zalloc(1, POOL_MAX);
    return s;
}

void heapscan_free(struct heapscan *s)
{
    if (!s)
        return;
    chunks_free(s->chunks);
    free(s->window);
    free(s->again);
    free(s);
}

/* A whole pool at `addr`: reads it again while its free list does not add up,
 * which means that the target was at work in it. */
static void found_pool(struct scan *c, uint64_t addr,
                       const unsigned char *bytes, struct pool *p)
{
    struct pool_free free;
    uint32_t size = c->o->pool_size;
    bool whole = pool_free_list(bytes, addr, size, p, &free);

    for (int i = 0; i < TORN_RETRIES && !whole; i++) {
        struct pool q;

        if (memview_bulk(c->s->v, addr, c->s->again, size) != size ||
            !pool_header(c->s->again, addr, size, &q))
            return; /* emptied or given back meanwhile */
        bytes = c->s->again;
        *p = q;
        whole = pool_free_list(bytes, addr, size, p, &free);
    }
    c->sink->pool(c->sink->ctx, addr, p, bytes, &free, !whole);
}

/* A chunk mapped alone at `addr`, of `size` bytes. */
static void found_mapped(struct scan *c, uint64_t addr, uint64_t size)
{
    unsigned char head[CHUNKS_HEAD];

    c->native->inuse_bytes += size;
    c->native->inuse_chunks++;
    c->native->mapped_bytes += size;
    if (!c->sink->chunk)
        return;
    if (memview_read(c->s->v, addr + 16, head, sizeof head) == 0)
        c->sink->chunk(c->sink->ctx, addr + 16, size - 16, head);
}

/* Copies [p, q) and looks at it. Returns where to go on (a mapped chunk may
 * end behind q). */
static uint64_t scan_copied(struct scan *c, const struct memmap *m, uint64_t p,
                            uint64_t q)
{
    uint32_t size = c->o->pool_size;
    const unsigned char *w = c->s->window;
    uint64_t at = p;

    memview_bulk(c->s->v, p, c->s->window, (size_t)(q - p));
    while (at < q) {
        const unsigned char *bytes = w + (at - p);
        struct pool pool;
        uint64_t n;

        if (at % size == 0 && q - at >= size &&
            pool_header(bytes, at, size, &pool)) {
            if (c->o->headers_only)
                c->sink->pool(c->sink->ctx, at, &pool, NULL, NULL, false);
            else
                found_pool(c, at, bytes, &pool);
            at += size;
            continue;
        }
        n = c->o->native ? chunks_mapped(bytes, at, m->end) : 0;
        if (n)
            found_mapped(c, at, n);
        at += n ? n : MEMVIEW_PAGE;
    }
    return at;
}

/* As scan_copied, but reads only the first bytes of present pages. */
static uint64_t scan_probed(struct scan *c, const struct memmap *m, uint64_t p,
                            uint64_t q)
{
    unsigned char state[WINDOW_PAGES];
    uint32_t size = c->o->pool_size;
    uint64_t at = p;

    memview_pages(c->s->v, p, (size_t)(q - p) / MEMVIEW_PAGE, state);
    while (at < q) {
        unsigned char head[POOL_HEADER];
        struct pool pool;
        uint64_t n = 0;

        if (state[(at - p) / MEMVIEW_PAGE] == MEMPAGE_PRESENT &&
            memview_peek(c->s->v, at, head, sizeof head) == 0) {
            if (size && at % size == 0 && q - at >= size &&
                pool_header(head, at, size, &pool)) {
                c->sink->pool(c->sink->ctx, at, &pool, NULL, NULL, false);
                at += size;
                continue;
            }
            n = c->o->native ? chunks_mapped(head, at, m->end) : 0;
            if (n)
                found_mapped(c, at, n);
            c->misses = n ? 0 : c->misses + 1;
            if (!size && c->misses > MISSES_MAX)
                return m->end;
        }
        at += n ? n : MEMVIEW_PAGE;
    }
    return at;
}

static bool late(struct scan *c)
{
    if (c->o->until_ns && clock_now_ns() > c->o->until_ns)
        c->out_of_time = true;
    return c->out_of_time;
}

/* An anonymous mapping. */
static void scan_mapping(struct scan *c, const struct memmap *m)
{
    /* Where a probe would touch every page anyway, one copy is cheaper. */
    bool copy = c->o->pool_size &&
                (!c->o->headers_only || c->o->pool_size == MEMVIEW_PAGE);
    uint64_t p = m->start;

    c->misses = 0;
    while (p < m->end && !late(c)) {
        uint64_t q, first, end;

        if (c->o->native && p % CHUNKS_ARENA == 0 &&
            chunks_thread_heap(c->s->v, p, &first, &end)) {
            c->native->arenas++;
            if (!chunks_walk(c->s->chunks, first, end, c->o->until_ns,
                             c->sink->chunk, c->sink->ctx, c->native))
                c->out_of_time = true;
            p = end;
            continue;
        }
        /* Windows end at multiples of their size: pools and thread heaps
         * never straddle two. */
        q = p - p % WINDOW + WINDOW;
        if (q > m->end)
            q = m->end;
        p = copy ? scan_copied(c, m, p, q) : scan_probed(c, m, p, q);
    }
}

/* The main arena: adjacent pieces of the heap mapping from index `i`. Returns
 * the index of the last piece. */
static size_t scan_heap(struct scan *c, const struct memmap *maps, size_t n,
                        size_t i)
{
    size_t j = i;

    while (j + 1 < n && maps[j + 1].start == maps[j].end &&
           strcmp(maps[j + 1].path, "[heap]") == 0)
        j++;
    c->native->arenas++;
    if (!chunks_walk(c->s->chunks, maps[i].start, maps[j].end, c->o->until_ns,
                     c->sink->chunk, c->sink->ctx, c->native))
        c->out_of_time = true;
    return j;
}

static bool is_anonymous(const struct memmap *m)
{
    return m->readable && m->writable && !m->shared && m->inode == 0 &&
           m->end - m->start <= MAPPING_MAX &&
           (m->path[0] == '\0' || strncmp(m->path, "[anon", 5) == 0);
}

bool heapscan_run(struct heapscan *s, const struct heapscan_options *o,
                  const struct heapscan_sink *sink, struct chunks_total *native)
{
    struct scan c = {.s = s, .o = o, .sink = sink, .native = native};
    size_t n;
    const struct memmap *maps = memview_maps(s->v, &n);

    for (size_t i = 0; i < n && !late(&c); i++) {
        if (strcmp(maps[i].path, "[heap]") == 0) {
            if (o->native)
                i = scan_heap(&c, maps, n, i);
        } else if ((o->native || o->pool_size) && is_anonymous(&maps[i])) {
            scan_mapping(&c, &maps[i]);
        }
    }
    return !c.out_of_time;
}
