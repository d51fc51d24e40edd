/* Is what was found large enough to be what leaks? */
#include "analyzers/explain.h"

#include "tests/unit/assert_close.h"

#include <math.h>

static void a_quarter_of_what_leaks(void **state)
{
    struct finding lead;
    struct metric m;
    struct verdict v = {.findings = &lead, .nfindings = 1};

    (void)state;
    metric_describe("native_inuse_bytes", &m);
    finding_init(&lead, &m);
    lead.per_request.value = 500;
    lead.per_hour.value = 7e6;
    assert_true(explains(&v, 125));
    assert_true(explains(&v, 5000));
    assert_false(explains(&v, 49));
    assert_false(explains(&v, 0));
    /* Not known: not excluded. */
    assert_true(explains(&v, NAN));
    v.types_per_hour = true;
    assert_false(explains(&v, 1e6));
    assert_true(explains(&v, 2e6));
    /* Counts are not bytes. */
    metric_describe("py_gc_objects", &m);
    finding_init(&lead, &m);
    lead.per_request.value = 500;
    v.types_per_hour = false;
    assert_true(explains(&v, 49));
    v.lead = -1;
    assert_true(explains(&v, 49));
}

static void what_surely_grows(void **state)
{
    struct type_growth types[] = {
        {"shop.Order", {.value = 1}, 64, 100, -1, true},
        {"builtins.tuple", {.value = 1}, 64, 100, -1, false},
        {"shop.Falls", {.value = -1}, 64, 100, -1, true},
    };
    struct verdict v = {.types = types, .ntypes = 3};

    (void)state;
    assert_true(explain_proven(&v, "shop.Order"));
    assert_false(explain_proven(&v, "builtins.tuple"));
    assert_false(explain_proven(&v, "shop.Falls"));
    assert_false(explain_proven(&v, "shop.Unheard"));
    assert_false(explain_proven(&v, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quarter_of_what_leaks),
        cmocka_unit_test(what_surely_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
