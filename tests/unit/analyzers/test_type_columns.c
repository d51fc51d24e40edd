/* Objects by type: one that grows steadily is found where the totals swing;
 * caches that fill and types that come and go are not accused. */
#include "analyzers/type_columns.h"

#include "analyzers/verdict.h"
#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/effort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS = 10, NOISY = 60 };

static void add(struct record *r, size_t row, const char *type, double count)
{
    r->objects = mem_realloc(r->objects, r->nobjects + 1, sizeof *r->objects);
    r->objects[r->nobjects++] =
        (struct record_object){.t_s = r->barriers.t_s[row],
                               .block = (int)row,
                               .requests = r->barriers.requests[row],
                               .type = mem_strdup(type),
                               .count = count,
                               .bytes = 64 * count,
                               .tracked = true};
}

/* A Python service: the total swings by the collector's garbage. */
static void open_service(struct record *r, uint64_t seed, size_t blocks)
{
    struct rng g;
    const struct column *c;
    char name[32];

    rng_init(&g, seed);
    records_open(r, blocks, 400);
    records_column(r, "py_gc_objects", 90000, NULL);
    records_column(r, "rss_bytes", 80e6, NULL);
    c = r->barriers.columns; /* moved by each new one */
    for (size_t i = 0; i < r->barriers.n; i++) {
        c[0].v[i] += 700 * rng_unit(&g);
        c[1].v[i] += 4096 * (double)rng_below(&g, 20);
        for (int k = 0; k < NOISY; k++) {
            snprintf(name, sizeof name, "lib.Type%d", k);
            add(r, i, name, 500 + (double)rng_below(&g, 40));
        }
    }
}

static void close_service(struct record *r)
{
    for (size_t i = 0; i < r->nobjects; i++)
        free(r->objects[i].type);
    free(r->objects);
    records_close(r);
}

static const struct finding *type_finding(const struct verdict *v)
{
    for (size_t i = 0; i < v->nfindings; i++)
        if (type_column_is(v->findings[i].name))
            return &v->findings[i];
    return NULL;
}

static void a_type_that_grows_is_a_leak(void **state)
{
    struct record r;
    struct verdict v;

    (void)state;
    open_service(&r, 1, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "shop.Order", 7 + 200 * (double)i);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    const struct finding *f = type_finding(&v);
    assert_non_null(f);
    assert_string_equal(f->name, "objects:shop.Order");
    assert_string_equal(f->metric.title, "shop.Order objects");
    assert_close(f->per_request.value, 0.5, 0.01);
    assert_true(f->minimum_per_request > 0 && f->minimum_per_request < 0.5);
    verdict_release(&v);
    close_service(&r);
}

/* The tolerance for objects speaks of each type, too. */
static void a_tolerance_is_obeyed(void **state)
{
    struct record r;
    struct verdict v;

    (void)state;
    open_service(&r, 2, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "shop.Order", 7 + 200 * (double)i);
    r.policy.tolerances = mem_zalloc(1, sizeof *r.policy.tolerances);
    r.policy.tolerances[0] = (struct tolerance){mem_strdup("py_objects"), 0.9,
                                                TOLERANCE_PER_REQUEST, 0};
    r.policy.ntolerances = 1;
    verdict_judge(&r, NULL, &v);
    assert_null(type_finding(&v));
    assert_int_not_equal(v.outcome, OUTCOME_LEAK);
    verdict_release(&v);
    close_service(&r);
}

static void a_cache_that_fills_is_none(void **state)
{
    static const double cached[] = {0,    310,  620,  850,  980, 1010,
                                    1020, 1024, 1024, 1024, 1024};
    struct record r;
    struct verdict v;

    (void)state;
    open_service(&r, 3, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "shop.Page", cached[i]);
    verdict_judge(&r, NULL, &v);
    assert_null(type_finding(&v));
    assert_int_not_equal(v.outcome, OUTCOME_LEAK);
    verdict_release(&v);
    close_service(&r);
}

static void a_column_can_be_read_again(void **state)
{
    struct record r;
    double v[BLOCKS + 1];

    (void)state;
    open_service(&r, 4, BLOCKS);
    for (size_t i = 2; i < r.barriers.n; i++)
        add(&r, i, "shop.Order", 100 * (double)i);
    assert_true(type_column_read(&r, "objects:shop.Order", v));
    for (size_t i = 0; i < r.barriers.n; i++)
        assert_true(v[i] == (i < 2 ? 0 : 100 * (double)i));
    assert_false(type_column_read(&r, "objects:shop.Nobody", v));
    for (size_t i = 0; i < r.nobjects; i++) /* nobody counted at barrier 3 */
        r.objects[i].block = r.objects[i].block == 3 ? 4 : r.objects[i].block;
    assert_true(type_column_read(&r, "objects:shop.Order", v));
    assert_true(isnan(v[3]) && v[4] == 700);
    close_service(&r);
}

/* Generators that nobody runs to their end are no data, and no ring holds them:
 * one per order is called while the totals swing. */
static void what_is_at_work_accuses(void **state)
{
    struct record r;
    struct verdict v;
    const struct finding *f;

    (void)state;
    open_service(&r, 5, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "builtins.generator", 3 + 40 * (double)i);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    f = type_finding(&v);
    assert_non_null(f);
    assert_string_equal(f->name, "objects:builtins.generator");
    assert_string_equal(f->metric.title, "generator objects");
    verdict_release(&v);
    close_service(&r);
}

/* A class says more than its methods and frames, of which it brings more. */
static void the_languages_types_come_last(void **state)
{
    struct record r, wide;
    struct verdict v = {.lead = -1};
    size_t seen, first;

    (void)state;
    open_service(&r, 5, BLOCKS);
    first = r.barriers.ncolumns;
    for (size_t i = 0; i < r.barriers.n; i++) {
        char name[32];

        for (int k = 0; k < TYPE_COLUMNS_MOST - 1; k++) {
            snprintf(name, sizeof name, "lib.Type%d", NOISY + k);
            add(&r, i, name, 10 * (double)i);
        }
        add(&r, i, "builtins.cell", 900 * (double)i);
        add(&r, i, "builtins.method", 700 * (double)i);
    }
    type_columns_add(&r, &wide, &seen);
    assert_int_equal(wide.barriers.ncolumns, first + TYPE_COLUMNS_MOST);
    assert_string_equal(wide.barriers.columns[wide.barriers.ncolumns - 1].name,
                        "objects:builtins.cell");
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    assert_null(strstr(verdict_lead(&v)->name, "builtins"));
    verdict_release(&v);
    close_service(&r);
}

/* A library's ring of time stamps fills for thousands of requests. */
static void data_accuses_nobody(void **state)
{
    struct record r;
    struct verdict v;

    (void)state;
    open_service(&r, 5, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "builtins.float", 100 + 200 * (double)i);
    verdict_judge(&r, NULL, &v);
    assert_null(type_finding(&v));
    verdict_release(&v);
    close_service(&r);
}

/* Sixty types that only wander, 60 times over. */
static void healthy_services_are_not_accused(void **state)
{
    int accused = 0;

    (void)state;
    for (uint64_t seed = 10; seed < 70; seed += (uint64_t)effort_step()) {
        struct record r;
        struct verdict v;

        open_service(&r, seed, BLOCKS);
        verdict_judge(&r, NULL, &v);
        accused += type_finding(&v) != NULL;
        verdict_release(&v);
        close_service(&r);
    }
    assert_true(accused <= 1);
}

/* As long as the collector has not emptied the young, a leak is among them:
 * taking them out of the total must not make it a pass. */
static void a_leak_among_the_young_never_passes(void **state)
{
    struct record r;
    struct verdict v;

    (void)state;
    records_open(&r, BLOCKS, 200);
    records_column(&r, "py_gc_objects", 12000, NULL);
    records_column(&r, "py_gc_young", 300, NULL);
    records_column(&r, "py_gc_collections", 40, NULL);
    records_column(&r, "rss_bytes", 40e6, NULL);
    struct column *total = &r.barriers.columns[0];
    struct column *young = &r.barriers.columns[1];

    for (size_t i = 0; i < r.barriers.n; i++) {
        total->v[i] += 50 * (double)i;
        young->v[i] += 50 * (double)i;
    }
    verdict_judge(&r, NULL, &v);
    assert_int_not_equal(v.outcome, OUTCOME_PASS);
    verdict_release(&v);
    records_close(&r);
}

/* A thing that is kept brings forty types that rise in step, some in pairs:
 * the program's own are among the twelve. */
static void own_types_are_among_many_that_tie(void **state)
{
    static const char *const own[] = {"objects:shop.Order", "objects:shop.Zone",
                                      "objects:__main__.Cart"};
    struct record r, wide;
    struct verdict v = {.lead = -1};
    size_t seen, twins = 0, first;

    (void)state;
    open_service(&r, 5, BLOCKS);
    first = r.barriers.ncolumns;
    r.command = (char *)"gunicorn -w 2 shop:app";
    for (size_t i = 0; i < r.barriers.n; i++) {
        char name[32];

        for (int k = 0; k < 20; k++) {
            snprintf(name, sizeof name, "asyncio.Type%d", k);
            add(&r, i, name, 200 * (double)i);
            snprintf(name, sizeof name, "lib.Twin%d", k);
            add(&r, i, name, 7 + 400 * (double)i);
        }
        for (size_t k = 0; k < 3; k++)
            add(&r, i, own[k] + strlen(TYPE_COLUMN_PREFIX), 200 * (double)i);
        /* Its own, and noise. */
        add(&r, i, "shop.Noise", (double)(i * 7 % 5));
    }
    type_columns_add(&r, &wide, &seen);
    assert_int_equal(seen, NOISY + 44);
    assert_int_equal(wide.barriers.ncolumns, first + TYPE_COLUMNS_MOST);
    for (size_t k = 0; k < 3; k++)
        assert_non_null(series_column(&wide.barriers, own[k]));
    for (size_t i = first; i < wide.barriers.ncolumns; i++)
        twins +=
            strncmp(wide.barriers.columns[i].name, "objects:lib.Twin", 16) == 0;
    assert_int_equal(twins, TYPE_COLUMNS_MOST - 3);
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    r.command = NULL;
    close_service(&r);
}

/* What comes and goes, and what grows by a handful, are not worth a look. */
static void what_hardly_grows_is_left_out(void **state)
{
    static const double visits[] = {0,   90,  40,  130, 80, 170,
                                    120, 210, 160, 250, 200};
    struct record r, wide;
    struct verdict v = {.lead = -1};
    size_t seen;

    (void)state;
    open_service(&r, 5, BLOCKS);
    for (size_t i = 0; i < r.barriers.n; i++) {
        add(&r, i, "shop.Order", 7 + 20 * (double)i);
        add(&r, i, "shop.Visit", 7 + visits[i]);
        add(&r, i, "shop.Zone", 7 + (i > 5 ? 4 : 0));
    }
    type_columns_add(&r, &wide, &seen);
    assert_non_null(series_column(&wide.barriers, "objects:shop.Order"));
    assert_null(series_column(&wide.barriers, "objects:shop.Visit"));
    assert_null(series_column(&wide.barriers, "objects:shop.Zone"));
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    close_service(&r);
}

static void few_censuses_say_nothing(void **state)
{
    struct record r, wide;
    struct verdict v = {.lead = -1};
    size_t seen;

    (void)state;
    open_service(&r, 4, 2);
    for (size_t i = 0; i < r.barriers.n; i++)
        add(&r, i, "shop.Order", 400 * (double)i);
    type_columns_add(&r, &wide, &seen);
    assert_int_equal(seen, NOISY + 1);
    assert_int_equal(wide.barriers.ncolumns, r.barriers.ncolumns);
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    close_service(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_that_grows_is_a_leak),
        cmocka_unit_test(a_tolerance_is_obeyed),
        cmocka_unit_test(a_cache_that_fills_is_none),
        cmocka_unit_test(a_column_can_be_read_again),
        cmocka_unit_test(what_is_at_work_accuses),
        cmocka_unit_test(the_languages_types_come_last),
        cmocka_unit_test(data_accuses_nobody),
        cmocka_unit_test(healthy_services_are_not_accused),
        cmocka_unit_test(a_leak_among_the_young_never_passes),
        cmocka_unit_test(own_types_are_among_many_that_tie),
        cmocka_unit_test(what_hardly_grows_is_left_out),
        cmocka_unit_test(few_censuses_say_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
