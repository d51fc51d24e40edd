/* Pools are recognised by consistent headers only, and no free list, however
 * torn, is followed out of its pool. */
#include "harness/sampler/inspect/pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ADDR 0x7f0000004000u

struct made {
    unsigned char bytes[POOL_MAX];
    uint32_t size;
};

static void put32(struct made *m, size_t at, uint32_t v)
{
    memcpy(m->bytes + at, &v, sizeof v);
}

static void put64(struct made *m, size_t at, uint64_t v)
{
    memcpy(m->bytes + at, &v, sizeof v);
}

/* A pool with `carved` blocks handed out, of which every third is free. */
static uint32_t make(struct made *m, uint32_t size, uint32_t block,
                     uint32_t carved)
{
    uint64_t head = 0;
    uint32_t free = 0;

    memset(m, 0, sizeof *m);
    m->size = size;
    for (uint32_t i = 0; i < carved; i += 3) {
        uint32_t at = POOL_HEADER + i * block;

        put64(m, at, head);
        head = ADDR + at;
        free++;
    }
    put32(m, 0, carved - free);
    put64(m, 8, head);
    put32(m, 36, block / 16 - 1);
    put32(m, 40, POOL_HEADER + carved * block);
    put32(m, 44, size - block);
    return free;
}

static void reads_pools(void **state)
{
    static const uint32_t sizes[] = {4096, 16384};
    struct made m;
    struct pool p;
    struct pool_free f;

    (void)state;
    for (int s = 0; s < 2; s++) {
        for (uint32_t block = 16; block <= 512; block += 16) {
            uint32_t max = (sizes[s] - POOL_HEADER) / block;

            for (uint32_t carved = 2; carved <= max; carved += 1 + max / 7) {
                uint32_t free = make(&m, sizes[s], block, carved), seen = 0;

                assert_true(pool_header(m.bytes, ADDR, sizes[s], &p));
                assert_int_equal(p.block, block);
                assert_int_equal(p.carved, carved);
                assert_int_equal(p.count, carved - free);
                assert_true(pool_free_list(m.bytes, ADDR, sizes[s], &p, &f));
                for (uint32_t i = 0; i < carved; i++) {
                    assert_int_equal(pool_is_free(&f, i), i % 3 == 0);
                    seen += pool_is_free(&f, i);
                }
                assert_int_equal(seen, free);
            }
        }
    }
}

static void reads_blocks_of_eight(void **state)
{
    struct made m;
    struct pool p;

    (void)state;
    make(&m, 4096, 24, 20);
    put32(&m, 36, 24 / 8 - 1);
    assert_true(pool_header(m.bytes, ADDR, 4096, &p));
    assert_int_equal(p.block, 24);
}

static void refuses_what_is_no_pool(void **state)
{
    static const struct {
        const char *what;
        size_t at, bytes;
        uint64_t value;
    } bad[] = {
        {"no block in use", 0, 4, 0},
        {"more in use than handed out", 0, 4, 500},
        {"free list before the blocks", 8, 8, ADDR + 8},
        {"free list in another pool", 8, 8, ADDR + 4096},
        {"free list nowhere", 8, 8, 1},
        {"another size index", 36, 4, 9},
        {"nothing handed out", 40, 4, POOL_HEADER},
        {"handed out beyond the pool", 40, 4, 5000},
        {"between two blocks", 40, 4, POOL_HEADER + 100},
        {"greatest offset beyond the pool", 44, 4, 4097},
        {"greatest offset at the end", 44, 4, 4096},
        {"blocks too large", 44, 4, 4096 - 1024},
        {"all ones", 44, 4, UINT32_MAX},
    };
    struct made m;
    struct pool p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make(&m, 4096, 64, 40);
        assert_true(pool_header(m.bytes, ADDR, 4096, &p));
        memcpy(m.bytes + bad[i].at, &bad[i].value, bad[i].bytes);
        if (pool_header(m.bytes, ADDR, 4096, &p))
            fail_msg("taken for a pool: %s", bad[i].what);
    }
    memset(&m, 0, sizeof m);
    assert_false(pool_header(m.bytes, ADDR, 4096, &p));
    memset(&m, 0xff, sizeof m);
    assert_false(pool_header(m.bytes, ADDR, 4096, &p));
}

static void notices_torn_lists(void **state)
{
    struct made m;
    struct pool p;
    struct pool_free f;
    uint32_t first = POOL_HEADER + 39 * 64; /* the head of the list */
    static const uint64_t links[] = {
        ADDR + POOL_HEADER + 39 * 64, /* to itself: a circle */
        ADDR + POOL_HEADER + 64 + 8,  /* into a block */
        ADDR + 8,                     /* into the header */
        ADDR + POOL_HEADER + 41 * 64, /* to a block never handed out */
        ADDR + 4096,
        0x4141414141414141u,
        0, /* too short: the count says otherwise */
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        make(&m, 4096, 64, 40);
        put64(&m, first, links[i]);
        assert_true(pool_header(m.bytes, ADDR, 4096, &p));
        assert_false(pool_free_list(m.bytes, ADDR, 4096, &p, &f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pools),
        cmocka_unit_test(reads_blocks_of_eight),
        cmocka_unit_test(refuses_what_is_no_pool),
        cmocka_unit_test(notices_torn_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
