#include "analyzers/sequential.h"

#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/effort.h"

/* Judges the first `blocks` blocks of a series of differences. */
static struct verdict look(const double *d, size_t blocks, double per_block,
                           const char *metric)
{
    struct record r;
    struct verdict v;

    records_open(&r, blocks, per_block);
    records_column(&r, metric, 60000, d);
    verdict_judge(&r, NULL, &v);
    records_close(&r);
    return v;
}

/* The first look at which a run may stop; 0: never. */
static size_t stops_at(const double *d, size_t n, double per_block,
                       enum outcome *o)
{
    for (size_t b = 3; b <= n; b++) {
        struct verdict v = look(d, b, per_block, "py_gc_objects");
        bool certain = v.certain;

        *o = v.outcome;
        verdict_release(&v);
        if (certain)
            return b;
    }
    return 0;
}

/* One object per request is decided within 3,000 requests; and not before a
   cache of 2,000 entries would have shown itself. */
static void test_leak_in_time(void **state)
{
    const double d[10] = {300, 301, 300, 300, 299, 300, 300, 301, 300, 300};
    enum outcome o;
    size_t b;

    (void)state;
    b = stops_at(d, 10, 300, &o);
    assert_int_equal(o, OUTCOME_LEAK);
    assert_true(b >= 7 && b <= 10);
}

static void test_small_leak_in_time(void **state)
{
    const double d[8] = {20, 21, 20, 20, 19, 20, 20, 21};
    enum outcome o;
    size_t b = stops_at(d, 8, 400, &o);

    (void)state;
    assert_int_equal(o, OUTCOME_LEAK);
    assert_true(b > 0 && b <= 8);
}

static void test_pass_in_time(void **state)
{
    const double d[10] = {12, 3, 0, 0, 0, 0, 0, 0, 0, 0};
    enum outcome o;
    size_t b = stops_at(d, 10, 500, &o);

    (void)state;
    assert_int_equal(o, OUTCOME_PASS);
    assert_true(b >= 5);
}

/* Caches of several sizes that fill, entry by entry or key by key: no look may
   call them a certain leak. */
static void test_caches(void **state)
{
    static const double sizes[] = {128, 512, 1000, 1024, 2048};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int random = 0; random < 2; random++) {
            double d[14], held = 0;
            enum outcome o;

            for (int b = 0; b < 14; b++) {
                double x = 400.0 * (b + 1), now;

                now = random ? floor(sizes[i] * -expm1(-x / sizes[i]))
                             : fmin(x, sizes[i]);
                d[b] = now - held;
                held = now;
            }
            assert_true(stops_at(d, 14, 400, &o) == 0 || o == OUTCOME_PASS);
        }
}

/* Only one request in three brings an entry: what counts is how many those
   were. */
static void test_cache_of_one_kind(void **state)
{
    const double mix[4] = {171, 29, 150, 50};

    (void)state;
    for (size_t blocks = 5; blocks <= 16; blocks++) {
        double orders[16], d[16], all = 0, held = 0;
        struct record r;
        struct verdict v;

        for (size_t b = 0; b < blocks; b++) {
            orders[b] = mix[b % 4];
            all += orders[b];
            d[b] = fmin(all, 1024) - held;
            held = fmin(all, 1024);
        }
        records_open(&r, blocks, 300);
        records_column(&r, "py_gc_objects", 60000, d);
        r.nkinds = 2;
        r.kinds = mem_zalloc(2, sizeof *r.kinds);
        for (size_t k = 0; k < 2; k++) {
            r.kinds[k].name = mem_strdup(k > 0 ? "order" : "browse");
            r.kinds[k].weight = k > 0 ? 1 : 2;
            r.kinds[k].completed =
                mem_zalloc(r.barriers.n, sizeof *r.kinds[k].completed);
            for (size_t b = 0; b < blocks; b++)
                r.kinds[k].completed[b + 1] =
                    r.kinds[k].completed[b] +
                    (k > 0 ? orders[b] : 300 - orders[b]);
        }
        verdict_judge(&r, NULL, &v);
        assert_false(v.certain && v.outcome == OUTCOME_LEAK);
        verdict_release(&v);
        records_close(&r);
    }
}

/* A leak is told when its request is; a pass, or one kind of request, has
   nothing to tell. */
static void test_told(void **state)
{
    struct blame blame = {.finding = 0, .kind = 1};
    struct verdict v = {.outcome = OUTCOME_LEAK};
    struct record r = {.nkinds = 2};

    (void)state;
    assert_false(sequential_told(&r, &v));
    v.blames = &blame;
    v.nblames = 1;
    assert_false(sequential_told(&r, &v));
    blame.named = true;
    assert_true(sequential_told(&r, &v));
    blame.named = false;
    v.outcome = OUTCOME_PASS;
    assert_true(sequential_told(&r, &v));
    v.outcome = OUTCOME_LEAK;
    r.nkinds = 1;
    assert_true(sequential_told(&r, &v));
}

/* The error over the whole path: 16 healthy runs of 14 looks, with readings
   that jitter by ten objects. One false certainty in 200 is promised; two in
   16 would happen by chance once in 400 times that. */
static void test_path(void **state)
{
    int wrong = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 16; seed += (uint64_t)effort_step()) {
        double d[14], last = 0;
        struct rng rng;
        enum outcome o;

        rng_init(&rng, seed);
        for (int b = 0; b < 14; b++) {
            double now = floor(10 * rng_normal(&rng) + 0.5);

            d[b] = now - last;
            last = now;
        }
        wrong += stops_at(d, 14, 400, &o) > 0 && o == OUTCOME_LEAK;
    }
    assert_true(wrong <= 1);
}

/* Spending adds up to no more than the whole. */
static void test_spending(void **state)
{
    struct barriers_rule rule, whole;
    struct policy p;
    double leak = 0, pass = 0;

    (void)state;
    policy_default(&p);
    barriers_rule(&p, &whole);
    for (size_t n = 3; n < 5000; n++) {
        sequential_rule(&p, n, &rule);
        leak += rule.alpha_leak;
        pass += rule.alpha_pass;
        assert_true(rule.strict);
    }
    assert_true(leak <= whole.alpha_leak && leak > 0.99 * whole.alpha_leak);
    assert_true(pass <= whole.alpha_pass);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leak_in_time),
        cmocka_unit_test(test_small_leak_in_time),
        cmocka_unit_test(test_pass_in_time),
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_cache_of_one_kind),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_spending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
