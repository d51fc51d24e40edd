#include "harness/model/distinct.h"

#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, VALUES = 20000 };

static struct scenario_site sites[] = {
    {.group = 0, .most = INFINITY},
    {.group = 0, .most = INFINITY},
    {.group = 2, .most = INFINITY, .fresh = true},
    {.group = 3, .most = 10},
};

static struct scenario scenario = {.sites = sites, .nsites = 4};

static void add(struct distinct *d, size_t site, int value)
{
    char text[16];

    distinct_add(d, site, text,
                 (size_t)snprintf(text, sizeof text, "v%d", value));
}

static void test_exact(void **state)
{
    struct distinct *d = distinct_new(&scenario, 10000);

    (void)state;
    for (int i = 0; i < 6000; i++)
        add(d, 1, i % 3000);
    for (int i = 0; i < 6000; i++)
        add(d, 2, i); /* 3,000 of them were sent at the other site */
    for (int i = 0; i < 500; i++)
        add(d, 3, 1);
    add(d, 4, 7);
    assert_close(distinct_count(d, 1), 3000, 0);
    assert_close(distinct_count(d, 2), 3000, 0);
    assert_close(distinct_count(d, 3), 500, 0);
    assert_close(distinct_count(d, 4), 1, 0);
    distinct_free(d);
}

/* A set that is full no longer counts, and says so; the others go on. */
static void test_full(void **state)
{
    struct distinct *d = distinct_new(&scenario, 100);

    (void)state;
    for (int i = 0; i < 5000; i++)
        add(d, 1, i);
    add(d, 4, 1);
    assert_true(isnan(distinct_count(d, 1)));
    assert_true(isnan(distinct_count(d, 2)));
    assert_close(distinct_count(d, 4), 1, 0);
    distinct_free(d);
}

static void *add_all(void *d)
{
    for (int i = 0; i < VALUES; i++)
        add(d, 1, i);
    return NULL;
}

static void test_threads(void **state)
{
    struct distinct *d = distinct_new(&scenario, VALUES);
    pthread_t thread[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, add_all, d), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_close(distinct_count(d, 1), VALUES, 0);
    distinct_free(d);
}

static void test_nothing_varies(void **state)
{
    const struct scenario none = {0};

    (void)state;
    assert_null(distinct_new(&none, 10));
    distinct_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_nothing_varies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
