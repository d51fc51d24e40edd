/* Which CPython it is, and its collector's numbers, from made images. */
#include "harness/sampler/inspect/gcwalk.h"
#include "harness/sampler/inspect/pyblocks.h"
#include "harness/sampler/inspect/pyruntime.h"
#include "tests/unit/sampler/elf_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LIB 0x7f0000000000u
#define DATA (LIB + 0x8000)
#define RUNTIME (LIB + 0x9000)
#define INTERP 0x555555010000u
#define LIB_MAPS(name)                                                         \
    "400000-401000 r-xp 00000000 08:01 5 /usr/bin/python3\n"                   \
    "555555000000-555555100000 rw-p 00000000 00:00 0 [heap]\n"                 \
    "7f0000000000-7f0000008000 r--p 00000000 08:01 9 /usr/lib/" name "\n"      \
    "7f0000008000-7f0000010000 rw-p 00008000 08:01 9 /usr/lib/" name "\n"      \
    "7f0000010000-7f0000020000 rw-p 00000000 00:00 0 \n"

static void put_library(struct image *m, uint32_t hex)
{
    const struct elf_symbol symbols[] = {
        {"PyType_Type", DATA - LIB},
        {"_PyRuntime", RUNTIME - LIB},
        {"Py_Version", 0x7000},
    };

    elf_image(m, LIB, symbols, hex ? 3 : 2);
    if (hex)
        image_u32(m, LIB + 0x7000, hex);
    image_page(m, DATA);
}

static void tells_the_version(void **state)
{
    static const struct {
        uint32_t hex;
        const char *maps, *text;
        enum pyruntime_kind kind;
    } cases[] = {
        {0x030b07f0, LIB_MAPS("libpython3.11.so.1.0"), "3.11.7",
         PYRUNTIME_FINE},
        {0x030c00b2, LIB_MAPS("libx.so"), "3.12.0b2", PYRUNTIME_FINE},
        {0x030a0dc1, LIB_MAPS("libx.so"), "3.10.13rc1", PYRUNTIME_FINE},
        {0x031000f0, LIB_MAPS("libx.so"), "3.16.0", PYRUNTIME_UNKNOWN},
        {0x020712f0, LIB_MAPS("libx.so"), "3.0", PYRUNTIME_UNKNOWN},
        {0, LIB_MAPS("libpython3.9.so.1.0"), "3.9", PYRUNTIME_FINE},
        {0, LIB_MAPS("x.cpython-38-x86_64-linux-gnu.so"), "3.8",
         PYRUNTIME_FINE},
        {0, LIB_MAPS("libx.so"), "3.0", PYRUNTIME_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image m = {0};
        struct memview *v;
        struct pyruntime rt;

        put_library(&m, cases[i].hex);
        v = image_view(&m, cases[i].maps);
        pyruntime_find(v, &rt);
        assert_string_equal(rt.text, cases[i].text);
        assert_int_equal(rt.kind, cases[i].kind);
        assert_int_equal(rt.type_type, DATA);
        assert_int_equal(rt.runtime, RUNTIME);
        assert_false(rt.embedded);
        memview_close(&v);
        image_release(&m);
    }
}

static void reads_the_version_from_data(void **state)
{
    struct image m = {0};
    struct memview *v;
    struct pyruntime rt;

    (void)state;
    put_library(&m, 0);
    image_put(&m, DATA + 0x10, "3.9.x (3.9.", 11);
    image_put(&m, LIB + 0x11000, "3.9.18 (main, May  9 2026)", 26);
    v = image_view(&m, LIB_MAPS("libpython3.9.so.1.0"));
    pyruntime_find(v, &rt);
    assert_string_equal(rt.text, "3.9.18");
    memview_close(&v);
    image_release(&m);
}

static void believes_the_debug_offsets(void **state)
{
    struct image m = {0};
    struct memview *v;
    struct pyruntime rt;

    (void)state;
    put_library(&m, 0x030d00f0);
    image_put(&m, RUNTIME, "xdebugpy", 8);
    image_u64(&m, RUNTIME + 8, 0x030d05f0);
    image_u64(&m, RUNTIME + 5 * 8, 640);
    image_u64(&m, RUNTIME + 8 * 8, 7000);
    image_u64(&m, RUNTIME + 10 * 8, 7200);
    image_u64(&m, RUNTIME + 11 * 8, 7300);
    v = image_view(&m, LIB_MAPS("libpython3.13.so.1.0"));
    pyruntime_find(v, &rt);
    assert_string_equal(rt.text, "3.13.5");
    assert_int_equal(rt.interp_head, 640);
    assert_int_equal(rt.interp_next, 7000);
    assert_int_equal(rt.gc_at, 7200);
    /* A free-threaded build is named, not read. */
    image_u64(&m, RUNTIME + 16, 1);
    image_u64(&m, RUNTIME + 8, 0x030e00f0);
    memview_forget(v);
    pyruntime_find(v, &rt);
    assert_int_equal(rt.kind, PYRUNTIME_FREE_THREADED);
    assert_int_equal(rt.gc_at, 7300);
    memview_close(&v);
    image_release(&m);
}

static void tells_what_is_no_python(void **state)
{
    struct image m = {0};
    struct memview *v = image_view(&m, LIB_MAPS("libc.so.6"));
    struct pyruntime rt;

    (void)state;
    pyruntime_find(v, &rt);
    assert_int_equal(rt.kind, PYRUNTIME_NONE);
    assert_int_equal(libc_find(v), LIBC_GLIBC);
    assert_null(libc_allocator(v));
    memview_set_maps(v, "", 0);
    assert_int_equal(libc_find(v), LIBC_UNKNOWN);
    memview_close(&v);
    v = image_view(&m, LIB_MAPS("ld-musl-x86_64.so.1"));
    assert_int_equal(libc_find(v), LIBC_MUSL);
    memview_close(&v);
    v = image_view(&m, LIB_MAPS("libjemalloc.so.2"));
    assert_string_equal(libc_allocator(v), "jemalloc");
    memview_close(&v);
    image_release(&m);
}

/* A circular list of `n` collector heads at `at`, its own head at `head`. */
static void put_list(struct image *m, uint64_t head, uint64_t at, unsigned n)
{
    uint64_t prev = head;

    for (unsigned i = 0; i < n; i++) {
        image_u64(m, prev, at + i * 64);
        image_u64(m, at + i * 64 + 8, prev);
        prev = at + i * 64;
    }
    image_u64(m, prev, head);
    image_u64(m, head + 8, prev);
}

static void count(void *ctx, uint64_t object)
{
    (void)object;
    ++*(int *)ctx;
}

static void reads_the_collector(void **state)
{
    for (int minor = 7; minor <= 15; minor++) {
        const struct pyversion *row = pyversion_find(minor);
        struct pyruntime rt = {.kind = PYRUNTIME_FINE,
                               .minor = minor,
                               .version = row,
                               .runtime = RUNTIME,
                               .interp_head = row->interp_head,
                               .interp_next = row->interp_next,
                               .gc_at = row->gc_at};
        uint64_t gc =
            (row->gc_place == PYGC_IN_RUNTIME ? RUNTIME : INTERP) + row->gc_at;
        uint64_t stats = gc + row->gc_stats, heap = 0x555555020000u;
        struct image m = {0};
        struct memview *v;
        struct pygc got;
        int listed = 0;

        for (uint64_t p = INTERP; p < INTERP + 0x3000; p += MEMVIEW_PAGE)
            image_page(&m, p);
        image_page(&m, DATA);
        image_u64(&m, RUNTIME + row->interp_head, INTERP);
        if (row->gc_stats_pointer) {
            image_u64(&m, stats, heap + 0x8000);
            stats = heap + 0x8000;
        }
        for (unsigned i = 0; i < 9; i++)
            image_u64(&m, stats + i * 8, i + 1);
        for (unsigned g = 0; g < 3; g++)
            put_list(&m, gc + row->gc_lists + g * row->gc_list_stride,
                     heap + g * 0x1000, 10 * g);
        put_list(&m, gc + row->gc_permanent, heap + 0x4000, 17);
        image_u32(&m, gc + row->gc_collecting, 1);
        if (row->gc_heap_size)
            image_u64(&m, gc + row->gc_heap_size, 4711);
        v = image_view(&m, LIB_MAPS("libpython3.so"));
        pyruntime_gc(v, &rt, &got);
        assert_int_equal(got.collections, 1 + 4 + 7);
        assert_int_equal(got.collected, 2 + 5 + 8);
        assert_int_equal(got.uncollectable, 3 + 6 + 9);
        assert_int_equal(got.tracked, row->gc_heap_size ? 4711 : -1);
        assert_true(got.collecting);
        assert_int_equal(pyruntime_frozen(v, &rt), 17);
        assert_int_equal(gcwalk(v, &rt, INT64_MAX, count, &listed), 30);
        assert_int_equal(listed, 30);
        /* A list that is cut is no list; a count that is none is unknown. */
        image_u64(&m, heap + 0x4000 + 5 * 64, heap + 0x9000);
        image_u64(&m, stats, UINT64_MAX);
        image_u64(&m, heap + 0x1000 + 3 * 64 + 8, 0);
        memview_forget(v);
        assert_int_equal(pyruntime_frozen(v, &rt), -1);
        pyruntime_gc(v, &rt, &got);
        assert_int_equal(got.collections, -1);
        assert_int_equal(gcwalk(v, &rt, INT64_MAX, count, &listed), -1);
        memview_close(&v);
        image_release(&m);
    }
    (void)state;
}

/* Interpreters that lead to each other for ever are counted up to a bound. */
static void bounds_the_interpreters(void **state)
{
    const struct pyversion *row = pyversion_find(12);
    struct pyruntime rt = {.kind = PYRUNTIME_FINE,
                           .version = row,
                           .runtime = RUNTIME,
                           .interp_head = row->interp_head};
    struct image m = {0};
    struct memview *v;
    uint64_t found[100];

    (void)state;
    image_u64(&m, RUNTIME + row->interp_head, INTERP);
    image_u64(&m, INTERP, INTERP);
    v = image_view(&m, LIB_MAPS("libpython3.so"));
    assert_int_equal(pyruntime_interpreters(v, &rt, found, 100), 64);
    assert_int_equal(pyruntime_interpreters(v, &rt, found, 3), 3);
    memview_close(&v);
    image_release(&m);
}

/* The state that 3.12 keeps for its allocator: found by its invariants. */
static void finds_the_block_counter(void **state)
{
    struct pyruntime rt = {.kind = PYRUNTIME_FINE, .minor = 12, .module = LIB};
    uint64_t at = LIB + 0x12340, arenas = 0x555555030000u;
    struct image m = {0};
    struct memview *v;
    struct pyblocks b;

    (void)state;
    image_page(&m, LIB);
    image_page(&m, arenas);
    image_u64(&m, at, arenas);
    image_u64(&m, at + 8, 32);
    image_u64(&m, at + 16, arenas + 5 * 48);
    image_u64(&m, at + 24, arenas);
    image_u64(&m, at + (4 + 65) * 8, 7);
    image_u64(&m, at + (4 + 66) * 8, 9);
    image_u64(&m, at + (4 + 67) * 8, 8);
    image_u64(&m, at + (4 + 68) * 8, 1234);
    v = image_view(&m, LIB_MAPS("libpython3.12.so.1.0"));
    pyblocks_find(v, &rt, &b);
    assert_int_equal(b.at, at + (4 + 68) * 8);
    assert_int_equal(pyblocks_read(v, &b, 1000000), 1001234);
    image_u64(&m, at + (4 + 67) * 8, 6); /* fewer at most than now */
    pyblocks_find(v, &rt, &b);
    assert_int_equal(b.at, 0);
    assert_int_equal(pyblocks_read(v, &b, 1000000), -1);
    memview_close(&v);
    image_release(&m);
}

static void finds_the_block_counter_in_code(void **state)
{
    /* mov disp(%rip),%eax; mov disp(%rip),%rsi; mov disp(%rip),%rdx */
    unsigned char code[64] = {0x8b, 0x05, 0, 0, 0, 0, 0x48,
                              0x8b, 0x35, 0, 0, 0, 0, 0x48,
                              0x8b, 0x15, 0, 0, 0, 0};
    struct pyruntime rt = {.kind = PYRUNTIME_FINE, .minor = 9, .module = LIB};
    struct elf_symbol symbol = {"_Py_GetAllocatedBlocks", 0x6000};
    struct image m = {0};
    struct memview *v;
    struct pyblocks b;
    int32_t to_arenas = (int32_t)(DATA + 0x100 - (LIB + 0x6000 + 13));
    int32_t to_count = (int32_t)(DATA + 0x180 - (LIB + 0x6000 + 20));

    (void)state;
    memcpy(code + 9, &to_arenas, 4);
    memcpy(code + 16, &to_count, 4);
    elf_image(&m, LIB, &symbol, 1);
    image_put(&m, LIB + 0x6000, code, sizeof code);
    image_u64(&m, DATA + 0x100, 0x555555000000u); /* a pointer */
    image_u64(&m, DATA + 0x180, 4321);
    v = image_view(&m, LIB_MAPS("libpython3.9.so.1.0"));
    pyblocks_find(v, &rt, &b);
    assert_int_equal(b.at, DATA + 0x180);
    assert_int_equal(pyblocks_read(v, &b, 100), 4421);
    rt.minor = 7; /* there the counter counts all */
    pyblocks_find(v, &rt, &b);
    assert_int_equal(pyblocks_read(v, &b, 100), 4321);
    memview_close(&v);
    image_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_version),
        cmocka_unit_test(reads_the_version_from_data),
        cmocka_unit_test(believes_the_debug_offsets),
        cmocka_unit_test(tells_what_is_no_python),
        cmocka_unit_test(reads_the_collector),
        cmocka_unit_test(bounds_the_interpreters),
        cmocka_unit_test(finds_the_block_counter),
        cmocka_unit_test(finds_the_block_counter_in_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
