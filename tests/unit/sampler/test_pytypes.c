/* Objects are recognised by verified types in every version's layout, and
 * types are named "module.qualname". */
#include "harness/base/file.h"
#include "harness/sampler/inspect/pyread.h"
#include "harness/sampler/inspect/pyruntime.h"
#include "harness/sampler/inspect/pytypes.h"
#include "tests/unit/sampler/py_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define CLASS (PY_DATA + 0x1000)

static void put(unsigned char *block, size_t at, uint64_t word)
{
    memcpy(block + at, &word, sizeof word);
}

/* An instance in a block, `head` bytes behind its start. */
static void instance(const struct pyversion *ver, unsigned char block[128],
                     uint32_t head, uint64_t type, bool tracked)
{
    memset(block, 0, 128);
    put(block, head, 2);
    put(block, head + 8, type);
    if (ver->gc_head == 32)
        put(block, head - 32 + 16, (uint64_t)(tracked ? -3 : -2) << 1);
    else
        put(block, head - 16, tracked ? PY_DATA + 0x9000 : 0);
}

static void recognises_instances(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++) {
        const struct pyversion *ver = pyversion_at(i);
        struct image m = {0};
        struct memview *v;
        struct pytypes *t;
        struct pyobject o;
        unsigned char block[128];
        uint64_t pre = ver->pre_flags & 0x10;

        py_world(&m, ver, CLASS, PYTYPE_HAVE_GC | pre);
        v = image_view(&m, PY_MAPS);
        t = pytypes_new(v, ver, PY_TYPE_TYPE);
        for (int tracked = 0; tracked < 2; tracked++) {
            instance(ver, block, ver->gc_head + (pre ? 16 : 0), CLASS,
                     tracked != 0);
            assert_true(pytypes_object(t, block, sizeof block, &o));
            assert_string_equal(pytypes_name(t, o.type), "shop.Cart.Item");
            assert_int_equal(o.tracked, tracked);
            assert_int_equal(o.at, ver->gc_head + (pre ? 16 : 0));
        }
        /* Not where its flags say that it cannot be. */
        instance(ver, block, ver->gc_head + (pre ? 0 : 16), CLASS, true);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        /* Dead: the count is zero. Or no count at all. */
        instance(ver, block, ver->gc_head + (pre ? 16 : 0), CLASS, true);
        put(block, o.at + ver->gc_head + (pre ? 16 : 0), 0);
        instance(ver, block, ver->gc_head + (pre ? 16 : 0), CLASS, true);
        put(block, ver->gc_head + (pre ? 16 : 0), 0);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        put(block, ver->gc_head + (pre ? 16 : 0), 0x0000555555001000u);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        /* Its type is no type. */
        instance(ver, block, ver->gc_head + (pre ? 16 : 0), CLASS + 8, true);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        instance(ver, block, ver->gc_head + (pre ? 16 : 0), 8, true);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        pytypes_free(t);
        memview_close(&v);
        image_release(&m);
    }
}

/* Dead, not tracked, and still marked with a type that is built in: on one of
 * CPython's free lists. Whoever has a reference count is alive, and a class of
 * the program has no such list. */
static void knows_what_is_set_aside(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++) {
        const struct pyversion *ver = pyversion_at(i);
        struct py_type made = {.addr = PY_TYPES + 0x800,
                               .type = PY_TYPE_TYPE,
                               .flags = PYTYPE_HAVE_GC,
                               .name = PY_DATA + 0x180};
        uint32_t head = ver->gc_head;
        uint64_t pre = ver->pre_flags & 0x10;
        struct image m = {0};
        struct memview *v;
        struct pytypes *t;
        struct pyobject o;
        unsigned char block[128];

        py_world(&m, ver, CLASS, PYTYPE_HAVE_GC | pre);
        image_put(&m, PY_DATA + 0x180, "tuple", 6);
        py_type(&m, ver, &made);
        v = image_view(&m, PY_MAPS);
        t = pytypes_new(v, ver, PY_TYPE_TYPE);
        instance(ver, block, head, made.addr, false);
        assert_true(pytypes_object(t, block, sizeof block, &o));
        assert_false(pytypes_set_aside(t, block, sizeof block));
        put(block, head, 0);
        assert_false(pytypes_object(t, block, sizeof block, &o));
        assert_true(pytypes_set_aside(t, block, sizeof block));
        put(block, head, PY_DATA); /* the next one on the list */
        assert_int_equal(pytypes_set_aside(t, block, sizeof block),
                         ver->refcnt_flags != 0);
        put(block, head, 0x100000); /* nothing is there */
        assert_false(pytypes_set_aside(t, block, sizeof block));
        instance(ver, block, head, made.addr, true);
        put(block, head, 0);
        assert_false(pytypes_set_aside(t, block, sizeof block));
        instance(ver, block, head + (pre ? 16 : 0), CLASS, false);
        put(block, head + (pre ? 16 : 0), 0);
        assert_false(pytypes_set_aside(t, block, sizeof block));
        instance(ver, block, head, 8, false); /* no type */
        put(block, head, 0);
        assert_false(pytypes_set_aside(t, block, sizeof block));
        pytypes_free(t);
        memview_close(&v);
        image_release(&m);
    }
}

/* Bytes say how long they are: a header left behind in a smaller block is
 * none. What has larger items may say something else there. */
static void bytes_fit_their_block(void **state)
{
    const struct pyversion *ver = pyversion_find(12);

    (void)state;
    for (unsigned item = 0; item < 9; item++) {
        struct image m = {0};
        struct memview *v;
        struct pytypes *t;
        struct pyobject o;
        unsigned char block[128] = {0};

        py_world(&m, ver, CLASS, 0);
        image_u64(&m, CLASS + PYTYPE_BASICSIZE, 33);
        image_u64(&m, CLASS + PYTYPE_ITEMSIZE, item);
        v = image_view(&m, PY_MAPS);
        t = pytypes_new(v, ver, PY_TYPE_TYPE);
        put(block, 0, 1);
        put(block, 8, CLASS);
        put(block, 16, 487);
        assert_true(pytypes_object(t, block, sizeof block, &o));
        assert_true(pytypes_fits(t, &o, block, 520));
        put(block, 16, 488);
        assert_int_equal(pytypes_fits(t, &o, block, 520), item != 1);
        assert_int_equal(pytypes_fits(t, &o, block, 32), item != 1);
        put(block, 16, UINT64_MAX);
        assert_int_equal(pytypes_fits(t, &o, block, 520), item != 1);
        pytypes_free(t);
        memview_close(&v);
        image_release(&m);
    }
}

static void names_types(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    struct image m = {0};
    struct memview *v;
    struct pytypes *t;
    struct py_type meta = {.addr = PY_TYPES + 0x400,
                           .type = PY_TYPE_TYPE,
                           .base = PY_TYPE_TYPE,
                           .name = PY_DATA + 0x100};
    struct py_type made = {
        .addr = PY_TYPES + 0x800, .type = meta.addr, .name = PY_DATA + 0x180};
    struct py_type lost = {
        .addr = PY_TYPES + 0xc00, .type = meta.addr, .name = 0x1234};
    struct py_type fake = {
        .addr = PY_TYPES + 0x1000, .type = CLASS, .name = PY_DATA + 0x100};

    (void)state;
    py_world(&m, ver, CLASS, PYTYPE_HAVE_GC);
    image_put(&m, PY_DATA + 0x180, "_io.BytesIO", 12);
    py_type(&m, ver, &meta);
    py_type(&m, ver, &made);
    py_type(&m, ver, &lost);
    py_type(&m, ver, &fake);
    v = image_view(&m, PY_MAPS);
    t = pytypes_new(v, ver, PY_TYPE_TYPE);
    assert_string_equal(pytypes_name(t, (uint32_t)pytypes_lookup(t, made.addr)),
                        "_io.BytesIO");
    assert_string_equal(
        pytypes_name(t, (uint32_t)pytypes_lookup(t, PY_TYPE_TYPE)),
        "builtins.type");
    assert_string_equal(pytypes_name(t, (uint32_t)pytypes_lookup(t, lost.addr)),
                        "(unnamed type)");
    /* An instance of a class that is no metaclass is no type. */
    assert_int_equal(pytypes_lookup(t, fake.addr), -1);
    assert_int_equal(pytypes_lookup(t, 0), -1);
    assert_int_equal(pytypes_lookup(t, UINT64_MAX - 7), -1);
    assert_int_equal(pytypes_lookup(t, CLASS + 4), -1);
    /* The class goes, another comes to its place: seen with the next census. */
    assert_int_equal(pytypes_lookup(t, CLASS), pytypes_lookup(t, CLASS));
    py_str(&m, ver, PY_DATA + 0x600, "Order");
    image_u64(&m, CLASS + ver->ht_qualname, PY_DATA + 0x600);
    memview_forget(v);
    pytypes_begin(t);
    assert_string_equal(pytypes_name(t, (uint32_t)pytypes_lookup(t, CLASS)),
                        "shop.Order");
    image_u64(&m, CLASS + PYTYPE_TYPE, 0);
    memview_forget(v);
    pytypes_begin(t);
    assert_int_equal(pytypes_lookup(t, CLASS), -1);
    pytypes_free(t);
    memview_close(&v);
    image_release(&m);
}

/* Metaclasses that go round in a circle end. */
static void ends_on_circles(void **state)
{
    const struct pyversion *ver = pyversion_find(11);
    struct image m = {0};
    struct memview *v;
    struct pytypes *t;
    struct py_type a = {.addr = PY_TYPES + 0x400,
                        .type = PY_TYPES + 0x800,
                        .base = PY_TYPES + 0x800};
    struct py_type b = {.addr = PY_TYPES + 0x800,
                        .type = PY_TYPES + 0x400,
                        .base = PY_TYPES + 0x400};

    (void)state;
    py_world(&m, ver, CLASS, PYTYPE_HAVE_GC);
    py_type(&m, ver, &a);
    py_type(&m, ver, &b);
    v = image_view(&m, PY_MAPS);
    t = pytypes_new(v, ver, PY_TYPE_TYPE);
    assert_int_equal(pytypes_lookup(t, a.addr), -1);
    assert_int_equal(pytypes_lookup(t, b.addr), -1);
    pytypes_free(t);
    memview_close(&v);
    image_release(&m);
}

/* More types than fit: the rest is counted as one, memory stays bounded. */
static void bounds_the_number_of_types(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    struct image m = {0};
    struct memview *v;
    struct pytypes *t;
    unsigned char head[PYTYPE_READ] = {1};
    int32_t last = 0;

    (void)state;
    py_world(&m, ver, CLASS, PYTYPE_HAVE_GC);
    put(head, PYTYPE_TYPE, PY_TYPE_TYPE);
    put(head, PYTYPE_BASICSIZE, 16);
    put(head, PYTYPE_FLAGS, PYTYPE_READY);
    for (unsigned i = 0; i < PYTYPES_MAX + 100; i++)
        image_put(&m, 0x600000000000u + i * 272, head, sizeof head);
    v = image_view(&m, "555555000000-555555100000 rw-p 00000000 00:00 0 \n"
                       "600000000000-600010000000 rw-p 00000000 00:00 0 \n"
                       "7f0000000000-7f0000020000 rw-p 00000000 00:00 0 \n");
    t = pytypes_new(v, ver, PY_TYPE_TYPE);
    for (unsigned i = 0; i < PYTYPES_MAX + 100; i++) {
        last = pytypes_lookup(t, 0x600000000000u + i * 272);
        assert_true(last >= 0);
    }
    assert_int_equal(last, PYTYPES_OTHER);
    assert_int_equal(pytypes_count(t), PYTYPES_MAX);
    pytypes_begin(t); /* starts again rather than keep dead classes */
    assert_int_equal(pytypes_count(t), 1);
    pytypes_free(t);
    memview_close(&v);
    image_release(&m);
}

/* From 3.14 on either layout of the state may be met; before, one. */
static void reads_strings(void **state)
{
    char buf[64];

    (void)state;
    for (int i = 0; pyversion_at(i / 2); i++) {
        const struct pyversion *ver = pyversion_at(i / 2);
        int shift = i % 2 && ver->refcnt_flags ? 16 : 2;
        struct image m = {0};
        struct memview *v;
        uint16_t wide[] = {0x4e2d, 'x', 0xfc};

        py_str(&m, ver, PY_DATA, "plain");
        image_u32(&m, PY_DATA + 32, (1u | 3 << 3) << shift);
        image_u64(&m, PY_DATA + 0x100 + 16, 3);
        image_u32(&m, PY_DATA + 0x100 + 32, (2u | 1 << 3) << shift);
        image_put(&m, PY_DATA + 0x100 + ver->wide_data, wide, sizeof wide);
        image_u64(&m, PY_DATA + 0x200 + 16, UINT64_MAX); /* length */
        image_u32(&m, PY_DATA + 0x200 + 32, (1u | 3 << 3) << shift);
        image_u64(&m, PY_DATA + 0x300 + 16, 4);
        image_u32(&m, PY_DATA + 0x300 + 32, (3u | 3 << 3) << shift); /* kind */
        v = image_view(&m, PY_MAPS);
        assert_int_equal(pyread_string(v, ver, PY_DATA, buf, sizeof buf), 5);
        assert_string_equal(buf, "plain");
        assert_int_equal(pyread_string(v, ver, PY_DATA, buf, 3), 2);
        assert_string_equal(buf, "pl");
        assert_int_equal(
            pyread_string(v, ver, PY_DATA + 0x100, buf, sizeof buf), 6);
        assert_string_equal(buf, "\xe4\xb8\xadx\xc3\xbc");
        assert_int_equal(
            pyread_string(v, ver, PY_DATA + 0x200, buf, sizeof buf), -1);
        assert_int_equal(
            pyread_string(v, ver, PY_DATA + 0x300, buf, sizeof buf), -1);
        assert_int_equal(pyread_string(v, ver, 0, buf, sizeof buf), -1);
        memview_close(&v);
        image_release(&m);
    }
}

static void reads_dicts(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++) {
        const struct pyversion *ver = pyversion_at(i);
        struct image m = {0};
        struct memview *v;
        struct pydict d;
        uint64_t key, value;

        py_str(&m, ver, PY_DATA + 0x900, "cart");
        py_dict(&m, ver, PY_DATA, PY_DATA + 0x900, 0x777);
        v = image_view(&m, PY_MAPS);
        assert_int_equal(pyread_dict(v, ver, PY_DATA, &d), 0);
        assert_int_equal(d.n, 1);
        assert_int_equal(pyread_entry(v, &d, 0, &key, &value), 0);
        assert_int_equal(key, PY_DATA + 0x900);
        assert_int_equal(value, 0x777);
        assert_int_equal(pyread_entry(v, &d, 1, &key, &value), -1);
        assert_int_equal(pyread_dict_get(v, ver, PY_DATA, "cart"), 0x777);
        assert_int_equal(pyread_dict_get(v, ver, PY_DATA, "car"), 0);
        /* More entries than the table has room for. */
        image_u64(&m, PY_DATA + 0x100 + (ver->new_keys ? 24 : 32), 1 << 30);
        memview_forget(v);
        assert_int_equal(pyread_dict(v, ver, PY_DATA, &d), -1);
        memview_close(&v);
        image_release(&m);
    }
}

/* What real interpreters left in the fuzz corpus. */
static void reads_recorded_interpreters(void **state)
{
    static const struct {
        const char *file, *version;
    } cases[] = {
        {"tests/fuzz/corpus/pytypes/cpython-3.9", "3.9.18"},
        {"tests/fuzz/corpus/pytypes/cpython-3.11", "3.11.7"},
        {"tests/fuzz/corpus/pytypes/cpython-3.13", "3.13.0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image m = {0};
        struct memview *v;
        struct pyruntime rt;
        struct pytypes *t;
        char *bytes;
        size_t n;

        assert_int_equal(file_read(cases[i].file, 1 << 20, &bytes, &n, NULL),
                         0);
        v = image_parse(&m, (const unsigned char *)bytes, n);
        assert_non_null(v);
        pyruntime_find(v, &rt);
        assert_string_equal(rt.text, cases[i].version);
        assert_int_equal(rt.kind, PYRUNTIME_FINE);
        t = pytypes_new(v, rt.version, rt.type_type);
        assert_string_equal(
            pytypes_name(t, (uint32_t)pytypes_lookup(t, rt.type_type)),
            "builtins.type");
        pytypes_free(t);
        memview_close(&v);
        image_release(&m);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_instances),
        cmocka_unit_test(knows_what_is_set_aside),
        cmocka_unit_test(bytes_fit_their_block),
        cmocka_unit_test(names_types),
        cmocka_unit_test(ends_on_circles),
        cmocka_unit_test(bounds_the_number_of_types),
        cmocka_unit_test(reads_strings),
        cmocka_unit_test(reads_dicts),
        cmocka_unit_test(reads_recorded_interpreters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
