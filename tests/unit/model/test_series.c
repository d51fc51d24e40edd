/* CSV as people and killed writers leave it: never a crash, never a value
 * that the file does not hold. */
#include "tests/unit/assert_close.h"

#include "harness/model/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int parse(const char *text, struct series *s, struct err *err)
{
    return series_parse(text, strlen(text), "x.csv", s, err);
}

static double cell(const struct series *s, const char *name, size_t row)
{
    const struct column *c = series_column(s, name);

    assert_non_null(c);
    assert_true(row < s->n);
    return c->v[row];
}

static void test_plain(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("t_s,requests,rss_bytes,proc_starts,phase\n"
                           "0.00,1,19910656,2,load\n"
                           "1.5,181,,2,settle\n"
                           "2,361,3e6,3,\n",
                           &s, &e),
                     0);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.ncolumns, 1);
    assert_close(s.t_s[1], 1.5, 0);
    assert_close(s.requests[2], 361, 0);
    assert_close(s.proc_starts[2], 3, 0);
    assert_int_equal(s.phase[0], PHASE_LOAD);
    assert_int_equal(s.phase[1], PHASE_SETTLE);
    assert_int_equal(s.phase[2], PHASE_NONE);
    assert_close(cell(&s, "rss_bytes", 0), 19910656, 0);
    assert_close(cell(&s, "rss_bytes", 1), NAN, 0);
    assert_close(cell(&s, "rss_bytes", 2), 3000000, 0);
    assert_int_equal(s.bad_cells, 0);
    series_release(&s);
    series_release(&s);
}

static void test_dressed_up(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("\xef\xbb\xbf\"t_s\" , \"rss_bytes\",note\r\n"
                           "\"0\", \"1,5\" ,hello\r\n"
                           "\r\n"
                           " 1 ,\t7 ,\"a \"\"b\"\" c\"\r\n"
                           "2,8\r\n"
                           "3,9,x,,\r\n",
                           &s, &e),
                     0);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.ncolumns, 1);
    assert_int_equal(s.bad_cells, 1);
    assert_close(cell(&s, "rss_bytes", 0), NAN, 0);
    assert_close(cell(&s, "rss_bytes", 1), 7, 0);
    assert_close(cell(&s, "rss_bytes", 2), 8, 0);
    series_release(&s);
}

static void test_no_value_words(void **state)
{
    static const char *const words[] = {
        "nan", "NaN", "-nan", "inf", "-INF", "Infinity", "", "null", "1e999"};
    struct series s;
    struct err e;
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "t_s,rss_bytes\n0,5\n1,%s\n", words[i]);
        assert_int_equal(parse(text, &s, &e), 0);
        assert_close(cell(&s, "rss_bytes", 1), NAN, 0);
        assert_int_equal(s.bad_cells, 0);
        series_release(&s);
    }
}

static void test_bad_words(void **state)
{
    static const char *const words[] = {"0x10", "1 2", "--1", "1e",   "1e+",
                                        ".",    "e5",  "5MB", "1..2", "x"};
    struct series s;
    struct err e;
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "t_s,rss_bytes\n0,5\n1,%s\n", words[i]);
        assert_int_equal(parse(text, &s, &e), 0);
        assert_close(cell(&s, "rss_bytes", 1), NAN, 0);
        assert_int_equal(s.bad_cells, 1);
        series_release(&s);
    }
}

/* The fast path and strtod must agree to the last bit. */
static void test_exact_numbers(void **state)
{
    static const char *const words[] = {
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "0.1",
        "123456789.987654321",
        "1e22",
        "1e23",
        "4.35",
        "-2.5e-7",
        "0.000001",
        "179769313486231570000000000000",
        "5e-324",
        "1e-400",
        "00000000000000000000000000012.5",
        "3.14159265358979323846264338327",
        "+7",
        "1.",
        ".5",
        "-0",
        "123456789012345678",
        "1E5",
    };
    struct series s;
    struct err e;
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "t_s,rss_bytes\n0,%s\n", words[i]);
        assert_int_equal(parse(text, &s, &e), 0);
        assert_true(cell(&s, "rss_bytes", 0) == strtod(words[i], NULL));
        series_release(&s);
    }
}

static void test_cut_last_line(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("t_s,rss_bytes\n0,100\n1,10", &s, &e), 0);
    assert_int_equal(s.n, 1);
    series_release(&s);
    assert_int_equal(parse("t_s,rss_bytes", &s, &e), 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.ncolumns, 1);
    series_release(&s);
}

static void test_rows_without_time(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("t_s,rss_bytes\n,1\nnan,2\nx,3\n4,4\n3,5\n", &s, &e),
                     0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.dropped_rows, 3);
    assert_close(s.t_s[0], 4, 0);
    assert_close(s.t_s[1], 3, 0);
    series_release(&s);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *says;
    } cases[] = {
        {"", 0, "x.csv:1"},
        {"\n\n", 2, "header"},
        {"time,rss_bytes\n0,1\n", 19,
         "x.csv:1: the header line names no "
         "column t_s"},
        {"t_s;rss_bytes\n0;1\n", 18,
         "x.csv:1: the header line names no column t_s: it is separated by "
         "semicolons"},
        {"t_s\trss_bytes\n0\t1\n", 18, "separated by tabs"},
        {"t_s,requests\n0,1\n", 17, "no metric"},
        {"t_s,rss_bytes,fds,rss_bytes\n0,1,2,3\n", 36,
         "x.csv:1: the header line names rss_bytes twice"},
        {"t_s,rss_bytes,t_s\n0,1,2\n", 24, "names t_s twice"},
        {"t_s,rss_bytes\n0,5,100000,5\n", 27,
         "x.csv:2: more values than the header has names"},
        {"t_s,rss_bytes\n\"0,5\",1\n\"1,5\",1\n", 30, "decimal point"},
        {"t_s,rss_bytes\n0,1\n0,\0\n", 22, "x.csv:3: not a text"},
        {"\0\0\0\0", 4, "x.csv:1: not a text"},
        {"t_s,rss_bytes\n0,1\n0,\0", 21, "x.csv:3: not a text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct series s;
        struct err e = {""};

        assert_int_equal(
            series_parse(cases[i].text, cases[i].len, "x.csv", &s, &e), -1);
        assert_non_null(strstr(e.msg, cases[i].says));
        assert_null(s.columns);
    }
}

static void test_names(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("t_s,py_allocated_blocks,rss_bytes,,,"
                           "things_total\n0,1,2,3,4,5\n",
                           &s, &e),
                     0);
    assert_int_equal(s.ncolumns, 3);
    assert_close(s.t_s[0], 0, 0);
    assert_close(cell(&s, "py_blocks", 0), 1, 0);
    assert_close(cell(&s, "py_allocated_blocks", 0), 1, 0);
    assert_close(cell(&s, "rss_bytes", 0), 2, 0);
    assert_true(series_column(&s, "things_total")->metric.cumulative);
    assert_null(series_column(&s, "pss_bytes"));
    series_release(&s);
}

/* Empty throughout stays, so that somebody can say it is missing. */
static void test_empty_column_stays(void **state)
{
    struct series s;
    struct err e;

    (void)state;
    assert_int_equal(parse("t_s,rss_bytes,word\n0,,a\n1,,b\n", &s, &e), 0);
    assert_int_equal(s.ncolumns, 1);
    assert_close(cell(&s, "rss_bytes", 1), NAN, 0);
    assert_int_equal(s.bad_cells, 0);
    series_release(&s);
}

static void test_phases(void **state)
{
    (void)state;
    for (int p = PHASE_NONE; p < PHASE_COUNT; p++) {
        const char *name = phase_name((enum phase)p);

        assert_int_equal(phase_parse(name, strlen(name)), p);
    }
    assert_int_equal(phase_parse("busy", 4), PHASE_LOAD);
    assert_string_equal(phase_name((enum phase)99), "");
}

static char *scratch(const char *text, size_t n)
{
    char *path = strdup("/tmp/plateau-test-series-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
    return path;
}

static void test_load_across_chunks(void **state)
{
    size_t cap = 3 << 20, n = 0;
    char *text = malloc(cap);
    struct series s;
    struct err e;

    (void)state;
    n += (size_t)snprintf(text, cap, "t_s,requests,rss_bytes\n");
    for (int i = 0; i < 100000; i++)
        n += (size_t)snprintf(text + n, cap - n, "%d.25,%d,%d\n", i, i * 3,
                              1000000 + i);
    char *path = scratch(text, n);
    assert_int_equal(series_load(path, &s, &e), 0);
    assert_int_equal(s.n, 100000);
    for (size_t i = 0; i < s.n; i++) {
        assert_true(s.t_s[i] == (double)i + .25);
        assert_true(s.columns[0].v[i] == 1000000. + (double)i);
    }
    series_release(&s);
    unlink(path);
    free(path);
    assert_int_equal(series_load("/no/such/file.csv", &s, &e), -1);
    assert_non_null(strstr(e.msg, "/no/such/file.csv"));
    free(text);
}

static void test_huge_line(void **state)
{
    size_t n = 3 << 20;
    char *text = malloc(n);
    struct series s;
    struct err e = {""};

    (void)state;
    memset(text, '7', n);
    memcpy(text, "t_s,rss_bytes\n0,", 16);
    text[n - 1] = '\n';
    assert_int_equal(series_parse(text, n, "x.csv", &s, &e), -1);
    assert_non_null(strstr(e.msg, "x.csv:2: the line is longer"));
    char *path = scratch(text, n);
    assert_int_equal(series_load(path, &s, &e), -1);
    assert_non_null(strstr(e.msg, "longer"));
    unlink(path);
    free(path);
    /* A long number in a line of legal length is one bad cell. */
    text[5000] = '\n';
    assert_int_equal(series_parse(text, 5001, "x.csv", &s, &e), 0);
    assert_int_equal(s.ncolumns, 0);
    series_release(&s);
    free(text);
}

/* Any bytes at all, placed so that one byte read too far is a crash. */
static void test_garbage_at_end_of_page(void **state)
{
    static const char seed[] = "t_s,rss_bytes,phase,\"q\"\n0,1.5e3,load,\"\n"
                               "1,\"\"\"2\",,\r\n2,-.5,x,y\n3,";
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned x = 12345;

    (void)state;
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    for (int round = 0; round < 20000; round++) {
        size_t n = sizeof seed - 1 - (size_t)round % 20;
        char *text = map + page - n;
        struct series s;

        memcpy(text, seed, n);
        for (int k = 0; k < round % 5; k++) {
            x = x * 1103515245u + 12345u;
            text[(x >> 8) % n] = "\",\n\r\0 e.-+9tx"[(x >> 20) % 13];
        }
        if (series_parse(text, n, "x", &s, NULL) == 0)
            series_release(&s);
    }
    munmap(map, 2 * page);
}

/* 100 rows a second, of which `change` is made. Gives how often it says that
 * the clock was set back. */
static size_t mended(void (*change)(double *t), double *t)
{
    struct series s = {.n = 100, .t_s = t};

    for (int i = 0; i < 100; i++)
        t[i] = i;
    change(t);
    return series_mend_clock(&s);
}

static void nothing(double *t)
{
    t[40] = t[39];
}

static void set_back(double *t)
{
    for (int i = 40; i < 100; i++)
        t[i] -= i < 70 ? 3600 : 4000;
}

static void late(double *t)
{
    t[40] = 3;
    t[41] = 4;
    t[98] = 90;
}

static void ahead(double *t)
{
    t[0] = 1e9;
    t[40] = t[41] = 1e9;
}

static void falls(double *t)
{
    for (int i = 0; i < 100; i++)
        t[i] = -i;
}

static void test_clock(void **state)
{
    double t[100];

    (void)state;
    assert_int_equal(mended(nothing, t), 0);
    assert_close(t[40], 39, 0);
    assert_close(t[99], 99, 0);
    assert_int_equal(mended(set_back, t), 2);
    for (int i = 0; i < 100; i++)
        assert_close(t[i], i, 1e-9);
    assert_int_equal(mended(late, t), 0);
    assert_close(t[40], 3, 0);
    assert_close(t[42], 42, 0);
    assert_close(t[99], 99, 0);
    assert_int_equal(mended(ahead, t), 0);
    assert_close(t[0], 1, 0);
    assert_close(t[40], 39, 0);
    assert_close(t[41], 39, 0);
    assert_close(t[42], 42, 0);
    assert_int_equal(mended(falls, t), 0);
    for (int i = 0; i < 100; i++)
        assert_close(t[i], -i, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_dressed_up),
        cmocka_unit_test(test_no_value_words),
        cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_exact_numbers),
        cmocka_unit_test(test_cut_last_line),
        cmocka_unit_test(test_rows_without_time),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_empty_column_stays),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_load_across_chunks),
        cmocka_unit_test(test_huge_line),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_garbage_at_end_of_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
