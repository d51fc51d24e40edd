#include "harness/sampler/inspect/memview.h"

#include "harness/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pointer chasing meets the same pages again and again: a direct-mapped cache
 * of whole pages saves the system calls. 512 pages are 2 MiB. */
#define CACHE_PAGES 512u
#define RUN_PAGES 256u /* pages asked about at a time */
#define NO_PAGE UINT64_MAX

struct memview {
    const struct memview_ops *ops;
    void *ctx;
    struct memmap *maps;
    size_t nmaps;
    size_t last; /* index of the mapping found last */
    struct memview_cost cost;
    uint64_t *tags; /* page address in each cache line, NO_PAGE: none */
    bool *bad;      /* that page cannot be read */
    unsigned char *pages;
};

uint64_t memview_word(const unsigned char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

uint32_t memview_half(const unsigned char *p)
{
    uint32_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

static void maps_clear(struct memview *v)
{
    for (size_t i = 0; i < v->nmaps; i++)
        free(v->maps[i].path);
    free(v->maps);
    v->maps = NULL;
    v->nmaps = 0;
    v->last = 0;
}

struct memview *memview_new(const struct memview_ops *ops, void *ctx)
{
    struct memview *v = mem_zalloc(1, sizeof *v);

    v->ops = ops;
    v->ctx = ctx;
    v->tags = mem_zalloc(CACHE_PAGES, sizeof *v->tags);
    v->bad = mem_zalloc(CACHE_PAGES, sizeof *v->bad);
    v->pages = mem_zalloc(CACHE_PAGES, MEMVIEW_PAGE);
    memview_forget(v);
    return v;
}

void memview_close(struct memview **vp)
{
    struct memview *v = *vp;

    *vp = NULL;
    if (!v)
        return;
    maps_clear(v);
    if (v->ops->close)
        v->ops->close(v->ctx);
    free(v->tags);
    free(v->bad);
    free(v->pages);
    free(v);
}

void memview_forget(struct memview *v)
{
    for (size_t i = 0; i < CACHE_PAGES; i++)
        v->tags[i] = NO_PAGE;
}

/* One line of maps: "start-end perms offset dev inode   path". */
static bool map_parse(const char *line, size_t n, struct memmap *out)
{
    char text[512];
    char perms[5] = "";
    unsigned maj, min;
    int at = 0;
    size_t len = n < sizeof text - 1 ? n : sizeof text - 1;

    memcpy(text, line, len);
    text[len] = '\0';
    memset(out, 0, sizeof *out);
    if (sscanf(text,
               "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n",
               &out->start, &out->end, perms, &out->offset, &maj, &min,
               &out->inode, &at) < 7)
        return false;
    if (out->start >= out->end || strlen(perms) != 4 ||
        out->start % MEMVIEW_PAGE || out->end % MEMVIEW_PAGE)
        return false;
    out->readable = perms[0] == 'r';
    out->writable = perms[1] == 'w';
    out->executable = perms[2] == 'x';
    out->shared = perms[3] == 's';
    while (text[at] == ' ' || text[at] == '\t')
        at++;
    out->path = mem_strdup(text + at);
    return true;
}

void memview_set_maps(struct memview *v, const char *text, size_t n)
{
    size_t cap = 0;
    uint64_t floor = 0;
    const char *end = text + n;

    maps_clear(v);
    memview_forget(v);
    while (text < end && v->nmaps < MEMVIEW_MAPS_MAX) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        size_t len = (size_t)((nl ? nl : end) - text);
        struct memmap m;

        if (map_parse(text, len, &m)) {
            if (m.start >= floor) {
                v->maps = mem_grow(v->maps, v->nmaps, &cap, sizeof *v->maps);
                v->maps[v->nmaps++] = m;
                floor = m.end;
            } else {
                free(m.path);
            }
        }
        text += len + 1;
    }
}

const struct memmap *memview_maps(const struct memview *v, size_t *n)
{
    *n = v->nmaps;
    return v->maps;
}

const struct memmap *memview_find(const struct memview *v, uint64_t addr)
{
    size_t lo = 0, hi = v->nmaps;

    if (v->last < v->nmaps && addr >= v->maps[v->last].start &&
        addr < v->maps[v->last].end)
        return &v->maps[v->last];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (addr < v->maps[mid].start)
            hi = mid;
        else if (addr >= v->maps[mid].end)
            lo = mid + 1;
        else {
            /* A memo, not state that anyone can see. */
            ((struct memview *)v)->last = mid;
            return &v->maps[mid];
        }
    }
    return NULL;
}

static ssize_t source_read(struct memview *v, uint64_t addr, void *buf,
                           size_t n)
{
    ssize_t got = v->ops->read(v->ctx, addr, buf, n);

    v->cost.reads++;
    if (got > 0)
        v->cost.bytes += (uint64_t)got;
    return got;
}

/* Which of `n` pages from `addr` may be read. */
static void pages_state(struct memview *v, uint64_t addr, size_t n,
                        unsigned char *out)
{
    if (v->ops->pages(v->ctx, addr, n, out) != 0)
        memset(out, MEMPAGE_PRESENT, n);
}

/* Fills `bytes` with the page at `page`. A file page that the target has not
 * touched is as in the file. */
static int page_load(struct memview *v, const struct memmap *m, uint64_t page,
                     unsigned char *bytes)
{
    unsigned char state;

    pages_state(v, page, 1, &state);
    if (state == MEMPAGE_ABSENT && m->inode && v->ops->file_page)
        return v->ops->file_page(v->ctx, m, page, bytes);
    if (state != MEMPAGE_PRESENT) {
        v->cost.swapped_pages += state == MEMPAGE_SWAPPED;
        return -1;
    }
    return source_read(v, page, bytes, MEMVIEW_PAGE) == (ssize_t)MEMVIEW_PAGE
               ? 0
               : -1;
}

/* The cache line that holds the page at `page`, or NULL: not readable. */
static const unsigned char *page_get(struct memview *v, uint64_t page)
{
    size_t line = (page / MEMVIEW_PAGE) % CACHE_PAGES;
    unsigned char *bytes = v->pages + line * MEMVIEW_PAGE;
    const struct memmap *m;

    if (v->tags[line] == page)
        return v->bad[line] ? NULL : bytes;
    v->tags[line] = page;
    v->bad[line] = true;
    m = memview_find(v, page);
    if (m && m->readable)
        v->bad[line] = page_load(v, m, page, bytes) != 0;
    return v->bad[line] ? NULL : bytes;
}

int memview_read(struct memview *v, uint64_t addr, void *buf, size_t n)
{
    unsigned char *out = buf;

    if (addr + n < addr)
        return -1;
    while (n > 0) {
        uint64_t page = addr - addr % MEMVIEW_PAGE;
        size_t at = (size_t)(addr - page);
        size_t part = MEMVIEW_PAGE - at < n ? MEMVIEW_PAGE - at : n;
        const unsigned char *bytes = page_get(v, page);

        if (!bytes)
            return -1;
        memcpy(out, bytes + at, part);
        out += part;
        addr += part;
        n -= part;
    }
    return 0;
}

/* Reads within one mapping; `addr` and `n` are page-aligned. */
static size_t bulk_map(struct memview *v, uint64_t addr, unsigned char *out,
                       size_t n)
{
    unsigned char state[RUN_PAGES];
    size_t total = 0;

    while (n > 0) {
        size_t pages =
            n / MEMVIEW_PAGE < RUN_PAGES ? n / MEMVIEW_PAGE : RUN_PAGES;

        pages_state(v, addr, pages, state);
        for (size_t i = 0; i < pages;) {
            size_t j = i;

            while (j < pages && state[j] == state[i])
                j++;
            if (state[i] == MEMPAGE_SWAPPED)
                v->cost.swapped_pages += j - i;
            if (state[i] == MEMPAGE_PRESENT) {
                ssize_t got =
                    source_read(v, addr + i * MEMVIEW_PAGE,
                                out + i * MEMVIEW_PAGE, (j - i) * MEMVIEW_PAGE);

                total += got > 0 ? (size_t)got : 0;
            }
            i = j;
        }
        addr += pages * MEMVIEW_PAGE;
        out += pages * MEMVIEW_PAGE;
        n -= pages * MEMVIEW_PAGE;
    }
    return total;
}

size_t memview_bulk(struct memview *v, uint64_t addr, void *buf, size_t n)
{
    unsigned char *out = buf;
    size_t total = 0;

    assert(addr % MEMVIEW_PAGE == 0 && n % MEMVIEW_PAGE == 0);
    memset(buf, 0, n);
    while (n > 0 && addr + n > addr) {
        const struct memmap *m = memview_find(v, addr);
        size_t part = MEMVIEW_PAGE;

        if (m) {
            part = m->end - addr < n ? (size_t)(m->end - addr) : n;
            if (m->readable)
                total += bulk_map(v, addr, out, part);
        }
        addr += part;
        out += part;
        n -= part;
    }
    return total;
}

void memview_pages(struct memview *v, uint64_t addr, size_t n,
                   unsigned char *state)
{
    for (size_t i = 0; i < n;) {
        uint64_t at = addr + i * MEMVIEW_PAGE;
        const struct memmap *m = memview_find(v, at);
        size_t part = 1;

        if (m && m->readable) {
            uint64_t left = (m->end - at) / MEMVIEW_PAGE;

            part = left < n - i ? (size_t)left : n - i;
            pages_state(v, at, part, state + i);
        } else {
            state[i] = MEMPAGE_ABSENT;
        }
        i += part;
    }
}

int memview_peek(struct memview *v, uint64_t addr, void *buf, size_t n)
{
    return source_read(v, addr, buf, n) == (ssize_t)n ? 0 : -1;
}

ssize_t memview_string(struct memview *v, uint64_t addr, char *buf, size_t cap)
{
    size_t len = 0;

    assert(cap > 0);
    while (len < cap - 1) {
        uint64_t at = addr + len;
        size_t left = MEMVIEW_PAGE - (size_t)(at % MEMVIEW_PAGE);
        size_t part = left < cap - 1 - len ? left : cap - 1 - len;
        const char *nul;

        if (memview_read(v, at, buf + len, part) != 0)
            return -1;
        nul = memchr(buf + len, '\0', part);
        if (nul)
            return nul - buf;
        len += part;
    }
    buf[len] = '\0';
    return (ssize_t)len;
}

int memview_u64(struct memview *v, uint64_t addr, uint64_t *out)
{
    return memview_read(v, addr, out, sizeof *out);
}

int memview_u32(struct memview *v, uint64_t addr, uint32_t *out)
{
    return memview_read(v, addr, out, sizeof *out);
}

const struct memview_cost *memview_cost(const struct memview *v)
{
    return &v->cost;
}
