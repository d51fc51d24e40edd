#include "harness/load/order.h"

#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

#define KINDS 5
static const double shares[KINDS] = {0.5, 0.23, 0.17, 0, 0.1};

static void block_follows_shares_exactly(void **state)
{
    struct order *o = order_new(KINDS);

    (void)state;
    for (uint64_t n = 1; n < 3000; n += 37) {
        uint64_t seen[KINDS] = {0}, sum = 0;

        order_start(o, shares, n, n * 7);
        for (uint64_t i = 0; i < n; i++)
            seen[order_next(o)]++;
        for (size_t k = 0; k < KINDS; k++) {
            assert_int_equal(seen[k], order_count(o, k));
            /* Largest remainder: within one of the exact share. */
            assert_true(fabs((double)seen[k] - shares[k] * (double)n) < 1);
            sum += seen[k];
        }
        assert_int_equal(sum, n);
        assert_int_equal(seen[3], 0);
    }
    order_free(o);
}

static void every_stretch_is_mixed(void **state)
{
    struct order *o = order_new(KINDS);
    uint64_t seen[KINDS] = {0};

    (void)state;
    order_start(o, shares, 10000, 1);
    for (int i = 1; i <= 10000; i++) {
        seen[order_next(o)]++;
        /* Two per kind from the phases, and the others' phases shift it. */
        for (size_t k = 0; k < KINDS; k++)
            assert_true(fabs((double)seen[k] - shares[k] * i) < KINDS);
    }
    order_free(o);
}

static void same_seed_same_order(void **state)
{
    struct order *a = order_new(KINDS), *b = order_new(KINDS);
    int differs = 0;

    (void)state;
    order_start(a, shares, 1000, 42);
    order_start(b, shares, 1000, 42);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(order_next(a), order_next(b));
    order_start(a, shares, 1000, 42);
    order_start(b, shares, 1000, 43);
    for (int i = 0; i < 1000; i++)
        differs += order_next(a) != order_next(b);
    assert_true(differs > 100);
    order_free(a);
    order_free(b);
}

static void without_end_keeps_shares(void **state)
{
    struct order *o = order_new(KINDS);
    uint64_t seen[KINDS] = {0};

    (void)state;
    order_start(o, shares, 0, 9);
    for (int i = 0; i < 100000; i++)
        seen[order_next(o)]++;
    for (size_t k = 0; k < KINDS; k++)
        assert_close((double)seen[k], shares[k] * 1e5, KINDS);
    order_free(o);
}

static void odd_shares(void **state)
{
    const double nothing[3] = {0, -1, NAN}, one[1] = {3};
    struct order *o = order_new(3);
    uint64_t seen[3] = {0};

    (void)state;
    order_start(o, nothing, 9, 0);
    for (int i = 0; i < 9; i++)
        seen[order_next(o)]++;
    assert_true(seen[0] == 3 && seen[1] == 3 && seen[2] == 3);
    order_free(o);
    o = order_new(1);
    order_start(o, one, 5, 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(order_next(o), 0);
    order_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_follows_shares_exactly),
        cmocka_unit_test(every_stretch_is_mixed),
        cmocka_unit_test(same_seed_same_order),
        cmocka_unit_test(without_end_keeps_shares),
        cmocka_unit_test(odd_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
