/* A container with a limit: when what fills it is full. */
#include "analyzers/bound.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <stdio.h>

static struct type_growth grows(const char *type, double each, bool sure)
{
    struct type_growth t = {
        .count_per_request = {.value = each}, .group = -1, .significant = sure};

    snprintf(t.type, sizeof t.type, "%s", type);
    return t;
}

static void when_it_is_full(void **state)
{
    struct type_growth types[] = {
        grows("shop.Order", 0.25, true), grows("builtins.list", 0.5, true),
        grows("shop.Maybe", 1, false), grows("shop.Falls", -1, true)};
    static const struct {
        const char *entry;
        double size, process;
        int kind;
        double of_all; /* that kind's part of the requests */
        double want;
    } rows[] = {
        {"shop.Order", 812, 1, -1, 1, 16752},
        /* One order in four requests: each of them brings one. */
        {"shop.Order", 812, 1, 0, 0.25, 4188},
        /* Four workers, each with a deque of its own. */
        {"shop.Order", 812, 0.25, 0, 0.25, 16752},
        /* The agent leaves out what nobody has to be told. */
        {"list", 4000, 1, -1, 1, 2000},
        {"builtins.list", 4000, 1, -1, 1, 2000},
        {"shop.Maybe", 812, 1, -1, 1, NAN},
        {"shop.Falls", 812, 1, -1, 1, NAN},
        {"shop.Unheard", 812, 1, -1, 1, NAN},
        {"shop.Order", 5000, 1, -1, 1, 0},
        {"shop.Unheard", 5000, 1, -1, 1, 0},
        {NULL, 10, 1, -1, 1, NAN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict v = {.types = types,
                            .ntypes = sizeof types / sizeof *types,
                            .types_kind = rows[i].kind,
                            .types_share = rows[i].of_all};
        struct diagnosis_chain c = {.bound = {.container = (char *)"deque",
                                              .entry = (char *)rows[i].entry,
                                              .size = rows[i].size,
                                              .limit = 5000,
                                              .share = rows[i].process}};
        double more = bound_more(&v, &c);

        if (isnan(rows[i].want))
            assert_true(isnan(more));
        else
            assert_close(more, rows[i].want, 1e-9);
    }
}

/* A few instances that pass through it say nothing of the others. */
static void most_of_them_hang_on_it(void **state)
{
    struct diagnosis_chain c = {.sampled = 16,
                                .found = 8,
                                .bound = {.container = (char *)"deque",
                                          .size = 812,
                                          .limit = 5000,
                                          .share = 1}};

    (void)state;
    assert_true(bound_found(&c));
    c.found = 7;
    assert_false(bound_found(&c));
    c.found = 8;
    c.bound.limit = NAN;
    assert_false(bound_found(&c));
    c.bound.limit = 5000;
    c.bound.container = NULL;
    assert_false(bound_found(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_it_is_full),
        cmocka_unit_test(most_of_them_hang_on_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
