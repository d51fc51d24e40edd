/* Who listens to some columns only hears of those what he would have heard of
 * all. */
#include "tests/unit/assert_close.h"

#include "analyzers/column.h"
#include "analyzers/continuous.h"
#include "harness/base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { N = 300, COLUMNS = 5 };

static const char *const names[COLUMNS] = {"rss_bytes", "uss_bytes", "threads",
                                           "fds", "pss_bytes"};

/* Resident memory grows by `growth` in rough steps, the part of it that is
 * private as well, and smoothly; threads come and go; descriptors leak. */
static void make(struct series *s, double growth)
{
    struct rng r;

    rng_init(&r, 3);
    *s = (struct series){.n = N, .ncolumns = COLUMNS};
    s->t_s = calloc(N, sizeof(double));
    s->requests = calloc(N, sizeof(double));
    s->columns = calloc(COLUMNS, sizeof *s->columns);
    for (size_t c = 0; c < COLUMNS; c++) {
        s->columns[c].name = strdup(names[c]);
        metric_describe(names[c], &s->columns[c].metric);
        s->columns[c].v = calloc(N, sizeof(double));
    }
    for (size_t i = 0; i < N; i++) {
        double rise = growth * (double)i / N;

        s->t_s[i] = (double)i;
        s->requests[i] = 50. * (double)i;
        s->columns[0].v[i] = round(100e6 + rise + 300e3 * rng_normal(&r));
        s->columns[1].v[i] = round(60e6 + rise + 20e3 * rng_normal(&r));
        s->columns[2].v[i] = 20 + round(2 * rng_normal(&r));
        s->columns[3].v[i] = 10 + floor((double)i / 3);
        s->columns[4].v[i] = NAN;
    }
}

static void assert_interval(const struct interval *a, const struct interval *b)
{
    assert_close(a->value, b->value, 0);
    assert_close(a->low, b->low, 0);
    assert_close(a->high, b->high, 0);
}

static void assert_finding(const struct finding *a, const struct finding *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->judged, b->judged);
    assert_interval(&a->per_request, &b->per_request);
    assert_interval(&a->per_hour, &b->per_hour);
    assert_close(a->minimum_per_request, b->minimum_per_request, 0);
    assert_close(a->minimum_per_hour, b->minimum_per_hour, 0);
    assert_close(a->more_requests, b->more_requests, 0);
    assert_string_equal(a->reason, b->reason);
}

/* Listens with every set of outcomes to each column alone, and to all. */
static void listen(double growth, enum outcome memory)
{
    struct continuous all, some;
    struct policy p;
    struct series s;

    policy_default(&p);
    make(&s, growth);
    continuous_judge(&s, &p, &all);
    assert_int_equal(all.n, COLUMNS);
    assert_int_equal(all.findings[0].outcome, memory);
    for (unsigned set = 0; set <= COLUMN_HEARD; set++)
        for (size_t c = 0; c <= COLUMNS; c++) {
            unsigned char heard[COLUMNS] = {0};

            for (size_t i = 0; i < COLUMNS; i++)
                heard[i] = i == c || c == COLUMNS ? (unsigned char)set : 0;
            continuous_listen(&s, &p, heard, &some);
            assert_int_equal(some.n, all.n);
            for (size_t i = 0; i < COLUMNS; i++) {
                assert_int_equal(some.findings[i].judged,
                                 all.findings[i].judged);
                if (heard[i] >> all.findings[i].outcome & 1)
                    assert_finding(&some.findings[i], &all.findings[i]);
            }
            continuous_release(&some);
        }
    continuous_release(&all);
    series_release(&s);
}

static void test_leak(void **state)
{
    (void)state;
    listen(40e6, OUTCOME_LEAK);
}

static void test_pass(void **state)
{
    (void)state;
    listen(0, OUTCOME_PASS);
}

static void test_open(void **state)
{
    (void)state;
    listen(4e6, OUTCOME_INCONCLUSIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leak),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
