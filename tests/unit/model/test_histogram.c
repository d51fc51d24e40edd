#include "harness/model/histogram.h"

#include "harness/base/rng.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

static void test_empty(void **state)
{
    struct histogram *h = histogram_new();
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(histogram_at(h, 50), -1);
    assert_int_equal(histogram_max(h), -1);
    assert_true(isnan(histogram_mean(h)));
    histogram_write_hgrm(h, &b);
    assert_non_null(strstr(buf_str(&b), "Total count    =            0"));
    buf_release(&b);
    histogram_free(h);
}

/* Every value from 1 us to an hour comes back within 0.1 %. */
static void test_three_digits(void **state)
{
    struct histogram *h = histogram_new();

    (void)state;
    for (double us = 1; us <= 3.6e9; us = us * 1.0137 + 1) {
        int64_t ns = (int64_t)us * 1000;

        histogram_reset(h);
        histogram_record(h, ns);
        histogram_record(h, INT64_MAX); /* so that the maximum is not it */
        assert_in_range(histogram_at(h, 50), ns, ns + ns / 1000 + 1);
        assert_int_equal(histogram_count(h), 2);
    }
    assert_int_equal(histogram_max(h), 3600000000000);
    histogram_reset(h);
    histogram_record(h, -5);
    histogram_record(h, 0);
    histogram_record(h, 400);
    assert_int_equal(histogram_at(h, 100), 1000);
    histogram_free(h);
}

/* Percentiles as counted by hand. */
static void test_percentiles(void **state)
{
    static const struct {
        double p;
        int64_t want_us;
    } rows[] = {{0, 1},    {0.1, 1},    {50, 500},     {90, 900},
                {99, 990}, {99.9, 999}, {99.91, 1000}, {100, 1000}};
    struct histogram *h = histogram_new();

    (void)state;
    for (int i = 1; i <= 1000; i++)
        histogram_record(h, i * 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(histogram_at(h, rows[i].p), rows[i].want_us * 1000);
    assert_close(histogram_mean(h), 500500, 1e-6);
    histogram_free(h);
}

static void test_merge_is_recording_all(void **state)
{
    struct histogram *one = histogram_new(), *two = histogram_new(),
                     *all = histogram_new();
    struct rng r;
    struct buf a, b;

    (void)state;
    rng_init(&r, 3);
    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)rng_below(&r, 1ull << (rng_below(&r, 40) + 1));

        histogram_record(i % 3 ? one : two, ns);
        histogram_record(all, ns);
    }
    histogram_merge(one, two);
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    histogram_write_hgrm(one, &a);
    histogram_write_hgrm(all, &b);
    assert_string_equal(buf_str(&a), buf_str(&b));
    buf_release(&a);
    buf_release(&b);
    histogram_free(one);
    histogram_free(two);
    histogram_free(all);
}

static void test_hgrm_form(void **state)
{
    static const char want[] =
        "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
        "       1.000 0.000000000000          1           1.00\n"
        "       1.000 0.100000000000          1           1.11\n"
        "       1.000 0.200000000000          1           1.25\n"
        "       2.000 0.300000000000          2           1.43\n"
        "       2.000 0.400000000000          2           1.67\n"
        "       2.000 0.500000000000          2           2.00\n"
        "       3.000 0.550000000000          3           2.22\n"
        "       3.000 0.600000000000          3           2.50\n"
        "       3.000 0.650000000000          3           2.86\n"
        "       3.000 0.700000000000          3           3.33\n"
        "       3.000 0.750000000000          3           4.00\n"
        "       4.000 1.000000000000          4\n"
        "#[Mean    =        2.500, StdDeviation   =        1.118]\n"
        "#[Max     =        4.000, Total count    =            4]\n"
        "#[Buckets =           22, SubBuckets     =         2048]\n";
    struct histogram *h = histogram_new();
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    for (int i = 1; i <= 4; i++)
        histogram_record(h, i * 1000000);
    histogram_write_hgrm(h, &b);
    /* Values are the highest of their step, so compare the first digits. */
    assert_int_equal(strlen(want), b.len);
    assert_memory_equal(buf_str(&b), want, 60);
    assert_non_null(strstr(buf_str(&b), "4.000 1.000000000000          4\n"));
    assert_string_equal(strstr(buf_str(&b), "#[Mean"), strstr(want, "#[Mean"));
    buf_release(&b);
    histogram_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_three_digits),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_merge_is_recording_all),
        cmocka_unit_test(test_hgrm_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
