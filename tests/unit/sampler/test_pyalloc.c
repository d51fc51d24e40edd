/* Which allocator Python uses, by environment and command line. */
#include "harness/sampler/inspect/pyalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define TEXT(s) s, sizeof s

static void judges(void **state)
{
    static const struct {
        const char *env;
        size_t env_len;
        const char *cmd;
        size_t cmd_len;
        bool pools;
        uint32_t skew, large;
    } cases[] = {
        {TEXT("A=1\0B=2"), TEXT("python\0x.py"), true, 0, 0},
        {TEXT("PYTHONMALLOC=malloc"), TEXT("python"), false, 0, 0},
        {TEXT("A=1\0PYTHONMALLOC=malloc_debug"), TEXT("python"), false, 16, 16},
        {TEXT("PYTHONMALLOC=debug"), TEXT("python"), true, 16, 32},
        {TEXT("PYTHONMALLOC=pymalloc_debug"), TEXT("python"), true, 16, 32},
        {TEXT("PYTHONMALLOC=pymalloc\0PYTHONDEVMODE=1"), TEXT("p"), true, 0, 0},
        {TEXT("PYTHONMALLOC="), TEXT("p"), true, 0, 0},
        {TEXT("PYTHONDEVMODE=1"), TEXT("p"), true, 16, 32},
        {TEXT("PYTHONDEVMODE="), TEXT("p"), true, 0, 0},
        {TEXT("A=1"), TEXT("p\0-X\0dev\0x.py"), true, 16, 32},
        {TEXT("A=1"), TEXT("p\0-Xdev"), true, 16, 32},
        {TEXT("A=1"), TEXT("p\0dev"), true, 0, 0},
        {TEXT("XPYTHONMALLOC=malloc"), TEXT("p"), true, 0, 0},
        {"", 0, "", 0, true, 0, 0},
        /* Cut in the middle of a value: not believed. */
        {"PYTHONMALLOC=mallo", 18, "p\0-Xdev", 7, true, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pyalloc a;

        pyalloc_judge(cases[i].env, cases[i].env_len, cases[i].cmd,
                      cases[i].cmd_len, &a);
        if (a.pools != cases[i].pools || a.skew != cases[i].skew ||
            a.large_skew != cases[i].large)
            fail_msg("case %zu", i);
    }
}

static void reads_a_process(void **state)
{
    struct pyalloc a;

    (void)state;
    pyalloc_of(getpid(), &a);
    assert_true(a.pools);
    pyalloc_of(0, &a); /* no such process */
    assert_false(a.known);
    assert_true(a.pools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(reads_a_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
