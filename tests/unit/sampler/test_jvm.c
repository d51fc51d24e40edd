/* Performance data of a real Java machine, and of none. */
#include "harness/base/file.h"
#include "harness/sampler/inspect/jvm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Recorded from OpenJDK 17 with G1 after three collections. */
#define RECORDED "tests/fuzz/corpus/hsperf/openjdk-17-g1"

static void reads_a_recorded_machine(void **state)
{
    char *bytes;
    size_t n;
    struct jvm_counts c;

    (void)state;
    assert_int_equal(file_read(RECORDED, 1 << 20, &bytes, &n, NULL), 0);
    assert_int_equal(jvm_parse((unsigned char *)bytes, n, &c), 0);
    assert_true(c.heap_used_bytes == 5485344);
    assert_true(c.heap_after_gc_bytes == 5485344); /* eden was empty */
    assert_true(c.classes == 1537 + 811);
    assert_true(c.threads == 6);
    assert_true(c.collections == 3);
    /* Cut anywhere: what is whole is read, nothing behind the end. */
    for (size_t cut = 0; cut < n; cut += 7) {
        unsigned char *part = malloc(cut + 1);

        memcpy(part, bytes, cut);
        jvm_parse(part, cut, &c);
        free(part);
    }
    /* Another magic, byte order, version. */
    for (int at = 0; at < 6; at++) {
        bytes[at] ^= 0x40;
        assert_int_equal(jvm_parse((unsigned char *)bytes, n, &c), -1);
        bytes[at] ^= 0x40;
    }
    free(bytes);
}

/* One number entry at `at`; returns where the next one goes. */
static size_t put(unsigned char *b, size_t at, const char *name, char type,
                  const void *value, uint32_t n)
{
    uint32_t name_len = ((uint32_t)strlen(name) + 8) & ~7u;
    uint32_t entry[5] = {20 + name_len + n, 20, type == 'J' ? 0 : n,
                         (uint32_t)0, 20 + name_len};

    memcpy(b + at, entry, sizeof entry);
    b[at + 12] = (unsigned char)type;
    memcpy(b + at + 20, name, strlen(name));
    memcpy(b + at + 20 + name_len, value, n);
    b[28]++;
    return at + entry[0];
}

static void tells_eden_from_the_rest(void **state)
{
    unsigned char b[1024] = "\xca\xfe\xc0\xc0\x01\x02";
    int64_t v[] = {100, 20, 3, 7, 5, 2};
    struct jvm_counts c;
    size_t at = 32;

    (void)state;
    b[24] = 32;
    at = put(b, at, "sun.gc.generation.0.space.0.used", 'J', &v[0], 8);
    at = put(b, at, "sun.gc.generation.0.space.0.name", 'B', "eden\0\0\0", 8);
    at = put(b, at, "sun.gc.generation.1.space.0.used", 'J', &v[1], 8);
    at = put(b, at, "sun.gc.generation.1.space.0.name", 'B', "old\0\0\0\0", 8);
    assert_int_equal(jvm_parse(b, sizeof b, &c), 0);
    assert_true(c.heap_used_bytes == 120);
    assert_true(isnan(c.heap_after_gc_bytes)); /* none yet */
    assert_true(isnan(c.collections));
    assert_true(isnan(c.classes));
    at = put(b, at, "sun.gc.collector.0.invocations", 'J', &v[2], 8);
    assert_int_equal(jvm_parse(b, sizeof b, &c), 0);
    assert_true(isnan(c.unloading)); /* nobody is known to */
    at = put(b, at, "sun.gc.collector.1.invocations", 'J', &v[3], 8);
    at = put(b, at, "java.cls.loadedClasses", 'J', &v[4], 8);
    put(b, at, "java.cls.unloadedClasses", 'J', &v[5], 8);
    assert_int_equal(jvm_parse(b, sizeof b, &c), 0);
    assert_true(c.heap_after_gc_bytes == 20);
    assert_true(c.collections == 10);
    assert_true(c.unloading == 7);
    assert_true(c.classes == 3);
    /* More entries announced than there are, and one longer than the file. */
    b[28] = 255;
    b[29] = 255;
    assert_int_equal(jvm_parse(b, sizeof b, &c), 0);
    assert_true(c.heap_used_bytes == 120);
    memset(b + 32, 0xff, 4);
    assert_int_equal(jvm_parse(b, sizeof b, &c), 0);
    assert_true(isnan(c.heap_used_bytes));
}

static void tells_who_is_no_machine(void **state)
{
    struct jvm_counts c;
    struct err err = {""};

    (void)state;
    assert_false(jvm_is(getpid()));
    assert_int_equal(jvm_read(getpid(), &c, &err), -1);
    assert_non_null(strstr(err.msg, "no performance data"));
    assert_false(jvm_is(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_recorded_machine),
        cmocka_unit_test(tells_eden_from_the_rest),
        cmocka_unit_test(tells_who_is_no_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
