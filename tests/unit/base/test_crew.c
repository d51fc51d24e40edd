/* Work that is shared: each piece is done once, by one hand at a time. */
#include "harness/base/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { PIECES = 500 };

struct work {
    int done[PIECES];
    int order[PIECES];
    atomic_int n, busy[CREW_MAX], clashes;
};

static void piece(void *arg, size_t i, size_t hand)
{
    struct work *w = arg;

    if (atomic_fetch_add(&w->busy[hand], 1) != 0)
        atomic_fetch_add(&w->clashes, 1);
    w->done[i]++;
    w->order[atomic_fetch_add(&w->n, 1)] = (int)i;
    if (i % 50 == 0)
        sched_yield();
    atomic_fetch_sub(&w->busy[hand], 1);
}

static void test_each_piece_once(void **state)
{
    static struct work w;

    (void)state;
    for (size_t hands = 1; hands <= CREW_MAX; hands++) {
        memset(&w, 0, sizeof w);
        crew_share(PIECES, hands, piece, &w);
        assert_int_equal(w.n, PIECES);
        assert_int_equal(w.clashes, 0);
        for (int i = 0; i < PIECES; i++)
            assert_int_equal(w.done[i], 1);
        for (int i = 0; hands == 1 && i < PIECES; i++)
            assert_int_equal(w.order[i], i);
    }
}

static void test_more_hands_than_pieces(void **state)
{
    static struct work w;

    (void)state;
    crew_share(0, CREW_MAX, piece, &w);
    assert_int_equal(w.n, 0);
    crew_share(2, CREW_MAX, piece, &w);
    assert_int_equal(w.n, 2);
}

/* As many as this process may use. */
static void test_hands(void **state)
{
    cpu_set_t before, one;
    size_t hands = crew_hands();

    (void)state;
    assert_in_range(hands, 1, CREW_MAX);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(hands == CREW_MAX || hands == (size_t)CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(crew_hands(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_once),
        cmocka_unit_test(test_more_hands_than_pieces),
        cmocka_unit_test(test_hands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
