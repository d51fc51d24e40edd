/* Chains in made memory of every version, and what spoilt memory does. */
#include "harness/base/rng.h"
#include "tests/unit/sampler/holders_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SPOILT 40 /* images per version and kind */

static void expect_one(const struct pyversion *ver, bool by_frame,
                       const char *want)
{
    struct image m = {0};
    struct holders h = {0};

    held_world(&m, ver, by_frame);
    held_search(&m, ver, &h);
    assert_int_equal(h.instances, 1);
    assert_int_equal(h.sampled, 1);
    assert_int_equal(h.nchains, 1);
    assert_string_equal(h.chains[0].text, want);
    assert_true(h.chains[0].rooted);
    assert_int_equal(h.chains[0].found, 1);
    assert_false(h.partial);
    holders_release(&h);
    image_release(&m);
}

static void from_the_module(void **state)
{
    (void)state;
    for (int i = 0; pyversion_at(i); i++)
        expect_one(pyversion_at(i), false,
                   "module shop -> history: list[1] -> shop.Cart.Item");
}

static void from_a_running_frame(void **state)
{
    (void)state;
    for (int minor = 6; minor <= 13; minor++)
        expect_one(pyversion_find(minor), true,
                   "frame of shop.serve -> kept: list[1] -> shop.Cart.Item");
    /* The variables of later versions are not known. */
    expect_one(pyversion_find(14), true,
               "frame of shop.serve -> list[1] -> shop.Cart.Item");
}

/* Up to 3.10 a frame is an object whose memory was another frame's before. */
static void what_a_frame_holds(void **state)
{
    static const struct {
        uint64_t at; /* in the frame; 0: as it is */
        uint32_t variables, stack;
        const char *want;
    } rows[] = {
        {0, 1, 1, "frame of shop.serve -> shop.Cart.Item"},
        {0, 1, 0, "(a running frame or C) -> list[1] -> shop.Cart.Item"},
        {80, 0, 0, "frame of shop.serve -> shop.Cart.Item"},
    };

    (void)state;
    for (int minor = 7; minor <= 10; minor++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct pyversion *ver = pyversion_find(minor);
            uint32_t less = minor < 8 ? 4 : 0;
            struct image m = {0};
            struct holders h = {0};
            uint64_t frame = held_block(ver, HELD_OLD_FRAME);

            held_world(&m, ver, true);
            /* Nothing but the item is left to hold. */
            image_u64(&m, frame + 88, 0);
            if (rows[i].at)
                image_u64(&m, frame + rows[i].at, held_block(ver, HELD_ITEM));
            image_u32(&m, PY_DATA + 0x2800 + 28 - less, rows[i].variables);
            image_u32(&m, PY_DATA + 0x2800 + 32 - less, rows[i].stack);
            held_search(&m, ver, &h);
            assert_int_equal(h.nchains, 1);
            assert_string_equal(h.chains[0].text, rows[i].want);
            holders_release(&h);
            image_release(&m);
        }
}

/* Left over: behind the list's length, behind the dict's entries, above what
 * the thread uses of its stack. */
static void what_is_left_over_holds_nothing(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    static const struct {
        bool by_frame;
        uint64_t at, value;
        const char *want; /* NULL: no chain */
    } rows[] = {
        {false, 0, 0, NULL},
        {false, 1, 2, "(a running frame or C) -> list[1] -> shop.Cart.Item"},
        {true, PY_DATA + 0x6000 + 208, HELD_STACK + 24,
         "(a running frame or C) -> list[1] -> shop.Cart.Item"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t at = rows[i].at;
        struct image m = {0};
        struct holders h = {0};

        held_world(&m, ver, rows[i].by_frame);
        if (at == 0)
            at = held_block(ver, HELD_OWNER) + 16; /* length */
        else if (at == 1)
            at = held_block(ver, HELD_KEYS) + 24; /* entries in use */
        image_u64(&m, at, rows[i].value);
        held_search(&m, ver, &h);
        assert_int_equal(h.sampled, 1);
        if (rows[i].want) {
            assert_int_equal(h.nchains, 1);
            assert_string_equal(h.chains[0].text, rows[i].want);
            assert_false(h.chains[0].rooted);
        } else {
            /* The plain block points at it; nobody uses the block. */
            for (size_t k = 0; k < h.nchains; k++)
                assert_null(strstr(h.chains[k].text, "list"));
        }
        holders_release(&h);
        image_release(&m);
    }
}

/* Where the bytes of an image are that say something. */
static uint64_t somewhere(struct rng *rng)
{
    static const struct {
        uint64_t at, n;
    } parts[] = {{HELD_POOL, POOL_HEADER + 6 * HELD_BLOCK},
                 {HELD_POOL, POOL_HEADER},
                 {PY_TYPES, 0x1000},
                 {PY_DATA, 0x3000},
                 {PY_DATA + 0x6000, 256},
                 {HELD_STACK, 256}};
    size_t i = rng_below(rng, sizeof parts / sizeof *parts);

    return parts[i].at + rng_below(rng, parts[i].n / 8) * 8;
}

/* Words out of place: pointers into other things, lengths beyond reason. */
static void spoil(struct image *m, struct rng *rng)
{
    uint64_t n = 1 + rng_below(rng, 8);

    while (n-- > 0) {
        uint64_t at = somewhere(rng), value = 0;

        switch (rng_below(rng, 5)) {
        case 0:
            value = somewhere(rng);
            break;
        case 1:
            value = rng_u64(rng);
            break;
        case 2:
            value = UINT64_MAX - rng_below(rng, 64);
            break;
        case 3:
            value = rng_below(rng, 512);
            break;
        default:
            break;
        }
        image_u64(m, at, value);
    }
}

static void spoilt_memory_ends(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 20);
    for (int i = 0; i < SPOILT * 10; i++) {
        const struct pyversion *ver = pyversion_at(i % 10);
        struct image m = {0};
        struct holders h = {0};
        unsigned found = 0;

        held_world(&m, ver, i % 20 >= 10);
        spoil(&m, &rng);
        held_search(&m, ver, &h);
        for (size_t k = 0; k < h.nchains; k++) {
            found += h.chains[k].found;
            assert_true(strlen(h.chains[k].text) <= 4096);
        }
        assert_true(h.sampled <= 4 && found <= h.sampled);
        holders_release(&h);
        image_release(&m);
    }
}

/* Where malloc is replaced, the entries of a long list are not seen: what was
 * not found may hang there. */
static void what_was_not_seen_is_not_absent(void **state)
{
    const struct pyversion *ver = pyversion_find(12);
    static const char *const tops[] = {
        "(a running frame or C) -> list[1] -> shop.Cart.Item",
        "(memory that was not seen) -> list[1] -> shop.Cart.Item"};

    (void)state;
    for (unsigned blind = 0; blind < 2; blind++) {
        enum libc_kind libc = blind ? LIBC_MUSL : LIBC_GLIBC;
        struct image m = {0};
        struct holders h = {0};

        held_world(&m, ver, false);
        image_u64(&m, held_block(ver, HELD_ARRAY), 0);
        held_search_in(&m, ver, libc, &h);
        assert_int_equal(h.nchains, 0);
        assert_int_equal(h.lone, !blind);
        assert_int_equal(h.unseen, blind);
        holders_release(&h);
        image_release(&m);

        /* The list is nobody's. */
        memset(&m, 0, sizeof m);
        held_world(&m, ver, true);
        image_u64(&m, PY_DATA + 0x6000 + 208, HELD_STACK + 24);
        held_search_in(&m, ver, libc, &h);
        assert_int_equal(h.nchains, 1);
        assert_string_equal(h.chains[0].text, tops[blind]);
        holders_release(&h);
        image_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_module),
        cmocka_unit_test(from_a_running_frame),
        cmocka_unit_test(what_a_frame_holds),
        cmocka_unit_test(what_is_left_over_holds_nothing),
        cmocka_unit_test(spoilt_memory_ends),
        cmocka_unit_test(what_was_not_seen_is_not_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
