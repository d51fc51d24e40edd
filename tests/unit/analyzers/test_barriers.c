#include "analyzers/barriers.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

static void judge(const struct record *r, struct finding *f)
{
    struct barriers_rule rule;

    barriers_rule(&r->policy, &rule);
    barriers_column(r, &r->policy, &rule, &r->barriers.columns[0], f);
    assert_true(f->reason[0] != '\0');
    assert_null(strstr(f->reason, "nan"));
}

/* What a person reads off the numbers at a glance. */
struct glance {
    const char *metric;
    double per_block;
    size_t n;
    double d[10];
    enum outcome want;
    enum shape shape;
};

static const struct glance glances[] = {
    {"py_gc_objects",
     300,
     6,
     {300, 300, 300, 300, 300, 300},
     OUTCOME_LEAK,
     SHAPE_LINEAR},
    {"py_gc_objects",
     100,
     8,
     {100, 100, 100, 100, 100, 100, 100, 100},
     OUTCOME_LEAK,
     SHAPE_LINEAR},
    {"py_gc_objects", 300, 6, {0}, OUTCOME_PASS, SHAPE_FLAT},
    {"py_gc_objects",
     1000,
     10,
     {3099, 3019, 3050, 2721, 28, 3, 0, 1, 0, 0},
     OUTCOME_PASS,
     SHAPE_SATURATING},
    {"py_gc_objects",
     1000,
     4,
     {3099, 3019, 3050, 2721},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    {"py_gc_objects",
     300,
     8,
     {0, 0, 5000, 0, 0, 0, 0, 0},
     OUTCOME_PASS,
     SHAPE_STEP},
    /* A pool that has grown twice or three times: it may go on, or not. */
    {"py_gc_objects",
     600,
     10,
     {1, 1, -3, 3, -2, 3, -1, -3, 304, 300},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    {"py_gc_objects",
     600,
     10,
     {1, -2, 0, -3, 3, 0, 298, 304, -5, 304},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    /* So early, it is a warm-up. */
    {"py_gc_objects",
     600,
     10,
     {298, 304, 2, -3, 3, 0, 1, 2, -5, 4},
     OUTCOME_PASS,
     SHAPE_UNKNOWN},
    /* Four in a row have begun to leak. */
    {"py_gc_objects",
     600,
     10,
     {1, -2, 0, -3, 3, 0, 298, 304, 299, 304},
     OUTCOME_LEAK,
     SHAPE_UNKNOWN},
    {"py_gc_objects",
     300,
     8,
     {300, 300, 300, 300, 150, 0, 0, 0},
     OUTCOME_PASS,
     SHAPE_SATURATING},
    {"py_gc_objects",
     300,
     8,
     {900, 400, 310, 302, 300, 300, 300, 300},
     OUTCOME_LEAK,
     SHAPE_UNKNOWN},
    {"fds", 500, 6, {0, 0, 0, 0, 0, 0}, OUTCOME_PASS, SHAPE_FLAT},
    {"fds", 500, 6, {5, 5, 5, 5, 5, 5}, OUTCOME_LEAK, SHAPE_LINEAR},
    {"threads", 500, 6, {0, 1, 0, 0, 0, 0}, OUTCOME_PASS, SHAPE_STEP},
    {"pss_bytes",
     1000,
     8,
     {2.36e6, 2.37e6, 2.36e6, 2.37e6, 2.36e6, 2.36e6, 2.37e6, 2.36e6},
     OUTCOME_LEAK,
     SHAPE_LINEAR},
    {"pss_bytes",
     1000,
     8,
     {4096, 0, 8192, -4096, 0, 4096, -8192, 4096},
     OUTCOME_PASS,
     SHAPE_FLAT},
    /* a job was under way at two barriers; behind it, a leak shows */
    {"py_blocks",
     1000,
     10,
     {3, 20000, -20001, 20, 19981, -20004, 3, 20000, -20008, 5},
     OUTCOME_PASS,
     SHAPE_UNKNOWN},
    {"py_blocks",
     1000,
     10,
     {300, 20300, -19700, 303, 300, 299, 20300, -19700, 301, 300},
     OUTCOME_LEAK,
     SHAPE_LINEAR},
    /* what it took stays; or it is under way most of the time */
    {"py_blocks",
     1000,
     10,
     {3, 20000, -12000, 2, 0, -4, 20003, -12000, 1, 0},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    {"py_blocks",
     1000,
     10,
     {20000, -20000, 20000, -20000, 20000, -20000, 20000, -20000, 1, 0},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    /* a heap that is told in regions */
    {"jvm_heap_after_gc_bytes",
     3000,
     3,
     {1 << 20, 1 << 20, 0},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
    {"jvm_heap_after_gc_bytes",
     1000,
     8,
     {3 << 20, 4 << 20, 3 << 20, 4 << 20, 3 << 20, 3 << 20, 4 << 20, 3 << 20},
     OUTCOME_LEAK,
     SHAPE_LINEAR},
    {"py_gc_objects", 300, 2, {300, 300}, OUTCOME_INCONCLUSIVE, SHAPE_UNKNOWN},
    {"py_gc_objects",
     40,
     8,
     {40, 40, 40, 40, 40, 40, 40, 40},
     OUTCOME_INCONCLUSIVE,
     SHAPE_UNKNOWN},
};

static void test_glance(void **state)
{

    (void)state;
    for (size_t i = 0; i < sizeof glances / sizeof *glances; i++) {
        struct record r;
        struct finding f;

        records_open(&r, glances[i].n, glances[i].per_block);
        records_column(&r, glances[i].metric,
                       strcmp(glances[i].metric, "pss_bytes") == 0 ? 60e6 : 5e4,
                       glances[i].d);
        judge(&r, &f);
        if (f.outcome != glances[i].want ||
            (glances[i].shape != SHAPE_UNKNOWN && f.shape != glances[i].shape))
            print_error("case %zu: %s, shape %d, %g (%g .. %g): %s\n", i,
                        f.reason, f.shape, f.per_request.value,
                        f.per_request.low, f.per_request.high, f.reason);
        assert_int_equal(f.outcome, glances[i].want);
        if (glances[i].shape != SHAPE_UNKNOWN)
            assert_int_equal(f.shape, glances[i].shape);
        assert_true(f.per_request.low <= f.per_request.value ||
                    f.shape == SHAPE_UNKNOWN);
        records_close(&r);
    }
}

/* A barrier that reads no memory, in the middle or in the end, is nothing to
 * pass on; counts may well be none. */
static void test_no_memory(void **state)
{
    const double still[8] = {0};

    (void)state;
    for (size_t at = 0; at <= 8; at += 4) {
        struct record r;
        struct finding f;

        records_open(&r, 8, 1000);
        records_column(&r, "pss_bytes", 90e6, still);
        judge(&r, &f);
        assert_int_equal(f.outcome, OUTCOME_PASS);
        for (size_t i = at; i <= 8; i++)
            r.barriers.columns[0].v[i] = at == 4 && i > 4 ? 90e6 : 0;
        judge(&r, &f);
        assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
        assert_non_null(strstr(f.reason, "No memory was read"));
        records_close(&r);
    }
    for (int k = 0; k < 2; k++) {
        struct record r;
        struct finding f;

        records_open(&r, 8, 1000);
        records_column(&r, k ? "fds" : "py_tasks", 0, still);
        judge(&r, &f);
        assert_int_equal(f.outcome, OUTCOME_PASS);
        records_close(&r);
    }
}

/* Exact counts do not make an interval of no width. */
static void test_never_certain(void **state)
{
    const double d[5] = {500, 500, 500, 500, 500};
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 5, 500);
    records_column(&r, "py_blocks", 1e5, d);
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    assert_close(f.per_request.value, 1, 1e-3);
    assert_true(f.per_request.low < 1 && f.per_request.low > 0.98);
    assert_true(f.per_request.high > 1 && f.per_request.high < 1.02);
    records_close(&r);
}

/* Worse readings only ever lead to "inconclusive". */
static void test_bad_readings(void **state)
{
    const double d[6] = {300, 300, 300, 300, 300, 300};
    struct record r;
    struct finding f;
    struct column *c;

    (void)state;
    records_open(&r, 6, 300);
    c = records_column(&r, "py_gc_objects", 1e5, d);
    for (size_t i = 0; i < 7; i++)
        c->v[i] = NAN;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
    c->v[3] = 5;
    c->v[5] = INFINITY;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
    free(r.barriers.requests);
    r.barriers.requests = NULL;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_INCONCLUSIVE);
    records_close(&r);
}

/* One reading missing joins two blocks and changes nothing else. */
static void test_gap(void **state)
{
    const double d[8] = {300, 300, 300, 300, 300, 300, 300, 300};
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 8, 300);
    records_column(&r, "py_gc_objects", 1e5, d)->v[4] = NAN;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    assert_close(f.per_request.value, 1, 1e-3);
    records_close(&r);
}

/* Every life leaks 1 per request; a restart in every third block gives back
   what the life held. The total is bounded, the verdict is a leak. */
static void test_masked_by_recycling(void **state)
{
    const double d[12] = {300, 300, -600, 300, 300, -600,
                          300, 300, -600, 300, 300, -600};
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 12, 300);
    records_column(&r, "py_gc_objects", 1e5, d);
    r.barriers.proc_starts = mem_zalloc(13, sizeof(double));
    for (size_t i = 0; i < 13; i++)
        r.barriers.proc_starts[i] = (double)(2 + i / 3);
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    assert_close(f.per_request.value, 1, 0.01);
    assert_non_null(strstr(f.reason, "recycling"));
    records_close(&r);
}

/* The policy's own tolerance decides, per request or per hour. */
static void test_tolerance(void **state)
{
    const double d[6] = {30, 31, 30, 30, 30, 31};
    struct tolerance t = {.metric = (char *)"py_objects", .value = 0.2};
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 6, 300);
    records_column(&r, "py_gc_objects", 1e5, d);
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    r.policy.tolerances = &t;
    r.policy.ntolerances = 1;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_PASS);
    t.per = TOLERANCE_PER_HOUR;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    r.policy.tolerances = NULL;
    r.policy.ntolerances = 0;
    records_close(&r);
}

/* "Must survive 1 day under 100 MB": the same growth, two limits. */
static void test_survive(void **state)
{
    const double d[8] = {1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5};
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 8, 1000);
    records_column(&r, "pss_bytes", 60e6, d);
    r.policy.survive_s = 86400;
    r.policy.rate_rps = 50; /* 4.32 million requests a day */
    r.policy.limit_bytes = 100e6;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    /* 39.2 MB of room, 100 bytes a request, 50 a second. */
    assert_close(f.limit_s.value, 39.2e6 / 100 / 50, 50);
    assert_true(f.limit_s.low < f.limit_s.value);
    assert_true(f.limit_s.high > f.limit_s.value);
    r.policy.limit_bytes = 1e9;
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_PASS);
    records_close(&r);
}

/* What grows with the clock grows in the pauses as well: an hour is one by the
   clock, not one of load. */
static void test_hours_of_the_clock(void **state)
{
    static const double longer[8] = {0, 9, 2, 14, 5, 1, 11, 3};
    double d[8];
    struct record r;
    struct finding f;

    (void)state;
    records_open(&r, 8, 1000);
    r.policy.rate_rps = 250;
    for (size_t i = 0, k = 0; i < 8; i++) {
        for (k = i + 1; k <= 8; k++)
            r.barriers.t_s[k] += longer[i];
        d[i] = 500 * (r.barriers.t_s[i + 1] - r.barriers.t_s[i]);
    }
    records_column(&r, "py_gc_objects", 50000, d);
    judge(&r, &f);
    assert_int_equal(f.outcome, OUTCOME_LEAK);
    assert_non_null(strstr(f.reason, "Grows with time rather than with "));
    assert_close(f.per_hour.value, 500 * 3600., 500 * 36.);
    records_close(&r);
}

/* What the last collection left is no new reading: blocks in which a JVM did
   not collect are joined to the next. */
static void test_jvm_between_collections(void **state)
{
    const double kept[12] = {0, 0, 3e6, 0, 3e6, 0, 0, 4e6, 1e6, 0, 2e6, 0};
    const double ran[12] = {0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0};
    struct record r;
    struct blocks b;

    (void)state;
    records_open(&r, 12, 1000);
    records_column(&r, "jvm_heap_after_gc_bytes", 20e6, kept);
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.n, 12);
    blocks_release(&b);
    records_column(&r, "jvm_gc_collections", 3, ran);
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.n, 5);
    assert_close(b.requests[0], 3000, 0);
    assert_close(b.d[0], 3e6, 0);
    assert_close(b.requests[3], 1000, 0);
    blocks_release(&b);
    records_close(&r);
}

/* Classes that are made for a request and dropped wait for a collection that
   unloads them, which a run may never see. */
static void test_classes_wait_to_be_unloaded(void **state)
{
    static const double rises[10] = {125, 126, 124, 125, 125,
                                     126, 124, 125, 125, 125};
    static const double level[10] = {31, 2};
    static const double falls[10] = {125, 126, -251, 125, 125,
                                     126, 124, -500, 125, 125};
    static const double each[10] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    static const double twice[10] = {0, 0, 2, 0, 0, 0, 0, 2, 0, 0};
    static const struct {
        const double *classes, *ran;
        bool counted;
        enum outcome want;
    } rows[] = {
        {rises, NULL, false, OUTCOME_LEAK},
        {rises, NULL, true, OUTCOME_INCONCLUSIVE},
        {rises, twice, true, OUTCOME_INCONCLUSIVE},
        {rises, each, true, OUTCOME_LEAK},
        {level, NULL, true, OUTCOME_PASS},
        {level, twice, true, OUTCOME_PASS},
        {falls, twice, true, OUTCOME_INCONCLUSIVE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record r;
        struct finding f;

        records_open(&r, 10, 1000);
        records_column(&r, "jvm_classes", 1327, rows[i].classes);
        if (rows[i].counted)
            records_column(&r, "jvm_gc_unloading", 2, rows[i].ran);
        judge(&r, &f);
        if (f.outcome != rows[i].want)
            print_error("case %zu: %s\n", i, f.reason);
        assert_int_equal(f.outcome, rows[i].want);
        assert_int_equal(f.garbage, f.outcome == OUTCOME_INCONCLUSIVE);
        records_close(&r);
    }
}

/* Eight blocks of 150 requests while the load opens connections. */
struct own {
    const char *metric;
    double d[8], opened[8];
    int connections; /* most that are open at a time */
    enum outcome want;
};

/* What our own connections may have added is nothing of the service's,
   whenever they came; what is more than they can be, is. */
static const struct own owns[] = {
    {"fds",
     {1, 1, 1, 1, 1, 1, 1, 1},
     {2, 2, 2, 2, 2, 2, 2, 2},
     8,
     OUTCOME_PASS},
    {"threads",
     {1, 1, 1, 1, 1, 1, 1, 1},
     {1, 1, 1, 1, 1, 1, 1, 1},
     8,
     OUTCOME_PASS},
    {"fds",
     {0, 1, 0, 2, 0, 1, 2, 1},
     {0, 1, 0, 2, 0, 1, 2, 1},
     8,
     OUTCOME_PASS},
    {"fds",
     {0, 0, 0, 0, 1, 1, 2, 2},
     {0, 0, 0, 0, 1, 1, 2, 2},
     8,
     OUTCOME_PASS},
    /* Opened, but not when the descriptors came. */
    {"fds",
     {1, 1, 1, 1, 1, 1, 1, 1},
     {8, 0, 0, 0, 0, 0, 0, 0},
     8,
     OUTCOME_INCONCLUSIVE},
    {"fds",
     {1, 1, 1, 1, 1, 1, 1, 1},
     {0, 0, 0, 0, 0, 0, 0, 0},
     8,
     OUTCOME_LEAK},
    /* One is left open for each ten of many that come and go. */
    {"fds",
     {15, 15, 15, 15, 15, 15, 15, 15},
     {150, 150, 150, 150, 150, 150, 150, 150},
     8,
     OUTCOME_LEAK},
    {"fds",
     {15, 15, 15, 15, 15, 15, 15, 15},
     {0, 0, 0, 0, 0, 0, 0, 0},
     8,
     OUTCOME_LEAK},
    {"fds",
     {1, 1, 1, 1, 1, 1, 1, 1},
     {150, 150, 150, 150, 150, 150, 150, 150},
     2,
     OUTCOME_LEAK},
};

static void test_own_connections_are_no_leak(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof owns / sizeof *owns; i++) {
        const struct own *w = &owns[i];
        double opened[9] = {0};
        struct record_driver driver = {.what = RECORD_CONNECTIONS,
                                       .count = opened};
        struct record r;
        struct finding f;

        records_open(&r, 8, 150);
        records_column(&r, w->metric, 20, w->d);
        for (size_t k = 0; k < 8; k++)
            opened[k + 1] = opened[k] + w->opened[k];
        r.drivers = &driver;
        r.ndrivers = 1;
        r.policy.connections = w->connections;
        judge(&r, &f);
        if (f.outcome != w->want)
            print_error("row %zu: %s\n", i, f.reason);
        assert_int_equal(f.outcome, w->want);
        records_close(&r);
    }
}

/* Only as many are taken out as may still be open at the end. */
static void test_own_connections_are_bounded(void **state)
{
    static const double comes_and_goes[4] = {3, -3, 3, -3};
    static const double rises[4] = {3, 3, 3, 3};
    static const struct {
        const char *metric;
        const double *d;
        double most, want[4];
    } rows[] = {
        {"fds", comes_and_goes, 8, {3, -3, 3, -3}},
        {"fds", rises, 8, {1, 1, 1, 1}},
        {"fds", rises, 4, {2, 2, 2, 2}},
        {"fds", rises, 0, {3, 3, 3, 3}},
        {"zombies", rises, 8, {3, 3, 3, 3}},
        {"py_blocks", rises, 8, {3, 3, 3, 3}},
    };
    double opened[5] = {0, 2, 4, 6, 8};
    struct record_driver driver = {.what = RECORD_CONNECTIONS, .count = opened};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct column *c;
        struct record r;
        struct blocks b;

        records_open(&r, 4, 100);
        c = records_column(&r, rows[i].metric, 20, rows[i].d);
        r.drivers = &driver;
        r.ndrivers = 1;
        blocks_gather(&r, c, 0, &b);
        blocks_clear_own(&r, &c->metric, rows[i].most, &b);
        for (size_t k = 0; k < 4; k++)
            assert_close(b.d[k], rows[i].want[k], 1e-9);
        blocks_release(&b);
        records_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_of_the_clock),
        cmocka_unit_test(test_jvm_between_collections),
        cmocka_unit_test(test_classes_wait_to_be_unloaded),
        cmocka_unit_test(test_glance),
        cmocka_unit_test(test_own_connections_are_no_leak),
        cmocka_unit_test(test_own_connections_are_bounded),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_never_certain),
        cmocka_unit_test(test_bad_readings),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_masked_by_recycling),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
