#include "analyzers/falls.h"

#include "analyzers/verdict.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

static void test_share(void **state)
{
    static const struct {
        double d[6];
        double share;
        bool undone;
    } cases[] = {
        {{10, 10, 10, 10, 10, 10}, 0, false},
        {{0, 0, 0, 0, 0, 0}, 0, false},
        /* One wild reading, high or low. */
        {{10, 90, -80, 10, 10, 10}, 0, false},
        {{10, 10, -90, 110, 10, 10}, 0, false},
        /* A collector. */
        {{60, 60, 60, -190, 60, 60}, 130 / 240.0, true},
        {{60, 60, 60, 60, 60, -290}, 230 / 240.0, true},
        /* Fell, and grew far beyond. */
        {{100, 100, -150, 200, 200, 200}, 0, false},
        {{100, 100, -250, 100, 600, 600}, 150 / 1400.0, false},
        {{-10, -10, -10, -10, -10, -10}, 1, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_close(falls_share(cases[i].d, 6), cases[i].share, 1e-9);
        assert_int_equal(falls_undo(cases[i].d, 6), cases[i].undone);
    }
    assert_close(falls_share(cases[0].d, 0), 0, 0);
}

/* Heap objects of a healthy service in Go, as its barriers told them: garbage
   in a straight line, one collection in between. No prefix is a leak. */
static void test_garbage(void **state)
{
    const double d[12] = {6324, 6212, 5877,   -19128, 5880, 6121,
                          6040, 5990, -18100, 6100,   6010, 5950};

    (void)state;
    for (size_t blocks = 5; blocks <= 12; blocks++) {
        struct record r;
        struct verdict v;

        records_open(&r, blocks, 400);
        records_column(&r, "go_heap_objects", 9000, d);
        verdict_judge(&r, NULL, &v);
        assert_int_not_equal(v.outcome, OUTCOME_LEAK);
        assert_int_equal(v.findings[0].shape, SHAPE_SAWTOOTH);
        verdict_release(&v);
        records_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
