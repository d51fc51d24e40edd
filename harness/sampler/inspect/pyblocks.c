#include "harness/sampler/inspect/pyblocks.h"

#include "harness/base/mem.h"
#include "harness/sampler/inspect/elf.h"

#include <stdlib.h>
#include <string.h>

#define CODE_BYTES 64u
#define COUNT_MAX ((uint64_t)1 << 40)
#define PART (64u << 10)
#define DATA_MAX (16u << 20)
#define ARENA_OBJECT 48u
#define POOLS_IN_ARENA 64u /* 1 MiB arenas of 16 KiB pools, from 3.10 on */

/* The allocator's state (3.12 and later), in words: arena objects' array,
 * its length, two lists into it, the last arena for each number of free pools,
 * arenas now, ever and at most, then our counter. */
enum {
    ARENAS = 0,
    LENGTH = 1,
    LISTS = 2,
    NOW = 4 + POOLS_IN_ARENA + 1,
    EVER = NOW + 1,
    HIGH = NOW + 2,
    RAW = NOW + 3,
    STATE_WORDS = RAW + 1,
};

/* Finds the counter among the words that the first instructions of the
 * function at `code` load relative to themselves (mov disp32(%rip), %reg64):
 * the one that is no pointer. */
static uint64_t counter_in_code(struct memview *v, uint64_t code)
{
    unsigned char c[CODE_BYTES];

    if (memview_read(v, code, c, sizeof c) != 0)
        return 0;
    for (unsigned i = 0; i + 7 <= sizeof c; i++) {
        int32_t disp;
        uint64_t at, value;
        const struct memmap *m;

        if ((c[i] != 0x48 && c[i] != 0x4c) || c[i + 1] != 0x8b ||
            (c[i + 2] & 0xc7) != 0x05)
            continue;
        memcpy(&disp, c + i + 3, sizeof disp);
        at = code + i + 7 + (uint64_t)(int64_t)disp;
        m = memview_find(v, at);
        if (m && m->writable && at % 8 == 0 &&
            memview_u64(v, at, &value) == 0 && value < COUNT_MAX &&
            !memview_find(v, value))
            return at;
    }
    return 0;
}

static bool in_array(const uint64_t *w, uint64_t p)
{
    return p == 0 ||
           (p >= w[ARENAS] && p < w[ARENAS] + w[LENGTH] * ARENA_OBJECT &&
            (p - w[ARENAS]) % ARENA_OBJECT == 0);
}

/* Do the words at `w` obey the invariants of the allocator's state? */
static bool is_state(const struct memview *v, const uint64_t *w)
{
    if (w[LENGTH] < 16 || w[LENGTH] > 1u << 24 ||
        (w[LENGTH] & (w[LENGTH] - 1)) != 0 || w[ARENAS] < MEMVIEW_PAGE ||
        w[ARENAS] % 16 != 0)
        return false;
    for (unsigned i = LISTS; i < NOW; i++)
        if (!in_array(w, w[i]))
            return false;
    return w[NOW] > 0 && w[NOW] <= w[HIGH] && w[HIGH] <= w[EVER] &&
           w[NOW] <= w[LENGTH] && w[EVER] < COUNT_MAX && w[RAW] < COUNT_MAX &&
           memview_find(v, w[ARENAS]);
}

/* Searches a writable mapping. */
static uint64_t counter_in_map(struct memview *v, const struct memmap *m)
{
    unsigned char *buf = mem_zalloc(1, PART + MEMVIEW_PAGE);
    uint64_t found = 0;

    for (uint64_t at = m->start; at < m->end && !found; at += PART) {
        size_t n = m->end - at < PART + MEMVIEW_PAGE ? (size_t)(m->end - at)
                                                     : PART + MEMVIEW_PAGE;

        if (memview_bulk(v, at, buf, n) == 0)
            continue;
        for (size_t i = 0; i < PART && i + STATE_WORDS * 8 <= n; i += 8) {
            uint64_t w[STATE_WORDS];

            memcpy(w, buf + i, sizeof w);
            if (is_state(v, w)) {
                found = at + i + RAW * 8;
                break;
            }
        }
    }
    free(buf);
    return found;
}

static uint64_t counter_in_data(struct memview *v, const struct pyruntime *rt)
{
    size_t n;
    const struct memmap *maps = memview_maps(v, &n);
    uint64_t found = 0;

    for (size_t i = 0; i < n && !found; i++)
        if (pyruntime_is_data(v, rt, &maps[i]) &&
            maps[i].end - maps[i].start <= DATA_MAX)
            found = counter_in_map(v, &maps[i]);
    return found;
}

void pyblocks_find(struct memview *v, const struct pyruntime *rt,
                   struct pyblocks *out)
{
    struct elf e;
    uint64_t code;

    memset(out, 0, sizeof *out);
    if (rt->minor >= 12) {
        out->at = counter_in_data(v, rt);
        return;
    }
    out->total = rt->minor <= 8;
    if (elf_load(v, rt->module, &e) != 0)
        return;
    code = elf_symbol(v, &e, "_Py_GetAllocatedBlocks");
    if (code)
        out->at = counter_in_code(v, code);
}

int64_t pyblocks_read(struct memview *v, const struct pyblocks *b,
                      uint64_t in_pools)
{
    uint64_t value;

    if (!b->at || memview_u64(v, b->at, &value) != 0 || value > COUNT_MAX)
        return -1;
    return (int64_t)(b->total ? value : value + in_pools);
}
