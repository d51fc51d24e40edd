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

enum { ROWS = 400 };

/* Samples every three seconds: each column at its level, with steps of a page,
 * and what `rise` adds to the first in all. */
static void samples_open(struct record *r, const char *const *names, size_t n,
                         double rise)
{
    struct series *s = &r->samples;

    *r = (struct record){.limit_bytes = NAN};
    policy_default(&r->policy);
    s->n = ROWS;
    s->t_s = mem_zalloc(ROWS, sizeof *s->t_s);
    s->requests = mem_zalloc(ROWS, sizeof *s->requests);
    s->columns = mem_zalloc(n, sizeof *s->columns);
    s->ncolumns = n;
    for (size_t c = 0; c < n; c++) {
        struct column *k = &s->columns[c];

        k->name = mem_strdup(names[c]);
        metric_describe(k->name, &k->metric);
        k->v = mem_zalloc(ROWS, sizeof *k->v);
        for (size_t i = 0; i < ROWS; i++)
            k->v[i] = 60e6 + 4096 * (double)(i * (7 + c) * 7919 % 23) +
                      (c == 0 ? rise * (double)i / ROWS : 0);
    }
    for (size_t i = 0; i < ROWS; i++) {
        s->t_s[i] = 3 * (double)i;
        s->requests[i] = 900 * (double)i;
    }
}

static void samples_close(struct record *r)
{
    series_release(&r->samples);
    policy_release(&r->policy);
}

/* On samples the control is asked for. A minimum that is too small is a lie,
 * and no pass rests on it. */
static void test_samples(void **state)
{
    static const char *const names[] = {"rss_bytes"};
    struct record r;
    struct verdict v;

    (void)state;
    samples_open(&r, names, 1, 0);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_false(v.control_ran);
    verdict_release(&v);
    r.policy.self_check = true;
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_true(v.control_ran && v.control_ok);
    assert_non_null(strstr(v.control_text, "was found"));
    v.findings[v.lead].minimum_per_hour /= 1000;
    v.findings[v.lead].minimum_per_request /= 1000;
    control_run(&r, &r.policy, &v);
    assert_false(v.control_ok);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    assert_non_null(strstr(v.control_text, "was not found"));
    verdict_release(&v);
    samples_close(&r);
}

/* RSS grows by pages that workers share, until most are written to: it is
 * excused, and no leak that is planted turns it by itself. The pass states what
 * the whole would call. */
static void test_stated_by_the_whole(void **state)
{
    static const char *const names[] = {"rss_bytes", "pss_bytes"};
    struct record r;
    struct verdict v;
    const struct finding *lead;

    (void)state;
    samples_open(&r, names, 2, 0);
    for (size_t i = 0; i < ROWS; i++)
        r.samples.columns[0].v[i] += 60e6 * fmin((double)i / ROWS, 0.9);
    r.policy.self_check = true;
    verdict_judge(&r, NULL, &v);
    lead = verdict_lead(&v);
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_string_equal(lead->name, "pss_bytes");
    assert_true(lead->minimum_per_hour > lead->tolerance_per_hour);
    assert_close(lead->minimum_per_request, lead->minimum_per_hour / 3600 / 300,
                 1e-6);
    assert_true(v.control_ran && v.control_ok);
    verdict_release(&v);
    samples_close(&r);
}

/* Readings that never move would have been called at more than the
 * tolerance, and at no less than what is stated. */
static void test_constant(void **state)
{
    static const char *const names[] = {"rss_bytes"};
    struct record r;
    struct verdict v;

    (void)state;
    samples_open(&r, names, 1, 0);
    for (size_t i = 0; i < ROWS; i++)
        r.samples.columns[0].v[i] = 1e8;
    r.policy.self_check = true;
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_PASS);
    assert_true(v.findings[0].minimum_per_request >
                v.findings[0].tolerance_per_request);
    assert_true(v.control_ran && v.control_ok);
    verdict_release(&v);
    samples_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_raised),
        cmocka_unit_test(test_blind),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_stated_by_the_whole),
        cmocka_unit_test(test_constant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
