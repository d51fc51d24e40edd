#include "harness/model/record.h"

#include "harness/model/rundir.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/temp_dir.h"

#include <sys/stat.h>

#define SAMPLES                                                                \
    "t_s,requests,phase,proc_starts,rss_bytes\n"                               \
    "0,0,warmup,1,1000\n1,10,load,1,1100\n2,20,load,1,1200\n"
#define BARRIERS                                                               \
    "block,t_s,requests,phase,proc_starts,ok,errors,requests:browse,"          \
    "requests:order,flow:buy,distinct:order:sku,step:browse,rss_bytes,"        \
    "py_blocks\n"                                                              \
    "0,1,10,barrier,1,10,0,8,2,0,2,8,1000,50\n"                                \
    "1,2,20,barrier,1,19,1,15,4,1,3,16,1100,60\n"

static void load(const char *dir, struct record *r)
{
    struct err err = {""};

    if (record_load(dir, r, &err) != 0)
        fail_msg("%s", err.msg);
}

static void write_whole_run(const char *dir)
{
    const char *kinds[] = {"browse", "order", "buy"};
    const bool flows[] = {false, false, true};
    const double weights[] = {8, 1, 1};
    const char *notes[] = {"PSS was not readable"};
    int order = 1;
    double once = 1;
    const struct run_driver driver = {.column = (char *)"distinct:order:sku",
                                      .what = "distinct",
                                      .name = (char *)"sku",
                                      .group = 3,
                                      .kinds = &order,
                                      .times = &once,
                                      .nkinds = 1};
    struct run_meta m = {.name = "shop",
                         .started_utc = "2026-11-22T10:15:00Z",
                         .end = "certain",
                         .end_detail = "the leak was certain",
                         .requests_total = 20,
                         .errors_total = 1,
                         .duration_s = 2.5,
                         .limit_bytes = 512e6,
                         .harness_cpu_s = 0.5,
                         .late_p99_ms = NAN,
                         .kind_names = kinds,
                         .kind_is_flow = flows,
                         .kind_weights = weights,
                         .nkinds = 3,
                         .drivers = &driver,
                         .ndrivers = 1,
                         .notes = notes,
                         .nnotes = 1};
    struct rundir *rd;

    assert_int_equal(rundir_create(dir, "shop", &rd, NULL), 0);
    assert_int_equal(rundir_write_meta(rd, &m, NULL), 0);
    rundir_event(rd, 1, "process_start", 77, "%s", "worker");
    rundir_close(&rd);
    temp_dir_puts(dir, "samples.csv", SAMPLES);
    temp_dir_puts(dir, "barriers.csv", BARRIERS);
    temp_dir_puts(dir, "scenario.ini", "[scenario]\nname = shop\n");
    temp_dir_puts(dir, "requests.csv",
                  "t_s,kind,sent,ok,errors,late,p50_ms,p99_ms\n"
                  "0,browse,8,8,0,0,1.5,2\n0,flow:buy,1,0,1,0,,\n"
                  "0,buy,1,1,0,0,1,1\n");
    temp_dir_puts(dir, "objects.csv",
                  "t_s,block,requests,type,count,bytes,tracked\n"
                  "1,0,10,app.Order,5,500,1\n2,1,20,app.Order,15,1500,1\n"
                  "2,1,20,bytes,7,,0\n");
    temp_dir_puts(dir, "processes.csv",
                  "t_s,pid,start,command,rss_bytes,pss_bytes,uss_bytes,"
                  "swap_bytes,threads,fds,cpu_s,native_inuse_bytes,"
                  "py_blocks\n"
                  "0,77,5,gunicorn,100,,90,0,1,5,0.1\n"
                  "0,78,6,\"a, b\",200,150,90,0,1,5,0.1\n"
                  "1,77,5,gunicorn,300,140,90,0,1,5,0.2,7000,31\n"
                  "2,77,9,gunicorn,50,40,90,0,1,5,0.2\n"
                  "2,77,5,gunicorn,250,130,90,0,1,5,0.2\n");
    temp_dir_puts(dir, "objects_own.csv",
                  "t_s,block,pid,start,type,count\n"
                  "2,1,77,9,app.Order,5\n2,1,77,9,app.Cart,3\n"
                  "2,1,78,6,app.Order,7\n"
                  "2,1,99,6,app.Order,1\n2,,78,6,app.Order,1\n"
                  "2,1,78,6,,1\n2,1,78,6,app.Cart,\n");
}

static void test_whole_run(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    write_whole_run(dir);
    load(dir, &r);
    assert_string_equal(r.name, "shop");
    assert_false(r.partial);
    assert_int_equal(r.end, RUN_CERTAIN);
    assert_string_equal(r.end_detail, "the leak was certain");
    assert_close(r.limit_bytes, 512e6, 0);
    assert_close(r.late_p99_ms, NAN, 0);
    assert_close(r.duration_s, 2.5, 0);
    assert_int_equal(r.nnotes, 1);
    /* Counters are no metrics. */
    assert_int_equal(r.samples.n, 3);
    assert_int_equal(r.barriers.n, 2);
    assert_int_equal(r.barriers.ncolumns, 2);
    assert_string_equal(r.barriers.columns[1].name, "py_blocks");
    assert_close(r.barriers.columns[1].v[1], 60, 0);
    assert_int_equal(r.barrier_block[1], 1);
    assert_int_equal(r.nkinds, 3);
    assert_close(r.kinds[0].completed[1], 15, 0);
    assert_true(r.kinds[2].flow);
    assert_close(r.kinds[2].completed[1], 1, 0);
    assert_int_equal(r.ndrivers, 1);
    assert_int_equal(r.drivers[0].what, RECORD_DISTINCT);
    assert_string_equal(r.drivers[0].name, "sku");
    assert_int_equal(r.drivers[0].nkinds, 1);
    assert_int_equal(r.drivers[0].kinds[0], 1);
    assert_close(r.drivers[0].count[1], 3, 0);
    /* A driver that run.json does not know is no metric. */
    assert_null(series_column(&r.barriers, "step:browse"));
    assert_int_equal(r.nseconds, 3);
    assert_int_equal(r.seconds[0].kind, 0);
    assert_int_equal(r.seconds[1].kind, 2);
    assert_int_equal(r.seconds[2].kind, -1); /* only flows send it */
    assert_int_equal(r.nsteps, 1);
    assert_string_equal(r.steps[r.seconds[2].step], "buy");
    assert_int_equal(r.seconds[0].step, -1);
    assert_close(r.seconds[1].p50_ms, NAN, 0);
    assert_int_equal(r.nobjects, 3);
    assert_string_equal(r.objects[1].type, "app.Order");
    assert_true(r.objects[1].tracked);
    assert_false(r.objects[2].tracked);
    assert_close(r.objects[2].bytes, NAN, 0);
    assert_int_equal(r.nevents, 1);
    assert_string_equal(r.events[0].what, "process_start");
    assert_int_equal(r.events[0].pid, 77);
    record_release(&r);
    temp_dir_free(dir);
}

static void test_processes(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    write_whole_run(dir);
    load(dir, &r);
    assert_int_equal(r.nprocesses, 3);
    const struct record_process *p = r.processes;
    assert_int_equal(p[0].pid, 77);
    assert_close(p[0].rss_first, 100, 0);
    assert_close(p[0].rss_last, 250, 0);
    assert_close(p[0].rss_max, 300, 0);
    assert_close(p[0].pss_last, 130, 0);
    assert_int_equal(p[0].nown, 3);
    assert_close(p[0].own[1].t_s, 1, 0);
    assert_close(p[0].own[1].cpu_s, 0.2, 0);
    assert_close(p[0].own[1].v[RECORD_OWN_RSS], 300, 0);
    assert_close(p[0].own[1].v[RECORD_OWN_NATIVE], 7000, 0);
    assert_close(p[0].own[1].v[RECORD_OWN_BLOCKS], 31, 0);
    assert_close(p[0].own[2].v[RECORD_OWN_BLOCKS], NAN, 0); /* no value */
    assert_close(p[0].own[1].v[RECORD_OWN_YOUNG], NAN, 0);
    assert_close(p[0].last_s, 2, 0);
    assert_string_equal(p[1].command, "a, b");
    assert_int_equal(p[2].start, 9); /* the same pid again: another process */
    assert_close(p[2].first_s, 2, 0);
    /* A process that nobody saw, no block, no type and no count are nothing. */
    assert_int_equal(r.nown_objects, 3);
    assert_int_equal(r.own_objects[0].process, 2);
    assert_int_equal(r.own_objects[0].block, 1);
    assert_close(r.own_objects[0].count, 5, 0);
    assert_string_equal(r.own_objects[1].type, "app.Cart");
    assert_int_equal(r.own_objects[2].process, 1);
    assert_close(r.own_objects[2].t_s, 2, 0);
    record_release(&r);
    temp_dir_free(dir);
}

/* SIGKILL in mid-run: run.json from the last phase change, torn last lines. */
static void test_killed_run(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    temp_dir_puts(dir, "run.json",
                  "{\"name\": \"shop\", \"duration_s\": 1, \"requests\": 3,"
                  " \"end\": null, \"kinds\": [{\"name\": \"browse\","
                  " \"flow\": false, \"weight\": 8}]}");
    temp_dir_puts(dir, "samples.csv", SAMPLES "3,30,lo");
    temp_dir_puts(dir, "barriers.csv", BARRIERS "2,3,4");
    temp_dir_puts(dir, "events.ndjson",
                  "{\"t_s\":1,\"event\":\"gap\",\"pid\":0}\n{\"t_s\":2,\"ev");
    temp_dir_puts(dir, "objects.csv",
                  "t_s,block,requests,type,count,bytes,tracked\n1,0,10,app");
    load(dir, &r);
    assert_true(r.partial);
    assert_int_equal(r.end, RUN_UNKNOWN);
    assert_int_equal(r.samples.n, 3);
    assert_int_equal(r.barriers.n, 2);
    assert_int_equal(r.nevents, 1);
    assert_int_equal(r.nobjects, 0);
    assert_int_equal(r.nkinds, 3);    /* two more from the barriers' header */
    assert_close(r.duration_s, 2, 0); /* the tables know better */
    assert_close(r.requests_total, 20, 0);
    record_release(&r);
    temp_dir_free(dir);
}

static void test_only_samples(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    temp_dir_puts(dir, "samples.csv", SAMPLES);
    load(dir, &r);
    assert_true(r.partial);
    assert_int_equal(r.barriers.n, 0);
    assert_ptr_equal(strstr(r.name, "plateau-test-"), r.name);
    assert_close(r.policy.confidence, 0.95, 0);
    record_release(&r);
    temp_dir_free(dir);
}

static void test_nothing_there(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct err err = {""};
    struct record r;

    assert_int_equal(record_load(dir, &r, &err), -1);
    assert_non_null(strstr(err.msg, "samples.csv"));
    assert_int_equal(record_load("no/such/dir", &r, &err), -1);
    temp_dir_puts(dir, "samples.csv", "");
    assert_int_equal(record_load(dir, &r, &err), -1);
    temp_dir_free(dir);
}

/* Directories that somebody mailed: whatever they hold, an error or a record,
 * and the run never counts as complete by accident. */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const metas[] = {
        "",
        "{",
        "[]",
        "\"x\"",
        "null",
        "{\"end\": 3, \"kinds\": 7, \"notes\": {\"a\": 1}, \"name\": []}",
        "{\"end\": \"no such end\"}",
        "{\"kinds\": [1, null, {\"name\": 5}, {}], \"notes\": [1, []]}",
        "{\"duration_s\": -1, \"requests\": \"many\", \"signal\": 1e300}",
        "\xff\xfe\x00",
    };
    static const char *const tables[] = {
        "\n",
        "t_s\n",
        "kind,type,pid,t_s\n,,,\n\"\n=,\"\"\"\",9e99,1\n",
        "t_s,t_s,pid,type,count\n1,2,3,\x1b[31m\xff,1e308\n1,1,-5,x,-1\n",
        "\x01\x02\x03\n\xff\xff\n",
        "t_s,block,requests,requests:,flow:,block\n1,-1,1,1,1,1e300\n"
        "2,nan,2,2,2,-inf\n",
        "t_s,block,pid,start,type,count\n1,9e8,7,1,a,1\n1,-2,7,1,a,inf\n",
    };
    static const char *const files[] = {
        "requests.csv", "objects.csv",  "processes.csv",  "events.ndjson",
        "barriers.csv", "scenario.ini", "objects_own.csv"};
    char *dir = temp_dir_new();

    for (size_t m = 0; m < sizeof metas / sizeof *metas; m++) {
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
            struct record r;

            temp_dir_puts(dir, "samples.csv", SAMPLES);
            temp_dir_puts(dir, "run.json", metas[m]);
            for (size_t f = 0; f < sizeof files / sizeof *files; f++)
                temp_dir_puts(dir, files[f], tables[t]);
            load(dir, &r);
            assert_true(r.partial || r.end == RUN_UNKNOWN);
            assert_true(isnan(r.duration_s) || r.duration_s >= 0);
            assert_true(r.signal >= 0 && r.signal < 128);
            for (size_t i = 0; i < r.nkinds; i++)
                assert_non_null(r.kinds[i].completed);
            record_release(&r);
        }
    }
    temp_dir_free(dir);
}

/* A target that failed before its first sample leaves run.json alone. */
static void test_failed_before_a_sample(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    temp_dir_puts(dir, "run.json",
                  "{\"name\": \"x\", \"end\": \"target_failed\", "
                  "\"target_failed\": true, \"end_detail\": \"no port\"}");
    load(dir, &r);
    assert_true(r.target_failed);
    assert_string_equal(r.end_detail, "no port");
    assert_int_equal(r.samples.n, 0);
    record_release(&r);
    temp_dir_free(dir);
}

/* A FIFO or a folder instead of a file must neither block nor crash. */
static void test_no_regular_files(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    struct record r;

    temp_dir_puts(dir, "samples.csv", SAMPLES);
    static const char *const fifos[] = {"run.json", "barriers.csv",
                                        "objects.csv"};
    for (size_t i = 0; i < sizeof fifos / sizeof *fifos; i++) {
        char *path = file_join(dir, fifos[i]);

        assert_int_equal(mkfifo(path, 0600), 0);
        free(path);
    }
    char *sub = file_join(dir, "scenario.ini");
    assert_int_equal(mkdir(sub, 0700), 0);
    free(sub);
    load(dir, &r);
    assert_true(r.partial);
    assert_null(r.scenario_text);
    record_release(&r);
    temp_dir_free(dir);
}

#define CLOCK_ROWS(t) t "1,1\n" t "2,1\n" t "3,1\n" t "4,1\n" t "5,1\n"
/* 26 rows from 100 to 145, and six from 1. */
#define CLOCK                                                                  \
    "t_s,rss_bytes\n100,1\n" CLOCK_ROWS("10") CLOCK_ROWS("11")                 \
        CLOCK_ROWS("12") CLOCK_ROWS("13") CLOCK_ROWS("14")                     \
            CLOCK_ROWS("") "6,1\n"

static void test_bare_csv(void **state)
{
    (void)state;
    char *dir = temp_dir_new();
    char *path = file_join(dir, "soak.csv");
    struct err err = {""};
    struct record r;

    temp_dir_puts(dir, "soak.csv", SAMPLES);
    assert_int_equal(record_from_csv(path, &r, &err), 0);
    assert_string_equal(r.name, "soak.csv");
    assert_null(r.dir);
    assert_false(r.partial);
    assert_close(r.requests_total, 20, 0);
    record_release(&r);
    temp_dir_puts(dir, "soak.csv",
                  "t_s,rss_bytes\n91,1\n92,2\n93,3\n1,4\n2,5\n3,6\n");
    assert_int_equal(record_from_csv(path, &r, &err), 0);
    assert_int_equal(r.nnotes, 0); /* too short to tell */
    record_release(&r);
    temp_dir_puts(dir, "soak.csv", CLOCK);
    assert_int_equal(record_from_csv(path, &r, &err), 0);
    assert_non_null(strstr(r.notes[0], "the clock was set back; counted on"));
    assert_close(r.duration_s, 151, 0);
    record_release(&r);
    temp_dir_puts(dir, "soak.csv", "no header here");
    assert_int_equal(record_from_csv(path, &r, &err), -1);
    free(path);
    temp_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_run),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_killed_run),
        cmocka_unit_test(test_only_samples),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_failed_before_a_sample),
        cmocka_unit_test(test_no_regular_files),
        cmocka_unit_test(test_bare_csv),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
