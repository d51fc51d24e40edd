/* When the load generator itself was at fault, and in which words. */
#include "harness/cli/trouble.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <string.h>

static const struct trouble none = {.late_p99_ms = 0.2,
                                    .done = 1000,
                                    .cpu_s = 3,
                                    .duration_s = 10,
                                    .threads = 1};

static void no_trouble(void **state)
{
    struct trouble t = none;
    char out[300];

    (void)state;
    trouble_text(&t, out, sizeof out);
    assert_string_equal(out, "");
    t.late_p99_ms = NAN;
    t.cpu_s = 15;
    t.threads = 2;
    trouble_text(&t, out, sizeof out);
    assert_string_equal(out, "");
    t.duration_s = 0;
    trouble_text(&t, out, sizeof out);
    assert_string_equal(out, "");
}

static void each_is_said(void **state)
{
    struct trouble t = none;
    char out[300];

    (void)state;
    t.late_p99_ms = 412;
    trouble_text(&t, out, sizeof out);
    assert_string_equal(out, "1 % of the requests were sent over 412 ms after "
                             "they were due (up to 100 ms counts as on time)");
    t = none;
    t.starved = 17;
    trouble_text(&t, out, sizeof out);
    assert_string_equal(out, "the load generator ran out of descriptors, ports "
                             "or memory for 17 of 1000 requests");
    t = none;
    t.cpu_s = 9.8;
    trouble_text(&t, out, sizeof out);
    assert_ptr_equal(strstr(out, "the load generator was busy 98 % "), out);
}

static void all_are_said_and_cut(void **state)
{
    struct trouble t = {.late_p99_ms = 200,
                        .starved = 1,
                        .done = 2,
                        .cpu_s = 10,
                        .duration_s = 10,
                        .threads = 1};
    char out[400], little[40];

    (void)state;
    trouble_text(&t, out, sizeof out);
    assert_non_null(strstr(out, "1 of 2 requests; 1 % of the requests"));
    assert_non_null(strstr(out, "as on time); the load generator was busy"));
    trouble_text(&t, little, sizeof little);
    assert_int_equal(strlen(little), sizeof little - 1);
    assert_memory_equal(little, out, sizeof little - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_trouble),
        cmocka_unit_test(each_is_said),
        cmocka_unit_test(all_are_said_and_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
