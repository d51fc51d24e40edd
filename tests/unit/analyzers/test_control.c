#include "analyzers/control.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

static const double jitter[10] = {4, -7, 2, 5, -3, -6, 8, 1, -9, 4};

static struct verdict judge(struct record *r)
{
    struct verdict v;

    records_open(r, 10, 400);
    records_column(r, "py_gc_objects", 60000, jitter);
    records_column(r, "rss_bytes", 60e6, NULL);
    verdict_judge(r, NULL, &v);
    return v;
}

static struct finding *objects(struct verdict *v)
{
    for (size_t i = 0; i < v->nfindings; i++)
        if (strcmp(v->findings[i].name, "py_gc_objects") == 0)
            return &v->findings[i];
    fail();
    return NULL;
}

/* A pass has seen a planted leak of its stated minimum turn the verdict. */
static void test_pass(void **state)
{
    struct record r;
    struct verdict v = judge(&r);

    (void)state;
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_true(v.control_ran && v.control_ok);
    assert_non_null(strstr(v.control_text, "was found"));
    verdict_release(&v);
    records_close(&r);
}

/* A minimum that is too small is raised until it is true. */
static void test_raised(void **state)
{
    struct record r;
    struct verdict v = judge(&r);
    struct finding *f;
    double honest;

    (void)state;
    for (size_t i = 0; i < v.nfindings; i++)
        v.findings[i].judged = strcmp(v.findings[i].name, "rss_bytes") != 0;
    f = objects(&v);
    v.lead = (int)(f - v.findings);
    honest = f->minimum_per_request;
    f->minimum_per_request = honest / 4;
    v.control_ok = false;
    control_run(&r, &r.policy, &v);
    assert_true(v.control_ok);
    assert_true(f->minimum_per_request > honest / 4);
    verdict_release(&v);
    records_close(&r);
}

/* A judgement that no leak can turn is blind: never a pass. */
static void test_blind(void **state)
{
    struct record r;
    struct verdict v = judge(&r);

    (void)state;
    for (size_t i = 0; i < v.nfindings; i++)
        v.findings[i].minimum_per_request = 1e-9;
    v.control_ok = false;
    control_run(&r, &r.policy, &v);
    assert_true(v.control_ran);
    assert_false(v.control_ok);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    assert_non_null(strstr(v.control_text, "was not found"));
    verdict_release(&v);
    records_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_raised),
        cmocka_unit_test(test_blind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
