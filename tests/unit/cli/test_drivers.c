/* What growth may follow beside requests, from a hand-made scenario. */
#include "harness/cli/drivers.h"

#include "tests/unit/assert_close.h"

#include <string.h>

static struct request requests[] = {
    {.name = "login"}, {.name = "browse", .weight = 1}, {.name = "order"}};
static int buy[] = {0, 1, 2, 1}, look[] = {0, 1};
static struct flow flows[] = {
    {.name = "buy", .steps = buy, .nsteps = 4, .weight = 1},
    {.name = "look", .steps = look, .nsteps = 2, .weight = 1}};
static struct scenario_site sites[] = {{.request = 2, .name = "sku"}};

static struct scenario base(void)
{
    return (struct scenario){
        .requests = requests,
        .nrequests = 3,
        .flows = flows,
        .nflows = 2,
        .sites = sites,
        .nsites = 1,
        .load = {.blocks = 4},
    };
}

static const struct run_driver *named(const struct drivers *d,
                                      const char *column)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->at[i].column, column) == 0)
            return &d->at[i];
    return NULL;
}

static void shared_steps_only(void **state)
{
    struct scenario sc = base();
    const struct run_driver *x;
    struct drivers d;

    (void)state;
    drivers_find(&sc, &d);
    assert_int_equal(d.n, 4);
    assert_null(named(&d, "step:order")); /* buy's alone */
    x = named(&d, "step:login");
    assert_int_equal(x->nkinds, 2); /* kinds: browse, buy, look */
    assert_int_equal(x->kinds[0], 1);
    x = named(&d, "step:browse");
    assert_int_equal(x->nkinds, 3);
    assert_close(x->times[0], 1, 0);
    assert_close(x->times[1], 2, 0);
    x = named(&d, "distinct:order:sku");
    assert_int_equal(x->nkinds, 1);
    assert_int_equal(x->kinds[0], 1);
    assert_non_null(named(&d, "opened:connections"));
    drivers_release(&d);
}

static void nothing_without_barriers(void **state)
{
    struct scenario sc = base();
    struct drivers d;

    (void)state;
    sc.load.blocks = 0;
    drivers_find(&sc, &d);
    assert_int_equal(d.n, 0);
    drivers_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_steps_only),
        cmocka_unit_test(nothing_without_barriers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
