#include "harness/base/mem.h"

#include "tests/unit/assert_close.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_zalloc_and_grow(void **state)
{
    (void)state;
    unsigned char *p = mem_zalloc(1000, 3);
    size_t cap = 0;
    int *list = NULL;

    for (int i = 0; i < 3000; i++)
        assert_int_equal(p[i], 0);
    free(p);
    free(mem_zalloc(0, 8)); /* never NULL */
    for (int i = 0; i < 1000; i++) {
        list = mem_grow(list, (size_t)i, &cap, sizeof *list);
        assert_true(cap > (size_t)i);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    free(list);
}

static void test_strings(void **state)
{
    (void)state;
    char *a = mem_strdup("shop"), *b = mem_strndup("shopping", 4),
         *c = mem_strndup("ab", 99), *d = mem_printf("%s-%03d", "x", 7);

    assert_string_equal(a, "shop");
    assert_string_equal(b, "shop");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "x-007");
    free(a);
    free(b);
    free(c);
    free(d);
}

/* Runs in a child: out of memory must end it with exit code 5. */
static int exit_code_of(void (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDERR_FILENO);
        fn();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void too_big(void)
{
    volatile size_t half = SIZE_MAX / 2;

    free(mem_zalloc(half, 4));
}

static void too_big_again(void)
{
    volatile size_t half = SIZE_MAX / 2;

    free(mem_realloc(NULL, half, 4));
}

static void test_out_of_memory(void **state)
{
    (void)state;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_int_equal(exit_code_of(too_big), 5); /* a sanitizer aborts here */
#else
    (void)too_big;
#endif
    assert_int_equal(exit_code_of(too_big_again), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zalloc_and_grow),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
