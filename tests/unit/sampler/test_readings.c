#include "harness/sampler/readings.h"

#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct got {
    char text[4096];
};

static void take(void *user, const char *metric, double value)
{
    struct got *g = user;
    size_t n = strlen(g->text);

    snprintf(g->text + n, sizeof g->text - n, "%s=%.10g ", metric, value);
}

static int parse(const char *text, struct got *g)
{
    char *copy = mem_strdup(text);
    int n;

    g->text[0] = '\0';
    n = readings_parse(copy, strlen(copy), take, g);
    free(copy);
    return n;
}

static void test_lines(void **state)
{
    static const struct {
        const char *text, *want;
        int n;
    } cases[] = {
        {"sessions 12\nqueue=3\n", "sessions=12 queue=3 ", 2},
        {"  a.b-c\t1.5e3  \r\n", "a_b_c=1500 ", 1},
        {"# HELP x y\n# TYPE x gauge\nx 1\n", "x=1 ", 1},
        {"x{a=\"1\"} 2\nx{a=\"2\"} 3 1700000000\n", "x=2 x=3 ", 2},
        {"x{a=\"}\\\"{ \",b=\"=\"} 4\n", "x=4 ", 1},
        {"h_bucket{le=\"0.5\"} 7\nh_count 9\n", "h_count=9 ", 1},
        {"s{quantile=\"0.9\"} 7\ns_sum 1\n", "s_sum=1 ", 1},
        {"s{job=\"a\",quantile=\"0.9\"} 7\n", "", 0},
        {"s{job=\"quantile=\"} 7\n", "s=7 ", 1},
        {"x NaN\ny +Inf\nz -1\n", "z=-1 ", 1},
        {"x\n=3\n{a} 4\nx y\nx 1z\nx 12 MB\n", "x=12 ", 1},
        {"x{unclosed 3\n", "", 0},
        {"HeapInuse 1\nGCSys 2\nnum_GC 3\nabcDEF 4\n",
         "heap_inuse=1 gc_sys=2 num_gc=3 abc_def=4 ", 4},
        {"---- 1\n", "", 0},
        {"", "", 0},
        {"caf\xc3\xa9 5\n", "caf=5 ", 1},
        {"last 9", "last=9 ", 1},
    };
    struct got g;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = parse(cases[i].text, &g);

        if (n != cases[i].n)
            print_error("%s: %d\n", cases[i].text, n);
        assert_string_equal(g.text, cases[i].want);
        assert_int_equal(n, cases[i].n);
    }
}

static void test_json(void **state)
{
    struct got g;

    (void)state;
    assert_int_equal(
        parse(" {\"memstats\": {\"HeapObjects\": 12, \"PauseNs\": [1, 2],"
              " \"BySize\": [{\"Size\": 1}]}, \"ok\": true, \"n\": null,"
              " \"cmdline\": [\"x\"], \"rate\": 0.25, \"text\": \"5\"}",
              &g),
        2);
    assert_non_null(strstr(g.text, "memstats_heap_objects=12 "));
    assert_non_null(strstr(g.text, "rate=0.25 "));
    assert_int_equal(parse("{", &g), -1);
    assert_int_equal(parse("{\"a\": 1} x", &g), -1);
    assert_int_equal(parse("{}", &g), 0);
    /* Too deep is left out, not followed. */
    assert_int_equal(
        parse("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":1}}}}}},"
              "\"z\":1}",
              &g),
        1);
    assert_string_equal(g.text, "z=1 ");
}

static void test_full_names(void **state)
{
    static const struct {
        const char *source, *metric, *want;
    } cases[] = {
        {"app", "sessions", "app_sessions"},
        {"app", "app_sessions", "app_sessions"},
        {"app", "apple", "app_apple"},
        {"queue", "queue", "queue"},
        {"My-App", "n", "my_app_n"},
        {"app", "go_memstats_heap_objects", "go_heap_objects"},
        {"vars", "memstats_heap_inuse", "go_heap_inuse_bytes"},
        {"vars", "memstats_num_gc", "go_gc_collections"},
        {"app", "go_gc_duration_seconds_count", "go_gc_collections"},
        {"app", "go_goroutines", "go_goroutines"},
    };
    char out[READINGS_NAME], longest[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            readings_full_name(cases[i].source, cases[i].metric, out), 0);
        assert_string_equal(out, cases[i].want);
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(readings_name(longest, out), -1);
    longest[90] = '\0';
    assert_int_equal(readings_full_name("a-long-source", longest, out), -1);
}

/* Any bytes, in any place, at the end of a mapping: no crash, no overrun. */
static void test_noise(void **state)
{
    static const char bits[] = "x{=\"}\\ 1\n,\tle=quantile#-.e{[]:\r\xff\x01";
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned int seed = 1;
    struct got g;

    (void)state;
    assert_true(page != MAP_FAILED);
    assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)rand_r(&seed) % 60;
        char *at = page + 4096 - len - 1;

        for (size_t k = 0; k < len; k++)
            at[k] = bits[(size_t)rand_r(&seed) % (sizeof bits - 1)];
        at[len] = '\0';
        g.text[0] = '\0';
        readings_parse(at, len, take, &g);
    }
    munmap(page, 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_full_names),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
