#include "analyzers/verdict.h"

#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_kind(struct record *r, const char *name, double weight,
                     const double *n)
{
    struct record_kind *k;

    r->kinds = mem_realloc(r->kinds, r->nkinds + 1, sizeof *r->kinds);
    k = &r->kinds[r->nkinds++];
    *k = (struct record_kind){.name = mem_strdup(name), .weight = weight};
    k->completed = mem_zalloc(r->barriers.n, sizeof(double));
    for (size_t i = 1; i < r->barriers.n; i++)
        k->completed[i] = k->completed[i - 1] + n[i - 1];
}

static void add_object(struct record *r, int block, const char *type,
                       double count, double bytes)
{
    r->objects = mem_realloc(r->objects, r->nobjects + 1, sizeof *r->objects);
    r->objects[r->nobjects++] =
        (struct record_object){.t_s = r->barriers.t_s[block],
                               .block = block,
                               .requests = r->barriers.requests[block],
                               .type = (char *)type,
                               .count = count,
                               .bytes = count * bytes};
}

/* Ten blocks; order leaks one Order and its dict of 2 objects, browse nothing;
   memory follows. */
static void shop(struct record *r)
{
    static const double orders[10] = {30, 54, 10, 48, 12, 50, 20, 35, 11, 30};
    double browses[10], objects[10], bytes[10];

    records_open(r, 10, 300);
    for (size_t i = 0; i < 10; i++) {
        browses[i] = 300 - orders[i];
        objects[i] = 2 * orders[i];
        bytes[i] = 20000 * orders[i] + (i % 3 == 0 ? 4096 : 0);
    }
    add_kind(r, "browse", 9, browses);
    add_kind(r, "order", 1, orders);
    records_column(r, "py_gc_objects", 40000, objects);
    records_column(r, "pss_bytes", 50e6, bytes);
    records_column(r, "rss_bytes", 60e6, bytes);
    records_column(r, "fds", 12, NULL);
    for (int b = 0; b <= 10; b++) {
        double n = r->kinds[1].completed[b];

        add_object(r, b, "shop.Order", 5 + n, 400);
        add_object(r, b, "builtins.dict", 3000 + n, 232);
        add_object(r, b, "builtins.str", 9000 + (b % 3), 60);
        add_object(r, b, "builtins.tuple", 2000, 60);
        add_object(r, b, "shop.Once", b > 1 ? 1 : 0, 60);
    }
}

static const struct finding *by_name(const struct verdict *v, const char *name)
{
    for (size_t i = 0; i < v->nfindings; i++)
        if (strcmp(v->findings[i].name, name) == 0)
            return &v->findings[i];
    fail_msg("no finding %s", name);
    return NULL;
}

static void close_all(struct record *r, struct verdict *v)
{
    free(r->objects);
    records_close(r);
    verdict_release(v);
}

/* One run: verdict, guilty request, growing types, words. */
static void test_shop(void **state)
{
    struct record r;
    struct verdict v;
    const struct finding *lead;
    int named = 0;

    (void)state;
    shop(&r);
    r.limit_bytes = 512e6;
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    lead = verdict_lead(&v);
    assert_string_equal(lead->name, "py_gc_objects");
    assert_int_equal(by_name(&v, "fds")->outcome, OUTCOME_PASS);
    assert_int_equal(by_name(&v, "pss_bytes")->outcome, OUTCOME_LEAK);
    for (size_t i = 0; i < v.nblames; i++) {
        const struct blame *b = &v.blames[i];

        if (!b->named)
            continue;
        assert_int_equal(b->kind, 1);
        if (b->finding == v.lead) {
            named++;
            assert_close(b->per_request.value, 2, 0.02);
            assert_true(b->per_request.low < 2 && b->per_request.high > 2);
        }
    }
    assert_int_equal(named, 1);
    assert_true(v.ntypes >= 2);
    assert_string_equal(v.types[0].type, "shop.Order");
    assert_string_equal(v.types[1].type, "builtins.dict");
    assert_true(v.types[0].significant && v.types[1].significant);
    assert_int_equal(v.types[0].group, v.types[1].group);
    assert_close(v.types[0].count_per_request.value, 0.1, 0.001);
    for (size_t i = 2; i < v.ntypes; i++)
        assert_false(v.types[i].significant);
    assert_non_null(
        strstr(v.reason, "order keeps 1.00 shop.Order and 19.6 KiB per "));
    assert_non_null(strstr(v.reason, "limit is reached in"));
    assert_null(strstr(v.reason, "nan"));
    assert_non_null(strstr(v.advice, "Find who keeps shop.Order"));
    close_all(&r, &v);
}

/* Nobody is sent to look for what the report shows. */
static void test_advice_knows_the_holder(void **state)
{
    struct diagnosis_chain chain = {.type = (char *)"shop.Order",
                                    .text = (char *)"module shop -> KEPT"};
    struct record r;
    struct verdict v;

    (void)state;
    shop(&r);
    diagnosis_add_chain(&r.diagnosis, &chain);
    verdict_judge(&r, NULL, &v);
    assert_non_null(strstr(v.advice, "what keeps shop.Order alive (\"held"));
    assert_null(strstr(v.advice, "Find who"));
    close_all(&r, &v);
}

/* The interval behind a type's count is that count's, not the lead's, which
 * here counts twice as many objects. */
static void test_interval_is_of_what_is_told(void **state)
{
    struct record r;
    struct verdict v;
    const char *told;
    double count, low, high;

    (void)state;
    shop(&r);
    for (size_t c = 1; c <= 2; c++)
        for (size_t i = 0; i <= 10; i++)
            r.barriers.columns[c].v[i] = 60e6;
    verdict_judge(&r, NULL, &v);
    told = strstr(v.reason, "order keeps ");
    assert_non_null(told);
    assert_int_equal(sscanf(told,
                            "order keeps %lf shop.Order per request (95 %%: "
                            "%lf .. %lf)",
                            &count, &low, &high),
                     3);
    assert_true(low <= count && count <= high);
    close_all(&r, &v);
}

/* Threads that never end are named, not one of the types that hang on them. */
static void test_counted(void **state)
{
    struct record r;
    struct verdict v;
    double orders[10];

    (void)state;
    shop(&r);
    for (size_t i = 0; i < 10; i++)
        orders[i] = r.kinds[1].completed[i + 1] - r.kinds[1].completed[i];
    records_column(&r, "threads", 4, orders);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    assert_string_equal(v.cause.class, "threads");
    assert_non_null(strstr(v.reason, "order keeps 1.00 threads and 19.6 KiB"));
    assert_non_null(strstr(v.reason, "more per request of the mix"));
    assert_non_null(strstr(v.advice, "Find what starts the threads"));
    close_all(&r, &v);
}

/* Of children that nobody waited for nothing is said where there was none,
   unless it was asked for. */
static void test_zombies(void **state)
{
    struct record r;
    struct verdict v;
    double orders[10];

    (void)state;
    shop(&r);
    records_column(&r, "zombies", 0, NULL);
    verdict_judge(&r, NULL, &v);
    for (size_t i = 0; i < v.nfindings; i++)
        assert_string_not_equal(v.findings[i].name, "zombies");
    verdict_release(&v);
    r.policy.nrequire = 1;
    r.policy.require = mem_zalloc(1, sizeof *r.policy.require);
    r.policy.require[0] = mem_strdup("zombies");
    verdict_judge(&r, NULL, &v);
    assert_int_equal(by_name(&v, "zombies")->outcome, OUTCOME_PASS);
    close_all(&r, &v);
    shop(&r);
    for (size_t i = 0; i < 10; i++)
        orders[i] = r.kinds[1].completed[i + 1] - r.kinds[1].completed[i];
    records_column(&r, "zombies", 0, orders);
    verdict_judge(&r, NULL, &v);
    assert_string_equal(v.cause.class, "zombies");
    assert_non_null(strstr(v.reason, "order keeps 1.00 zombie processes"));
    close_all(&r, &v);
}

/* Which kinds are named when browse keeps `each` of what order keeps two. */
static unsigned named_beside(double each)
{
    static const double orders[10] = {300, 540, 100, 480, 120,
                                      500, 200, 350, 110, 300};
    double browses[10], objects[10];
    unsigned named = 0;
    struct record r;
    struct verdict v;

    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++) {
        browses[i] = 3000 - orders[i];
        objects[i] = 2 * orders[i] + round(each * browses[i]);
    }
    add_kind(&r, "browse", 9, browses);
    add_kind(&r, "order", 1, orders);
    records_column(&r, "py_gc_objects", 40000, objects);
    for (size_t i = 0; i <= 10; i++) /* else time explains what all share */
        r.barriers.t_s[i] += (double)(i * 7 % 5);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    for (size_t i = 0; i < v.nblames; i++)
        if (v.blames[i].named)
            named |= 1u << v.blames[i].kind;
    close_all(&r, &v);
    return named;
}

/* What no run of its own would call a leak is not named beside a leak. */
static void test_tolerated_kind(void **state)
{
    (void)state;
    assert_int_equal(named_beside(0), 2);
    assert_int_equal(named_beside(0.005), 2);
    assert_int_equal(named_beside(0.009), 2);
    assert_int_equal(named_beside(0.05), 3);
}

/* Whether the kind is named of any column, and whether of the column `of`. */
static bool is_named(const struct verdict *v, int kind, const char *of)
{
    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];

        if (b->named && b->kind == kind &&
            (of == NULL || strcmp(v->findings[b->finding].name, of) == 0))
            return true;
    }
    return false;
}

/* Judges the run of browse and order, in which order leaks for sure: is
 * browse named for `column` (NULL: any) beside it? Releases `r`. */
static bool names_browse(struct record *r, const char *column,
                         const char *of_order)
{
    struct verdict v;
    bool browse;

    for (size_t i = 0; i <= 10; i++) /* else time explains what all share */
        r->barriers.t_s[i] += (double)(i * 7 % 5);
    verdict_judge(r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    browse = is_named(&v, 0, column);
    assert_true(is_named(&v, 1, of_order));
    close_all(r, &v);
    return browse;
}

/* Is browse named beside order when both keep four blocks, and browse is asked
   for `often` times a pattern of 240 in ten blocks? With `column`: order alone
   keeps the blocks, and browse alone one in that. */
static bool named_though_seldom(double often, const char *column)
{
    static const double few[10] = {55, 5, 5, 55, 5, 55, 5, 5, 45, 5};
    double browses[10], orders[10], blocks[10];
    struct record r;

    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++) {
        browses[i] = often * few[i];
        orders[i] = 3000 - browses[i];
        blocks[i] = 4 * (column != NULL ? orders[i] : 3000);
    }
    add_kind(&r, "browse", 1, browses);
    add_kind(&r, "order", 9, orders);
    records_column(&r, "py_blocks", 40000, blocks);
    if (column != NULL)
        records_column(&r, column, 50, browses);
    return names_browse(&r, column, "py_blocks");
}

/* The first few hundred requests of a kind fill caches: they accuse nobody
   beside one that was asked for often, whatever counts them. */
static void test_seldom_kind(void **state)
{
    (void)state;
    assert_false(named_though_seldom(1, NULL));
    assert_true(named_though_seldom(10, NULL));
    assert_false(named_though_seldom(1, "py_gc_objects"));
    assert_true(named_though_seldom(10, "py_gc_objects"));
    assert_true(named_though_seldom(1, "fds"));
}

/* Two kinds that leak for sure in `threads` and `of`: watch, which is asked for
   240 times in ten blocks, `each` times `unit` per request, and post, which is
   asked for ten times as often, `unit`. Which of them are named for `of`? */
static unsigned named_of_few(const char *of, double each, double unit,
                             double threads)
{
    static const double few[10] = {55, 5, 5, 55, 5, 55, 5, 5, 45, 5};
    static const double many[10] = {100, 500, 120, 480, 60,
                                    90,  510, 70,  300, 170};
    double gets[10], grown[10], started[10] = {0};
    unsigned named = 0;
    struct record r;
    struct verdict v;

    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++) {
        gets[i] = 3000 - few[i] - many[i];
        grown[i] = unit * (each * few[i] + many[i]);
        r.barriers.t_s[i + 1] += (double)((i + 1) * 7 % 5);
    }
    add_kind(&r, "get", 9, gets);
    add_kind(&r, "watch", 0.3, few);
    add_kind(&r, "post", 3, many);
    records_column(&r, of, 40000, grown);
    records_column(&r, "threads", threads, started);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_LEAK);
    for (int k = 0; k < 3; k++)
        named |= (unsigned)is_named(&v, k, of) << k;
    close_all(&r, &v);
    return named;
}

/* Who brought more in a few requests than all others in many filled no cache
   beside them. */
static void test_seldom_and_chief(void **state)
{
    (void)state;
    assert_int_equal(named_of_few("py_blocks", 20, 1, 16), 2 | 4);
    assert_int_equal(named_of_few("py_blocks", 5, 1, 16), 4);
}

/* What threads' caches hold of malloc's blocks accuses nobody beside a kind
   that brought more. */
static void test_thread_caches(void **state)
{
    (void)state;
    assert_int_equal(named_of_few("native_inuse_bytes", 20, 50, 16), 2);
    assert_int_equal(named_of_few("native_inuse_bytes", 20, 50, 8), 2 | 4);
}

/* Is browse named beside order when the column `sees` says that it keeps
   600 B, and the column `other` that it keeps `keeps`? */
static bool named_for_pages(const char *sees, const char *other, double keeps)
{
    static const double orders[10] = {300, 540, 100, 480, 120,
                                      500, 200, 350, 110, 300};
    double browses[10], a[10], b[10];
    struct record r;

    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++) {
        browses[i] = 3000 - orders[i];
        a[i] = 12000 * orders[i] + 600 * browses[i];
        b[i] = 12000 * orders[i] + keeps * browses[i];
    }
    add_kind(&r, "browse", 9, browses);
    add_kind(&r, "order", 1, orders);
    records_column(&r, sees, 50e6, a);
    records_column(&r, other, 60e6, b);
    return names_browse(&r, sees, other);
}

/* What a request takes shows in every view of the pages; of those that are
   not anonymous, anonymous memory knows nothing. */
static void test_views_of_pages_agree(void **state)
{
    (void)state;
    assert_false(named_for_pages("uss_bytes", "rss_bytes", 0));
    assert_true(named_for_pages("uss_bytes", "rss_bytes", 600));
    assert_false(named_for_pages("uss_bytes", "pss_anon_bytes", 0));
    assert_true(named_for_pages("rss_bytes", "pss_anon_bytes", 0));
}

/* Seldom beside others, not beside itself: a reading that began late holds
 * fewer requests of the same kind. */
static void test_read_late(void **state)
{
    static const double orders[10] = {100, 50, 150, 100, 60,
                                      140, 80, 120, 50,  150};
    double browses[10];
    struct record r;
    struct verdict v;

    (void)state;
    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++)
        browses[i] = 3000 - orders[i];
    add_kind(&r, "browse", 9, browses);
    add_kind(&r, "order", 1, orders);
    records_column(&r, "py_blocks", 40000, orders);
    records_column(&r, "py_gc_objects", 9000, orders);
    for (size_t i = 0; i <= 10; i++)
        r.barriers.t_s[i] += (double)(i * 7 % 5);
    for (size_t i = 0; i <= 5; i++)
        r.barriers.columns[1].v[i] = NAN;
    verdict_judge(&r, NULL, &v);
    assert_true(is_named(&v, 1, "py_blocks"));
    assert_true(is_named(&v, 1, "py_gc_objects"));
    close_all(&r, &v);
}

/* Is browse named beside order when it keeps two blocks for each new value,
 * of which `fresh` come in each block? */
static bool named_for_values(const double *fresh)
{
    static const double orders[10] = {300, 540, 100, 480, 120,
                                      500, 200, 350, 110, 300};
    double browses[10], blocks[10], count[11] = {0}, times = 1;
    struct record_driver d = {.what = RECORD_DISTINCT,
                              .column = "distinct:browse:path",
                              .name = "path",
                              .kinds = (int[]){0},
                              .times = &times,
                              .nkinds = 1,
                              .count = count};
    struct record r;

    records_open(&r, 10, 3000);
    for (size_t i = 0; i < 10; i++) {
        browses[i] = 3000 - orders[i];
        blocks[i] = 40 * orders[i] + 2 * fresh[i];
        count[i + 1] = count[i] + fresh[i];
    }
    add_kind(&r, "browse", 9, browses);
    add_kind(&r, "order", 1, orders);
    records_column(&r, "py_blocks", 40000, blocks);
    r.drivers = &d;
    r.ndrivers = 1;
    return names_browse(&r, NULL, NULL);
}

/* What is kept by value is no leak of the kind that sends the values once no
 * new ones come; as long as they do, it is. */
static void test_values_that_ended(void **state)
{
    static const double ended[10] = {700, 520, 260, 90, 30, 8, 3, 0, 0, 0};
    static const double late[10] = {930, 870, 990, 915, 840, 900, 960, 0, 0, 0};
    static const double go_on[10] = {700, 520, 660, 590, 830,
                                     508, 703, 600, 540, 810};

    (void)state;
    assert_false(named_for_values(ended));
    assert_false(named_for_values(late));
    assert_true(named_for_values(go_on));
}

/* No data never passes. */
static void test_nothing(void **state)
{
    struct record r = {0};
    struct verdict v;

    (void)state;
    policy_default(&r.policy);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    assert_null(verdict_lead(&v));
    assert_true(v.reason[0] != '\0' && v.advice[0] != '\0');
    verdict_release(&v);
    records_open(&r, 8, 300);
    records_column(&r, "rss_bytes", NAN, NULL);
    records_column(&r, "py_blocks", NAN, NULL);
    verdict_judge(&r, NULL, &v);
    assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
    close_all(&r, &v);
}

/* All counts that are in the way must be decided; what is not in the way is
   not waited for; what nobody knows makes the whole unknown. */
static void test_what_would_settle_it(void **state)
{
    const double rough[8] = {190, -170, 210, -120, 160, -190, 140, -80};
    const double tasks[2][8] = {
        {60, -50, 40, -70, 80, -60, 50, -40},
        {1990, 1370, -1910, -1820, 1960, 1890, -1340, -1980}};
    const double pages[8] = {9e5, 1e5, 8e5, 5e4, 7.5e5, 4e4, 8.5e5, 1e5};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct finding *blocks, *others;
        struct record r;
        struct verdict v;

        records_open(&r, 8, 400);
        records_column(&r, "py_tasks", 5000, tasks[i]);
        records_column(&r, "py_blocks", 6000, rough);
        records_column(&r, "uss_bytes", 50e6, pages);
        records_column(&r, "rss_bytes", 60e6, (double[8]){0});
        verdict_judge(&r, NULL, &v);
        blocks = by_name(&v, "py_blocks");
        others = by_name(&v, "py_tasks");
        assert_int_equal(v.outcome, OUTCOME_INCONCLUSIVE);
        assert_true(blocks->blocking && others->blocking);
        assert_false(by_name(&v, "uss_bytes")->blocking);
        assert_true(by_name(&v, "uss_bytes")->more_s > blocks->more_s);
        assert_int_equal(isnan(others->more_s), i);
        if (i == 0)
            assert_close(v.more_s, fmax(blocks->more_s, others->more_s), 0);
        else
            assert_true(isnan(v.more_s));
        close_all(&r, &v);
    }
}

/* The same record, the same bytes. */
static void test_repeats(void **state)
{
    struct record r;
    struct verdict a, b;

    (void)state;
    shop(&r);
    verdict_judge(&r, NULL, &a);
    verdict_judge(&r, NULL, &b);
    assert_string_equal(a.reason, b.reason);
    assert_int_equal(a.nfindings, b.nfindings);
    for (size_t i = 0; i < a.nfindings; i++)
        assert_memory_equal(&a.findings[i].per_request,
                            &b.findings[i].per_request,
                            sizeof(struct interval));
    verdict_release(&a);
    close_all(&r, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shop),
        cmocka_unit_test(test_interval_is_of_what_is_told),
        cmocka_unit_test(test_advice_knows_the_holder),
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_zombies),
        cmocka_unit_test(test_tolerated_kind),
        cmocka_unit_test(test_seldom_kind),
        cmocka_unit_test(test_seldom_and_chief),
        cmocka_unit_test(test_thread_caches),
        cmocka_unit_test(test_views_of_pages_agree),
        cmocka_unit_test(test_read_late),
        cmocka_unit_test(test_values_that_ended),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_what_would_settle_it),
        cmocka_unit_test(test_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
