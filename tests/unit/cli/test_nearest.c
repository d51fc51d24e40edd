/* Which growing type hangs nearest to the root, from chains as they are
 * told. */
#include "harness/cli/nearest.h"

#include "tests/unit/assert_close.h"

static const char *const grown[] = {"builtins.dict", "gunicorn.http.Request",
                                    "builtins.ZeroDivisionError", "shop.Order",
                                    "builtins.frame"};

static const char *ask(struct diagnosis_chain *chains, size_t n)
{
    struct diagnosis d = {.chains = chains, .nchains = n};

    return nearest_type(&d, grown, sizeof grown / sizeof *grown);
}

static void what_the_container_holds(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "module shop -> errors: dict[952] -> ZeroDivisionError -> "
                 "traceback -> frame -> gunicorn.http.Request",
         .found = 13},
        {.text = "(a running frame or C) -> frame -> dict[25] -> "
                 "body: gunicorn.http.Request",
         .found = 4},
    };

    (void)state;
    assert_string_equal(ask(chains, 2), "builtins.ZeroDivisionError");
}

static void names_are_whole(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "module shop -> all: list[9] -> bookshop.Order -> "
                 "first: gunicorn.http.Request -> shop.Order",
         .found = 16},
    };

    (void)state;
    assert_string_equal(ask(chains, 1), "gunicorn.http.Request");
}

/* A frame holds whatever its function does, and grows with it. */
static void what_holds_anything_says_nothing(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "module shop -> kept: frame -> shop.Order", .found = 16},
    };

    (void)state;
    assert_string_equal(ask(chains, 1), "shop.Order");
}

static void the_root_is_no_instance(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "shop.Order -> list[2] -> gunicorn.http.Request", .found = 1},
    };

    (void)state;
    assert_string_equal(ask(chains, 1), "gunicorn.http.Request");
}

/* The agent follows 8 of a type, the search from outside 16. */
static void types_have_one_vote_each(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "module shop -> find: functools.lru_cache[650, at most "
                 "7,000] -> shop.Order",
         .sampled = 8,
         .found = 8},
        {.text = "module shop -> last: list[650] -> gunicorn.http.Request",
         .sampled = 16,
         .found = 15},
    };

    (void)state;
    assert_string_equal(ask(chains, 2), "shop.Order");
    chains[0].found = 7;
    assert_string_equal(ask(chains, 2), "gunicorn.http.Request");
}

static void a_minority_says_nothing(void **state)
{
    struct diagnosis_chain chains[] = {
        {.text = "module shop -> errors: dict[9] -> ZeroDivisionError",
         .found = 5},
        {.text = "module shop -> kept: list[952] -> dict[4]", .found = 11},
    };

    (void)state;
    assert_null(ask(chains, 2));
    assert_null(ask(chains, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_container_holds),
        cmocka_unit_test(names_are_whole),
        cmocka_unit_test(what_holds_anything_says_nothing),
        cmocka_unit_test(the_root_is_no_instance),
        cmocka_unit_test(types_have_one_vote_each),
        cmocka_unit_test(a_minority_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
