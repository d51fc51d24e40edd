#include "analyzers/cause.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <stdlib.h>
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
    {{{"go_heap_objects", YES, 2}}, YES, SHAPE_LINEAR, "live_objects"},
    {{{"redis_keys", YES, 1}, {"rss_bytes", NO, 0}},
     YES,
     SHAPE_LINEAR,
     "other_process"},
    {{{"py_gc_objects", OPEN, 1}}, OPEN, SHAPE_SATURATING, "cache_filling"},
    {{{"jvm_heap_after_gc_bytes", OPEN, 1}},
     OPEN,
     SHAPE_SAWTOOTH,
     "collector_bound"},
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
            f[v.nfindings].judged = true;
            f[v.nfindings].shape = cases[i].shape;
        }
        cause_find(&r, &v);
        assert_string_equal(v.cause.class, cases[i].want);
        assert_int_equal(v.cause.text[0] != '\0', cases[i].want[0] != '\0');
        assert_int_equal(v.cause.fix[0] != '\0', cases[i].want[0] != '\0');
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_other_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
