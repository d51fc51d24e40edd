#include "reports/report_impl.h"

#include "tests/unit/reports/fixture.h"
#include "tests/unit/reports/golden.h"

static const char *const names[] = {"leak", "pass", "inconclusive"};

static void test_text(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct fixture f;
        struct buf out;
        char *name = mem_printf("%s.txt", names[c]);

        buf_init(&out, 1 << 20);
        fixture_open(&f, (enum fixture_case)c);
        report_text(&f.in, false, 80, &out);
        assert_golden(name, &out);
        fixture_close(&f);
        buf_release(&out);
        free(name);
    }
}

static void check_reporter(const struct report_ops *ops)
{
    for (int c = 0; c < 3; c++) {
        struct fixture f;
        struct buf out, again;
        char *name = mem_printf("%s-%s", names[c], ops->artifact);

        buf_init(&out, 1 << 22);
        buf_init(&again, 1 << 22);
        fixture_open(&f, (enum fixture_case)c);
        assert_int_equal(ops->render(&f.in, &out, NULL), 0);
        assert_int_equal(ops->render(&f.in, &again, NULL), 0);
        assert_string_equal(buf_str(&out), buf_str(&again));
        assert_golden(name, &out);
        fixture_close(&f);
        buf_release(&out);
        buf_release(&again);
        free(name);
    }
}

static void test_json(void **state)
{
    (void)state;
    check_reporter(&report_ops_json);
}

static void test_junit(void **state)
{
    (void)state;
    check_reporter(&report_ops_junit);
}

static void test_markdown(void **state)
{
    (void)state;
    check_reporter(&report_ops_markdown);
}

static void test_widths_and_colours(void **state)
{
    (void)state;
    static const int widths[] = {1, 40, 60, 80, 100, 200, 0};
    struct fixture f;

    fixture_open(&f, FIXTURE_LEAK);
    f.in.out_dir = NULL;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        struct buf plain;
        size_t limit = widths[i] == 0 ? 80 : widths[i] < 40 ? 40 : 120;

        if (widths[i] >= 40 && widths[i] < 120)
            limit = (size_t)widths[i];
        buf_init(&plain, 1 << 20);
        report_text(&f.in, false, widths[i], &plain);
        assert_null(strchr(buf_str(&plain), 0x1b));
        for (const char *s = buf_str(&plain); *s != '\0';) {
            size_t n = strcspn(s, "\n");

            assert_true(n <= limit || strncmp(s, "LEAK", 4) == 0);
            s += n + (s[n] == '\n');
        }
        buf_release(&plain);
    }
    struct buf colour;
    buf_init(&colour, 1 << 20);
    report_text(&f.in, true, 80, &colour);
    assert_ptr_equal(strstr(buf_str(&colour), "\x1b[1;31mLEAK\x1b[0m"),
                     buf_str(&colour));
    buf_release(&colour);
    fixture_close(&f);
}

/* A failed target must never read as a plateau. */
static void test_failed_target_comes_first(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;

    fixture_open(&f, FIXTURE_PASS);
    f.in.exit_code = 4;
    f.record.target_failed = true;
    free(f.record.end_detail);
    f.record.end_detail = mem_strdup("worker 4713 was OOM-killed");
    buf_init(&out, 1 << 20);
    report_text(&f.in, false, 80, &out);
    assert_ptr_equal(strstr(buf_str(&out), "FAILED  shop-soak"), buf_str(&out));
    assert_non_null(strstr(buf_str(&out), "worker 4713 was OOM-killed"));
    buf_reset(&out);
    report_ops_junit.render(&f.in, &out, NULL);
    assert_non_null(strstr(buf_str(&out), "errors=\"1\""));
    assert_non_null(strstr(buf_str(&out), "type=\"target-failed\""));
    buf_release(&out);
    fixture_close(&f);
}

static void test_junit_inconclusive_policy(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;

    fixture_open(&f, FIXTURE_INCONCLUSIVE);
    buf_init(&out, 1 << 20);
    report_ops_junit.render(&f.in, &out, NULL);
    assert_non_null(strstr(buf_str(&out), "failures=\"0\" errors=\"0\" "
                                          "skipped=\"2\""));
    f.record.policy.inconclusive_fails = true;
    buf_reset(&out);
    report_ops_junit.render(&f.in, &out, NULL);
    assert_non_null(strstr(buf_str(&out), "failures=\"2\" errors=\"0\" "
                                          "skipped=\"0\""));
    buf_release(&out);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_junit),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_widths_and_colours),
        cmocka_unit_test(test_failed_target_comes_first),
        cmocka_unit_test(test_junit_inconclusive_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
