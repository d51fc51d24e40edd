#include "harness/base/err.h"

#include "tests/unit/assert_close.h"

#include <string.h>

static void test_set_and_wrap(void **state)
{
    (void)state;
    struct err err = {""};

    assert_int_equal(err_set(&err, "port %d: %s", 80, "taken"), -1);
    assert_int_equal(err_wrap(&err, "target %s", "shop"), -1);
    assert_string_equal(err.msg, "target shop: port 80: taken");
    assert_int_equal(err_set(NULL, "%s", "nobody listens"), -1);
    assert_int_equal(err_wrap(NULL, "%s", "nobody listens"), -1);
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    char longest[3000];
    struct err err = {""};

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    err_set(&err, "%s", longest);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    err_wrap(&err, "%s", "why");
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_memory_equal(err.msg, "why: xxx", 8);
    err_wrap(&err, "%s", longest);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_long_messages_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
