#include "reports/say.h"

#include "tests/unit/assert_close.h"

#include <math.h>

static void test_amounts(void **state)
{
    (void)state;
    static const struct {
        double v;
        enum metric_unit unit;
        const char *want, *growth;
    } rows[] = {
        {0, METRIC_BYTES, "0 B", "0 B"},
        {-0.0, METRIC_COUNT, "0", "0"},
        {9, METRIC_BYTES, "9 B", "9.0 B"},
        {812, METRIC_BYTES, "812 B", "812 B"},
        {0.3, METRIC_BYTES, "0.300 B", "0.300 B"},
        {0.048, METRIC_BYTES, "0.0480 B", "0.0480 B"},
        {4e-7, METRIC_COUNT, "0.00000040", "0.00000040"},
        {1023.9, METRIC_BYTES, "1.00 KiB", "1.00 KiB"},
        {2365, METRIC_BYTES, "2.31 KiB", "2.31 KiB"},
        {-2365, METRIC_BYTES, "-2.31 KiB", "-2.31 KiB"},
        {536870912, METRIC_BYTES, "512 MiB", "512 MiB"},
        {5e15, METRIC_BYTES, "4,547 TiB", "4,547 TiB"},
        {1, METRIC_COUNT, "1", "1.00"},
        {0.0996, METRIC_COUNT, "0.0996", "0.0996"},
        {0.00012, METRIC_COUNT, "0.00012", "0.00012"},
        {0.9996, METRIC_COUNT, "1.00", "1.00"},
        {51204, METRIC_COUNT, "51,204", "51,204"},
        {1.5, METRIC_SECONDS, "1.50 s", "1.50 s"},
        {NAN, METRIC_BYTES, "-", "-"},
        {INFINITY, METRIC_COUNT, "endless", "endless"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;

        buf_init(&b, 100);
        say_amount(&b, rows[i].v, rows[i].unit);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_reset(&b);
        say_growth(&b, rows[i].v, rows[i].unit);
        assert_string_equal(buf_str(&b), rows[i].growth);
        buf_release(&b);
    }
}

static void test_intervals(void **state)
{
    (void)state;
    static const struct {
        struct interval v;
        enum metric_unit unit;
        const char *want;
    } rows[] = {
        {{2365, 2325, 2405}, METRIC_BYTES, "2.31 KiB (2.27 .. 2.35)"},
        {{0.3, -4.2, 4.8}, METRIC_BYTES, "0.3 B (-4.2 .. 4.8)"},
        {{100, -5000, 5200}, METRIC_BYTES, "0.10 KiB (-4.88 .. 5.08)"},
        {{1, 0.997, 1.003}, METRIC_COUNT, "1.00 (1.00 .. 1.00)"},
        {{0, -0.00002, 0.00002}, METRIC_COUNT, "0 (-0.000020 .. 0.000020)"},
        {{7, NAN, NAN}, METRIC_COUNT, "7"},
        {{NAN, NAN, NAN}, METRIC_BYTES, "-"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;

        buf_init(&b, 100);
        say_interval(&b, &rows[i].v, rows[i].unit);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_release(&b);
    }
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        double s;
        const char *want;
    } rows[] = {
        {0, "0 ms"},
        {0.85, "850 ms"},
        {3.25, "3.2 s"},
        {42, "42 s"},
        {89.6, "1 min 30 s"},
        {252, "4 min 12 s"},
        {3599.7, "60 min 0 s"},
        {12000, "3 h 20 min"},
        {622080, "7.2 days"},
        {NAN, "-"},
        {1e12, "more than 100 years"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;

        buf_init(&b, 100);
        say_time(&b, rows[i].s);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_release(&b);
    }
}

static void test_time_intervals(void **state)
{
    (void)state;
    static const struct {
        struct interval v;
        const char *want;
    } rows[] = {
        {{840, 720, 1020}, "14 min (12 .. 17)"},
        {{8000, 7500, INFINITY}, "2.2 h (2.1 .. never)"},
        {{50, NAN, NAN}, "50 s"},
        {{NAN, NAN, NAN}, "-"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;

        buf_init(&b, 100);
        say_time_interval(&b, &rows[i].v);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_release(&b);
    }
}

static void test_shares_and_counts(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 200);
    say_percent(&b, 0.95);
    buf_addc(&b, '|');
    say_percent(&b, 0.003);
    buf_addc(&b, '|');
    say_percent(&b, 0.00001);
    buf_addc(&b, '|');
    say_percent(&b, NAN);
    buf_addc(&b, '|');
    say_count(&b, 1234567);
    buf_addc(&b, '|');
    say_count(&b, -999);
    buf_addc(&b, '|');
    say_range(&b, 2325, 2405, METRIC_BYTES);
    assert_string_equal(buf_str(&b), "95 %|0.3 %|< 0.1 %|-|1,234,567|-999|"
                                     "2.27 .. 2.35 KiB");
    buf_release(&b);
}

static void test_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t want;
    } rows[] = {
        {"", 0},
        {"One only", 8},
        {"One. Two.", 4},
        {"Grew (2 .. 3) by 1.5, ..., 4. Then", 29},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(say_sentence(rows[i].text), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_time_intervals),
        cmocka_unit_test(test_shares_and_counts),
        cmocka_unit_test(test_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
