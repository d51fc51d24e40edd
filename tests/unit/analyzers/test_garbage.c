/* Garbage among counts of Python objects: taken out where it waits, left in
 * where the young are new and alive. */
#include "analyzers/barriers.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

enum { BLOCKS = 8 };

/* Two kinds of request in changing parts; the second keeps an object each. */
static const double guilty[BLOCKS] = {56, 305, 305, 34, 424, 120, 380, 210};

static void open_record(struct record *r)
{
    static const char *const names[] = {"browse", "order"};

    records_open(r, BLOCKS, 1000);
    r->nkinds = 2;
    r->kinds = mem_zalloc(2, sizeof *r->kinds);
    for (size_t k = 0; k < 2; k++) {
        double *done = mem_zalloc(BLOCKS + 1, sizeof *done);

        for (size_t i = 0; i < BLOCKS; i++)
            done[i + 1] = done[i] + (k == 1 ? guilty[i] : 1000 - guilty[i]);
        r->kinds[k].name = mem_strdup(names[k]);
        r->kinds[k].weight = k == 1 ? 1 : 4;
        r->kinds[k].completed = done;
    }
}

/* How much longer than the shortest each block took, seconds; by the test. */
static const double *longer;

/* Processes whose collector is off in every record; set by the test. */
static double collectors_off;

/* Set where the record tells that no collector is off; by the test. */
static bool collectors_on;

/* Processes, if they were counted; set by the test. */
static double processes;

/* What waits, if it was counted; set by the test. */
static const double *unreached;

/* The share of the young that was last taken for garbage. */
static double share;

/* Clears `name`, which grows by `d` while the young grow by `young`, and
 * gives the largest error against `truth`. */
static double worst(const char *name, const double *d, const double *young,
                    const double *truth, double collections)
{
    struct record r;
    struct blocks b;
    double runs[BLOCKS], error = 0;

    for (size_t i = 0; i < BLOCKS; i++)
        runs[i] = collections / BLOCKS;
    open_record(&r);
    for (size_t i = 0; longer != NULL && i < BLOCKS; i++)
        for (size_t k = i + 1; k <= BLOCKS; k++)
            r.barriers.t_s[k] += longer[i];
    records_column(&r, name, 50000, d);
    records_column(&r, "py_gc_young", 300, young);
    if (!isnan(collections))
        records_column(&r, "py_gc_collections", 10, runs);
    if (collectors_off > 0 || collectors_on)
        records_column(&r, "py_gc_off", collectors_off, (double[BLOCKS]){0});
    if (processes > 0)
        records_column(&r, "procs", processes, (double[BLOCKS]){0});
    if (unreached != NULL) {
        records_column(&r, "py_gc_unreached", 90, unreached);
        records_column(&r, "py_blocks_unreached", 90, unreached);
    }
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.n, BLOCKS);
    if (!blocks_clear_counted(&r, &r.barriers.columns[0], &b))
        blocks_clear_garbage(&r, &r.barriers.columns[0], &b);
    for (size_t i = 0; i < BLOCKS; i++)
        error = fmax(error, fabs(b.d[i] - truth[i]));
    share = b.garbage;
    blocks_release(&b);
    records_close(&r);
    return error;
}

/* What is new sits among the young until the collector moves it on: they come
 * and go, and nothing of it is garbage. */
static void survivors_are_no_garbage(void **state)
{
    static const double young[BLOCKS] = {56, 39, 77, -239, 167, -150, 200, -90};
    double d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = guilty[i] + (i % 2 ? 4 : -3);
    assert_true(worst("py_gc_objects", d, young, guilty, 16) < 10);
    assert_true(worst("py_blocks", d, young, guilty, 16) < 10);
}

/* All of the coming and going is garbage: it is taken out, beside growth and
 * without. */
static void garbage_is_taken_out(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    double d[BLOCKS], blocks[BLOCKS], idle[BLOCKS] = {0};

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        d[i] = guilty[i] + young[i];
        blocks[i] = guilty[i] + 2.5 * young[i];
    }
    assert_true(worst("py_gc_objects", d, young, guilty, 16) < 1e-6);
    assert_true(worst("py_blocks", blocks, young, guilty, 16) < 1e-6);
    assert_true(worst("py_gc_objects", young, young, idle, 16) < 1e-6);
    for (size_t i = 0; i < BLOCKS; i++)
        idle[i] = -8;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = young[i] + idle[i];
    assert_true(worst("py_blocks", d, young, idle, 16) < 10);
}

/* Garbage comes and goes, but for what survives and is moved on by a full
 * collection, though nothing was freed: three blocks in eight. */
static void survivors_that_move_stay(void **state)
{
    static const double young[BLOCKS] = {310,  200,  90,  150,
                                         -900, -700, 120, -800};
    double d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = guilty[i] + (young[i] > 0 ? young[i] : 0);
    assert_true(worst("py_gc_objects", d, young, guilty, 16) < 1e-6);
    assert_close(share, 1, 0);
}

/* What grows with the clock explains readings as well as a kind does. */
static void growth_by_the_clock_is_a_cause(void **state)
{
    static const double young[BLOCKS] = {-310, 20, 260, -90, 240, -230, 190, 5};
    static const double pauses[BLOCKS] = {9, 1, 4, 12, 0, 15, 2, 7};
    double d[BLOCKS], truth[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        truth[i] = 90 * (11 + pauses[i]);
        d[i] = truth[i] + 1.2 * young[i];
    }
    longer = pauses;
    assert_true(worst("py_blocks", d, young, truth, 16) < 10);
    longer = NULL;
}

/* Part garbage, part survivors. */
static void a_share_is_found(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    double d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = guilty[i] + 0.4 * young[i] + (i % 3 ? 5 : -7);
    assert_true(worst("py_gc_objects", d, young, guilty, 16) < 40);
}

/* What fits hardly better than the usual share (all of the objects, none of
 * the blocks) is chance. */
static void a_share_is_clearly_better(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    static const double noise[BLOCKS] = {60, -80, 90, 30, -70, 20, 50, -90};
    double objects[BLOCKS], blocks[BLOCKS], cleared[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        objects[i] = guilty[i] + 0.9 * young[i] + noise[i];
        cleared[i] = objects[i] - young[i];
        blocks[i] = guilty[i] + 0.1 * young[i] + noise[i];
    }
    assert_true(worst("py_gc_objects", objects, young, cleared, 16) < 1e-6);
    assert_close(share, 1, 0);
    assert_true(worst("py_blocks", blocks, young, blocks, 16) < 1e-6);
    assert_close(share, 0, 0);
}

/* Nobody knows how many are young, or memory is told: it stays as it was. */
static void only_counts_of_objects_are_cleared(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    double unknown[BLOCKS], d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        d[i] = guilty[i] + young[i];
        unknown[i] = i == 5 ? NAN : young[i];
    }
    assert_true(worst("rss_bytes", d, young, d, 16) < 1e-6);
    assert_true(worst("py_tasks", d, young, d, 16) < 1e-6);
    assert_true(worst("py_gc_objects", d, unknown, d, 16) < 1e-6);
}

/* The collector hardly ran, or nobody knows: the usual share is taken out,
 * whatever fits. */
static void few_collections_keep_the_share(void **state)
{
    static const double young[BLOCKS] = {56, 39, 77, 239, 167, 150, 200, 90};
    static const double shares[] = {0, 0.4};

    (void)state;
    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
        double d[BLOCKS], usual[BLOCKS];

        for (size_t i = 0; i < BLOCKS; i++) {
            d[i] = guilty[i] + shares[k] * young[i];
            usual[i] = d[i] - young[i];
        }
        assert_true(worst("py_gc_objects", d, young, usual, 0) < 1e-6);
        assert_close(share, 1, 0);
        assert_true(worst("py_gc_objects", d, young, usual, NAN) < 1e-6);
        assert_close(share, 1, 0);
        assert_true(worst("py_gc_objects", d, young, guilty, 16) < 1e-6);
        assert_close(share, shares[k], 1e-9);
    }
}

/* The collector hardly ran: growth among the young is not told from garbage
 * by how well it fits. */
static void seldom_collected_is_hiding(void **state)
{
    double flat[BLOCKS] = {0};

    (void)state;
    assert_true(worst("py_gc_objects", guilty, guilty, flat, 0) < 1e-6);
}

/* The collector is off: the young only rise, and are growth, even while other
 * processes collect. Where somebody collects by hand, they are garbage. */
static void nobody_collects(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    double d[BLOCKS], idle[BLOCKS] = {0};

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = 5000 + guilty[i];
    assert_true(worst("py_gc_objects", d, d, idle, 16) < 1e-6);
    collectors_on = true;
    assert_true(worst("py_gc_objects", d, d, idle, 16) < 1e-6);
    collectors_on = false;
    collectors_off = 2;
    processes = 30; /* not more than so many let be */
    assert_true(worst("py_gc_objects", d, d, idle, 600) < 1e-6);
    processes = 4;
    assert_true(worst("py_gc_objects", d, d, d, 16) < 1e-6);
    processes = 0;
    assert_true(worst("py_gc_objects", d, d, d, 16) < 1e-6);
    assert_true(worst("py_blocks", d, d, d, 0) < 1e-6);
    assert_true(worst("py_gc_objects", young, young, idle, 16) < 1e-6);
    assert_true(worst("py_gc_objects", guilty, guilty, idle, 16) < 1e-6);
    for (size_t i = 0; i < BLOCKS; i++) /* collected by hand, once */
        d[i] = i == 4 ? -9000 : 3000 + guilty[i];
    assert_true(worst("py_gc_objects", d, d, idle, 16) < 1e-6);
    collectors_off = 0;
}

/* What waits was counted: it is taken out as it is, whatever the young say,
 * unless more piles up than a collector lets be. */
static void what_was_counted_is_taken_out(void **state)
{
    static const double young[BLOCKS] = {310, -200, 90,  -150,
                                         280, -330, 120, 60};
    static const double waits[BLOCKS] = {100, 300, -350, 500,
                                         400, -10, 800,  -900};
    double d[BLOCKS], piles[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        d[i] = guilty[i] + waits[i];
        piles[i] = 4000;
    }
    unreached = waits;
    assert_true(worst("py_gc_objects", d, young, guilty, 16) < 1e-6);
    assert_true(worst("py_gc_objects", d, young, guilty, 0) < 1e-6);
    unreached = piles;
    assert_true(worst("py_gc_objects", piles, young, piles, 16) < 1000);
    for (size_t i = 0; i < BLOCKS; i++)
        piles[i] = 1000; /* less than a quarter of the level */
    assert_true(worst("py_gc_objects", piles, young, (double[BLOCKS]){0}, 16) <
                1e-6);
    assert_true(worst("py_gc_objects", piles, young, piles, 0) < 1000);
    /* Whoever it is that collects, it is not who has turned it off. */
    collectors_off = 1;
    assert_true(worst("py_gc_objects", piles, piles, piles, 16) < 1e-6);
    collectors_off = 0;
    unreached = NULL;
}

/* The outcome for blocks that grow by `d` while the young grow by `young` and
 * the collector never runs; `unreached` as above. */
static enum outcome outcome_of(const char *name, const double *d,
                               const double *young)
{
    struct barriers_rule rule;
    struct record r;
    struct finding f;

    open_record(&r);
    records_column(&r, name, 50000, d);
    records_column(&r, "py_gc_young", 300, young);
    records_column(&r, "py_gc_collections", 10, (double[BLOCKS]){0});
    if (unreached != NULL)
        records_column(&r, "py_gc_unreached", 90, unreached);
    barriers_rule(&r.policy, &rule);
    barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
    records_close(&r);
    return f.outcome;
}

/* The least that grows whatever is garbage: an object of it is three blocks at
 * most. */
static void beyond_any_garbage(void **state)
{
    static const struct {
        const char *name;
        double grows, young, want; /* per block of 1,000 */
    } rows[] = {
        {"py_gc_objects", 300, 100, 0.2}, {"py_blocks", 300, 100, 0},
        {"py_blocks", 900, 100, 0.6},     {"py_gc_objects", 300, -100, 0.3},
        {"py_blocks", 300, -100, 0.3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double d[BLOCKS], young[BLOCKS];
        struct record r;

        for (size_t k = 0; k < BLOCKS; k++) {
            d[k] = rows[i].grows;
            young[k] = rows[i].young;
        }
        open_record(&r);
        records_column(&r, rows[i].name, 50000, d);
        assert_true(isnan(blocks_beyond_garbage(&r, &r.barriers.columns[0])));
        records_column(&r, "py_gc_young", 3000, young);
        assert_close(blocks_beyond_garbage(&r, &r.barriers.columns[0]),
                     rows[i].want, 1e-9);
        records_close(&r);
    }
}

/* Strings pile up while the young hardly do: no garbage holds so many. What
 * the young could hold stays open. */
static void what_no_garbage_can_be(void **state)
{
    static const double young[BLOCKS] = {0, 0, 306, 0, 190, -6, 4, -8};
    double d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = guilty[i] + 1.5 * young[i];
    assert_int_equal(outcome_of("py_blocks", d, young), OUTCOME_LEAK);
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = 0.5 * guilty[i] + 1.5 * young[i];
    assert_int_not_equal(outcome_of("py_blocks", d, young), OUTCOME_LEAK);
}

/* Garbage that grows with the requests, and no collection in sight: nobody
 * knows whether it will ever be freed. */
static void what_waits_for_nobody(void **state)
{
    static const double young[BLOCKS] = {0, 0, 6, 0, 1, -6, 4, -8};
    double d[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++)
        d[i] = 200;
    unreached = d;
    assert_int_equal(outcome_of("py_gc_objects", d, young),
                     OUTCOME_INCONCLUSIVE);
    unreached = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survivors_are_no_garbage),
        cmocka_unit_test(garbage_is_taken_out),
        cmocka_unit_test(a_share_is_found),
        cmocka_unit_test(growth_by_the_clock_is_a_cause),
        cmocka_unit_test(survivors_that_move_stay),
        cmocka_unit_test(a_share_is_clearly_better),
        cmocka_unit_test(only_counts_of_objects_are_cleared),
        cmocka_unit_test(few_collections_keep_the_share),
        cmocka_unit_test(beyond_any_garbage),
        cmocka_unit_test(seldom_collected_is_hiding),
        cmocka_unit_test(nobody_collects),
        cmocka_unit_test(what_was_counted_is_taken_out),
        cmocka_unit_test(what_no_garbage_can_be),
        cmocka_unit_test(what_waits_for_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
