#include "reports/axis.h"

#include "reports/decimate.h"
#include "tests/unit/assert_close.h"

#include <math.h>
#include <string.h>

static void test_values(void **state)
{
    (void)state;
    static const struct {
        double low, high, least;
        enum metric_unit unit;
        struct axis want;
    } rows[] = {
        {0, 98, 0, METRIC_COUNT, {0, 100, 50}},
        {410000, 415000, 0, METRIC_COUNT, {410000, 416000, 2000}},
        {5, 5, 4, METRIC_COUNT, {3, 7, 1}},
        {1, 1, 4, METRIC_COUNT, {0, 4, 1}}, /* never below 0 */
        {0, 0, 0, METRIC_COUNT, {0, 1, 0.5}},
        {0, 11.0 * 1048576, 0, METRIC_BYTES, {0, 15 * 1048576.0, 5 * 1048576}},
        {-3, 3, 0, METRIC_COUNT, {-4, 4, 2}},
        {-1e300, 1e300, 0, METRIC_COUNT, {0, 1, 1}}, /* cannot be drawn */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct axis a = axis_values(rows[i].low, rows[i].high, rows[i].least,
                                    rows[i].unit, 4);

        assert_close(a.step, rows[i].want.step, a.step * 1e-9);
        assert_true(a.low <= rows[i].low || i == 7);
        assert_true(a.high >= rows[i].high || i == 7);
        assert_close(a.low, rows[i].want.low, 1e-6);
        assert_close(a.high, rows[i].want.high, 1e-6);
    }
}

static void test_labels(void **state)
{
    (void)state;
    struct axis mib = {0, 15 * 1048576.0, 5 * 1048576.0};
    struct axis fine = {1.0, 1.5, 0.1};
    struct axis thousands = {410000, 416000, 2000};
    struct buf b;

    buf_init(&b, 500);
    axis_label_value(&b, &mib, 0, METRIC_BYTES);
    buf_addc(&b, '|');
    axis_label_value(&b, &mib, 5 * 1048576.0, METRIC_BYTES);
    buf_addc(&b, '|');
    axis_label_value(&b, &fine, 1.2, METRIC_COUNT);
    buf_addc(&b, '|');
    axis_label_value(&b, &thousands, 412000, METRIC_COUNT);
    assert_string_equal(buf_str(&b), "0|5 MiB|1.2|412,000");
    buf_release(&b);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        double to, at;
        const char *want;
    } rows[] = {
        {10, 4, "4 s"},         {250, 90, "1:30"},     {3000, 600, "10 min"},
        {9000, 5400, "1:30 h"}, {86400, 21600, "6 h"}, {864000, 172800, "2 d"},
        {0.5, 0.1, "0.1 s"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct axis a = axis_time(0, rows[i].to, 10);
        struct buf b;

        buf_init(&b, 50);
        axis_label_time(&b, &a, rows[i].at);
        assert_string_equal(buf_str(&b), rows[i].want);
        assert_true(rows[i].to / a.step <= 10.001);
        buf_release(&b);
    }
}

static void test_decimation_keeps_extremes(void **state)
{
    (void)state;
    static double v[10000];
    static unsigned char keep[10000];
    size_t kept = 0;

    for (size_t i = 0; i < 10000; i++)
        v[i] = (double)(i % 7);
    v[4321] = 1000;
    v[8765] = -1000;
    for (size_t i = 2000; i < 3000; i++)
        v[i] = NAN;
    decimate_mark(v, 10000, 100, keep);
    for (size_t i = 0; i < 10000; i++)
        kept += keep[i];
    assert_true(kept <= 102);
    assert_true(keep[4321] && keep[8765] && keep[0] && keep[9999]);
    size_t gap = 0;
    for (size_t i = 2000; i < 3000; i++)
        gap += keep[i];
    assert_true(gap >= 1); /* so that the line breaks */
    memset(keep, 0, sizeof keep);
    decimate_mark(v, 50, 100, keep);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(keep[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_decimation_keeps_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
