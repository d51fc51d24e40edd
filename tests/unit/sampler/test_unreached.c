/* What a collection would free, in made memory of every version: what holds a
 * pair that refer to each other, and what only looks as if it did. */
#include "harness/sampler/inspect/unreached.h"

#include "harness/base/clock.h"
#include "harness/sampler/inspect/roots.h"
#include "tests/unit/sampler/holders_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define WEAK (PY_TYPES + 0x1400) /* static types */
#define DEQUE (PY_TYPES + 0x1800)
#define STR (PY_TYPES + 0x1c00)
#define TUPLE (PY_TYPES + 0x2000)
#define BUFFERS 0x7f1100000000u   /* a pool of longer blocks */
#define EMPTIED 0x7f1200000000u   /* a pool with nothing left in it */
#define CUT 0x7f1300080000u       /* a pool at the end of half a megabyte */
#define VARIABLES 0x7f3000000000u /* of some library */
#define FIXED 0x7f4000000000u     /* nobody writes there */
#define SHARED 0x7f5000000000u
#define STACK 0x7f6000001000u /* of a thread, behind its guard */
#define LIBC 0x7f7000000000u
#define MAPS                                                                   \
    "555555000000-555555100000 rw-p 00000000 00:00 0 \n"                       \
    "7f0000000000-7f0000020000 rw-p 00000000 00:00 0 \n"                       \
    "7f1000000000-7f1000004000 rw-p 00000000 00:00 0 \n"                       \
    "7f1100000000-7f1100004000 rw-p 00000000 00:00 0 \n"                       \
    "7f1200000000-7f1200004000 rw-p 00000000 00:00 0 \n"                       \
    "7f1300001000-7f1300101000 rw-p 00000000 00:00 0 \n"                       \
    "7f2000000000-7f2000004000 rw-p 00000000 00:00 0 \n"                       \
    "7f3000000000-7f3000001000 rw-p 00000000 08:01 7 /usr/lib/libthing.so\n"   \
    "7f4000000000-7f4000001000 r--p 00000000 00:00 0 \n"                       \
    "7f5000000000-7f5000001000 rw-s 00000000 00:00 0 \n"                       \
    "7f6000000000-7f6000001000 ---p 00000000 00:00 0 \n"                       \
    "7f6000001000-7f6000002000 rw-p 00000000 00:00 0 \n"                       \
    "7f7000000000-7f7000001000 rw-p 00000000 08:01 8 /usr/lib/libc.so.6\n"

#define TIME_NS 60000000000

enum { BLOCKS = 6, LONG = 512, LONGS = 4, MANY = 100 };

/* Blocks of the pool: two that refer to each other, one more object, a plain
   one. */
enum { ONE, OTHER, THIRD, PLAIN };

static uint64_t block_at(int i)
{
    return HELD_POOL + POOL_HEADER + HELD_BLOCK * (uint64_t)i;
}

static uint64_t long_at(int i)
{
    return BUFFERS + POOL_HEADER + LONG * (uint64_t)i;
}

static uint64_t object_at(const struct pyversion *ver, int i)
{
    return block_at(i) + ver->gc_head;
}

/* A tracked object to which `count` refer. */
static uint64_t put(struct image *m, const struct pyversion *ver, int i,
                    uint64_t type, uint64_t count)
{
    uint64_t at = object_at(ver, i);

    if (ver->gc_head == 32)
        image_u64(m, at - 16, (uint64_t)-3 << 1);
    else
        image_u64(m, at - 16, PY_DATA + 0x9000);
    image_u64(m, at, count);
    image_u64(m, at + 8, type);
    return at;
}

static void pool_of(struct image *m, const struct pyversion *ver, uint64_t at,
                    uint32_t n, uint32_t size)
{
    image_u32(m, at, n);
    image_u32(m, at + 36, size / 16 - 1);
    image_u32(m, at + 40, POOL_HEADER + n * size);
    image_u32(m, at + 44, ver->pool - size);
}

static void open_world(struct image *m, const struct pyversion *ver)
{
    *m = (struct image){0};
    py_world(m, ver, HELD_CLASS, PYTYPE_HAVE_GC);
    held_type(m, ver, HELD_LIST, PY_DATA + 0x120, "list");
    held_type(m, ver, WEAK, PY_DATA + 0x130, "weakref.ReferenceType");
    held_type(m, ver, DEQUE, PY_DATA + 0x150, "collections.deque");
    held_type(m, ver, STR, PY_DATA + 0x170, "str");
    held_type(m, ver, TUPLE, PY_DATA + 0x180, "tuple");
    image_u64(m, STR + PYTYPE_FLAGS, PYTYPE_READY);
    image_u64(m, TUPLE + PYTYPE_BASICSIZE, 24);
    image_u64(m, TUPLE + PYTYPE_ITEMSIZE, 8);
    pool_of(m, ver, HELD_POOL, BLOCKS, HELD_BLOCK);
    pool_of(m, ver, BUFFERS, LONGS, LONG);
    pool_of(m, ver, EMPTIED, 0, LONG);
    pool_of(m, ver, CUT, 1, LONG);
    image_u64(m, put(m, ver, ONE, HELD_CLASS, 1) + 16, object_at(ver, OTHER));
    image_u64(m, put(m, ver, OTHER, HELD_CLASS, 1) + 16, object_at(ver, ONE));
    image_page(m, STACK);
    image_page(m, LIBC);
    image_page(m, VARIABLES);
}

static void open_reader(struct census_reader *r, struct image *m,
                        const struct pyversion *ver)
{
    *r = (struct census_reader){.v = image_view(m, MAPS), .tracked = MANY};
    r->rt.kind = PYRUNTIME_FINE;
    r->rt.version = ver;
    r->rt.minor = ver->minor;
    r->rt.runtime = HELD_RUNTIME;
    r->rt.interp_head = ver->interp_head;
    r->rt.interp_next = ver->interp_next;
    r->alloc.pools = true;
    r->libc = LIBC_GLIBC;
    r->scan = heapscan_new(r->v);
    r->types = pytypes_new(r->v, ver, PY_TYPE_TYPE);
}

static void close_reader(struct census_reader *r)
{
    heapscan_free(r->scan);
    pytypes_free(r->types);
    memview_close(&r->v);
}

/* Of `tracked` objects in all. False: it could not be told. */
static bool count(struct image *m, const struct pyversion *ver,
                  uint64_t tracked, enum libc_kind libc, int64_t until_ns,
                  struct reach_count *out)
{
    struct census_reader r;
    bool told;

    open_reader(&r, m, ver);
    r.tracked = tracked;
    r.libc = libc;
    told = unreached_count(&r, until_ns, out);
    close_reader(&r);
    return told;
}

/* Both or none of the pair would be freed. */
static void expect(struct image *m, const struct pyversion *ver, bool garbage)
{
    struct reach_count c;

    assert_true(count(m, ver, MANY, LIBC_GLIBC, clock_now_ns() + TIME_NS, &c));
    assert_int_equal(c.tracked, garbage ? 2 : 0);
    assert_int_equal(c.pooled, garbage ? 2 : 0);
    image_release(m);
}

/* Who holds one of the two by a word at `at`, in memory of any kind. */
static void where_references_are_looked_for(void **state)
{
    static const struct {
        uint64_t at;
        bool holds;
    } rows[] = {
        {VARIABLES, true},
        {VARIABLES + MEMVIEW_PAGE - 8, true},
        {PY_DATA + 0x90000, true}, /* of an unknown allocator */
        {FIXED, false},
        {SHARED, false},
        {STACK + 8, false},
        {LIBC + 8, false},
        {HELD_STACK + 0x1000, true}, /* nobody's yet: see below */
        {HELD_POOL + POOL_HEADER + HELD_BLOCK * BLOCKS, false},
        {EMPTIED + 0x800, false},
        {CUT + POOL_HEADER + LONG, false},
    };

    (void)state;
    for (int i = 0; pyversion_at(i); i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const struct pyversion *ver = pyversion_at(i);
            struct image m;

            open_world(&m, ver);
            image_u64(&m, rows[k].at, object_at(ver, ONE));
            expect(&m, ver, !rows[k].holds);
        }
}

/* A pool's end lies in another piece of what is read at once. */
static void pools_that_are_cut_hold_nothing(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++) {
        const struct pyversion *ver = pyversion_at(i);
        struct image m;

        open_world(&m, ver);
        image_u64(&m, CUT + ver->pool - 8, object_at(ver, ONE));
        expect(&m, ver, true);
    }
}

/* Where nobody reads malloc's memory, nothing of it is known to be dead. */
static void without_malloc_stacks_hold(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    struct image m;
    struct reach_count c;

    (void)state;
    open_world(&m, ver);
    image_u64(&m, STACK + 8, object_at(ver, ONE));
    assert_true(count(&m, ver, MANY, LIBC_UNKNOWN, 0, &c));
    assert_int_equal(c.tracked, 0);
    image_release(&m);
}

/* The interpreter's own stack is full of what was in use; what is in use has
   a reference more than was seen. */
static void frames_hold_by_their_count(void **state)
{
    (void)state;
    for (int minor = 11; minor <= 13; minor++)
        for (uint64_t counted = 1; counted <= 2; counted++) {
            const struct pyversion *ver = pyversion_find(minor);
            struct image m;

            open_world(&m, ver);
            held_frame(&m, ver, object_at(ver, ONE));
            image_u64(&m, HELD_STACK + 0x1000, object_at(ver, OTHER));
            image_u64(&m, object_at(ver, ONE), counted);
            expect(&m, ver, counted == 1);
        }
}

/* A third object, which some variable holds, of type `type`, with words of its
   own: what of them refers to the pair. */
static void what_an_object_refers_to(void **state)
{
    static const struct {
        uint64_t type, at;
        bool holds;
    } rows[] = {
        {HELD_CLASS, 16, true},  {HELD_CLASS, 40, true},
        {HELD_CLASS, 48, false}, /* behind its end */
        {TUPLE, 24, true},       /* of two */
        {TUPLE, 32, true},       {TUPLE, 40, false},
        {WEAK, 16, false},       {WEAK, 24, true}, /* its callback */
    };

    (void)state;
    for (int i = 0; pyversion_at(i); i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const struct pyversion *ver = pyversion_at(i);
            struct image m;
            uint64_t at;

            open_world(&m, ver);
            at = put(&m, ver, THIRD, rows[k].type, 1);
            if (rows[k].type == TUPLE)
                image_u64(&m, at + 16, 2);
            image_u64(&m, at + rows[k].at, object_at(ver, ONE));
            image_u64(&m, VARIABLES, at);
            expect(&m, ver, !rows[k].holds);
        }
}

static void text_refers_to_nothing(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++) {
        const struct pyversion *ver = pyversion_at(i);
        struct image m;

        open_world(&m, ver);
        image_u64(&m, block_at(THIRD), 1);
        image_u64(&m, block_at(THIRD) + 8, STR);
        image_u64(&m, block_at(THIRD) + 40, object_at(ver, ONE));
        image_u64(&m, VARIABLES, block_at(THIRD));
        expect(&m, ver, true);
    }
}

/* A list of one with room for three. */
static void a_list_does_not_hold_what_it_gave_up(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++)
        for (uint64_t place = 0; place < 3; place++) {
            const struct pyversion *ver = pyversion_at(i);
            struct image m;
            uint64_t at;

            open_world(&m, ver);
            at = put(&m, ver, THIRD, HELD_LIST, 1);
            image_u64(&m, at + 16, 1);
            image_u64(&m, at + 24, block_at(PLAIN));
            image_u64(&m, at + 32, 3);
            image_u64(&m, block_at(PLAIN) + 8 * place, object_at(ver, ONE));
            image_u64(&m, VARIABLES, at);
            expect(&m, ver, place > 0);
        }
}

/* A deque whose two blocks are used from place 40 of the first to place 20 of
   the second. */
static void nor_does_a_deque(void **state)
{
    static const struct {
        int block;
        uint64_t place;
        bool holds;
    } rows[] = {{0, 40, true}, {0, 39, false}, {0, 0, false},
                {1, 20, true}, {1, 0, true},   {0, 61, true}};

    (void)state;
    for (int i = 0; pyversion_at(i); i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const struct pyversion *ver = pyversion_at(i);
            struct image m;
            uint64_t at;

            open_world(&m, ver);
            at = put(&m, ver, THIRD, DEQUE, 1);
            image_u64(&m, at + 16, 24 + 21);
            image_u64(&m, at + 24, long_at(0));
            image_u64(&m, at + 32, long_at(1));
            image_u64(&m, at + 40, 40);
            image_u64(&m, at + 48, 20);
            image_u64(&m, long_at(rows[k].block) + 8 + 8 * rows[k].place,
                      object_at(ver, ONE));
            image_u64(&m, VARIABLES, at);
            image_u64(&m, VARIABLES + 8, long_at(1));
            expect(&m, ver, !rows[k].holds);
        }
}

static void on_word(void *ctx, uint64_t word)
{
    size_t *n = ctx;

    (void)word;
    ++*n;
}

/* No time, no Python, or more garbage than can be. */
static void what_is_unclear_is_not_said(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    struct census_reader none = {.v = NULL}, r;
    struct roots_skips skips = {0};
    size_t words = 0;
    struct reach_count c;
    struct image m;

    (void)state;
    assert_false(unreached_count(&none, 0, &c));
    open_world(&m, ver);
    assert_false(count(&m, ver, MANY, LIBC_GLIBC, clock_now_ns() - 1, &c));
    assert_true(count(&m, ver, 4, LIBC_GLIBC, 0, &c));
    assert_false(count(&m, ver, 2, LIBC_GLIBC, 0, &c));
    open_reader(&r, &m, ver);
    assert_true(roots_walk(&r, &skips, 0, on_word, &words));
    assert_true(words > 1000);
    assert_false(roots_walk(&r, &skips, clock_now_ns() - 1, on_word, &words));
    roots_skips_release(&skips);
    close_reader(&r);
    image_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_references_are_looked_for),
        cmocka_unit_test(pools_that_are_cut_hold_nothing),
        cmocka_unit_test(without_malloc_stacks_hold),
        cmocka_unit_test(frames_hold_by_their_count),
        cmocka_unit_test(what_an_object_refers_to),
        cmocka_unit_test(text_refers_to_nothing),
        cmocka_unit_test(a_list_does_not_hold_what_it_gave_up),
        cmocka_unit_test(nor_does_a_deque),
        cmocka_unit_test(what_is_unclear_is_not_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
