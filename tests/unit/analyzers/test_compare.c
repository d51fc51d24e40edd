#include "analyzers/compare.h"

#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <string.h>

static struct compare_number number(const char *metric, const char *kind,
                                    double low, double value, double high)
{
    struct compare_number n = {.per_request = {value, low, high},
                               .tolerance = 0.01,
                               .outcome = low > 0.01    ? OUTCOME_LEAK
                                          : high < 0.01 ? OUTCOME_PASS
                                                        : OUTCOME_INCONCLUSIVE};

    snprintf(n.metric, sizeof n.metric, "%s", metric);
    snprintf(n.kind, sizeof n.kind, "%s", kind);
    return n;
}

static void compare(struct compare_number a, struct compare_number b,
                    enum outcome after, struct comparison *c)
{
    struct compare_side x = {.numbers = &a, .n = 1};
    struct compare_side y = {.numbers = &b, .n = 1, .outcome = after};

    compare_judge(&x, &y, c);
}

static void test_table(void **state)
{
    static const struct {
        double before[3], after[3];
        enum outcome outcome;
        enum change want;
        int exit;
    } cases[] = {
        {{0.9, 1, 1.1}, {-0.002, 0, 0.002}, OUTCOME_PASS, CHANGE_FIXED, 0},
        {{0.9, 1, 1.1}, {0.9, 1, 1.1}, OUTCOME_LEAK, CHANGE_NOT_FIXED, 1},
        {{0.9, 1, 1.1}, {0.4, 0.5, 0.6}, OUTCOME_LEAK, CHANGE_NOT_FIXED, 1},
        {{0.9, 1, 1.1}, {1.9, 2, 2.1}, OUTCOME_LEAK, CHANGE_WORSE, 1},
        {{0.9, 1, 1.1},
         {-0.1, 0, 0.1},
         OUTCOME_INCONCLUSIVE,
         CHANGE_UNKNOWN,
         3},
        {{-0.002, 0, 0.002}, {0.9, 1, 1.1}, OUTCOME_LEAK, CHANGE_WORSE, 1},
        {{-0.002, 0, 0.002}, {-0.001, 0, 0.003}, OUTCOME_PASS, CHANGE_SAME, 0},
        {{-0.1, 0, 0.1},
         {-0.1, 0, 0.1},
         OUTCOME_INCONCLUSIVE,
         CHANGE_UNKNOWN,
         3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double *a = cases[i].before, *b = cases[i].after;
        struct comparison c;

        compare(number("fds", "", a[0], a[1], a[2]),
                number("fds", "", b[0], b[1], b[2]), cases[i].outcome, &c);
        if (c.change != cases[i].want)
            print_error("case %zu: %s\n", i, c.text);
        assert_int_equal(c.change, cases[i].want);
        assert_int_equal(c.rows[0].change, cases[i].want);
        assert_int_equal(compare_exit(&c), cases[i].exit);
        assert_true(c.text[0] != '\0' && c.rows[0].text[0] != '\0');
        compare_release(&c);
    }
}

/* The difference's interval: 3-4-5 triangles on both sides. */
static void test_difference(void **state)
{
    struct comparison c;

    (void)state;
    compare(number("fds", "", 7, 10, 14), number("fds", "", 17, 20, 24),
            OUTCOME_LEAK, &c);
    assert_close(c.rows[0].difference.value, 10, 1e-12);
    assert_close(c.rows[0].difference.low, 10 - 5, 1e-12);
    assert_close(c.rows[0].difference.high, 10 + 5, 1e-12);
    compare_release(&c);
}

/* Why it cannot be told, though the difference is plain. */
static void test_why_not(void **state)
{
    static const struct {
        double before, after;
        const char *why;
    } cases[] = {
        {0.008, 0.008, "; neither run decides it."},
        {0.008, 0, "; the run before does not decide it."},
        {0, 0.008, "; the run now does not decide it."},
        {1, 0.008, "; the run now does not decide it."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double a = cases[i].before, b = cases[i].after;
        struct comparison c;

        compare(number("fds", "", a / 2, a, 2 * a),
                number("fds", "", b / 2, b, 2 * b), OUTCOME_INCONCLUSIVE, &c);
        if (strstr(c.rows[0].text, cases[i].why) == NULL)
            print_error("case %zu: %s\n", i, c.rows[0].text);
        assert_non_null(strstr(c.rows[0].text, cases[i].why));
        assert_non_null(strstr(c.text, "how much more would settle it"));
        compare_release(&c);
    }
}

/* What vanished from the new run cannot be called fixed. */
static void test_missing(void **state)
{
    struct compare_number a = number("py_blocks", "", 0.9, 1, 1.1);
    struct compare_number b = number("rss_bytes", "", -0.001, 0, 0.001);
    struct compare_side x = {.numbers = &a, .n = 1};
    struct compare_side y = {.numbers = &b, .n = 1, .outcome = OUTCOME_PASS};
    struct compare_side none = {.outcome = OUTCOME_PASS};
    struct comparison c;

    (void)state;
    compare_judge(&x, &y, &c);
    assert_int_equal(c.change, CHANGE_UNKNOWN);
    assert_non_null(strstr(c.text, " per request before; not measured now."));
    compare_release(&c);
    compare_judge(&none, &none, &c);
    assert_int_equal(c.change, CHANGE_UNKNOWN);
    assert_int_equal(compare_exit(&c), 3);
    compare_release(&c);
}

/* One kind is fixed, another began: the run as a whole got worse. */
static void test_kinds(void **state)
{
    struct compare_number a[3] = {number("fds", "", 0.4, 0.5, 0.6),
                                  number("fds", "order", 0.9, 1, 1.1),
                                  number("fds", "browse", 0, 0, 0.001)};
    struct compare_number b[3] = {number("fds", "", 0.4, 0.5, 0.6),
                                  number("fds", "order", 0, 0, 0.001),
                                  number("fds", "browse", 0.9, 1, 1.1)};
    struct compare_side x = {.numbers = a, .n = 3};
    struct compare_side y = {.numbers = b, .n = 3, .outcome = OUTCOME_LEAK};
    struct comparison c;

    (void)state;
    compare_judge(&x, &y, &c);
    assert_int_equal(c.change, CHANGE_WORSE);
    assert_string_equal(c.rows[0].kind, "browse");
    assert_int_equal(c.rows[1].change, CHANGE_NOT_FIXED);
    assert_string_equal(c.rows[2].kind, "order");
    assert_int_equal(c.rows[2].change, CHANGE_FIXED);
    compare_release(&c);
}

/* A type speaks only where it leaks: silence is level where all objects are,
   and else nothing. */
static void test_types(void **state)
{
    struct compare_number leak[2] = {
        number("py_gc_objects", "", 0.9, 1, 1.1),
        number("objects:app.Order", "", 0.9, 1, 1.1)};
    struct compare_number level = number("py_gc_objects", "", -0.001, 0, 0.001);
    struct compare_number open = number("py_gc_objects", "", -0.5, 0, 0.5);
    struct compare_side with = {
        .numbers = leak, .n = 2, .outcome = OUTCOME_LEAK};
    struct compare_side without = {
        .numbers = &level, .n = 1, .outcome = OUTCOME_PASS};
    struct comparison c;

    (void)state;
    compare_judge(&with, &without, &c);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.change, CHANGE_FIXED);
    assert_int_equal(c.rows[0].change, CHANGE_FIXED);
    assert_int_equal(c.rows[1].change, CHANGE_FIXED);
    assert_true(strstr(c.rows[0].text, "stay level now") != NULL ||
                strstr(c.rows[1].text, "stay level now") != NULL);
    compare_release(&c);
    compare_judge(&without, &with, &c);
    assert_int_equal(c.change, CHANGE_WORSE);
    assert_int_equal(c.rows[1].change, CHANGE_WORSE);
    compare_release(&c);
    without.numbers = &open;
    compare_judge(&with, &without, &c);
    assert_int_equal(c.change, CHANGE_UNKNOWN);
    compare_release(&c);
    /* A metric that is no type and was not read: nobody speaks for it. */
    leak[1] = number("native_inuse_bytes", "", 0.9, 1, 1.1);
    without.numbers = &level;
    compare_judge(&with, &without, &c);
    assert_int_equal(c.change, CHANGE_UNKNOWN);
    compare_release(&c);
}

/* Among many numbers of two runs of one service, some differ by more than
   their own error: that is no regression, unless it is by more than the error
   of all of them together. */
static void test_many(void **state)
{
    enum { NUMBERS = 40 };
    static const struct {
        double after;
        enum change want;
    } cases[] = {{1.35, CHANGE_NOT_FIXED}, {1.8, CHANGE_WORSE}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        double at = cases[i].after;
        struct compare_number a[NUMBERS], b[NUMBERS];
        struct compare_side x = {.confidence = 0.95, .numbers = a};
        struct compare_side y = {.numbers = b, .outcome = OUTCOME_LEAK};
        struct comparison c;

        for (x.n = 0; x.n < NUMBERS; x.n++) {
            char metric[16];

            snprintf(metric, sizeof metric, "m%zu", x.n);
            a[x.n] = b[x.n] = number(metric, "", 0.9, 1, 1.1);
        }
        y.n = x.n;
        b[7].per_request = (struct interval){at, at - 0.2, at + 0.2};
        compare_judge(&x, &y, &c);
        assert_int_equal(c.change, cases[i].want);
        compare_release(&c);
        /* Alone it is told from the other by what it is worth. */
        compare(a[7], b[7], OUTCOME_LEAK, &c);
        assert_int_equal(c.change, CHANGE_WORSE);
        compare_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_difference),
        cmocka_unit_test(test_why_not), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_types),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
