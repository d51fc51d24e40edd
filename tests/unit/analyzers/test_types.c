#include "analyzers/types.h"

#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <string.h>

/* A block of 500 requests takes six seconds (records.h). */
enum { BLOCKS = 8, TYPES = 300, PER_HOUR = 300000 };

static bool hours; /* what types_make said last */

static void add(struct record *r, size_t *cap, int block, const char *type,
                double count, double size)
{
    r->objects = mem_grow(r->objects, r->nobjects, cap, sizeof *r->objects);
    r->objects[r->nobjects++] =
        (struct record_object){.t_s = r->barriers.t_s[block],
                               .block = block,
                               .requests = r->barriers.requests[block],
                               .type = mem_strdup(type),
                               .count = count,
                               .bytes = count * size};
}

/* Many healthy types that wander a little, and what `grow` adds. */
static void make(struct record *r, uint64_t seed, bool grow)
{
    size_t cap = 0;
    struct rng rng;

    rng_init(&rng, seed);
    records_open(r, BLOCKS, 500);
    for (int b = 0; b <= BLOCKS; b++) {
        char name[40];
        double n = r->barriers.requests[b];

        for (int t = 0; t < TYPES; t++) {
            snprintf(name, sizeof name, "lib.Type%d", t);
            add(r, &cap, b, name,
                1 + floor(t / 3.0 + (t % 7) * fabs(rng_normal(&rng))), 80);
        }
        if (!grow)
            continue;
        add(r, &cap, b, "app.Order", 3 + n, 64);
        add(r, &cap, b, "builtins.dict", 900 + n, 232);
        add(r, &cap, b, "app.Cache", fmin(n, 900), 64);
        add(r, &cap, b, "app.Slow", floor(0.05 * n), 100);
    }
}

static void drop(struct record *r)
{
    for (size_t i = 0; i < r->nobjects; i++)
        free(r->objects[i].type);
    free(r->objects);
    records_close(r);
}

static const struct type_growth *find(const struct type_growth *t, size_t n,
                                      const char *type)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(t[i].type, type) == 0)
            return &t[i];
    return NULL;
}

static void test_found(void **state)
{
    struct type_growth *t;
    const struct type_growth *slow, *cache;
    struct record r;
    size_t n;

    (void)state;
    make(&r, 1, true);
    n = types_make(&r, 0.95, 0, NULL, &t, &hours);
    assert_string_equal(t[0].type, "app.Order");
    assert_string_equal(t[2].type, "builtins.dict");
    assert_close(t[0].count_per_request.value, 1, 0.001);
    assert_close(t[0].bytes_per_request, 64, 0.1);
    assert_close(t[0].count, 4003, 0);
    assert_true(t[0].group >= 0);
    assert_int_equal(t[0].group, t[2].group);
    slow = find(t, n, "app.Slow");
    assert_true(slow != NULL && slow->significant);
    assert_true(slow->count_per_request.low < 0.05 &&
                slow->count_per_request.high > 0.05);
    cache = find(t, n, "app.Cache"); /* full: grows no longer */
    assert_true(cache == NULL || !cache->significant);
    free(t);
    drop(&r);
}

/* Orders are one request in four here, and one in three as asked: counts and
   bytes are stated for what was asked. */
static void test_asked_mix(void **state)
{
    struct types_driver driver = {.per_request = 1 / 3.0};
    double done[BLOCKS + 1];
    struct type_growth *t;
    struct record r;
    size_t cap = 0;

    (void)state;
    records_open(&r, BLOCKS, 500);
    for (int b = 0; b <= BLOCKS; b++) {
        done[b] = floor(r.barriers.requests[b] / 4) + (b % 3 == 1);
        add(&r, &cap, b, "app.Order", 7 + done[b], 64);
        add(&r, &cap, b, "builtins.dict", 70 + done[b], 104);
    }
    driver.done = done;
    assert_int_equal(types_make(&r, 0.95, 0, &driver, &t, &hours), 2);
    assert_close(t[0].count_per_request.value, 1 / 3.0, 1e-6);
    assert_close(t[0].bytes_per_request, 64 / 3.0, 1e-4);
    assert_true(t[0].significant && t[0].group >= 0 &&
                t[0].group == t[1].group);
    free(t);
    drop(&r);
}

/* The program's own types come first when the command line names them: here
   the library's grow by more bytes. */
static void test_own(void **state)
{
    struct type_growth *t;
    struct record r;

    (void)state;
    make(&r, 1, true);
    for (size_t i = 0; i < r.nobjects; i++)
        if (strcmp(r.objects[i].type, "app.Order") == 0)
            memcpy(r.objects[i].type, "lib", 3);
    types_make(&r, 0.95, 0, NULL, &t, &hours);
    assert_string_equal(t[0].type, "lib.Order");
    free(t);
    r.command = (char *)"gunicorn -w 2 app:main";
    types_make(&r, 0.95, 0, NULL, &t, &hours);
    assert_string_equal(t[0].type, "app.Slow");
    assert_string_equal(t[1].type, "lib.Order");
    free(t);
    drop(&r);
}

/* False discoveries: over 40 healthy runs of 300 types each, a run with any
   is the exception. */
static void test_healthy(void **state)
{
    int runs = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct type_growth *t;
        struct record r;
        bool any = false;

        make(&r, 100 + seed, false);
        for (size_t i = types_make(&r, 0.95, 0, NULL, &t, &hours); i-- > 0;)
            any |= t[i].significant;
        runs += any;
        free(t);
        drop(&r);
    }
    assert_true(runs <= 5);
}

/* Types whose counts walk at random: of three hundred some walk far enough to
   be called if each were asked alone. Of all together none is, but in one run
   of twenty; and what leaks among them is. */
static void test_many_walk(void **state)
{
    enum { RUNS = 20, WALKS = 300 };
    int runs = 0;

    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        double at[WALKS];
        struct type_growth *t;
        struct record r;
        struct rng rng;
        size_t cap = 0, n;
        bool any = false;

        rng_init(&rng, 300 + seed);
        records_open(&r, BLOCKS, 500);
        for (int i = 0; i < WALKS; i++)
            at[i] = 1000;
        for (int b = 0; b <= BLOCKS; b++) {
            char name[40];

            for (int i = 0; i < WALKS; i++) {
                snprintf(name, sizeof name, "lib.Type%d", i);
                add(&r, &cap, b, name, at[i], 80);
                at[i] = fmax(floor(at[i] + 20 * rng_normal(&rng)), 0);
            }
            add(&r, &cap, b, "app.Order", 3 + r.barriers.requests[b], 64);
            add(&r, &cap, b, "lib.None", 0, 64); /* lists are whole */
        }
        n = types_make(&r, 0.95, 0, NULL, &t, &hours);
        assert_string_equal(t[0].type, "app.Order");
        assert_true(t[0].significant);
        for (size_t i = 1; i < n; i++)
            any |= t[i].significant;
        runs += any;
        free(t);
        drop(&r);
    }
    assert_true(runs <= 4);
}

/* A soak without barriers: what is counted now and then says the same, per
 * request or, where nobody counted those, per hour. */
static void test_soak(void **state)
{
    struct type_growth *t;
    struct record r;

    (void)state;
    for (int counted = 0; counted < 2; counted++) {
        make(&r, 1, true);
        for (size_t i = 0; i < r.nobjects; i++) {
            r.objects[i].block = -1;
            if (!counted)
                r.objects[i].requests = NAN;
        }
        types_make(&r, 0.95, 0, NULL, &t, &hours);
        assert_int_equal(hours, !counted);
        assert_string_equal(t[0].type, "app.Order");
        assert_true(t[0].significant);
        assert_close(t[0].count_per_request.value, counted ? 1 : PER_HOUR,
                     counted ? 0.001 : 300);
        free(t);
        drop(&r);
    }
}

static void test_empty(void **state)
{
    struct type_growth *t;
    struct record r;

    (void)state;
    records_open(&r, 3, 100);
    assert_int_equal(types_make(&r, 0.95, 0, NULL, &t, &hours), 0);
    free(t);
    records_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),     cmocka_unit_test(test_asked_mix),
        cmocka_unit_test(test_own),       cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_soak),      cmocka_unit_test(test_empty),
        cmocka_unit_test(test_many_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
