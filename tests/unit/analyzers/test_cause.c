#include "analyzers/cause.h"
#include "analyzers/programs.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { NO = OUTCOME_PASS, YES = OUTCOME_LEAK, OPEN = OUTCOME_INCONCLUSIVE };

struct says {
    const char *name;
    int outcome;
    double per_request;
};

static const struct {
    struct says says[7];
    int outcome;
    enum shape shape;
    const char *want;
} cases[] = {
    {{{"py_gc_objects", YES, 1}, {"py_blocks", YES, 3}},
     YES,
     SHAPE_LINEAR,
     "live_objects"},
    {{{"py_blocks", YES, 3},
      {"objects:shop.Order", YES, 1},
      {"py_gc_objects", OPEN, 1}},
     YES,
     SHAPE_LINEAR,
     "live_objects"},
    {{{"py_blocks", YES, 3}, {"py_gc_objects", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "untracked_blocks"},
    {{{"native_inuse_bytes", YES, 500},
      {"py_blocks", NO, 0},
      {"py_gc_objects", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "native_heap"},
    {{{"fds", YES, 1}, {"fds_socket", NO, 0.99}}, YES, SHAPE_LINEAR, "sockets"},
    {{{"fds", YES, 1}, {"fds_socket", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "descriptors"},
    {{{"threads", YES, 1}, {"py_gc_objects", YES, 9}},
     YES,
     SHAPE_LINEAR,
     "threads"},
    {{{"py_gc_objects", YES, 9}, {"py_tasks", YES, 1}},
     YES,
     SHAPE_LINEAR,
     "tasks"},
    {{{"threads", YES, 1}, {"procs", NO, 1}, {"fds", YES, 3}},
     YES,
     SHAPE_LINEAR,
     "processes"},
    {{{"threads", YES, 1}, {"procs", NO, 0}, {"fds", YES, 1}},
     YES,
     SHAPE_LINEAR,
     "threads"},
    {{{"py_gc_objects", YES, 9}, {"zombies", YES, 1}},
     YES,
     SHAPE_LINEAR,
     "zombies"},
    {{{"py_gc_objects", YES, 9}}, YES, SHAPE_SAWTOOTH, "masked_by_recycling"},
    {{{"rss_bytes", YES, 1000},
      {"native_inuse_bytes", NO, 0},
      {"native_free_bytes", NO, 900}},
     YES,
     SHAPE_LINEAR,
     "kept_by_allocator"},
    {{{"pss_bytes", YES, 1000}, {"pss_file_bytes", NO, 950}},
     YES,
     SHAPE_LINEAR,
     "file_backed"},
    {{{"pss_bytes", YES, 1000}, {"uss_bytes", YES, 1000}, {"rss_bytes", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "unsharing"},
    {{{"rss_bytes", YES, 1000}, {"py_blocks", NO, 0}, {"py_gc_objects", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "native_heap"},
    {{{"rss_bytes", YES, 1000}}, YES, SHAPE_LINEAR, "unclassified"},
    {{{"rss_bytes", YES, 1000}, {"pss_anon_bytes", YES, 990}},
     YES,
     SHAPE_LINEAR,
     "native_heap"},
    {{{"go_heap_objects", YES, 2}}, YES, SHAPE_LINEAR, "live_objects"},
    {{{"redis_keys", YES, 1}, {"rss_bytes", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "other_process"},
    {{{"py_gc_objects", OPEN, 1}}, OPEN, SHAPE_SATURATING, "cache_filling"},
    {{{"fds", OPEN, -1}}, OPEN, SHAPE_SATURATING, ""},
    {{{"jvm_heap_after_gc_bytes", OPEN, 1}},
     OPEN,
     SHAPE_SAWTOOTH,
     "collector_bound"},
    {{{"pss_bytes", YES, 1000},
      {"pss_anon_bytes", NO, 20},
      {"pss_file_bytes", NO, 10}},
     YES,
     SHAPE_LINEAR,
     "shared_memory"},
    {{{"node_heap_used_bytes", YES, 900}, {"rss_bytes", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "live_objects"},
    {{{"cgroup_bytes", YES, 900},
      {"cgroup_file_bytes", NO, 890},
      {"rss_bytes", NO, 0}},
     NO,
     SHAPE_LINEAR,
     "file_backed"},
    {{{"cgroup_bytes", YES, 900},
      {"cgroup_file_bytes", NO, 100},
      {"rss_bytes", NO, 0}},
     NO,
     SHAPE_LINEAR,
     ""},
    {{{"rss_bytes", NO, 0}}, NO, SHAPE_FLAT, ""},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[7];
        struct record r = {0};
        struct verdict v = {.findings = f,
                            .outcome = (enum outcome)cases[i].outcome};

        for (; v.nfindings < 7 && cases[i].says[v.nfindings].name != NULL;
             v.nfindings++) {
            const struct says *s = &cases[i].says[v.nfindings];
            struct metric m;

            metric_describe(s->name, &m);
            finding_init(&f[v.nfindings], &m);
            f[v.nfindings].outcome = (enum outcome)s->outcome;
            f[v.nfindings].per_request.value = s->per_request;
            f[v.nfindings].grown = 1000 * s->per_request;
            f[v.nfindings].judged = true;
            f[v.nfindings].shape = cases[i].shape;
        }
        cause_find(&r, &v);
        assert_string_equal(v.cause.class, cases[i].want);
        assert_int_equal(v.cause.text[0] != '\0', cases[i].want[0] != '\0');
        assert_int_equal(v.cause.fix[0] != '\0', cases[i].want[0] != '\0');
    }
}

/* That descriptors are kept as mere numbers is said only when fewer than half
   as many objects can have been added. */
static void test_numbers_alone(void **state)
{
    static const struct {
        double high;
        int outcome;
        bool want;
    } told[] = {{0.1, NO, true}, {0.1, OPEN, true}, {0.6, OPEN, false}};

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct finding f[2];
        struct record r = {0};
        struct verdict v = {
            .findings = f, .nfindings = 2, .outcome = OUTCOME_LEAK};
        struct metric m;

        metric_describe("fds", &m);
        finding_init(&f[0], &m);
        metric_describe("py_gc_objects", &m);
        finding_init(&f[1], &m);
        f[0].outcome = OUTCOME_LEAK;
        f[1].outcome = (enum outcome)told[i].outcome;
        f[0].judged = f[1].judged = true;
        f[0].per_request.value = 1;
        f[1].per_request.high = told[i].high;
        f[1].per_hour.low = -1;
        cause_find(&r, &v);
        assert_string_equal(v.cause.class, "descriptors");
        assert_int_equal(v.cause.against[0] != '\0', told[i].want);
    }
}

/* One finding that leaks, and a record with one column beside it. */
struct beside {
    struct series series;
    struct column column;
    double t_s[2], v[2], starts[2];
    struct record record;
    struct finding finding;
    struct verdict verdict;
};

static void beside(struct beside *b, const char *metric, enum shape shape,
                   const char *column, double first, double last)
{
    struct metric m;

    *b = (struct beside){.v = {first, last}, .starts = {2, 2}};
    b->column.name = (char *)column;
    b->column.v = b->v;
    metric_describe(column, &b->column.metric);
    b->record.barriers = (struct series){.n = 2,
                                         .t_s = b->t_s,
                                         .proc_starts = b->starts,
                                         .columns = &b->column,
                                         .ncolumns = 1};
    metric_describe(metric, &m);
    finding_init(&b->finding, &m);
    b->finding.outcome = OUTCOME_LEAK;
    b->finding.judged = true;
    b->finding.shape = shape;
    b->finding.per_request.value = 2;
    b->verdict = (struct verdict){
        .findings = &b->finding, .nfindings = 1, .outcome = OUTCOME_LEAK};
}

/* The collector's own signals: off, never run, and what it could not free. */
static void test_collector(void **state)
{
    struct beside b;

    (void)state;
    beside(&b, "py_gc_objects", SHAPE_LINEAR, "py_gc_off", 2, 2);
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "collector_off");
    assert_non_null(strstr(b.verdict.cause.text, "in 2 processes"));
    assert_true(b.verdict.cause.against[0] != '\0');
    beside(&b, "py_gc_objects", SHAPE_LINEAR, "py_gc_collections", 70, 70);
    b.finding.grown = 5000;
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "collector_off");
    b.finding.grown = 600; /* it had no reason to run */
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "live_objects");
    beside(&b, "py_gc_objects", SHAPE_LINEAR, "py_gc_collections", 70, 90);
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "live_objects");
    beside(&b, "py_gc_objects", SHAPE_LINEAR, "py_garbage", 3, 45);
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "live_objects");
    assert_non_null(
        strstr(b.verdict.cause.text, "42 were found uncollectable"));
    assert_non_null(strstr(b.verdict.cause.fix, "gc.garbage"));
}

/* What is large is allocated natively, whoever keeps it. */
static void test_large_objects(void **state)
{
    struct type_growth type = {.type = "builtins.bytearray",
                               .significant = true};
    struct finding f[2];
    struct record r = {0};
    struct verdict v = {.findings = f,
                        .nfindings = 2,
                        .outcome = OUTCOME_LEAK,
                        .types = &type,
                        .ntypes = 1};
    struct metric m;

    (void)state;
    metric_describe("native_inuse_bytes", &m);
    finding_init(&f[0], &m);
    f[0].outcome = OUTCOME_LEAK;
    metric_describe("py_blocks", &m);
    finding_init(&f[1], &m);
    f[1].outcome = OUTCOME_PASS;
    cause_find(&r, &v);
    assert_string_equal(v.cause.class, "native_heap");
    assert_non_null(strstr(v.cause.text, "bytearray objects grow with it"));
    v.ntypes = 0;
    cause_find(&r, &v);
    assert_non_null(strstr(v.cause.text, "a C extension or library keeps it"));
    /* Recycled workers: nobody knows whether they grow. */
    f[1].outcome = OUTCOME_INCONCLUSIVE;
    f[0].per_request.value = 1500;
    f[1].per_request = (struct interval){1, -1, 8};
    f[1].per_hour.low = -1;
    cause_find(&r, &v);
    assert_non_null(strstr(v.cause.text, "could not be told"));
    metric_describe("uss_bytes", &f[0].metric);
    snprintf(f[0].name, sizeof f[0].name, "uss_bytes");
    cause_find(&r, &v);
    assert_string_equal(v.cause.class, "undecided_counts");
    /* A block has 512 bytes at most. */
    f[1].per_request.high = 1;
    cause_find(&r, &v);
    assert_string_equal(v.cause.class, "native_heap");
    metric_describe("native_inuse_bytes", &f[0].metric);
    snprintf(f[0].name, sizeof f[0].name, "native_inuse_bytes");
    f[1].per_hour.low = NAN; /* never read */
    cause_find(&r, &v);
    assert_null(strstr(v.cause.text, "Python"));
}

/* Arrays grow that the collector does not track: the totals that stay level
 * are not told beside objects that grow. */
static void test_untracked_type(void **state)
{
    static const char *const names[] = {"py_gc_objects", "fds", "objects"};
    struct finding f[3];
    struct record r = {0};
    struct verdict v = {
        .findings = f, .nfindings = 3, .outcome = OUTCOME_LEAK, .lead = 2};
    struct metric m;

    (void)state;
    for (int i = 0; i < 3; i++) {
        metric_describe(names[i], &m);
        finding_init(&f[i], &m);
        f[i].outcome = i < 2 ? OUTCOME_PASS : OUTCOME_LEAK;
    }
    snprintf(f[2].name, sizeof f[2].name, "objects:numpy.ndarray");
    f[2].metric.role = METRIC_OBJECTS;
    cause_find(&r, &v);
    assert_string_equal(v.cause.class, "live_objects");
    assert_non_null(strstr(v.cause.text, "Level: file descriptors."));
}

/* A sawtooth is recycling only where processes were replaced. */
static void test_sawtooth(void **state)
{
    struct beside b;

    (void)state;
    beside(&b, "py_gc_objects", SHAPE_SAWTOOTH, "cpu_s", 1, 2);
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "live_objects");
    b.starts[1] = 6;
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "masked_by_recycling");
}

/* What is kept by value is mended at its key; what bends by value ends. */
static void test_values(void **state)
{
    int kind = 0;
    double times = 1, count[2] = {100, 2400};
    struct record_driver d = {.what = RECORD_DISTINCT,
                              .name = (char *)"q",
                              .kinds = &kind,
                              .times = &times,
                              .nkinds = 1,
                              .count = count};
    struct record_kind k = {.name = (char *)"search"};
    struct blame blame = {
        .by = BLAME_DRIVER, .named = true, .per_driver = {2048, 2000, 2100}};
    struct beside b;

    (void)state;
    beside(&b, "native_inuse_bytes", SHAPE_LINEAR, "cpu_s", 1, 2);
    b.record.drivers = &d;
    b.record.ndrivers = 1;
    b.record.kinds = &k;
    b.record.nkinds = 1;
    b.verdict.blames = &blame;
    b.verdict.nblames = 1;
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "native_heap");
    assert_non_null(strstr(b.verdict.cause.fix, "for each q"));
    b.verdict.outcome = OUTCOME_INCONCLUSIVE;
    b.verdict.follows = blame;
    cause_find(&b.record, &b.verdict);
    assert_string_equal(b.verdict.cause.class, "cache_filling");
    assert_non_null(strstr(b.verdict.cause.text,
                           "2.00 KiB for each new q of search, of which 2,400 "
                           "were sent"));
}

/* The growth is in another program than the one that was started. */
static void test_other_process(void **state)
{
    struct record_process p[2] = {{.pid = 10,
                                   .command = (char *)"python app.py",
                                   .rss_first = 1e7,
                                   .rss_last = 1.01e7},
                                  {.pid = 11,
                                   .command = (char *)"redis-server *:6379",
                                   .first_s = 1,
                                   .rss_first = 1e7,
                                   .rss_last = 9e7}};
    struct record r = {.processes = p, .nprocesses = 2};
    struct finding f;
    struct metric m;
    struct verdict v = {
        .findings = &f, .nfindings = 1, .outcome = OUTCOME_LEAK};

    (void)state;
    metric_describe("rss_bytes", &m);
    finding_init(&f, &m);
    f.outcome = OUTCOME_LEAK;
    cause_find(&r, &v);
    assert_string_equal(v.cause.class, "other_process");
    assert_non_null(strstr(v.cause.text, "redis-server"));
    p[1].command = (char *)"python worker.py";
    cause_find(&r, &v);
    assert_string_not_equal(v.cause.class, "other_process");
}

/* A script started a database and the service beside it: what leaks is in the
   database's processes, or in the service itself. */
static void test_which_program_grows(void **state)
{
    struct record_process p[] = {
        {.pid = 10, .command = (char *)"/bin/bash start.sh", .cpu_last = 0.01},
        {.pid = 11, .command = (char *)"postgres: checkpointer "},
        {.pid = 12, .command = (char *)"python app.py", .cpu_last = 20},
        {.pid = 13, .command = (char *)"postgres: app 127.0.0.1(1)"},
        {.pid = 14, .command = (char *)"postgres: app 127.0.0.1(2)"},
    };
    struct record r = {.processes = p, .nprocesses = 5};
    struct program found;

    (void)state;
    for (size_t i = 0; i < r.nprocesses; i++)
        p[i].first_s = (double)i;
    p[2].rss_last = 1e5;
    p[3].rss_last = 4e6;
    p[4].rss_last = 6e6;
    p[3].cpu_last = p[4].cpu_last = 5;
    programs_other(&r, &found);
    assert_ptr_equal(found.top, &p[4]);
    assert_int_equal(found.processes, 2);
    p[2].rss_last = 9e7;
    programs_other(&r, &found);
    assert_null(found.top);
    /* Nobody knows who worked: the script came first. */
    for (size_t i = 0; i < r.nprocesses; i++)
        p[i].cpu_last = NAN;
    programs_other(&r, &found);
    assert_ptr_equal(found.top, &p[2]);
    r.nprocesses = 0;
    programs_other(&r, &found);
    assert_null(found.top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_numbers_alone),
        cmocka_unit_test(test_collector),
        cmocka_unit_test(test_large_objects),
        cmocka_unit_test(test_untracked_type),
        cmocka_unit_test(test_sawtooth),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_other_process),
        cmocka_unit_test(test_which_program_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
