#include "harness/base/file.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/temp_dir.h"

#include <dirent.h>

static int entries(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void test_round_trip(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *path = file_join(dir, "x"), *got;
    char big[20000];
    struct err err = {""};
    size_t n;

    memset(big, 'y', sizeof big);
    big[7] = '\0';
    assert_false(file_exists(path));
    assert_int_equal(file_write(path, "old", 3, NULL), 0);
    assert_int_equal(file_write(path, big, sizeof big, NULL), 0);
    assert_true(file_exists(path));
    assert_int_equal(entries(dir), 1); /* no temporary is left */
    assert_int_equal(file_read(path, sizeof big, &got, &n, NULL), 0);
    assert_int_equal(n, sizeof big);
    assert_memory_equal(got, big, n);
    assert_int_equal(got[n], '\0');
    free(got);
    assert_int_equal(file_read(path, sizeof big - 1, &got, &n, &err), -1);
    assert_non_null(strstr(err.msg, path));
    free(path);
    temp_dir_free(dir);
}

static void test_failures_leave_nothing(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *taken = file_join(dir, "folder"),
         *below = file_join(dir, "no/such/file"), *got;
    struct err err = {""};
    size_t n;

    assert_int_equal(file_mkdirs(taken, NULL), 0);
    temp_dir_puts(taken, "in", "it");
    assert_int_equal(file_write(taken, "x", 1, &err), -1);
    assert_int_equal(entries(dir), 1);
    assert_int_equal(file_write(below, "x", 1, &err), -1);
    assert_int_equal(file_read(below, 10, &got, &n, &err), -1);
    assert_int_equal(file_read(taken, 10, &got, &n, &err), -1);
    free(taken);
    free(below);
    temp_dir_free(dir);
}

static void test_mkdirs(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *deep = file_join(dir, "a/b/c"),
         *blocked = file_join(dir, "f/g");
    struct err err = {""};

    assert_int_equal(file_mkdirs(deep, NULL), 0);
    assert_int_equal(file_mkdirs(deep, NULL), 0);
    assert_true(file_exists(deep));
    temp_dir_puts(dir, "f", "a file");
    assert_int_equal(file_mkdirs(blocked, &err), -1);
    free(deep);
    free(blocked);
    temp_dir_free(dir);
}

static void test_join(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "/b"}};

    for (size_t i = 0; i < 3; i++) {
        char *p = file_join(rows[i][0], rows[i][1]);

        assert_string_equal(p, rows[i][2]);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_failures_leave_nothing),
        cmocka_unit_test(test_mkdirs),
        cmocka_unit_test(test_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
