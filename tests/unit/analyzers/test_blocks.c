/* From barrier rows to blocks: which rows count, and what no growth is. */
#include "analyzers/barriers.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

enum { BLOCKS = 12 };

/* A column that rises by 40 per block, but for `up` times `width` readings from
   the third row on, with one between, which are 9,000 higher; `kept` of that
   stays. Gives the number of blocks. */
static size_t blocks_with(const char *name, size_t up, size_t width,
                          double kept, bool restarted)
{
    struct column *c;
    struct record r;
    struct blocks b;
    size_t n;

    records_open(&r, BLOCKS, 1000);
    c = records_column(&r, name, 50000, NULL);
    for (size_t i = 0; i <= BLOCKS; i++)
        c->v[i] += 40 * (double)i;
    for (size_t k = 0; k < up; k++) {
        size_t from = 2 + (width + 1) * k;

        for (size_t i = from; i <= BLOCKS; i++)
            c->v[i] += i < from + width ? 9000 : 9000 * kept;
    }
    if (restarted) {
        r.barriers.proc_starts = mem_zalloc(BLOCKS + 1, sizeof(double));
        r.barriers.proc_starts[BLOCKS] = 1;
    }
    blocks_gather(&r, c, 0, &b);
    n = b.n;
    assert_close(b.first, 50000, 0);
    for (size_t i = 0; i < n && n + up * width == BLOCKS; i++)
        assert_close(b.d[i] / b.requests[i], 0.04, 1e-9);
    blocks_release(&b);
    records_close(&r);
    return n;
}

/* Who takes another's place was replaced; who comes on top was not, where that
   is more than a pool that takes its size; and what leaves without a successor
   replaces nobody. */
static void test_replaced(void **state)
{
    static const double starts[4] = {2, 6, 3, 0};
    static const double more[2][4] = {{0, 3, 1, -1}, {0, 6, 1, -1}};
    static const double want[4] = {2, 0, 2, 0};
    struct record r;
    struct blocks b;

    (void)state;
    for (int counted = 0; counted < 3; counted++) {
        bool grows = counted == 2;

        records_open(&r, 4, 100);
        records_column(&r, "rss_bytes", 1e6, NULL);
        if (counted > 0)
            records_column(&r, "procs", 5, more[counted - 1]);
        r.barriers.proc_starts = mem_zalloc(5, sizeof(double));
        for (size_t i = 0; i < 4; i++)
            r.barriers.proc_starts[i + 1] =
                r.barriers.proc_starts[i] + starts[i];
        blocks_gather(&r, &r.barriers.columns[0], 0, &b);
        for (size_t i = 0; i < 4; i++)
            assert_close(b.restarts[i], grows ? want[i] : starts[i], 0);
        assert_close(b.restarted, grows ? 4 : 11, 0);
        blocks_release(&b);
        records_close(&r);
    }
}

/* A job that was under way at a barrier and is over at the next is no growth:
 * few such readings of what is in use are left out, and nothing else is. */
static void test_excursions(void **state)
{
    (void)state;
    assert_int_equal(blocks_with("py_gc_objects", 0, 1, 0, false), BLOCKS);
    assert_int_equal(blocks_with("py_gc_objects", 1, 1, 0, false), BLOCKS - 1);
    assert_int_equal(blocks_with("go_heap_inuse_bytes", 1, 1, 0, false),
                     BLOCKS - 1);
    assert_int_equal(blocks_with("py_gc_objects", 3, 1, 0, false), BLOCKS - 3);
    assert_int_equal(blocks_with("py_gc_objects", 2, 2, 0, false), BLOCKS - 4);
    assert_int_equal(blocks_with("py_gc_objects", 3, 2, 0, false), BLOCKS);
    assert_int_equal(blocks_with("py_gc_objects", 1, 3, 0, false), BLOCKS);
    assert_int_equal(blocks_with("py_gc_objects", 1, 1, 0.5, false), BLOCKS);
    assert_int_equal(blocks_with("py_gc_objects", 1, 1, 1, false), BLOCKS);
    assert_int_equal(blocks_with("py_gc_objects", 1, 1, 0, true), BLOCKS);
    assert_int_equal(blocks_with("rss_bytes", 1, 1, 0, false), BLOCKS);
    assert_int_equal(blocks_with("fds", 1, 1, 0, false), BLOCKS);
}

/* What was read while the harness diagnosed, or not at all, is no block's
 * edge. */
static void test_rows(void **state)
{
    struct record r;
    struct blocks b;
    struct column *c;

    (void)state;
    records_open(&r, BLOCKS, 1000);
    c = records_column(&r, "rss_bytes", 5e7, NULL);
    r.barriers.phase = mem_zalloc(BLOCKS + 1, 1);
    r.barriers.phase[4] = PHASE_DIAGNOSE;
    c->v[0] = c->v[7] = NAN;
    blocks_gather(&r, c, 0, &b);
    assert_int_equal(b.n, BLOCKS - 3);
    assert_int_equal(b.start, 1);
    for (size_t i = 0; i < b.n; i++)
        assert_true(b.row[i] != 4 && b.row[i] != 7);
    assert_close(b.requests[2], 2000, 0);
    blocks_release(&b);
    blocks_gather(&r, c, 6, &b); /* of the first rows only */
    assert_int_equal(b.n, 3);
    blocks_release(&b);
    free(r.barriers.phase);
    records_close(&r);
}

/* Requests by kind are known at every row or not at all. */
static void test_kinds(void **state)
{
    struct record r;
    struct blocks b;

    (void)state;
    records_open(&r, BLOCKS, 1000);
    records_column(&r, "rss_bytes", 5e7, NULL);
    r.nkinds = 2;
    r.kinds = mem_zalloc(2, sizeof *r.kinds);
    for (size_t k = 0; k < 2; k++) {
        r.kinds[k].name = mem_strdup(k == 0 ? "browse" : "order");
        r.kinds[k].weight = k == 0 ? 3 : 1;
        r.kinds[k].completed = mem_zalloc(BLOCKS + 1, sizeof(double));
        for (size_t i = 0; i <= BLOCKS; i++)
            r.kinds[k].completed[i] = (k == 0 ? 750 : 250) * (double)i;
    }
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.nkinds, 2);
    assert_close(b.kinds[1][3], 250, 0);
    assert_close(b.asked[0], 0.75, 1e-12);
    blocks_release(&b);
    r.kinds[1].flow = true; /* of several requests each */
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_null(b.asked);
    blocks_release(&b);
    r.kinds[1].completed[5] = NAN;
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.nkinds, 0);
    blocks_release(&b);
    records_close(&r);
}

static enum outcome judged(const char *name, double level, const double *d,
                           bool starts_known)
{
    struct barriers_rule rule;
    struct finding f;
    struct record r;

    records_open(&r, BLOCKS, 1000);
    records_column(&r, name, level, d);
    if (starts_known)
        r.barriers.proc_starts = mem_zalloc(BLOCKS + 1, sizeof(double));
    barriers_rule(&r.policy, &rule);
    barriers_column(&r, &r.policy, &rule, &r.barriers.columns[0], &f);
    records_close(&r);
    return f.outcome;
}

/* A fall by a third of all there was is a restart where nobody counted them;
 * one that undoes what a runtime's heap had grown by is its collector's. */
static void test_falls(void **state)
{
    double memory[BLOCKS], heap[BLOCKS];

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        memory[i] = i == 6 ? -9e6 : 1e6 + 3e3 * (double)(i % 3);
        heap[i] = i == 6 ? -5e6 : 1e6 + 3e3 * (double)(i % 3);
    }
    assert_int_equal(judged("rss_bytes", 10e6, memory, true), OUTCOME_LEAK);
    assert_int_not_equal(judged("rss_bytes", 10e6, memory, false),
                         OUTCOME_LEAK);
    assert_int_equal(judged("heap_inuse_bytes", 90e6, heap, true),
                     OUTCOME_LEAK);
    assert_int_not_equal(judged("go_heap_inuse_bytes", 90e6, heap, true),
                         OUTCOME_LEAK);
    for (size_t i = 0; i < BLOCKS; i++)
        heap[i] = fmax(heap[i], 0);
    assert_int_equal(judged("go_heap_inuse_bytes", 90e6, heap, true),
                     OUTCOME_LEAK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced), cmocka_unit_test(test_excursions),
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_falls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
