#include "harness/model/csv.h"

#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

static void test_rows(void **state)
{
    (void)state;
    char text[] = "a,b,c\r\n"
                  "1,\"x, \"\"y\"\"\",3\n"
                  "\n"
                  "2,,\n"
                  "short\n"
                  "\"open,quote\n"
                  "4,5,6";
    struct csv c;

    csv_init(&c, text, strlen(text));
    assert_int_equal(csv_column(&c, "a"), 0);
    assert_int_equal(csv_column(&c, "c"), 2);
    assert_int_equal(csv_column(&c, "d"), -1);
    assert_true(csv_next(&c));
    assert_string_equal(csv_text(&c, 1), "x, \"y\"");
    assert_close(csv_number(&c, 2), 3, 0);
    assert_close(csv_number(&c, 1), NAN, 0);
    assert_true(csv_next(&c));
    assert_string_equal(csv_text(&c, 1), "");
    assert_close(csv_number(&c, 2), NAN, 0);
    assert_true(csv_next(&c));
    assert_string_equal(csv_text(&c, 2), "");
    assert_string_equal(csv_text(&c, -1), "");
    assert_true(csv_next(&c)); /* an open quote ends with its line */
    assert_string_equal(csv_text(&c, 0), "open,quote");
    assert_false(csv_next(&c)); /* the cut last line */
    csv_release(&c);
}

static void test_numbers(void **state)
{
    (void)state;
    char text[] = "v\n1e3\n-2.5\nnan\ninf\n1x\n1e999\n";
    double want[] = {1000, -2.5, NAN, NAN, NAN, NAN};
    struct csv c;

    csv_init(&c, text, strlen(text));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(csv_next(&c));
        assert_close(csv_number(&c, 0), want[i], 0);
    }
    assert_false(csv_next(&c));
    csv_release(&c);
}

static void test_empty(void **state)
{
    (void)state;
    const char *texts[] = {"", "\n\n", "a,b", "a\n"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = strdup(texts[i]);
        struct csv c;

        csv_init(&c, text, strlen(text));
        assert_false(csv_next(&c));
        csv_release(&c);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
