/* Walks made heaps: what is in use, what is free, what cannot be followed. */
#include "harness/sampler/inspect/chunks.h"
#include "tests/unit/sampler/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEAP 0x555555000000u
#define MAPS "555555000000-555555040000 rw-p 00000000 00:00 0 [heap]\n"
#define SIZE 0x40000u

struct seen {
    uint64_t n, bytes;
    uint64_t last;
    unsigned char first_byte;
};

static void see(void *ctx, uint64_t addr, uint64_t n, const unsigned char *head)
{
    struct seen *s = ctx;

    s->n++;
    s->bytes += n;
    s->last = addr;
    s->first_byte = head[0];
}

/* A heap of `n` chunks from `at`: sizes 32, 48, ... ; every fourth is free.
 * The rest up to `end` is the top. Returns the sum of what is in use. */
static uint64_t make(struct image *m, uint64_t at, uint64_t end, unsigned n,
                     uint64_t *free_bytes)
{
    uint64_t inuse = 0;
    bool prev_inuse = true;

    *free_bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t size = 32 + 16 * (i % 40);
        bool used = i % 4 != 3;

        image_u64(m, at + 8, size | prev_inuse);
        image_put(m, at + 16, &(char){(char)(i + 1)}, 1);
        prev_inuse = used;
        inuse += used ? size : 0;
        *free_bytes += used ? 0 : size;
        at += size;
    }
    image_u64(m, at + 8, (end - at) | prev_inuse);
    *free_bytes += end - at;
    return inuse;
}

static void walks_a_heap(void **state)
{
    struct image m = {0};
    uint64_t free_bytes;
    uint64_t inuse = make(&m, HEAP, HEAP + SIZE, 500, &free_bytes);
    struct memview *v = image_view(&m, MAPS);
    struct chunks *c = chunks_new(v);
    struct chunks_total t = {0};
    struct seen s = {0};

    (void)state;
    assert_true(chunks_walk(c, HEAP, HEAP + SIZE, 0, see, &s, &t));
    assert_int_equal(t.inuse_bytes, inuse);
    assert_int_equal(t.free_bytes, free_bytes);
    assert_int_equal(t.inuse_chunks, 375);
    assert_int_equal(s.n, 375);
    assert_int_equal(s.bytes, inuse - 8 * 375);
    assert_int_equal(s.first_byte, (unsigned char)499);
    assert_int_equal(t.gap_bytes, 0);
    assert_true(t.largest_free > 50000 && t.largest_free < SIZE);
    chunks_free(c);
    memview_close(&v);
    image_release(&m);
}

/* A chain that breaks is taken up again behind the break. */
static void picks_up_behind_a_break(void **state)
{
    struct image m = {0};
    uint64_t free_bytes, at = HEAP;
    uint64_t inuse = make(&m, HEAP, HEAP + SIZE, 500, &free_bytes);
    struct memview *v;
    struct chunks *c;
    struct chunks_total t = {0};

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        at += 32 + 16 * (i % 40);
    image_u64(&m, at + 8, 0x123456789abcdef1u);
    v = image_view(&m, MAPS);
    c = chunks_new(v);
    assert_true(chunks_walk(c, HEAP, HEAP + SIZE, 0, NULL, NULL, &t));
    assert_true(t.gap_bytes > 0 && t.gap_bytes < 2000);
    assert_true(inuse - t.inuse_bytes < 3000);
    chunks_free(c);
    memview_close(&v);
    image_release(&m);
}

static void makes_nothing_of_noise(void **state)
{
    struct image m = {0};
    struct memview *v;
    struct chunks *c;
    struct chunks_total t = {0};
    uint64_t x = 88172645463325252u;

    (void)state;
    for (uint64_t at = 0; at < SIZE; at += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        image_u64(&m, HEAP + at, x);
    }
    v = image_view(&m, MAPS);
    c = chunks_new(v);
    assert_true(chunks_walk(c, HEAP, HEAP + SIZE, 0, NULL, NULL, &t));
    assert_true(t.gap_bytes > SIZE / 2);
    /* Nothing there at all: all of it absent. */
    memset(&t, 0, sizeof t);
    assert_true(
        chunks_walk(c, HEAP + SIZE, HEAP + 2 * SIZE, 0, NULL, NULL, &t));
    assert_int_equal(t.inuse_bytes + t.free_bytes, 0);
    chunks_free(c);
    memview_close(&v);
    image_release(&m);
}

/* A second heap of an arena ends in two marks instead of a top. */
static void knows_the_end_of_a_full_heap(void **state)
{
    struct image m = {0};
    uint64_t end = HEAP + 4096;
    struct memview *v;
    struct chunks *c;
    struct chunks_total t = {0};

    (void)state;
    image_u64(&m, HEAP + 8, 4048 | 1);
    image_u64(&m, HEAP + 4048 + 8, 16 | 1); /* the chunk before is in use */
    image_u64(&m, HEAP + 4064 + 8, 0 | 1);
    v = image_view(&m, MAPS);
    c = chunks_new(v);
    assert_true(chunks_walk(c, HEAP, end, 0, NULL, NULL, &t));
    assert_int_equal(t.inuse_bytes, 4048);
    assert_int_equal(t.gap_bytes, 0);
    /* ... or free. */
    image_u64(&m, HEAP + 4048 + 8, 16);
    memview_forget(v);
    memset(&t, 0, sizeof t);
    assert_true(chunks_walk(c, HEAP, end, 0, NULL, NULL, &t));
    assert_int_equal(t.inuse_bytes, 0);
    assert_int_equal(t.free_bytes, 4048);
    chunks_free(c);
    memview_close(&v);
    image_release(&m);
}

#define ARENA 0x7f0004000000u

/* The state of the arena lies between its heap's head and the first chunk. */
static void finds_thread_heaps(void **state)
{
    static const unsigned infos[] = {32, 48};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct image m = {0};
        struct memview *v;
        uint64_t first, end, free_bytes, inuse;
        struct chunks_total t = {0};
        struct chunks *c;

        image_u64(&m, ARENA, ARENA + infos[i]);
        image_u64(&m, ARENA + 16, 0x21000);
        inuse = make(&m, ARENA + infos[i] + 2208, ARENA + 0x21000, 100,
                     &free_bytes);
        v = image_view(&m,
                       "7f0004000000-7f0004021000 rw-p 00000000 00:00 0 \n"
                       "7f0008000000-7f0008021000 rw-p 00000000 00:00 0 \n");
        assert_true(chunks_thread_heap(v, ARENA, &first, &end));
        assert_int_equal(end, ARENA + 0x21000);
        c = chunks_new(v);
        assert_true(chunks_walk(c, first, end, 0, NULL, NULL, &t));
        assert_int_equal(t.inuse_bytes, inuse);
        assert_int_equal(t.free_bytes, free_bytes);
        assert_false(chunks_thread_heap(v, ARENA + CHUNKS_ARENA, &first, &end));
        /* Sizes that no heap has. */
        image_u64(&m, ARENA + 16, 0x21008);
        memview_forget(v);
        assert_false(chunks_thread_heap(v, ARENA, &first, &end));
        image_u64(&m, ARENA + 16, UINT64_MAX - 4095);
        memview_forget(v);
        assert_false(chunks_thread_heap(v, ARENA, &first, &end));
        chunks_free(c);
        memview_close(&v);
        image_release(&m);
    }
}

static void knows_mapped_chunks(void **state)
{
    static const struct {
        uint64_t prev, size, want;
    } cases[] = {
        {0, 0x21000 | 2, 0x21000}, {0, 0x21000, 0},     {0, 0x21000 | 3, 0},
        {8, 0x21000 | 2, 0},       {0, 0x21010 | 2, 0}, {0, 0x1000 | 2, 0},
        {0, 0x42000 | 2, 0},       {0, 2, 0},           {0, UINT64_MAX - 5, 0},
    };
    unsigned char head[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(head, &cases[i].prev, 8);
        memcpy(head + 8, &cases[i].size, 8);
        assert_int_equal(chunks_mapped(head, 0x10000, 0x10000 + 0x41000),
                         cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_a_heap),
        cmocka_unit_test(picks_up_behind_a_break),
        cmocka_unit_test(makes_nothing_of_noise),
        cmocka_unit_test(knows_the_end_of_a_full_heap),
        cmocka_unit_test(finds_thread_heaps),
        cmocka_unit_test(knows_mapped_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
