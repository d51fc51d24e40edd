#include "harness/sampler/inspect/pools.h"

#include "harness/sampler/inspect/memview.h"

#include <string.h>

/* struct pool_header of obmalloc: u32 count @0, free block @8, next and
 * previous pool @16 and @24, u32 arena index @32, u32 size index @36, u32 next
 * offset @40, u32 greatest next offset @44. */
enum { AT_COUNT = 0, AT_FREE = 8, AT_INDEX = 36, AT_NEXT = 40, AT_MAX = 44 };

#define BLOCK_MAX 512u

/* The signature: the greatest offset leaves room for one block, and the block
 * is what the size index says, in steps of 16 bytes (8 up to 3.7.3). */
bool pool_was(const unsigned char *bytes, uint32_t size)
{
    uint32_t max = memview_half(bytes + AT_MAX);
    uint32_t index = memview_half(bytes + AT_INDEX);
    uint32_t block = size - max;

    return max < size && block >= 8 && block <= BLOCK_MAX && block % 8 == 0 &&
           (block == (index + 1) * 16 || block == (index + 1) * 8);
}

bool pool_header(const unsigned char *bytes, uint64_t addr, uint32_t size,
                 struct pool *out)
{
    uint32_t max = memview_half(bytes + AT_MAX);
    uint32_t next = memview_half(bytes + AT_NEXT);
    uint64_t head = memview_word(bytes + AT_FREE);
    uint32_t block = size - max;

    if (!pool_was(bytes, size))
        return false;
    if (next < POOL_HEADER + block || next > size ||
        (next - POOL_HEADER) % block != 0)
        return false;
    out->block = block;
    out->carved = (next - POOL_HEADER) / block;
    out->count = memview_half(bytes + AT_COUNT);
    if (out->count == 0 || out->count > out->carved)
        return false;
    if (head != 0 && (head < addr + POOL_HEADER || head >= addr + size))
        return false;
    out->first_free = head ? (uint32_t)(head - addr) : 0;
    return true;
}

bool pool_free_list(const unsigned char *bytes, uint64_t addr, uint32_t size,
                    const struct pool *p, struct pool_free *free)
{
    uint32_t at = p->first_free;
    uint32_t found = 0;

    memset(free, 0, ((size_t)p->carved / 64 + 1) * sizeof free->bits[0]);
    while (at != 0) {
        uint32_t i = (at - POOL_HEADER) / p->block;
        uint64_t next;

        if (at < POOL_HEADER || (at - POOL_HEADER) % p->block != 0 ||
            i >= p->carved || pool_is_free(free, i))
            return false;
        free->bits[i / 64] |= (uint64_t)1 << (i % 64);
        found++;
        next = memview_word(bytes + at);
        if (next != 0 && (next < addr + POOL_HEADER || next >= addr + size))
            return false;
        at = next ? (uint32_t)(next - addr) : 0;
    }
    return found + p->count == p->carved;
}
