#include "harness/model/rundir.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct rundir *create_in(const char *dir)
{
    struct rundir *rd = NULL;
    struct err err = {""};

    if (rundir_create(dir, "shop", &rd, &err) != 0)
        fail_msg("%s", err.msg);
    return rd;
}

static void test_tables(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct rundir *rd = create_in(dir);
    struct rundir_table *t;
    const char *cols[] = {"t_s", "phase", "fds", "requests:a,b"};
    const char *texts[] = {NULL, "=load", NULL, NULL};
    double v[] = {0.25, 0, NAN, 1e15};
    double w[] = {-0.0000001, 1.5, 123456789.123456789};
    const char *row[] = {"1", "load", "", "2"};

    assert_int_equal(rundir_table(rd, "x.csv", cols, 4, &t, NULL), 0);
    assert_int_equal(rundir_cells(t, texts, v, 4), 0);
    assert_int_equal(rundir_numbers(t, "first", w, 3), 0);
    assert_int_equal(rundir_numbers(t, NULL, v, 4), 0);
    assert_int_equal(rundir_row(t, row, 4), 0);
    assert_null(rundir_failed(rd));
    rundir_close(&rd);
    assert_null(rd);
    char *got = temp_dir_get(dir, "x.csv");
    assert_string_equal(got, "t_s,phase,fds,\"requests:a,b\"\n"
                             "0.25,\"'=load\",,1000000000000000\n"
                             "first,0,1.5,123456789.123457\n"
                             "0.25,0,,1000000000000000\n"
                             "1,load,,2\n");
    free(got);
    temp_dir_free(dir);
}

static void test_directory_names(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *old = getcwd(NULL, 0);
    struct rundir *a, *b;
    struct err err = {""};

    assert_int_equal(chdir(dir), 0);
    a = create_in(NULL);
    b = NULL;
    assert_int_equal(rundir_create(NULL, "../e vil\n", &b, &err), 0);
    assert_ptr_equal(strstr(rundir_path(a), "runs/shop-2"), rundir_path(a));
    assert_ptr_equal(strstr(rundir_path(b), "runs/-.-e-vil--2"),
                     rundir_path(b));
    struct rundir *c = create_in(NULL); /* the same second, or the next */
    assert_string_not_equal(rundir_path(a), rundir_path(c));
    /* A directory with something in it is never written into. */
    struct rundir *d = NULL;
    assert_int_equal(rundir_create(rundir_path(a), "x", &d, &err), -1);
    assert_non_null(strstr(err.msg, "not empty"));
    assert_null(d);
    rundir_close(&a);
    rundir_close(&b);
    rundir_close(&c);
    assert_int_equal(chdir(old), 0);
    free(old);
    temp_dir_free(dir);
}

static void test_meta(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct rundir *rd = create_in(dir);
    const char *kinds[] = {"browse", "buy"};
    const bool flows[] = {false, true};
    const double weights[] = {8, 0.5};
    const char *notes[] = {"\x1b[31m"};
    struct run_meta m = {.name = "sh\"op",
                         .duration_s = 1.5,
                         .limit_bytes = NAN,
                         .kind_names = kinds,
                         .kind_is_flow = flows,
                         .kind_weights = weights,
                         .nkinds = 2,
                         .notes = notes,
                         .nnotes = 1};

    assert_int_equal(rundir_write_meta(rd, &m, NULL), 0);
    m.end = "complete";
    assert_int_equal(rundir_write_meta(rd, &m, NULL), 0);
    rundir_close(&rd);
    char *text = temp_dir_get(dir, "run.json");
    assert_null(strchr(text, 0x1b));
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "name")),
                        "sh\"op");
    assert_string_equal(json_string_value(json_object_get(o, "end")),
                        "complete");
    assert_true(json_is_null(json_object_get(o, "limit_bytes")));
    json_t *k = json_array_get(json_object_get(o, "kinds"), 1);
    assert_true(json_is_true(json_object_get(k, "flow")));
    assert_close(json_number_value(json_object_get(k, "weight")), 0.5, 0);
    json_decref(o);
    free(text);
    temp_dir_free(dir);
}

static void *write_events(void *arg)
{
    for (int i = 0; i < 500; i++)
        rundir_event(arg, i * 0.1, "gap", i, "number %d of \x1b \"many\"", i);
    return NULL;
}

static void test_events_from_many_threads(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct rundir *rd = create_in(dir);
    pthread_t th[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&th[i], NULL, write_events, rd), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(th[i], NULL);
    rundir_close(&rd);
    char *text = temp_dir_get(dir, "events.ndjson"), *at = text, *nl;
    int lines = 0;
    for (; (nl = strchr(at, '\n')) != NULL; at = nl + 1, lines++) {
        json_t *o = json_loadb(at, (size_t)(nl - at), 0, NULL);

        assert_non_null(o);
        assert_string_equal(json_string_value(json_object_get(o, "event")),
                            "gap");
        json_decref(o);
    }
    assert_int_equal(lines, 2000);
    free(text);
    temp_dir_free(dir);
}

/* A full disk: a file size limit gives the same short write and error. */
static void test_full_disk(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct rundir *rd = create_in(dir);
    struct rundir_table *t;
    const char *cols[] = {"t_s", "x"};
    double v[] = {1, 123456};
    struct rlimit old, small;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 20;
    assert_int_equal(rundir_table(rd, "x.csv", cols, 2, &t, NULL), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(rundir_numbers(t, NULL, v, 2), 0);
    assert_int_equal(rundir_numbers(t, NULL, v, 2), -1); /* torn here */
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rundir_numbers(t, NULL, v, 2), -1); /* and stays shut */
    assert_non_null(rundir_failed(rd));
    assert_non_null(strstr(rundir_failed(rd), "x.csv"));
    rundir_close(&rd);
    char *got = temp_dir_get(dir, "x.csv");
    assert_ptr_equal(strstr(got, "t_s,x\n1,123456\n1,"), got);
    assert_true(strlen(got) <= 20);
    free(got);
    temp_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_directory_names),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_events_from_many_threads),
        cmocka_unit_test(test_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
