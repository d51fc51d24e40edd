/* Symbols are found as the dynamic linker finds them, in this very process. */
#include "harness/sampler/inspect/elf.h"
#include "harness/sampler/inspect/procmem.h"
#include "tests/unit/sampler/elf_image.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

#define BASE 0x7f0000000000u
#define MAPS "7f0000000000-7f0000004000 r--p 00000000 08:01 9 /lib/x.so\n"

static void finds_symbols_of_this_process(void **state)
{
    static const char *const names[] = {"getpid", "fopen", "sigaction",
                                        "strerror", "atoi"};
    enum procmem_trouble trouble;
    struct memview *v = procmem_open(getpid(), &trouble, NULL);
    size_t n, libraries = 0;
    const struct memmap *maps;

    (void)state;
    assert_non_null(v);
    assert_int_equal(trouble, PROCMEM_FINE);
    maps = memview_maps(v, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf e;

        if (maps[i].offset != 0 || !strstr(maps[i].path, "libc.so.6") ||
            elf_load(v, maps[i].start, &e) != 0)
            continue;
        libraries++;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            Dl_info info;
            void *there = dlsym(RTLD_DEFAULT, names[k]);
            uint64_t found = elf_symbol(v, &e, names[k]);

            assert_true(found != 0);
            /* A sanitizer may stand in front of libc. */
            if (dladdr(there, &info) && strstr(info.dli_fname, "libc.so.6"))
                assert_int_equal(found, (uint64_t)(uintptr_t)there);
        }
        assert_int_equal(elf_symbol(v, &e, "no_such_symbol_here"), 0);
        assert_int_equal(elf_symbol(v, &e, ""), 0);
    }
    assert_int_equal(libraries, 1);
    memview_close(&v);
}

static void finds_symbols_by_the_old_table(void **state)
{
    static const struct elf_symbol symbols[] = {
        {"PyType_Type", 0x1000}, {"_PyRuntime", 0x2000}, {"Py_Version", 0x30}};
    struct image m = {0};
    struct memview *v;
    struct elf e;

    (void)state;
    elf_image(&m, BASE, symbols, 3);
    v = image_view(&m, MAPS);
    assert_int_equal(elf_load(v, BASE, &e), 0);
    assert_int_equal(elf_symbol(v, &e, "PyType_Type"), BASE + 0x1000);
    assert_int_equal(elf_symbol(v, &e, "_PyRuntime"), BASE + 0x2000);
    assert_int_equal(elf_symbol(v, &e, "Py_Version"), BASE + 0x30);
    assert_int_equal(elf_symbol(v, &e, "Py_Versio"), 0);
    memview_close(&v);
    image_release(&m);
}

/* Each byte of the headers in turn is spoilt: no crash, no endless loop. */
static void survives_spoilt_headers(void **state)
{
    static const struct elf_symbol symbols[] = {{"PyType_Type", 0x1000}};

    (void)state;
    for (size_t at = 0; at < 0x300; at++) {
        struct image m = {0};
        struct memview *v;
        struct elf e;

        elf_image(&m, BASE, symbols, 1);
        image_put(&m, BASE + at, "\xff", 1);
        v = image_view(&m, MAPS);
        if (elf_load(v, BASE, &e) == 0)
            elf_symbol(v, &e, "PyType_Type");
        memview_close(&v);
        image_release(&m);
    }
}

static void refuses_what_is_no_elf(void **state)
{
    struct image m = {0};
    struct memview *v;
    struct elf e;

    (void)state;
    image_put(&m, BASE,
              "\x7f"
              "ELF",
              4);
    v = image_view(&m, MAPS);
    assert_int_equal(elf_load(v, BASE, &e), -1);
    assert_int_equal(elf_load(v, BASE + 0x3000, &e), -1);
    assert_int_equal(elf_load(v, UINT64_MAX, &e), -1);
    memview_close(&v);
    image_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_symbols_of_this_process),
        cmocka_unit_test(finds_symbols_by_the_old_table),
        cmocka_unit_test(survives_spoilt_headers),
        cmocka_unit_test(refuses_what_is_no_elf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
