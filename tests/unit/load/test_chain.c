/* Links go in at the end and come out of anywhere; nothing dangles. */
#include "harness/load/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int n;
    struct chain_link link;
};

/* The items' numbers from first to last, as decimal digits; the way back
 * must give the same. */
static int digits(const struct chain *c)
{
    int there = 0, back = 0, place = 1;

    for (struct chain_link *l = c->first; l != NULL; l = l->next) {
        assert_ptr_equal(l->in, c);
        there = there * 10 + chain_item(l, struct item, link)->n;
    }
    for (struct chain_link *l = c->last; l != NULL; l = l->prev) {
        back += place * chain_item(l, struct item, link)->n;
        place *= 10;
    }
    assert_int_equal(there, back);
    return there;
}

static void test_in_and_out(void **state)
{
    struct item items[4] = {{.n = 1}, {.n = 2}, {.n = 3}, {.n = 4}};
    struct chain a = {0}, b = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        chain_append(&a, &items[i].link);
    assert_int_equal(digits(&a), 1234);
    chain_remove(&items[1].link);
    chain_remove(&items[1].link); /* in none: nothing happens */
    assert_int_equal(digits(&a), 134);
    chain_append(&a, &items[0].link); /* to the end of its own */
    assert_int_equal(digits(&a), 341);
    chain_append(&b, &items[3].link); /* out of the other */
    assert_int_equal(digits(&a), 31);
    assert_int_equal(digits(&b), 4);
}

static void test_shift(void **state)
{
    struct item items[2] = {{.n = 1}, {.n = 2}};
    struct chain c = {0};

    (void)state;
    assert_null(chain_shift(&c));
    for (int i = 0; i < 2; i++)
        chain_append(&c, &items[i].link);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(chain_shift(&c), &items[i].link);
        assert_null(items[i].link.in);
        assert_int_equal(digits(&c), i == 0 ? 2 : 0);
    }
    assert_null(chain_shift(&c));
    assert_null(c.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_shift),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
