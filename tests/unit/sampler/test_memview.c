/* The view never reads outside what the map allows, and never touches an
 * absent page. */
#include "tests/unit/sampler/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MAPS                                                                   \
    "10000-12000 rw-p 00000000 00:00 0 \n"                                     \
    "12000-13000 ---p 00000000 00:00 0 \n"                                     \
    "13000-16000 rw-p 00001000 08:01 77    /lib/a file.so\n"                   \
    "fffffffffffff000-ffffffffffffffff rw-p 00000000 00:00 0\n"

static void reads_the_map(void **state)
{
    static const char text[] = "1000-2000 r-xp 00000400 08:01 12345            "
                               "      /bin/x y (deleted)\n"
                               "junk\n"
                               "3000-2000 rw-p 00000000 00:00 0\n"
                               "1800-2800 rw-p 00000000 00:00 0\n"
                               "5000-6000 rw-p 00000000 00:00 0 [heap]\n"
                               "4000-5000 rw-p 00000000 00:00 0\n"
                               "7001-8000 rw-p 00000000 00:00 0\n"
                               "8000-9000 rw-s 00000000 00:00 0 cut";
    struct image m = {0};
    struct memview *v = image_view(&m, text);
    size_t n;
    const struct memmap *maps = memview_maps(v, &n);

    (void)state;
    assert_int_equal(n, 3);
    assert_int_equal(maps[0].start, 0x1000);
    assert_int_equal(maps[0].offset, 0x400);
    assert_int_equal(maps[0].inode, 12345);
    assert_string_equal(maps[0].path, "/bin/x y (deleted)");
    assert_true(maps[0].readable && maps[0].executable && !maps[0].writable);
    assert_string_equal(maps[1].path, "[heap]");
    assert_true(maps[2].shared);
    assert_ptr_equal(memview_find(v, 0x1fff), &maps[0]);
    assert_null(memview_find(v, 0x2000));
    assert_null(memview_find(v, 0));
    assert_null(memview_find(v, UINT64_MAX));
    memview_set_maps(v, "", 0);
    maps = memview_maps(v, &n);
    assert_int_equal(n, 0);
    memview_close(&v);
    assert_null(v);
}

static void reads_what_is_there(void **state)
{
    struct image m = {0};
    struct memview *v;
    char buf[9000];
    uint64_t w;

    (void)state;
    image_put(&m, 0x10ff8, "abcdefghijklmnop", 16);
    image_page(&m, 0x12000);
    image_put(&m, 0x13000, "x", 1);
    v = image_view(&m, MAPS);
    /* Across two pages. */
    assert_int_equal(memview_read(v, 0x10ffc, buf, 8), 0);
    assert_memory_equal(buf, "efghijkl", 8);
    assert_int_equal(memview_u64(v, 0x10ff8, &w), 0);
    assert_int_equal(w, memview_word((const unsigned char *)"abcdefgh"));
    /* Into what is not readable, not mapped, not there, or wraps. */
    assert_int_equal(memview_read(v, 0x11ffc, buf, 8), -1);
    assert_int_equal(memview_read(v, 0x12000, buf, 1), -1);
    assert_int_equal(memview_read(v, 0x20000, buf, 1), -1);
    assert_int_equal(memview_read(v, 0x14000, buf, 1), -1);
    assert_int_equal(memview_read(v, UINT64_MAX - 3, buf, 8), -1);
    assert_int_equal(memview_read(v, UINT64_MAX, buf, 1), -1);
    assert_int_equal(memview_read(v, 0, buf, 0), 0);
    memview_close(&v);
    image_release(&m);
}

static void leaves_absent_pages_alone(void **state)
{
    struct image m = {0};
    struct memview *v;
    unsigned char buf[3 * MEMVIEW_PAGE], states[4];
    char c;

    (void)state;
    image_put(&m, 0x10000, "a", 1);
    image_put(&m, 0x11000, "b", 1);
    image_page(&m, 0x10000)->state = MEMPAGE_SWAPPED;
    v = image_view(&m, MAPS);
    assert_int_equal(memview_read(v, 0x10000, &c, 1), -1);
    assert_int_equal(memview_cost(v)->bytes, 0);
    assert_int_equal(memview_cost(v)->swapped_pages, 1);
    memset(buf, 7, sizeof buf);
    assert_int_equal(memview_bulk(v, 0x10000, buf, sizeof buf), MEMVIEW_PAGE);
    assert_int_equal(buf[0], 0);
    assert_int_equal(buf[MEMVIEW_PAGE], 'b');
    assert_int_equal(buf[2 * MEMVIEW_PAGE], 0);
    memview_pages(v, 0x10000, 4, states);
    assert_int_equal(states[0], MEMPAGE_SWAPPED);
    assert_int_equal(states[1], MEMPAGE_PRESENT);
    assert_int_equal(states[2], MEMPAGE_ABSENT);
    memview_close(&v);
    image_release(&m);
}

static void forgets_on_request(void **state)
{
    struct image m = {0};
    struct memview *v;
    char c;

    (void)state;
    image_put(&m, 0x10000, "a", 1);
    v = image_view(&m, MAPS);
    memview_read(v, 0x10000, &c, 1);
    image_put(&m, 0x10000, "b", 1);
    memview_read(v, 0x10000, &c, 1);
    assert_int_equal(c, 'a');
    memview_forget(v);
    memview_read(v, 0x10000, &c, 1);
    assert_int_equal(c, 'b');
    memview_close(&v);
    image_release(&m);
}

static void reads_strings(void **state)
{
    struct image m = {0};
    struct memview *v;
    char buf[16];

    (void)state;
    image_put(&m, 0x10ffd, "hello", 6);
    memset(image_page(&m, 0x11000)->bytes + 0x100, 'y', MEMVIEW_PAGE - 0x100);
    v = image_view(&m, MAPS);
    assert_int_equal(memview_string(v, 0x10ffd, buf, sizeof buf), 5);
    assert_string_equal(buf, "hello");
    assert_int_equal(memview_string(v, 0x10ffd, buf, 3), 2);
    assert_string_equal(buf, "he");
    assert_int_equal(memview_string(v, 0x11100, buf, sizeof buf), 15);
    /* No end before the mapping's. */
    assert_int_equal(memview_string(v, 0x11ffa, buf, sizeof buf), -1);
    memview_close(&v);
    image_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_map),
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(leaves_absent_pages_alone),
        cmocka_unit_test(forgets_on_request),
        cmocka_unit_test(reads_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
