/* A recorded or made memory image as a source for memview: pages at addresses,
 * and the text of a map. For tests and fuzz targets.
 *
 * As a file: "PLIM", u32 length of the map's text, the text, then pages of
 * u64 address and 4,096 bytes each. */
#ifndef PLATEAU_TESTS_IMAGE_H
#define PLATEAU_TESTS_IMAGE_H

#include "harness/base/mem.h"
#include "harness/sampler/inspect/memview.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_PAGES_MAX 4096u

struct image_page {
    uint64_t addr;
    unsigned char state; /* enum mempage */
    unsigned char bytes[MEMVIEW_PAGE];
};

struct image {
    struct image_page **pages; /* by address */
    size_t n, cap;
};

/* Index of the page at `addr`, or where it would be. */
static inline size_t image_index(const struct image *m, uint64_t addr)
{
    size_t lo = 0, hi = m->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (m->pages[mid]->addr < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The page at `addr` (page-aligned); made when it is new. */
static inline struct image_page *image_page(struct image *m, uint64_t addr)
{
    size_t i = image_index(m, addr);

    if (i < m->n && m->pages[i]->addr == addr)
        return m->pages[i];
    m->pages = mem_grow(m->pages, m->n, &m->cap, sizeof *m->pages);
    memmove(m->pages + i + 1, m->pages + i, (m->n - i) * sizeof *m->pages);
    m->n++;
    m->pages[i] = mem_zalloc(1, sizeof **m->pages);
    m->pages[i]->addr = addr;
    m->pages[i]->state = MEMPAGE_PRESENT;
    return m->pages[i];
}

/* Puts bytes at an address. */
static inline void image_put(struct image *m, uint64_t addr, const void *bytes,
                             size_t n)
{
    const unsigned char *p = bytes;

    while (n > 0) {
        size_t at = (size_t)(addr % MEMVIEW_PAGE);
        size_t part = MEMVIEW_PAGE - at < n ? MEMVIEW_PAGE - at : n;

        memcpy(image_page(m, addr - at)->bytes + at, p, part);
        p += part;
        addr += part;
        n -= part;
    }
}

static inline void image_u64(struct image *m, uint64_t addr, uint64_t value)
{
    image_put(m, addr, &value, sizeof value);
}

static inline void image_u32(struct image *m, uint64_t addr, uint32_t value)
{
    image_put(m, addr, &value, sizeof value);
}

static inline ssize_t image_read(void *ctx, uint64_t addr, void *buf, size_t n)
{
    struct image *m = ctx;
    size_t done = 0;

    while (done < n) {
        uint64_t at = addr + done;
        size_t in = (size_t)(at % MEMVIEW_PAGE);
        size_t part =
            MEMVIEW_PAGE - in < n - done ? MEMVIEW_PAGE - in : n - done;
        size_t i = image_index(m, at - in);

        if (i == m->n || m->pages[i]->addr != at - in)
            break;
        memcpy((char *)buf + done, m->pages[i]->bytes + in, part);
        done += part;
    }
    return (ssize_t)done;
}

static inline int image_states(void *ctx, uint64_t addr, size_t n,
                               unsigned char *out)
{
    struct image *m = ctx;

    for (size_t k = 0; k < n; k++) {
        uint64_t at = addr + k * MEMVIEW_PAGE;
        size_t i = image_index(m, at);

        out[k] = i < m->n && m->pages[i]->addr == at ? m->pages[i]->state
                                                     : MEMPAGE_ABSENT;
    }
    return 0;
}

static inline void image_release(struct image *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->pages[i]);
    free(m->pages);
    memset(m, 0, sizeof *m);
}

static const struct memview_ops image_ops = {
    .read = image_read,
    .pages = image_states,
};

/* A view of `m` (borrowed) with the map in `maps`. */
static inline struct memview *image_view(struct image *m, const char *maps)
{
    struct memview *v = memview_new(&image_ops, m);

    memview_set_maps(v, maps, strlen(maps));
    return v;
}

/* Reads an image file's bytes: gives a view of `m`, or NULL when they are
 * none. Pages of a file count as present. */
static inline struct memview *image_parse(struct image *m,
                                          const unsigned char *data, size_t n)
{
    struct memview *v;
    uint32_t len;
    size_t at;

    if (n < 8 || memcmp(data, "PLIM", 4) != 0)
        return NULL;
    memcpy(&len, data + 4, sizeof len);
    if (len > n - 8)
        return NULL;
    at = 8 + len;
    while (n - at >= 8 + MEMVIEW_PAGE && m->n < IMAGE_PAGES_MAX) {
        uint64_t addr;

        memcpy(&addr, data + at, sizeof addr);
        image_put(m, addr - addr % MEMVIEW_PAGE, data + at + 8, MEMVIEW_PAGE);
        at += 8 + MEMVIEW_PAGE;
    }
    v = memview_new(&image_ops, m);
    memview_set_maps(v, (const char *)data + 8, len);
    return v;
}

#endif
