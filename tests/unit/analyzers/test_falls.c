#include "analyzers/falls.h"

#include "analyzers/verdict.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/analyzers/samples.h"
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

/* A straight line between two collections is garbage as like as not; what grew
   from one collection to the next is not. */
static void test_uncollected(void **state)
{
    static const struct {
        double runs[12];
        enum outcome want;
    } cases[] = {
        {{0}, OUTCOME_INCONCLUSIVE},
        {{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, OUTCOME_INCONCLUSIVE},
        {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, OUTCOME_LEAK},
        {{1, 2, 1, 0, 1, 1, 0, 1, 1, 1, 3, 1}, OUTCOME_LEAK},
    };
    static const double d[12] = {6324, 6212, 5877, 6128, 5880, 6121,
                                 6040, 5990, 6100, 6100, 6010, 5950};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r;
        struct verdict v;

        records_open(&r, 12, 400);
        records_column(&r, "go_heap_objects", 9000, d);
        records_column(&r, "go_gc_collections", 3, cases[i].runs);
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, cases[i].want);
        if (cases[i].want != OUTCOME_LEAK)
            assert_non_null(strstr(v.reason, "The collector ran in "));
        verdict_release(&v);
        records_close(&r);
    }
}

/* The same in samples, with barriers beside them that heard of no collection,
   and without. */
static void test_uncollected_samples(void **state)
{
    static const char *const names[] = {"go_heap_objects", "go_gc_collections",
                                        NULL};
    static const double d[8] = {20000, 20000, 20000, 20000,
                                20000, 20000, 20000, 20000};

    (void)state;
    for (int runs = 1; runs <= 9; runs += 4) {
        enum outcome want = runs >= 5 ? OUTCOME_LEAK : OUTCOME_INCONCLUSIVE;
        struct record r;
        struct verdict v;

        records_open(&r, 8, 2000);
        open_series(&r.samples, 400, names);
        fill(&r.samples, 0, 9000, 200000, 300);
        fill(&r.samples, 1, 3, runs, 0);
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, want);
        if (want != OUTCOME_LEAK)
            assert_non_null(strstr(v.reason, "hardly a collection"));
        verdict_release(&v);
        records_column(&r, "go_heap_objects", 9000, d);
        records_column(&r, "go_gc_collections", 3, NULL);
        verdict_judge(&r, NULL, &v);
        assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
        verdict_release(&v);
        series_release(&r.samples);
        records_close(&r);
    }
}

/* Nobody counts the collections: what barriers saw fall again is no leak in
   samples, and what the heap does not show none in resident memory. */
static void test_undone(void **state)
{
    static const char *const names[] = {"go_heap_inuse_bytes", NULL};
    static const double heap[8] = {2e6, 2e6,  2e6, 2e6,
                                   2e6, -7e6, 2e6, 2e6};
    static const double rss[8] = {2e6, 2e6, 2e6, 2e6, 2e6, 2e6, 2e6, 2e6};
    struct record r;
    struct verdict v;

    (void)state;
    records_open(&r, 8, 2000);
    records_column(&r, "go_heap_inuse_bytes", 20e6, heap);
    records_column(&r, "rss_bytes", 40e6, rss);
    open_series(&r.samples, 400, names);
    fill(&r.samples, 0, 20e6, 14e6, 3e4);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    for (size_t i = 0; i < v.nfindings; i++)
        assert_int_equal(v.findings[i].outcome, OUTCOME_INCONCLUSIVE);
    verdict_release(&v);
    series_release(&r.samples);
    records_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_uncollected),
        cmocka_unit_test(test_uncollected_samples),
        cmocka_unit_test(test_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
