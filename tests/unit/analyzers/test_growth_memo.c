/* A memo saves work and changes nothing: not when another column shares the
 * blocks, nor when only the restarts in them differ. */
#include "tests/unit/assert_close.h"

#include "analyzers/growth.h"
#include "analyzers/growth_memo.h"
#include "analyzers/lives.h"
#include "harness/base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { N = 14, PROCESSES = 5 };

static double d[N], requests[N], hours[N], restarts[N], kind[2][N];
static struct life lives[PROCESSES];
static double done[N + 1];

/* Blocks of two columns; `i` says which restart, and which noise is there. */
static struct growth_data blocks(int i, struct lives *l)
{
    static const double *const kinds[2] = {kind[0], kind[1]};
    struct growth_data data = {.n = N,
                               .d = d,
                               .requests = requests,
                               .hours = hours,
                               .kinds = kinds,
                               .nkinds = 2,
                               .quantum = 1};
    struct rng r;

    rng_init(&r, (uint64_t)(i % 5));
    for (int b = 0; b < N; b++) {
        requests[b] = 1000 + 100 * (b % 3);
        hours[b] = 0.01 + 0.001 * (b % 4);
        kind[0][b] = 300 + 50 * (b % 2);
        kind[1][b] = requests[b] - kind[0][b];
        restarts[b] = i % 3 == 1 && b % 5 == i % 4;
        d[b] = round(0.02 * (i % 2) * requests[b] + 20 * rng_normal(&r) -
                     100 * restarts[b]);
        done[b + 1] = done[b] + requests[b];
    }
    if (i % 3 == 1)
        data.restarts = restarts;
    if (i % 3 != 2)
        return data;
    *l = (struct lives){.n = PROCESSES,
                        .v = lives,
                        .edges = N + 1,
                        .done = done,
                        .at_once = 1,
                        .oldest = 4000,
                        .length = 3000,
                        .uneven = i % 2};
    for (int k = 0; k < PROCESSES; k++)
        lives[k] = (struct life){.born = done[2 * k + i % 3],
                                 .first = (size_t)(2 * k + i % 3),
                                 .last = (size_t)(2 * k + i % 3 + i % 4)};
    data.restarts = restarts;
    data.lives = l;
    return data;
}

static void assert_mixture(const struct mixture *a, const struct mixture *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_close(a->v[i].log_weight, b->v[i].log_weight, 0);
        assert_close(a->v[i].at, b->v[i].at, 0);
        assert_close(a->v[i].scale, b->v[i].scale, 0);
    }
}

static void test_changes_nothing(void **state)
{
    struct growth_memo *m = growth_memo_new();
    bool some = false;

    (void)state;
    for (int i = 0; i < 90; i++) {
        struct lives l;
        struct growth_data data = blocks(i, &l);
        struct growth plain, kept;

        growth_fit(&data, &plain);
        data.memo = m;
        growth_fit(&data, &kept);
        assert_int_equal(kept.n, plain.n);
        assert_int_equal(kept.shape, plain.shape);
        assert_mixture(&kept.asymptotic, &plain.asymptotic);
        assert_mixture(&kept.terminal, &plain.terminal);
        some |= plain.n > 0;
        growth_release(&plain);
        growth_release(&kept);
    }
    assert_true(some);
    growth_memo_free(m);
}

/* A driver of `n` blocks, each of `requests`: known to `m` or not. */
static bool is_known(struct growth_memo *m, size_t n, double each)
{
    double u[N];
    struct growth_memo_key k = {.id = -1, .n = n, .u = u};
    struct growth_family *f;
    bool known;

    for (size_t i = 0; i < n; i++)
        u[i] = each;
    f = growth_memo_family(m, &k);
    assert_non_null(f);
    known = f->complete;
    if (!known)
        growth_family_add(f, n, 1);
    f->complete = true;
    return known;
}

static void test_memo_of_longer_runs(void **state)
{
    struct growth_memo *m = growth_memo_new(), *a = growth_memo_ahead(m, 15);

    (void)state;
    assert_null(growth_memo_ahead(NULL, 15));
    assert_false(is_known(a, N, 1));
    assert_true(growth_memo_ahead(m, 15) == a);
    assert_true(is_known(a, N, 1)); /* by another column */
    assert_false(is_known(m, N, 1));
    for (int i = 2; i < 60; i++) { /* room is made, again and again */
        a = growth_memo_ahead(m, 15);
        for (size_t n = 3; n < N; n++)
            is_known(a, n, i);
    }
    growth_memo_ahead(m, 64);
    assert_false(is_known(a, N, 1));
    growth_memo_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_nothing),
        cmocka_unit_test(test_memo_of_longer_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
