#include "analyzers/attribution.h"

#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/model/mixplan.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>

/* Blocks of a designed mix; `rate` objects per request of each kind. */
static void make(struct blocks *b, size_t kinds, size_t n,
                 const double *weights, const double *rate, double per_block,
                 double noise, uint64_t seed)
{
    double *share = mem_zalloc(kinds * n, sizeof *share), debt = 0;
    struct rng rng;

    rng_init(&rng, seed);
    mixplan_make(weights, kinds, n, seed, share);
    *b = (struct blocks){.n = n, .nkinds = kinds};
    b->d = mem_zalloc(n, sizeof *b->d);
    b->requests = mem_zalloc(n, sizeof *b->requests);
    b->hours = mem_zalloc(n, sizeof *b->hours);
    b->kinds = mem_zalloc(kinds, sizeof *b->kinds);
    for (size_t k = 0; k < kinds; k++) {
        b->kinds[k] = mem_zalloc(n, sizeof **b->kinds);
        for (size_t i = 0; i < n; i++) {
            b->kinds[k][i] = floor(share[i * kinds + k] * per_block + 0.5);
            b->requests[i] += b->kinds[k][i];
            b->d[i] += rate[k] * b->kinds[k][i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        double d = b->d[i] + debt + noise * rng_normal(&rng);

        b->d[i] = floor(d);
        debt = noise > 0 ? 0 : d - b->d[i];
        b->hours[i] = per_block / 200 / 3600 * (1 + 0.1 * rng_unit(&rng));
    }
    free(share);
}

static void drop(struct blocks *b)
{
    for (size_t k = 0; k < b->nkinds; k++)
        free(b->kinds[k]);
    free(b->kinds);
    free(b->d);
    free(b->requests);
    free(b->hours);
}

/* One of three leaks; the other two are not named, and time is not. */
static void test_one_of_three(void **state)
{
    const double w[3] = {6, 3, 1}, rate[3] = {0, 0, 2};
    struct blame out[5];
    struct blocks b;

    (void)state;
    make(&b, 3, 10, w, rate, 500, 0, 1);
    assert_int_equal(attribution_make(&b, 0, NULL, 1, 0.95, 7, out), 4);
    assert_true(out[2].named);
    assert_close(out[2].per_request.value, 2, 0.02);
    assert_true(out[2].per_request.low > 1.9);
    assert_int_equal(out[2].finding, 7);
    assert_false(out[0].named);
    assert_false(out[1].named);
    assert_false(out[3].named);
    assert_int_equal(out[3].kind, ATTRIBUTION_TIME);
    assert_close(out[0].per_request.value, 0, 0);
    drop(&b);
}

/* A kind that makes up one request in a hundred. */
static void test_rare(void **state)
{
    const double w[3] = {80, 19, 1}, rate[3] = {0, 0, 1};
    struct blame out[5];
    struct blocks b;

    (void)state;
    make(&b, 3, 12, w, rate, 1000, 0, 4);
    attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
    assert_true(out[2].named && !out[0].named && !out[1].named);
    assert_close(out[2].per_request.value, 1, 0.1);
    drop(&b);
}

/* Every request alike names every kind, at the same rate. */
static void test_alike(void **state)
{
    const double w[3] = {1, 1, 1}, rate[3] = {1, 1, 1};
    struct blame out[5];
    struct blocks b;

    (void)state;
    make(&b, 3, 12, w, rate, 300, 0, 2);
    b.hours[3] *= 3; /* a pause, so that time can be told from requests */
    attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
    for (int k = 0; k < 3; k++) {
        assert_true(out[k].named);
        assert_close(out[k].per_request.value, 1, 0.05);
    }
    assert_false(out[3].named);
    drop(&b);
}

/* A job came in one block: that block may be left to itself, and the others
 * then say well what a request keeps. */
static void test_one_odd_block(void **state)
{
    const double w[3] = {1, 1, 1}, rate[3] = {0, 0, 1};
    struct blame out[5];
    struct blocks b;

    (void)state;
    for (size_t odd = 2; odd < 16; odd += 3) {
        make(&b, 3, 16, w, rate, 600, 1, 3);
        b.d[odd] += 14;
        attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
        assert_true(out[2].named && !out[0].named && !out[1].named);
        assert_true(out[2].per_request.high - out[2].per_request.low < 0.006);
        assert_close(out[2].per_request.value, 1, 0.03);
        drop(&b);
    }
}

/* A background thread: growth with time, whatever is asked. */
static void test_time(void **state)
{
    const double w[3] = {1, 1, 1}, rate[3] = {0, 0, 0};
    struct blame out[5];
    struct blocks b;

    (void)state;
    make(&b, 3, 12, w, rate, 300, 0, 3);
    for (size_t i = 0; i < b.n; i++) {
        b.hours[i] *= 1 + (double)(i % 4);
        b.d[i] = floor(1e6 * b.hours[i]);
    }
    attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
    assert_true(out[3].named);
    assert_close(out[3].per_request.value, 1e6, 2e4);
    for (int k = 0; k < 3; k++)
        assert_false(out[k].named);
    drop(&b);
}

/* Two of twenty in twelve blocks: fewer blocks than kinds. */
static void test_twenty(void **state)
{
    double w[20], rate[20] = {0};
    struct blame out[22];
    struct blocks b;

    (void)state;
    for (int k = 0; k < 20; k++)
        w[k] = 1;
    rate[4] = 0.5;
    rate[11] = 3;
    make(&b, 20, 12, w, rate, 2000, 0, 5);
    attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
    for (int k = 0; k <= 20; k++)
        assert_int_equal(out[k].named, k == 4 || k == 11);
    assert_close(out[4].per_request.value, 0.5, 0.05);
    assert_close(out[11].per_request.value, 3, 0.05);
    drop(&b);
}

/* Healthy noise: an innocent kind is named in at most 1 of 20 runs. 60 runs,
   threshold at 8: with one in twenty the chance of more is 0.5 %. */
static void test_innocent(void **state)
{
    const double w[4] = {4, 3, 2, 1}, rate[4] = {0, 0, 0, 0};
    int wrong = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct blame out[6];
        struct blocks b;
        bool any = false;

        make(&b, 4, 10, w, rate, 300, 10, seed);
        attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
        for (int k = 0; k < 5; k++)
            any |= out[k].named;
        wrong += any;
        drop(&b);
    }
    assert_true(wrong <= 8);
}

/* A driver of kinds 0 .. nkinds - 1 that goes by `x`. */
static struct driven driven_of(struct driven_group *g,
                               enum record_driver_what what, double *x,
                               size_t n, const struct blocks *b, int *kinds,
                               double *ratio, size_t nkinds)
{
    double all = 0, sent = 0;

    for (size_t i = 0; i < n; i++) {
        all += x[i];
        for (size_t k = 0; k < nkinds; k++)
            sent += b->kinds[kinds[k]][i];
    }
    for (size_t k = 0; k < nkinds; k++)
        ratio[k] = all / sent;
    *g = (struct driven_group){.what = what,
                               .driver = 5,
                               .x = x,
                               .kinds = kinds,
                               .ratio = ratio,
                               .nkinds = nkinds};
    return (struct driven){.at = g, .n = 1};
}

enum { BLOCKS = 12 };

/* One of two kinds keeps something for each new value; how many of its
   requests bring one differs from block to block. */
static void values_of(struct blocks *b, double *x, double each, uint64_t seed)
{
    const double w[2] = {1, 1}, rate[2] = {0, 0};
    struct rng rng;

    make(b, 2, BLOCKS, w, rate, 1000, 0, seed);
    rng_init(&rng, seed + 77);
    for (size_t i = 0; i < BLOCKS; i++) {
        x[i] = floor(b->kinds[1][i] * (0.2 + 0.7 * rng_unit(&rng)));
        b->d[i] = each * x[i];
    }
}

static void test_distinct(void **state)
{
    double x[BLOCKS], ratio[1], sum = 0, sent = 0;
    int kinds[1] = {1};
    struct driven_group g;
    struct driven d;
    struct blame out[4];
    struct blocks b;

    (void)state;
    values_of(&b, x, 3, 1);
    d = driven_of(&g, RECORD_DISTINCT, x, BLOCKS, &b, kinds, ratio, 1);
    assert_int_equal(attribution_make(&b, 0, &d, 1, 0.95, 0, out), 3);
    assert_true(out[1].named && !out[0].named && !out[2].named);
    assert_int_equal(out[1].by, BLAME_DRIVER);
    assert_int_equal(out[1].driver, 5);
    assert_close(out[1].per_driver.value, 3, 0.01);
    for (size_t i = 0; i < BLOCKS; i++) {
        sum += b.d[i];
        sent += b.kinds[1][i];
    }
    assert_close(out[1].per_request.value, sum / sent, 0.01);
    drop(&b);
}

/* The same values, but growth goes with requests: the values are not named. */
static void test_requests_beside_values(void **state)
{
    double x[BLOCKS], ratio[1];
    int kinds[1] = {1};
    struct driven_group g;
    struct driven d;
    struct blame out[4];
    struct blocks b;

    (void)state;
    values_of(&b, x, 0, 2);
    for (size_t i = 0; i < BLOCKS; i++)
        b.d[i] = 2 * b.kinds[1][i];
    d = driven_of(&g, RECORD_DISTINCT, x, BLOCKS, &b, kinds, ratio, 1);
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_true(out[1].named && !out[0].named);
    assert_int_equal(out[1].by, BLAME_REQUESTS);
    assert_close(out[1].per_request.value, 2, 0.01);
    drop(&b);
}

/* Each request brings a new value: the kind is named, and nothing is claimed
   of the values. */
static void test_always_new(void **state)
{
    double x[BLOCKS], ratio[1];
    int kinds[1] = {1};
    struct driven_group g;
    struct driven d;
    struct blame out[4];
    struct blocks b;

    (void)state;
    values_of(&b, x, 0, 3);
    for (size_t i = 0; i < BLOCKS; i++) {
        x[i] = b.kinds[1][i];
        b.d[i] = 2 * x[i];
    }
    d = driven_of(&g, RECORD_DISTINCT, x, BLOCKS, &b, kinds, ratio, 1);
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_true(out[1].named && !out[0].named);
    assert_int_equal(out[1].by, BLAME_EITHER);
    assert_int_equal(out[1].driver, 5);
    assert_close(out[1].per_request.value, 2, 0.01);
    drop(&b);
}

/* The other kind asks the same with values that repeat, and does not grow:
   so it is the values. */
static void test_sibling(void **state)
{
    double x[BLOCKS], ratio[2];
    int kinds[2] = {0, 1};
    struct driven_group g;
    struct driven d;
    struct blame out[4];
    struct blocks b;

    (void)state;
    values_of(&b, x, 0, 4);
    for (size_t i = 0; i < BLOCKS; i++) {
        x[i] = b.kinds[1][i];
        b.d[i] = 2 * x[i];
    }
    d = driven_of(&g, RECORD_DISTINCT, x, BLOCKS, &b, kinds, ratio, 2);
    ratio[0] = 0.001;
    ratio[1] = 1;
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_true(out[1].named && !out[0].named);
    assert_int_equal(out[1].by, BLAME_DRIVER);
    assert_close(out[1].per_driver.value, 2, 0.01);
    /* Were it to grow as well, the values would not be to blame. */
    for (size_t i = 0; i < BLOCKS; i++)
        b.d[i] += 2 * b.kinds[0][i];
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_true(out[1].named && out[0].named);
    assert_int_equal(out[1].by, BLAME_EITHER);
    drop(&b);
}

/* A step that two of three flows share. */
static void test_step(void **state)
{
    const double w[3] = {2, 1, 1}, rate[3] = {0, 1, 1};
    double x[BLOCKS], ratio[2];
    int kinds[2] = {1, 2};
    struct driven_group g;
    struct driven d;
    struct blame out[5];
    struct blocks b;

    (void)state;
    make(&b, 3, BLOCKS, w, rate, 1000, 0, 5);
    for (size_t i = 0; i < BLOCKS; i++)
        x[i] = b.kinds[1][i] + b.kinds[2][i];
    d = driven_of(&g, RECORD_STEP, x, BLOCKS, &b, kinds, ratio, 2);
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_false(out[0].named);
    for (int k = 1; k < 3; k++) {
        assert_true(out[k].named);
        assert_int_equal(out[k].by, BLAME_DRIVER);
        assert_close(out[k].per_driver.value, 1, 0.01);
    }
    /* One flow alone: then it is not the step. */
    for (size_t i = 0; i < BLOCKS; i++)
        b.d[i] = b.kinds[1][i];
    attribution_make(&b, 0, &d, 1, 0.95, 0, out);
    assert_true(out[1].named && !out[2].named && !out[0].named);
    assert_int_equal(out[1].by, BLAME_REQUESTS);
    drop(&b);
}

/* Each connection leaves something behind; they come and go by themselves. */
static void test_connections(void **state)
{
    const double w[2] = {1, 1}, rate[2] = {0, 0};
    double x[BLOCKS];
    struct driven_group g;
    struct driven d;
    struct blame out[4];
    struct blocks b;
    struct rng rng;

    (void)state;
    make(&b, 2, BLOCKS, w, rate, 1000, 0, 6);
    rng_init(&rng, 12);
    for (size_t i = 0; i < BLOCKS; i++) {
        x[i] = 20 + (double)rng_below(&rng, 60);
        b.d[i] = 4 * x[i];
    }
    d = driven_of(&g, RECORD_CONNECTIONS, x, BLOCKS, &b, NULL, NULL, 0);
    assert_int_equal(attribution_make(&b, 0, &d, 1, 0.95, 0, out), 4);
    assert_int_equal(out[3].kind, ATTRIBUTION_CONNECTIONS);
    assert_true(out[3].named);
    assert_close(out[3].per_request.value, 4, 0.01);
    assert_true(!out[0].named && !out[1].named && !out[2].named);
    /* What connections that stay open hold is nobody's leak. */
    d.held = 1e6;
    assert_int_equal(attribution_make(&b, 0, &d, 1, 0.95, 0, out), 3);
    assert_true(!out[0].named && !out[1].named && !out[2].named);
    drop(&b);
}

/* With one kind of request there is still time to tell it from. */
static void test_one_kind(void **state)
{
    const double w[1] = {1}, rate[1] = {1};
    struct blame out[3];
    struct blocks b;
    double **kinds;

    (void)state;
    make(&b, 1, BLOCKS, w, rate, 300, 0, 7);
    kinds = b.kinds;
    b.nkinds = 0;
    b.kinds = NULL;
    assert_int_equal(attribution_make(&b, 0, NULL, 1, 0.95, 0, out), 2);
    assert_true(out[0].named && !out[1].named);
    for (size_t i = 0; i < BLOCKS; i++) {
        b.hours[i] *= 1 + (double)(i % 4);
        b.d[i] = floor(1e6 * b.hours[i]);
    }
    attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
    assert_true(out[1].named && !out[0].named);
    assert_close(out[1].per_request.value, 1e6, 2e4);
    b.kinds = kinds;
    b.nkinds = 1;
    drop(&b);
}

/* Noise, and three drivers that could explain it: still nobody is named in
   more than 1 of 20 runs (threshold as above). */
static void test_innocent_drivers(void **state)
{
    const double w[4] = {4, 3, 2, 1}, rate[4] = {0, 0, 0, 0};
    int wrong = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        double x[3][BLOCKS], ratio[3] = {0};
        int kinds[3] = {0, 1, 2};
        struct driven_group g[3];
        struct blame out[6];
        struct blocks b;
        struct rng rng;
        bool any = false;
        size_t n;

        make(&b, 4, BLOCKS, w, rate, 300, 10, seed);
        rng_init(&rng, seed + 500);
        for (int k = 0; k < 3; k++) {
            for (size_t i = 0; i < BLOCKS; i++)
                x[k][i] = floor(b.kinds[k][i] * rng_unit(&rng));
            driven_of(&g[k], RECORD_DISTINCT, x[k], BLOCKS, &b, &kinds[k],
                      &ratio[k], 1);
        }
        n = attribution_make(&b, 0, &(struct driven){.at = g, .n = 3}, 1, 0.95,
                             0, out);
        for (size_t k = 0; k < n; k++)
            any |= out[k].named;
        wrong += any;
        drop(&b);
    }
    assert_true(wrong <= 8);
}

static void test_too_little(void **state)
{
    const double w[2] = {1, 1}, rate[2] = {1, 0};
    struct blame out[4];
    struct blocks b;

    (void)state;
    make(&b, 2, 3, w, rate, 300, 0, 1);
    assert_int_equal(attribution_make(&b, 0, NULL, 1, 0.95, 0, out), 0);
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_three),
        cmocka_unit_test(test_rare),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_one_odd_block),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_twenty),
        cmocka_unit_test(test_innocent),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_requests_beside_values),
        cmocka_unit_test(test_always_new),
        cmocka_unit_test(test_sibling),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_one_kind),
        cmocka_unit_test(test_innocent_drivers),
        cmocka_unit_test(test_too_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
