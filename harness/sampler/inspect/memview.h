/* A bounded, validated view of another address space: its map of mappings and
 * reads that can fail but not harm. The readers in this folder (ELF, pools,
 * chunks, types) see memory only through it, so that they run on a live
 * process, on a recorded image in a test, and on a mutated image in a fuzzer.
 *
 * Everything read is hostile: addresses wrap, point nowhere, change between
 * two reads. A view never reads outside a readable mapping, never touches an
 * page that is absent or swapped out (that would change what we measure; file
 * pages are then read from the file), and reads through the file /proc/PID/mem:
 * process_vm_readv pins pages and so breaks the copy-on-write sharing of forked
 * workers.
 *
 * Not thread-safe: one view, one thread. */
#ifndef PLATEAU_SAMPLER_INSPECT_MEMVIEW_H
#define PLATEAU_SAMPLER_INSPECT_MEMVIEW_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEMVIEW_PAGE 4096u
#define MEMVIEW_MAPS_MAX 70000u /* the kernel's default limit is 65530 */

/* One line of the map. */
struct memmap {
    uint64_t start, end; /* start < end, page-aligned */
    uint64_t offset, inode;
    bool readable, writable, executable, shared;
    char *path; /* owned by the view; "" for anonymous memory */
};

enum mempage { MEMPAGE_ABSENT, MEMPAGE_PRESENT, MEMPAGE_SWAPPED };

/* Where the bytes come from. */
struct memview_ops {
    /* Reads up to `n` bytes at `addr`; returns how many, 0 or -1 for none. */
    ssize_t (*read)(void *ctx, uint64_t addr, void *buf, size_t n);
    /* Fills `out` with one enum mempage for each of `n` pages from `addr`;
     * returns 0, or -1 when unknown (then pages count as present). */
    int (*pages)(void *ctx, uint64_t addr, size_t n, unsigned char *out);
    /* Reads the page at `addr` of the file mapping `m` from the file itself;
     * may be NULL. Returns 0 or -1. */
    int (*file_page)(void *ctx, const struct memmap *m, uint64_t addr,
                     void *buf);
    void (*close)(void *ctx);
};

/* What reading has cost since the view was opened. */
struct memview_cost {
    uint64_t bytes; /* copied */
    uint64_t reads;
    uint64_t swapped_pages; /* skipped: swapped out */
};

struct memview;

/* Makes a view of what `ops` reads; takes `ctx` (closed by ops->close). It has
 * no maps yet: memview_set_maps. */
struct memview *memview_new(const struct memview_ops *ops, void *ctx);

/* Closes and nulls. NULL inside is legal. */
void memview_close(struct memview **v);

/* Replaces the maps by those in `text` (`n` bytes in the format of
 * /proc/PID/maps); lines that are not understood are dropped, and so are
 * those that overlap or run backwards. Forgets cached pages. */
void memview_set_maps(struct memview *v, const char *text, size_t n);

/* The maps, ascending; borrowed until the next memview_set_maps. */
const struct memmap *memview_maps(const struct memview *v, size_t *n);

/* The mapping that holds `addr`, or NULL. */
const struct memmap *memview_find(const struct memview *v, uint64_t addr);

/* Reads exactly `n` bytes at `addr` through a small page cache. Returns 0, or
 * -1 when any of them cannot be had (`buf` is then undefined). */
int memview_read(struct memview *v, uint64_t addr, void *buf, size_t n);

/* Reads the present pages of `n` bytes at `addr` in one go, past the cache;
 * absent ones become zero. Returns the number of bytes really read. */
size_t memview_bulk(struct memview *v, uint64_t addr, void *buf, size_t n);

/* Fills `state` with one enum mempage for each of `n` pages from `addr`
 * (page-aligned); pages outside the maps are absent. */
void memview_pages(struct memview *v, uint64_t addr, size_t n,
                   unsigned char *state);

/* Reads `n` bytes at `addr` past the cache, within one page that is known to
 * be present. Returns 0 or -1. */
int memview_peek(struct memview *v, uint64_t addr, void *buf, size_t n);

/* Reads a string of at most `cap` - 1 bytes, NUL-terminated in `buf`. Returns
 * its length, or -1. A longer one is cut. */
ssize_t memview_string(struct memview *v, uint64_t addr, char *buf, size_t cap);

/* Reads one word. Returns 0 or -1. */
int memview_u64(struct memview *v, uint64_t addr, uint64_t *out);
int memview_u32(struct memview *v, uint64_t addr, uint32_t *out);

/* Forgets cached pages: what is read next is fresh. */
void memview_forget(struct memview *v);

const struct memview_cost *memview_cost(const struct memview *v);

/* A word at `p`, which need not be aligned. */
uint64_t memview_word(const unsigned char *p);
uint32_t memview_half(const unsigned char *p);

#endif
