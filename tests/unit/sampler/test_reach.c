/* What nothing reaches is garbage; what C code still counts on, or lost, is
 * not, and neither is anything that hangs on it. */
#include "harness/sampler/inspect/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define BASE 0x7f0000010000u
#define STEP 0x100u
enum { WORDS = 10, HEAD = 16, OBJECT = 16 };

/* Blocks of a made-up heap: number i lies at BASE + i * STEP. */
static uint64_t object_at(unsigned i)
{
    return BASE + i * STEP + OBJECT;
}

/* An object with a head before it, whose links point at whatever they like,
   with `count` references to it, and references of its own. */
static void add(struct reach *r, unsigned i, enum reach_kind kind,
                uint64_t count, const uint64_t *refers, size_t n)
{
    uint64_t w[WORDS] = {object_at(0) - HEAD, object_at(1) - HEAD, count};
    struct reach_block b = {.addr = BASE + i * STEP,
                            .size = sizeof w,
                            .used = sizeof w - 8,
                            .object = OBJECT,
                            .head = HEAD,
                            .kind = kind,
                            .tracked = kind != REACH_LEAF,
                            .pooled = true};

    w[3] = 0x550000000000u;      /* its type */
    w[WORDS - 1] = object_at(3); /* left over */
    if (n > 0)
        memcpy(w + 4, refers, n * sizeof *w);
    assert_true(reach_add(
        r, &b, (unsigned char *)w + (kind == REACH_LEAF ? OBJECT : 0)));
}

static void add_plain(struct reach *r, unsigned i, uint64_t word)
{
    struct reach_block b = {.addr = BASE + i * STEP,
                            .size = sizeof word,
                            .used = sizeof word,
                            .pooled = true};

    assert_true(reach_add(r, &b, (unsigned char *)&word));
}

/* Objects 2 and 3 refer to each other; 2 has a buffer (4) that leads to a text
   (5). 0 and 1 are the objects that the collector's links point at. */
static struct reach *cycle(uint64_t count_of_3)
{
    struct reach *r = reach_new(1 << 20, 64);

    add(r, 0, REACH_OBJECT, 1, NULL, 0);
    add(r, 1, REACH_OBJECT, 1, NULL, 0);
    add(r, 2, REACH_OBJECT, 1, (uint64_t[]){object_at(3), BASE + 4 * STEP}, 2);
    add(r, 3, REACH_OBJECT, count_of_3, (uint64_t[]){object_at(2)}, 1);
    add_plain(r, 4, object_at(5));
    add(r, 5, REACH_LEAF, 1, NULL, 0);
    return r;
}

static void settles(struct reach *r, int64_t tracked, int64_t pooled)
{
    struct reach_count c;

    reach_root(r, object_at(0));
    reach_root(r, object_at(1));
    reach_settle(r, &c);
    assert_int_equal(c.tracked, tracked);
    assert_int_equal(c.pooled, pooled);
    reach_free(r);
}

static void a_cycle_is_garbage(void **state)
{
    struct reach *r = cycle(1);

    (void)state;
    assert_true(reach_ready(r));
    settles(r, 2, 4);
}

static void what_a_root_reaches_lives(void **state)
{
    struct reach *r = cycle(1);

    (void)state;
    assert_true(reach_ready(r));
    reach_root(r, object_at(3) + 3); /* a tagged word */
    settles(r, 0, 0);
    r = cycle(1);
    assert_true(reach_ready(r));
    reach_root(r, BASE + 3 * STEP); /* a link between heads */
    settles(r, 2, 4);
}

/* What lies in an object's head holds nothing; what lies before the head, or
 * before an object without one, is the object's. */
static void heads_hold_nothing(void **state)
{
    (void)state;
    for (uint32_t head = 0; head <= HEAD; head += HEAD / 2) {
        struct reach *r = cycle(1);
        uint64_t w[4] = {object_at(3), 0, 1, 0};
        struct reach_block b = {.addr = BASE + 6 * STEP,
                                .size = sizeof w,
                                .used = sizeof w,
                                .object = OBJECT,
                                .head = head,
                                .kind = REACH_OBJECT};

        assert_true(reach_add(r, &b, (unsigned char *)w));
        assert_true(reach_ready(r));
        reach_root(r, object_at(6));
        settles(r, head == HEAD ? 2 : 0, head == HEAD ? 4 : 0);
    }
}

/* One reference more than was seen: C code has it, or never gave it back. */
static void a_lost_reference_keeps_alive(void **state)
{
    struct reach *r = cycle(2);

    (void)state;
    assert_true(reach_ready(r));
    settles(r, 0, 0);
    r = cycle(1);
    add(r, 6, REACH_LEAF, 1, NULL, 0); /* a text nobody refers to */
    add_plain(r, 7, 0);                /* memory nobody knows of */
    assert_true(reach_ready(r));
    settles(r, 2, 4);
    r = cycle(1);
    add_plain(r, 8, object_at(3));    /* freed, and led to by nothing but ... */
    add_plain(r, 9, BASE + 8 * STEP); /* ... what was freed */
    assert_true(reach_ready(r));
    settles(r, 2, 4);
}

static void upper_bits_are_not_the_count(void **state)
{
    struct reach *r = reach_new(1 << 20, 32);

    (void)state;
    add(r, 0, REACH_OBJECT, 1, NULL, 0);
    add(r, 2, REACH_OBJECT, 1 | 1ull << 40, (uint64_t[]){object_at(2)}, 1);
    assert_true(reach_ready(r));
    settles(r, 1, 1);
}

/* 6 is held, and refers to 3 and, by its callback, to 7. */
static void weak_references_hold_their_callback(void **state)
{
    struct reach *r = cycle(1);

    (void)state;
    add(r, 6, REACH_WEAK, 1, (uint64_t[]){object_at(3), object_at(7)}, 2);
    add(r, 7, REACH_OBJECT, 1, NULL, 0);
    assert_true(reach_ready(r));
    reach_root(r, object_at(6));
    settles(r, 2, 4);
    r = cycle(1);
    add(r, 6, REACH_OBJECT, 1, (uint64_t[]){object_at(3)}, 1);
    assert_true(reach_ready(r));
    reach_root(r, object_at(6));
    settles(r, 0, 0);
}

/* A buffer that a root holds leads to 3 by a place that its list gave up. */
static void places_that_were_emptied_hold_nothing(void **state)
{
    (void)state;
    for (int wiped = 0; wiped < 2; wiped++) {
        struct reach *r = cycle(1);

        add_plain(r, 6, object_at(3));
        assert_true(reach_ready(r));
        if (wiped)
            reach_wipe(r, BASE + 6 * STEP, BASE + 6 * STEP + 8);
        else
            reach_wipe(r, BASE + 6 * STEP, BASE + 6 * STEP + 16); /* beyond */
        reach_wipe(r, object_at(3), object_at(3) + 40); /* no buffer */
        reach_root(r, BASE + 6 * STEP);
        settles(r, wiped ? 2 : 0, wiped ? 4 : 0);
    }
}

static void what_is_unclear_is_not_said(void **state)
{
    struct reach *r = reach_new(100, 64);
    struct reach_block b = {.addr = BASE, .size = 64, .used = 64};
    unsigned char bytes[64] = {0};

    (void)state;
    assert_false(reach_ready(r));
    assert_true(reach_add(r, &b, bytes));
    b.addr += 64;
    assert_false(reach_add(r, &b, bytes)); /* no room */
    reach_free(r);
    r = reach_new(1 << 20, 64);
    b.addr = BASE;
    assert_true(reach_add(r, &b, bytes));
    b.addr += 8; /* within the other */
    assert_true(reach_add(r, &b, bytes));
    assert_false(reach_ready(r));
    reach_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cycle_is_garbage),
        cmocka_unit_test(what_a_root_reaches_lives),
        cmocka_unit_test(heads_hold_nothing),
        cmocka_unit_test(a_lost_reference_keeps_alive),
        cmocka_unit_test(upper_bits_are_not_the_count),
        cmocka_unit_test(weak_references_hold_their_callback),
        cmocka_unit_test(places_that_were_emptied_hold_nothing),
        cmocka_unit_test(what_is_unclear_is_not_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
