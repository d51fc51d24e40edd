#include "harness/model/histogram_log.h"

#include "tests/unit/assert_close.h"

#include <string.h>

static void test_head(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    histogram_log_head(1441812279474000000, &b);
    assert_non_null(strstr(buf_str(&b),
                           "\n#[Histogram log format version 1.3]\n"
                           "#[StartTime: 1441812279.474 (seconds since "
                           "epoch), 2015-09-09T15:24:39Z]\n"
                           "\"StartTimestamp\",\"Interval_Length\","
                           "\"Interval_Max\","
                           "\"Interval_Compressed_Histogram\"\n"));
    buf_release(&b);
}

/* Byte for byte: 1 us twice, 3 us, 100 us seventy times. The line was made by
 * hand from the format's description, and decodes with its Python library. */
static void test_line(void **state)
{
    static const char want[] =
        "Tag=GET_/a_b,1.500,2.250,0.100,"
        "HISTFAAAADt4AQEwAM//HISTEwAAAAgAAAAAAAAAAwAAAAAAAAABAAAAANaT"
        "pAA/8AAAAAAAAAAEAAK/AYwBepgF4g==\n";
    struct histogram *h = histogram_new();
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    histogram_log_line(h, NULL, 0, 1, &b);
    assert_int_equal(b.len, 0);
    histogram_record(h, 1000);
    histogram_record(h, 1000);
    histogram_record(h, 3000);
    for (int i = 0; i < 70; i++)
        histogram_record(h, 100000);
    histogram_log_line(h, "GET /a,b", 1.5, 3.75, &b);
    assert_string_equal(buf_str(&b), want);
    buf_reset(&b);
    histogram_log_line(h, NULL, 0, 1, &b);
    assert_memory_equal(buf_str(&b), "0.000,1.000,0.100,HIST", 22);
    assert_string_equal(strstr(buf_str(&b), "HIST"), strstr(want, "HIST"));
    buf_release(&b);
    histogram_free(h);
}

/* Every count there is: several stored blocks, and still within the bound
 * that callers may rely on. */
static void test_fullest(void **state)
{
    struct histogram *h = histogram_new(), *twin = histogram_new();
    struct buf b;

    (void)state;
    for (int64_t us = 1; us <= 3600000000; us += us / 1100 + 1)
        histogram_record(h, us * 1000);
    /* Doubling 60 times makes each count as long as it gets. */
    for (int i = 0; i < 30; i++) {
        histogram_merge(twin, h);
        histogram_merge(h, twin);
    }
    buf_init(&b, 1 << 20);
    histogram_log_line(h, "all", 0, 1, &b);
    assert_in_range(b.len, 150000, 300000);
    assert_int_equal(buf_str(&b)[b.len - 1], '\n');
    buf_release(&b);
    histogram_free(h);
    histogram_free(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_fullest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
