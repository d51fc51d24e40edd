/* The limit on descriptors is raised as far as needed, or it is said. */
#include "harness/load/descriptors.h"

#include "tests/unit/assert_close.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

static void raised_as_needed(void **state)
{
    struct rlimit l, was;
    struct err err = {{0}};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    l = was;
    l.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
    assert_int_equal(descriptors_reserve(64, &err), 0);
    getrlimit(RLIMIT_NOFILE, &l);
    assert_int_equal(l.rlim_cur, 200);
    assert_int_equal(descriptors_reserve(300, &err), 0);
    getrlimit(RLIMIT_NOFILE, &l);
    assert_true(l.rlim_cur >= 300 && l.rlim_cur < 1000);
    assert_int_equal(l.rlim_max, was.rlim_max);
    setrlimit(RLIMIT_NOFILE, &was);
}

/* Last: a lowered hard limit stays. */
static void too_few_is_said(void **state)
{
    struct rlimit l = {250, 250}, now;
    struct err err = {{0}};

    (void)state;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0 && errno == EPERM)
        skip(); /* valgrind keeps the hard limit as it is */
    getrlimit(RLIMIT_NOFILE, &now);
    assert_int_equal(now.rlim_max, 250);
    assert_int_equal(descriptors_reserve(4000, &err), -1);
    assert_non_null(strstr(err.msg, "4000 connections"));
    assert_non_null(strstr(err.msg, "may have 250"));
    assert_non_null(strstr(err.msg, "ulimit"));
    getrlimit(RLIMIT_NOFILE, &now);
    assert_int_equal(now.rlim_cur, 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_as_needed),
        cmocka_unit_test(too_few_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
