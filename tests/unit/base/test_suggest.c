#include "harness/base/suggest.h"
#include "tests/unit/assert_close.h"

static void distances(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("", ""), 0);
    assert_int_equal(suggest_distance("weight", "wieght"), 1);
    assert_int_equal(suggest_distance("rate", "Rate"), 0);
    assert_int_equal(suggest_distance("blocks", "block"), 1);
    assert_int_equal(suggest_distance("abc", ""), 3);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void nearest(void **state)
{
    static const char *const words[] = {"rate", "ramp", "warmup", "timeout"};
    const char *best = NULL;
    size_t d = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        suggest_offer("warmpu", words[i], &best, &d);
    assert_string_equal(best, "warmup");
    best = NULL;
    for (size_t i = 0; i < 4; i++)
        suggest_offer("nothing_like_it", words[i], &best, &d);
    assert_null(best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
