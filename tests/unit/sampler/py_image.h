/* Puts Python objects of a given version into an image: types, strings, dicts,
 * instances. */
#ifndef PLATEAU_TESTS_PY_IMAGE_H
#define PLATEAU_TESTS_PY_IMAGE_H

#include "harness/sampler/inspect/pyversions.h"
#include "tests/unit/sampler/image.h"

#define PY_TYPES 0x7f0000000000u /* static types, 0x400 apart */
#define PY_TYPE_TYPE PY_TYPES
#define PY_DATA 0x555555000000u /* everything else */
#define PY_MAPS                                                                \
    "555555000000-555555100000 rw-p 00000000 00:00 0 [heap]\n"                 \
    "7f0000000000-7f0000020000 rw-p 00000000 00:00 0 \n"

/* What a type object says. */
struct py_type {
    uint64_t addr, type, base, flags, dict, qualname, name;
};

static inline void py_type(struct image *m, const struct pyversion *ver,
                           const struct py_type *t)
{
    image_u64(m, t->addr, 1);
    image_u64(m, t->addr + PYTYPE_TYPE, t->type);
    image_u64(m, t->addr + PYTYPE_NAME, t->name);
    image_u64(m, t->addr + PYTYPE_BASICSIZE, 48);
    image_u64(m, t->addr + PYTYPE_ITEMSIZE, 0);
    image_u64(m, t->addr + PYTYPE_FLAGS, t->flags | PYTYPE_READY);
    image_u64(m, t->addr + PYTYPE_BASE, t->base);
    image_u64(m, t->addr + PYTYPE_DICT, t->dict);
    if (t->flags & PYTYPE_HEAPTYPE)
        image_u64(m, t->addr + ver->ht_qualname, t->qualname);
}

/* A compact ASCII string. */
static inline void py_str(struct image *m, const struct pyversion *ver,
                          uint64_t addr, const char *text)
{
    uint32_t state = 1 | 1 << 3 | 1 << 4; /* kind 1, compact, ascii */

    image_u64(m, addr, 1);
    image_u64(m, addr + 16, strlen(text));
    image_u32(m, addr + 32, state << 2);
    image_put(m, addr + ver->ascii_data, text, strlen(text) + 1);
}

/* A dict with one entry. */
static inline void py_dict(struct image *m, const struct pyversion *ver,
                           uint64_t addr, uint64_t key, uint64_t value)
{
    uint64_t keys = addr + 0x100;

    image_u64(m, addr, 1);
    image_u64(m, addr + 16, 1);
    image_u64(m, addr + 32, keys);
    image_u64(m, keys, 1);
    if (ver->new_keys) {
        image_put(m, keys + 8, "\x03\x03\x01", 3);
        image_u64(m, keys + 24, 1);
        image_u64(m, keys + 40, key);
        image_u64(m, keys + 48, value);
    } else {
        image_u64(m, keys + 8, 8);
        image_u64(m, keys + 32, 1);
        image_u64(m, keys + 56, key);
        image_u64(m, keys + 64, value);
    }
}

/* The type `type`, and a class "shop.Cart.Item" whose address is given. */
static inline void py_world(struct image *m, const struct pyversion *ver,
                            uint64_t class, uint64_t flags)
{
    struct py_type type = {.addr = PY_TYPE_TYPE,
                           .type = PY_TYPE_TYPE,
                           .flags = PYTYPE_HAVE_GC,
                           .name = PY_DATA + 0x100};
    struct py_type item = {.addr = class,
                           .type = PY_TYPE_TYPE,
                           .flags = flags | PYTYPE_HEAPTYPE,
                           .name = PY_DATA + 0x110,
                           .dict = PY_DATA + 0x400,
                           .qualname = PY_DATA + 0x200};

    image_put(m, PY_DATA + 0x100, "type", 5);
    image_put(m, PY_DATA + 0x110, "Item", 5);
    py_str(m, ver, PY_DATA + 0x200, "Cart.Item");
    py_str(m, ver, PY_DATA + 0x280, "__module__");
    py_str(m, ver, PY_DATA + 0x300, "shop");
    py_dict(m, ver, PY_DATA + 0x400, PY_DATA + 0x280, PY_DATA + 0x300);
    py_type(m, ver, &type);
    py_type(m, ver, &item);
}

#endif
