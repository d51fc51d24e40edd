/* A made CPython for the search for holders: one list with one instance of
 * "shop.Cart.Item", held by the global `history` of module "shop", or by the
 * variable `kept` of its running function `serve`. For tests
 * and the fuzz target. */
#ifndef PLATEAU_TESTS_HOLDERS_IMAGE_H
#define PLATEAU_TESTS_HOLDERS_IMAGE_H

#include "harness/sampler/inspect/census_impl.h"
#include "harness/sampler/inspect/holders.h"
#include "harness/sampler/inspect/holders_impl.h"
#include "tests/unit/sampler/py_image.h"

#define HELD_CLASS (PY_DATA + 0x1000)
#define HELD_LIST (PY_TYPES + 0x400) /* static types */
#define HELD_DICT (PY_TYPES + 0x800)
#define HELD_FUNCTION (PY_TYPES + 0xc00)
#define HELD_FRAMES (PY_TYPES + 0x1000) /* the type of frames, up to 3.10 */
#define HELD_POOL 0x7f1000000000u
#define HELD_STACK 0x7f2000000000u
#define HELD_BLOCK 144u
#define HELD_RUNTIME (PY_DATA + 0x8000)
#define HELD_MAPS                                                              \
    PY_MAPS "7f1000000000-7f1000004000 rw-p 00000000 00:00 0 \n"               \
            "7f2000000000-7f2000004000 rw-p 00000000 00:00 0 \n"

enum held_at {
    HELD_ITEM,
    HELD_OWNER,
    HELD_ARRAY,
    HELD_SPACE,
    HELD_KEYS,
    HELD_OLD_FRAME
};

/* Address of object or plain block `i` of the pool. */
static inline uint64_t held_block(const struct pyversion *ver, enum held_at i)
{
    uint64_t block = HELD_POOL + POOL_HEADER + HELD_BLOCK * (uint64_t)i;

    return i == HELD_ARRAY || i == HELD_KEYS ? block : block + ver->gc_head;
}

static inline void held_type(struct image *m, const struct pyversion *ver,
                             uint64_t addr, uint64_t name_at, const char *name)
{
    image_put(m, name_at, name, strlen(name) + 1);
    py_type(m, ver,
            &(struct py_type){.addr = addr,
                              .type = PY_TYPE_TYPE,
                              .flags = PYTYPE_HAVE_GC,
                              .name = name_at});
}

/* A tracked object. */
static inline uint64_t held_object(struct image *m, const struct pyversion *ver,
                                   enum held_at i, uint64_t type)
{
    uint64_t at = held_block(ver, i);

    if (ver->gc_head == 32)
        image_u64(m, at - 16, (uint64_t)-3 << 1);
    else
        image_u64(m, at - 16, PY_DATA + 0x9000);
    image_u64(m, at, 2);
    image_u64(m, at + 8, type);
    return at;
}

static inline void held_entry(struct image *m, const struct pyversion *ver,
                              uint64_t i, uint64_t key, uint64_t value)
{
    uint64_t keys = held_block(ver, HELD_KEYS);
    uint64_t at = ver->new_keys ? keys + 40 + 16 * i : keys + 56 + 24 * i;

    image_u64(m, at, key);
    image_u64(m, at + 8, value);
}

/* The namespace of module "shop". */
static inline void held_module(struct image *m, const struct pyversion *ver,
                               uint64_t list)
{
    uint64_t dict = held_object(m, ver, HELD_SPACE, HELD_DICT);
    uint64_t keys = held_block(ver, HELD_KEYS);

    image_u64(m, dict + 16, 3);
    image_u64(m, dict + 32, keys);
    image_u64(m, keys, 1);
    if (ver->new_keys) {
        image_put(m, keys + 8, "\x03\x03\x01", 3);
        image_u64(m, keys + 24, 3);
    } else {
        image_u64(m, keys + 8, 8);
        image_u64(m, keys + 32, 3);
    }
    py_str(m, ver, PY_DATA + 0x2000, "__name__");
    py_str(m, ver, PY_DATA + 0x2080, "__spec__");
    py_str(m, ver, PY_DATA + 0x2100, "history");
    held_entry(m, ver, 0, PY_DATA + 0x2000, PY_DATA + 0x300);
    held_entry(m, ver, 1, PY_DATA + 0x2080, PY_DATA + 0x300);
    held_entry(m, ver, 2, PY_DATA + 0x2100, list);
}

/* A thread in function `serve`, whose only variable is the list. */
static inline void held_frame(struct image *m, const struct pyversion *ver,
                              uint64_t list)
{
    uint64_t interp = PY_DATA + 0x4000, thread = PY_DATA + 0x6000;
    uint64_t function = PY_DATA + 0x2600, code = PY_DATA + 0x2800;
    uint64_t names = PY_DATA + 0x2900, frame = HELD_STACK + 24;
    uint64_t slot = frame + (ver->minor == 11 ? 0 : 16);
    uint64_t globals = held_block(ver, HELD_SPACE);

    image_u64(m, HELD_RUNTIME + ver->interp_head, interp);
    image_u64(m, interp + 16, thread);
    image_u64(m, thread + 16, interp);
    image_u64(m, thread + 200, HELD_STACK);
    image_u64(m, thread + 208, HELD_STACK + 0x200);
    image_u64(m, thread + 216, HELD_STACK + 0x4000);
    image_u64(m, HELD_STACK + 8, 0x4000);
    image_u64(m, slot, function);
    image_u64(m, slot + 8, globals);
    image_u64(m, slot + 16, PY_DATA + 0x400);
    image_u64(m, ver->minor == 11 ? frame + 32 : frame, code);
    image_u64(m, frame + 72, list);
    image_u64(m, function, 1);
    image_u64(m, function + 8, HELD_FUNCTION);
    image_u64(m, function + 16, globals);
    image_u64(m, function + 24, PY_DATA + 0x400);
    image_u64(m, function + 40, PY_DATA + 0x2180);
    image_u64(m, code + 96, names);
    image_u64(m, names + 16, 1);
    image_u64(m, names + 24, PY_DATA + 0x2200);
    py_str(m, ver, PY_DATA + 0x2180, "serve");
    py_str(m, ver, PY_DATA + 0x2200, "kept");
}

/* The same up to 3.10. The item itself lies where a frame does not hold it
 * (among its numbers, behind its slots) and where it may (on its stack). */
static inline void held_old_frame(struct image *m, const struct pyversion *ver,
                                  uint64_t list, uint64_t item)
{
    uint64_t code = PY_DATA + 0x2800, names = PY_DATA + 0x2900;
    uint64_t at = held_object(m, ver, HELD_OLD_FRAME, HELD_FRAMES);
    uint64_t less = ver->minor < 8 ? 8 : 0;

    held_type(m, ver, HELD_FRAMES, PY_DATA + 0x150, "frame");
    image_u64(m, HELD_FRAMES + PYTYPE_BASICSIZE, 96);
    image_u64(m, HELD_FRAMES + PYTYPE_ITEMSIZE, 8);
    image_u64(m, at + 16, 3); /* slots */
    image_u64(m, at + 32, code);
    image_u64(m, at + 48, held_block(ver, HELD_SPACE));
    image_u64(m, at + 88, list);
    image_u64(m, at + 96, item);
    image_u64(m, at + 104, item);
    image_u32(m, code + 28 - less / 2, 1);
    image_u32(m, code + 32 - less / 2, 1);
    for (uint64_t i = 0; i < 3; i++)
        image_u64(m, code + 72 - less + 8 * i, names + 0x40 * i);
    image_u64(m, code + 112 - less, PY_DATA + 0x2180);
    image_u64(m, names + 16, 1);
    image_u64(m, names + 24, PY_DATA + 0x2200);
    py_str(m, ver, PY_DATA + 0x2180, "serve");
    py_str(m, ver, PY_DATA + 0x2200, "kept");
}

static inline void held_world(struct image *m, const struct pyversion *ver,
                              bool by_frame)
{
    uint64_t item, list, array = held_block(ver, HELD_ARRAY);

    py_world(m, ver, HELD_CLASS, PYTYPE_HAVE_GC);
    held_type(m, ver, HELD_LIST, PY_DATA + 0x120, "list");
    held_type(m, ver, HELD_DICT, PY_DATA + 0x130, "dict");
    held_type(m, ver, HELD_FUNCTION, PY_DATA + 0x140, "function");
    image_u32(m, HELD_POOL, 6);
    image_u32(m, HELD_POOL + 36, HELD_BLOCK / 16 - 1);
    image_u32(m, HELD_POOL + 40, POOL_HEADER + 6 * HELD_BLOCK);
    image_u32(m, HELD_POOL + 44, ver->pool - HELD_BLOCK);
    item = held_object(m, ver, HELD_ITEM, HELD_CLASS);
    list = held_object(m, ver, HELD_OWNER, HELD_LIST);
    image_u64(m, list + 16, 1);
    image_u64(m, list + 24, array);
    image_u64(m, array, item);
    held_module(m, ver, by_frame ? PY_DATA + 0x300 : list);
    if (by_frame && ver->minor < 11)
        held_old_frame(m, ver, list, item);
    else if (by_frame)
        held_frame(m, ver, list);
}

/* Searches `m`, a process with that C library. Gives `*out` to release. */
static inline void held_search_in(struct image *m, const struct pyversion *ver,
                                  enum libc_kind libc, struct holders *out)
{
    struct census_reader r = {.v = image_view(m, HELD_MAPS)};

    r.rt.version = ver;
    r.rt.minor = ver->minor;
    r.rt.runtime = HELD_RUNTIME;
    r.rt.interp_head = ver->interp_head;
    r.rt.interp_next = ver->interp_next;
    r.alloc.pools = true;
    r.libc = libc;
    r.scan = heapscan_new(r.v);
    r.types = pytypes_new(r.v, ver, PY_TYPE_TYPE);
    holders_search(&r, "shop.Cart.Item", 4, NULL, 2000000000, out);
    heapscan_free(r.scan);
    pytypes_free(r.types);
    memview_close(&r.v);
}

static inline void held_search(struct image *m, const struct pyversion *ver,
                               struct holders *out)
{
    held_search_in(m, ver, LIBC_GLIBC, out);
}

#endif
