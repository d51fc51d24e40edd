#include "harness/model/value.h"

#include "tests/unit/assert_close.h"

#include <string.h>

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: an error */
    } rows[] = {
        {"20s", 20000000000},
        {"100ms", 100000000},
        {" 4m ", 240000000000},
        {"1h", 3600000000000},
        {"7d", 604800000000000},
        {"1h30m", 5400000000000},
        {"1.5s", 1500000000},
        {"60us", 60000},
        {"60\xc2\xb5s", 60000},
        {"0", 0},
        {"0s", 0},
        {"10 min", 600000000000},
        {"20", -1},
        {"", -1},
        {"s", -1},
        {"-1s", -1},
        {"1s x", -1},
        {"1x", -1},
        {"1e30d", -1},
        {"0x10s", -1},
        {"inf", -1},
        {"nan s", -1},
        {"1s1s1s1s1s1s1s1s1s", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {""};
        int64_t ns = -1;
        int rc = value_duration(rows[i].text, &ns, &err);

        if (ns != rows[i].ns || (rc == 0) != (rows[i].ns >= 0) ||
            (rc != 0) != (err.msg[0] != '\0'))
            fail_msg("'%s': %d, %lld", rows[i].text, rc, (long long)ns);
    }
}

static int read_rate(const char *s, double *v)
{
    return value_rate(s, v, NULL);
}

static int read_size(const char *s, double *v)
{
    return value_size(s, v, NULL);
}

static int read_share(const char *s, double *v)
{
    return value_share(s, v, NULL);
}

static int read_factor(const char *s, double *v)
{
    return value_factor(s, v, NULL);
}

static int read_number(const char *s, double *v)
{
    return value_number(s, v, NULL);
}

static void test_numbers(void **state)
{
    static const struct {
        int (*read)(const char *s, double *v);
        const char *text;
        double want; /* NaN: an error */
    } rows[] = {
        {read_rate, "200/s", 200},
        {read_rate, "1000/min", 1000 / 60.0},
        {read_rate, "90 requests/hour", 90 / 3600.0},
        {read_rate, "200 rps", 200},
        {read_rate, "0.5/s", 0.5},
        {read_rate, "200", NAN},
        {read_rate, "200/", NAN},
        {read_rate, "200/s x", NAN},
        {read_rate, "fast", NAN},
        {read_size, "64 B", 64},
        {read_size, "64", 64},
        {read_size, "2 KiB", 2048},
        {read_size, "1M", 1048576},
        {read_size, "5 MB", 5e6},
        {read_size, "1.5G", 1.5 * 1073741824},
        {read_size, "-1", NAN},
        {read_size, "1 XB", NAN},
        {read_size, "1 KiBs", NAN},
        {read_share, "95%", 0.95},
        {read_share, "0.95", 0.95},
        {read_share, "0.1 %", 0.001},
        {read_share, "95", NAN},
        {read_share, "101%", NAN},
        {read_share, "-1%", NAN},
        {read_factor, "10x", 10},
        {read_factor, "0.5", 0.5},
        {read_factor, "0x", NAN},
        {read_factor, "-2x", NAN},
        {read_number, "8", 8},
        {read_number, "1e3", 1000},
        {read_number, ".5", 0.5},
        {read_number, "1 2", NAN},
        {read_number, "0x1p3", NAN},
        {read_number, "infinity", NAN},
        {read_number, "1e999", NAN},
        {read_number, "", NAN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = NAN;
        int rc = rows[i].read(rows[i].text, &v);

        if ((rc == 0) == isnan(rows[i].want))
            fail_msg("row %zu: '%s' gives %d", i, rows[i].text, rc);
        assert_close(v, rows[i].want, 1e-12);
    }
}

static void test_lengths_and_ranges(void **state)
{
    uint64_t n = 7;
    int64_t ns = 7, low, high;
    struct status_range st;

    (void)state;
    assert_int_equal(value_length("2000 requests", &n, &ns, NULL), 0);
    assert_true(n == 2000 && ns == 0);
    assert_int_equal(value_length("30s", &n, &ns, NULL), 0);
    assert_true(n == 0 && ns == 30000000000);
    assert_int_equal(value_length("2000", &n, &ns, NULL), -1);
    assert_int_equal(value_length("1.5 requests", &n, &ns, NULL), -1);
    assert_int_equal(value_length("-5 requests", &n, &ns, NULL), -1);
    assert_int_equal(value_duration_range("100ms..400ms", &low, &high, NULL),
                     0);
    assert_true(low == 100000000 && high == 400000000);
    assert_int_equal(value_duration_range("1s", &low, &high, NULL), 0);
    assert_true(low == high && low == 1000000000);
    assert_int_equal(value_duration_range("2s..1s", &low, &high, NULL), -1);
    assert_int_equal(value_duration_range("..1s", &low, &high, NULL), -1);
    assert_int_equal(value_status("201", &st, NULL), 0);
    assert_true(st.low == 201 && st.high == 201);
    assert_int_equal(value_status("200..299", &st, NULL), 0);
    assert_true(st.low == 200 && st.high == 299);
    assert_int_equal(value_status("200-204", &st, NULL), 0);
    assert_int_equal(value_status("4xx", &st, NULL), 0);
    assert_true(st.low == 400 && st.high == 499);
    for (size_t i = 0; i < 7; i++) {
        static const char *const bad[] = {"2001", "20",  "99",      "600",
                                          "9xx",  "abc", "299..200"};

        assert_int_equal(value_status(bad[i], &st, NULL), -1);
    }
}

static void test_tolerances(void **state)
{
    static const struct {
        const char *text;
        bool bytes;
        double want; /* NaN: an error */
        enum tolerance_per per;
    } rows[] = {
        {"64 B/request", true, 64, TOLERANCE_PER_REQUEST},
        {"0.01/request", false, 0.01, TOLERANCE_PER_REQUEST},
        {"5 MB/hour", true, 5e6, TOLERANCE_PER_HOUR},
        {"2 KiB / h", true, 2048, TOLERANCE_PER_HOUR},
        {"0/request", true, 0, TOLERANCE_PER_REQUEST},
        {"64 B/request", false, NAN, 0},
        {"64 B", true, NAN, 0},
        {"64 B/fortnight", true, NAN, 0},
        {"-1/request", false, NAN, 0},
        {"much/request", false, NAN, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum tolerance_per per = TOLERANCE_PER_REQUEST;
        double v = NAN;

        value_tolerance(rows[i].text, rows[i].bytes, &v, &per, NULL);
        assert_close(v, rows[i].want, 1e-12);
        if (!isnan(v))
            assert_int_equal(per, rows[i].per);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lengths_and_ranges),
        cmocka_unit_test(test_tolerances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
