#include "harness/base/buf.h"

#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

static void test_grows(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100000);
    assert_string_equal(buf_str(&b), "");
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf_addf(&b, "%d,", i % 10), 0);
    assert_int_equal(b.len, 20000);
    assert_int_equal(strlen(buf_str(&b)), 20000);
    assert_int_equal(buf_add(&b, "a\0b", 3), 0);
    assert_memory_equal(b.p + 20000, "a\0b", 4);
    buf_release(&b);
    assert_string_equal(buf_str(&b), "");
}

static void test_limit(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 5);
    assert_int_equal(buf_adds(&b, "abc"), 0);
    assert_int_equal(buf_adds(&b, "def"), -1); /* dropped whole */
    assert_true(b.overflow);
    assert_string_equal(buf_str(&b), "abc");
    assert_int_equal(buf_addc(&b, 'd'), -1); /* and it stays shut */
    buf_reset(&b);
    assert_false(b.overflow);
    assert_int_equal(buf_adds(&b, "12345"), 0);
    assert_int_equal(buf_addf(&b, "%s", "6"), -1);
    assert_string_equal(buf_str(&b), "12345");
    buf_release(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b;
    char *s;

    buf_init(&b, 10);
    s = buf_take(&b);
    assert_string_equal(s, "");
    free(s);
    buf_adds(&b, "hello");
    s = buf_take(&b);
    assert_string_equal(s, "hello");
    assert_int_equal(b.len, 0);
    assert_int_equal(b.max, 10);
    free(s);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
