#include "analyzers/driven.h"

#include "tests/unit/assert_close.h"

#include <math.h>

enum { ROWS = 5 };

/* Two kinds; the second sends `q` once, the first twice in a run of it. */
struct rig {
    double t[ROWS], requests[ROWS], a[ROWS], b[ROWS], v[ROWS];
    double new_a[ROWS], new_b[ROWS];
    int of_a[1], of_b[1];
    double twice[1], once[1];
    struct column column;
    struct record_kind kinds[2];
    struct record_driver drivers[2];
    struct record record;
    struct blocks blocks;
};

static void rig_open(struct rig *g)
{
    *g = (struct rig){.of_a = {0}, .of_b = {1}, .twice = {2}, .once = {1}};
    for (int i = 0; i < ROWS; i++) {
        g->t[i] = i;
        g->a[i] = 100 * i;
        g->b[i] = 50 * i * i;
        g->requests[i] = g->a[i] + g->b[i];
        g->new_a[i] = 20 * i;
        g->new_b[i] = 10 * i * i;
    }
    g->column = (struct column){.name = (char *)"fds", .v = g->v};
    metric_describe("fds", &g->column.metric);
    g->kinds[0] = (struct record_kind){(char *)"a", false, 1, g->a};
    g->kinds[1] = (struct record_kind){(char *)"b", false, 1, g->b};
    g->drivers[0] = (struct record_driver){
        RECORD_DISTINCT, (char *)"c0", (char *)"q", 7,
        g->of_a,         g->twice,     1,           g->new_a};
    g->drivers[1] = (struct record_driver){
        RECORD_DISTINCT, (char *)"c1", (char *)"q", 7,
        g->of_b,         g->once,      1,           g->new_b};
    g->record = (struct record){
        .barriers = {.n = ROWS,
                     .t_s = g->t,
                     .requests = g->requests,
                     .columns = &g->column,
                     .ncolumns = 1},
        .kinds = g->kinds,
        .nkinds = 2,
        .drivers = g->drivers,
        .ndrivers = 2,
    };
    blocks_gather(&g->record, &g->column, 0, &g->blocks);
    assert_int_equal(g->blocks.n, ROWS - 1);
}

/* Places that share their values are one group; each kind has its part. */
static void test_group(void **state)
{
    struct driven d;
    struct rig g;

    (void)state;
    rig_open(&g);
    driven_gather(&g.record, &g.blocks, 1, &d);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.at[0].driver, 0);
    for (int i = 0; i < 3; i++) /* blocks 2, 3 and 4 */
        assert_close(d.at[0].x[i], 20 + 10 * (2 * (i + 1) + 1), 1e-9);
    assert_int_equal(d.at[0].nkinds, 2);
    assert_close(d.at[0].ratio[0], 60.0 / 300, 1e-9);
    assert_close(d.at[0].ratio[1], 150.0 / 750, 1e-9);
    driven_release(&d);
    blocks_release(&g.blocks);
}

/* A count that was lost on the way, or that never moves, is no driver. */
static void test_unknown(void **state)
{
    struct driven d;
    struct rig g;

    (void)state;
    rig_open(&g);
    g.new_b[3] = NAN;
    driven_gather(&g.record, &g.blocks, 0, &d);
    assert_int_equal(d.n, 0);
    driven_release(&d);
    g.new_b[3] = g.new_b[2] - 1; /* it fell: a count does not */
    driven_gather(&g.record, &g.blocks, 0, &d);
    assert_int_equal(d.n, 0);
    driven_release(&d);
    for (int i = 0; i < ROWS; i++)
        g.new_a[i] = g.new_b[i] = 3;
    driven_gather(&g.record, &g.blocks, 0, &d);
    assert_int_equal(d.n, 0);
    driven_release(&d);
    g.drivers[0].count = NULL;
    driven_gather(&g.record, &g.blocks, 0, &d);
    assert_int_equal(d.n, 0);
    driven_release(&d);
    blocks_release(&g.blocks);
}

static void test_apart(void **state)
{
    const double x[3] = {1, 2, 3}, y[3] = {2, 4, 6}, z[3] = {3, 0, -1};

    (void)state;
    assert_close(driven_apart(x, y, 3), 0, 1e-7);
    assert_close(driven_apart(x, z, 3), 1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
