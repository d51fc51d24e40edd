/* Any bytes as a pool: no read outside it, no more free blocks than blocks. */
#include "harness/sampler/inspect/pools.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t n = size > 0 && data[0] & 1 ? 16384 : 4096;
    unsigned char *bytes = calloc(1, n);
    struct pool p;
    struct pool_free f;
    uint64_t addr = 0x7f0000004000u;

    if (!bytes || size < 2)
        goto out;
    memcpy(bytes, data + 1, size - 1 < n ? size - 1 : n);
    if (pool_header(bytes, addr, n, &p)) {
        uint32_t free_blocks = 0;

        if (p.count > p.carved || POOL_HEADER + p.carved * p.block > n)
            abort();
        bool whole = pool_free_list(bytes, addr, n, &p, &f);

        for (uint32_t i = 0; i < p.carved; i++)
            free_blocks += pool_is_free(&f, i);
        if (whole && free_blocks + p.count != p.carved)
            abort();
    }
out:
    free(bytes);
    return 0;
}
