/* Which columns are heard: views of one memory, and what explains it. */
#include "tests/unit/analyzers/samples.h"
#include "tests/unit/assert_close.h"

#include "analyzers/ballot.h"
#include "analyzers/continuous.h"

#include <stdio.h>

static void test_columns_vote(void **state)
{
    static const char *const pss[] = {"rss_bytes", "pss_bytes", NULL};
    static const char *const cgroup[] = {"rss_bytes", "cgroup_bytes", NULL};
    struct series s;

    (void)state;
    open_series(&s, 600, pss);
    fill(&s, 0, 100e6, 30e6, 100e3);
    fill(&s, 1, 80e6, 0, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_PASS);
    fill(&s, 0, 100e6, 0, 100e3);
    fill(&s, 1, 80e6, 30e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_PASS);
    fill(&s, 0, 100e6, 30e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    /* An empty column has no vote. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = NAN;
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    series_release(&s);
    open_series(&s, 600, cgroup);
    fill(&s, 0, 100e6, 0, 100e3);
    fill(&s, 1, 100e6, 90e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_PASS);
    series_release(&s);
}

/* A heap that its collector took once, at the very end, back to where it was:
 * resident memory, which follows it and is never given back, proves no leak. */
static void test_memory_follows_a_heap(void **state)
{
    static const char *const names[] = {"rss_bytes", "heap_inuse_bytes", NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 50e6, 9e6, 100e3);
    fill(&s, 1, 4e6, 9e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    for (size_t i = s.n - 12; i < s.n; i++)
        s.columns[1].v[i] -= 9e6;
    assert_int_equal(judge(&s, NULL, &c), OUTCOME_INCONCLUSIVE);
    assert_int_equal(c.findings[0].outcome, OUTCOME_LEAK);
    assert_int_equal(c.lead, 1);
    assert_non_null(strstr(c.reason, "its collector may yet free"));
    continuous_release(&c);
    /* Too little to be what memory grew by. */
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] *= 0.1;
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    series_release(&s);
}

/* Seven cycles of garbage, most of what there is: memory that creeps by less
 * than a quarter of it is not accused, and a pass does not claim to have seen
 * so little. */
static void test_garbage_leaves_pages(void **state)
{
    static const char *const names[] = {"rss_bytes", "py_allocated_blocks",
                                        NULL};
    struct series s;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 36e6, 5e6, 100e3);
    for (size_t i = 0; i < s.n; i++)
        s.columns[1].v[i] = 20e3 + 1.8e3 * (double)(i % 85);
    assert_int_equal(judge(&s, NULL, &c), OUTCOME_INCONCLUSIVE);
    assert_int_equal(c.lead, 0);
    assert_non_null(strstr(c.reason, "so much garbage leaves pages"));
    assert_true(c.findings[0].more_requests > 0);
    continuous_release(&c);
    /* More than that, or with counts that do not saw, is a leak. */
    fill(&s, 0, 36e6, 15e6, 100e3);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    fill(&s, 0, 36e6, 0, 100e3);
    assert_int_equal(judge(&s, NULL, &c), OUTCOME_PASS);
    assert_true(c.findings[0].minimum_per_hour > 6 * 5e6);
    continuous_release(&c);
    fill(&s, 0, 36e6, 5e6, 100e3);
    fill(&s, 1, 90e3, 0, 100);
    assert_int_equal(verdict_of(&s, NULL), OUTCOME_LEAK);
    series_release(&s);
}

/* Witnesses are not judged, and the group's limit tells when a leak is at its
 * end. A leak that is planted into memory shows in all its views. */
static void test_columns_of_all_kinds(void **state)
{
    static const char *const names[] = {"rss_bytes",          "pss_bytes",
                                        "swap_bytes",         "fds",
                                        "cgroup_limit_bytes", NULL};
    struct series s, planted;
    struct continuous c;

    (void)state;
    open_series(&s, 600, names);
    fill(&s, 0, 100e6, 30e6, 100e3);
    fill(&s, 1, 80e6, 30e6, 100e3);
    fill(&s, 2, 0, 0, 0);
    fill(&s, 3, 40, 0, 0);
    fill(&s, 4, 200e6, 0, 0);
    assert_int_equal(judge(&s, NULL, &c), OUTCOME_LEAK);
    assert_int_equal(c.n, 3);
    assert_close(c.findings[0].limit_s.value, 1400, 100);
    continuous_release(&c);
    continuous_plant(&s, "pss_bytes", 6e6, &planted);
    for (size_t i = 0; i < 5; i++) {
        double more = planted.columns[i].v[s.n - 1] - s.columns[i].v[s.n - 1];

        assert_close(more, i < 2 ? 1e6 : 0, 5e3);
    }
    series_release(&planted);
    continuous_plant(&s, "fds", 60, &planted);
    for (size_t i = 0; i < 5; i++) {
        double more = planted.columns[i].v[s.n - 1] - s.columns[i].v[s.n - 1];

        assert_close(more, i == 3 ? 10 : 0, 0.1);
    }
    series_release(&planted);
    series_release(&s);
}

/* ---- the ballot itself, of columns whose answers are given ---- */

enum { VOTERS = 4 };
#define OPEN OUTCOME_INCONCLUSIVE
#define PASS OUTCOME_PASS
#define LEAK OUTCOME_LEAK

/* What a column says by itself. */
struct voter {
    const char *name;
    enum outcome says;
    double above; /* share of its posterior above what leaks */
    double grown; /* 0: 10 */
    double width; /* of the interval of its growth, which is 10; 0: 4 */
    double least; /* minimum per hour, and a tenth of it per request */
    bool asked;   /* by a tolerance of its own */
    bool no_data;
};

struct ballot {
    struct finding findings[VOTERS];
    struct column_view views[VOTERS];
    struct continuous c;
};

static void open_ballot(struct ballot *b, const struct voter *voters)
{
    *b = (struct ballot){.c = {.findings = b->findings, .lead = -1}};
    for (; b->c.n < VOTERS && voters[b->c.n].name != NULL; b->c.n++) {
        const struct voter *o = &voters[b->c.n];
        struct finding *f = &b->findings[b->c.n];
        struct column_view *v = &b->views[b->c.n];
        double half = (o->width > 0 ? o->width : 4) / 2;
        struct metric m;

        metric_describe(o->name, &m);
        finding_init(f, &m);
        f->outcome = o->says;
        f->grown = o->grown > 0 ? o->grown : 10;
        f->minimum_per_hour = o->least;
        f->minimum_per_request = o->least / 10;
        v->doubt = o->no_data ? DOUBT_NO_DATA : DOUBT_NONE;
        v->above = o->above;
        v->growth = (struct interval){10, 10 - half, 10 + half};
        v->explicit_tolerance = o->asked;
    }
}

static const struct {
    struct voter voters[VOTERS];
    enum outcome want;
    int lead;
} counted[] = {
    /* Views of one memory must agree, or lean the same way at least. */
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "pss_bytes", .says = OPEN, .above = 0.6}},
     OPEN,
     1},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "pss_bytes", .says = OPEN, .above = 0.8}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "pss_bytes", .says = OPEN, .no_data = true}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = PASS}, {.name = "pss_bytes", .says = LEAK}},
     PASS,
     0},
    {{{.name = "rss_bytes", .says = OPEN, .above = 0.9},
      {.name = "pss_bytes", .says = OPEN, .above = 0.9}},
     OPEN,
     0},
    /* Of those that leak the surest leads, of others the first. */
    {{{.name = "rss_bytes", .says = LEAK, .above = 1, .width = 9},
      {.name = "pss_bytes", .says = LEAK, .above = 1, .width = 2},
      {.name = "uss_bytes", .says = LEAK, .above = 1, .width = 6}},
     LEAK,
     1},
    {{{.name = "rss_bytes", .says = PASS, .width = 9},
      {.name = "pss_bytes", .says = PASS, .width = 2}},
     PASS,
     0},
    /* Heaps, objects and handles speak for themselves; memory leads where
       it says the same. */
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "go_heap_inuse_bytes", .says = LEAK}},
     LEAK,
     1},
    {{{.name = "rss_bytes", .says = LEAK, .above = 1, .width = 9},
      {.name = "go_heap_inuse_bytes", .says = LEAK, .above = 1, .width = 2}},
     LEAK,
     0},
    {{{.name = "go_heap_inuse_bytes", .says = PASS},
      {.name = "rss_bytes", .says = PASS}},
     PASS,
     1},
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "fds", .says = OPEN, .above = 0.6}},
     OPEN,
     1},
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "fds", .says = OPEN, .above = 0.4}},
     PASS,
     0},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "fds", .says = OPEN, .above = 0.6}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "fds", .says = OPEN, .above = 0.6, .no_data = true}},
     PASS,
     0},
    {{{.name = "fds", .says = PASS}}, PASS, 0},
    {{{.name = "fds", .says = OPEN, .above = 0.9}}, OPEN, 0},
    /* A pass needs one that passes. */
    {{{.name = "fds", .says = OPEN, .above = 0.4}}, OPEN, 0},
    {{{.name = "fds", .says = OPEN, .above = 0.4},
      {.name = "threads", .says = PASS}},
     PASS,
     1},
    {{{.name = "queue_bytes", .says = LEAK},
      {.name = "fds", .says = OPEN, .above = 0.4}},
     OPEN,
     1},
    /* The page cache is heard where nothing else measures memory, what
       nobody knows where nothing else is measured, or it was asked for. */
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "cgroup_bytes", .says = LEAK}},
     PASS,
     0},
    {{{.name = "rss_bytes", .says = PASS, .no_data = true},
      {.name = "cgroup_bytes", .says = LEAK}},
     LEAK,
     1},
    {{{.name = "queue_bytes", .says = LEAK}}, LEAK, 0},
    {{{.name = "queue_bytes", .says = LEAK},
      {.name = "rss_bytes", .says = PASS}},
     PASS,
     1},
    {{{.name = "queue_bytes", .says = LEAK}, {.name = "fds", .says = PASS}},
     PASS,
     1},
    {{{.name = "queue_bytes", .says = LEAK, .asked = true},
      {.name = "rss_bytes", .says = PASS}},
     LEAK,
     0},
    /* Counts of a type accuse; alone they acquit as well. */
    {{{.name = "objects:shop.Order", .says = LEAK},
      {.name = "rss_bytes", .says = PASS}},
     LEAK,
     0},
    {{{.name = "objects:shop.Order", .says = OPEN, .above = 0.9},
      {.name = "rss_bytes", .says = PASS}},
     PASS,
     1},
    {{{.name = "objects:shop.Order", .says = OPEN, .above = 0.9},
      {.name = "fds", .says = PASS}},
     PASS,
     1},
    {{{.name = "objects:shop.Order", .says = PASS}}, PASS, 0},
    {{{.name = "objects:shop.Order", .says = OPEN, .above = 0.9}}, OPEN, 0},
    /* Memory knows no more than an undecided heap that is most of it. */
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes", .says = OPEN, .above = 0.4, .grown = 6}},
     OPEN,
     1},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes", .says = OPEN, .above = 0.4, .grown = 6},
      {.name = "fds", .says = PASS, .grown = 99}},
     OPEN,
     1},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes", .says = OPEN, .above = 0.4, .grown = 6},
      {.name = "pss_bytes",
       .says = LEAK,
       .above = 1,
       .grown = 99,
       .no_data = true}},
     OPEN,
     1},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes", .says = OPEN, .above = 0.4, .grown = 4}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes", .says = PASS, .grown = 6}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = LEAK},
      {.name = "go_heap_inuse_bytes",
       .says = OPEN,
       .above = 0.4,
       .grown = 6,
       .no_data = true}},
     LEAK,
     0},
    {{{.name = "rss_bytes", .says = PASS},
      {.name = "go_heap_inuse_bytes", .says = OPEN, .above = 0.4, .grown = 6}},
     PASS,
     0},
    /* Nothing to be heard. */
    {{{.name = "cpu_s", .says = LEAK}}, OPEN, -1},
    {{{.name = "rss_bytes", .says = LEAK, .no_data = true}}, OPEN, -1},
};

/* Who votes, and how they are counted. */
static void test_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        struct ballot b;

        open_ballot(&b, counted[i].voters);
        ballot_count(&b.c, b.views);
        if (b.c.outcome != counted[i].want || b.c.lead != counted[i].lead)
            fail_msg("row %zu (%s): outcome %d, lead %d", i,
                     counted[i].voters[0].name, (int)b.c.outcome, b.c.lead);
        for (size_t k = 0; k < b.c.n; k++)
            assert_int_equal(b.findings[k].decisive, (int)k == b.c.lead);
    }
}

/* Views that must agree call only what the bluntest of them shows. */
static void test_shared_minimum(void **state)
{
    static const struct voter sharp[VOTERS] = {
        {.name = "rss_bytes", .says = PASS, .least = 50},
        {.name = "pss_bytes", .says = PASS, .least = 90},
        {.name = "fds", .says = PASS, .least = 200},
        {.name = "uss_bytes", .says = PASS, .least = 700, .no_data = true}};
    struct voter blind[VOTERS];
    struct ballot b;

    (void)state;
    open_ballot(&b, sharp);
    ballot_count(&b.c, b.views);
    assert_true(ballot_shares(&b.c, b.views, 0));
    assert_true(ballot_shares(&b.c, b.views, 1));
    assert_false(ballot_shares(&b.c, b.views, 2));
    assert_false(ballot_shares(&b.c, b.views, 3));
    for (size_t i = 0; i < VOTERS; i++) {
        double want = i < 2 ? 90 : i == 2 ? 200 : 700;

        assert_close(b.findings[i].minimum_per_hour, want, 0);
        assert_close(b.findings[i].minimum_per_request, want / 10, 1e-12);
    }
    for (size_t blunt = 0; blunt < 2; blunt++) {
        memcpy(blind, sharp, sizeof blind);
        blind[blunt].least = NAN;
        open_ballot(&b, blind);
        ballot_count(&b.c, b.views);
        for (size_t i = 0; i < 2; i++) {
            assert_true(isnan(b.findings[i].minimum_per_hour));
            assert_true(isnan(b.findings[i].minimum_per_request));
        }
        assert_close(b.findings[2].minimum_per_hour, 200, 0);
    }
}

/* A collector that takes 100 of 200 objects, again and again, may make 1,000
 * bytes of memory creep by 125. */
static void open_garbage(struct ballot *b, const char *memory, double growth)
{
    const struct voter voters[VOTERS] = {
        {.name = memory, .says = LEAK, .above = 1},
        {.name = "py_allocated_blocks", .says = OPEN}};

    open_ballot(b, voters);
    b->findings[0].certainty = 3;
    b->findings[0].limit_s = (struct interval){9, 8, 10};
    b->views[0].level = 1000;
    b->views[0].growth = (struct interval){growth, growth - 10, growth + 10};
    b->views[0].span_requests = 100;
    b->views[0].span_s = 1800;
    b->findings[1].shape = SHAPE_SAWTOOTH;
    b->views[1].swing = 100;
    b->views[1].level = 150;
}

static void expect_held(struct ballot *b, bool held)
{
    const struct finding *f = &b->findings[0];

    ballot_hold(&b->c, b->views);
    assert_int_equal(f->outcome, held ? OPEN : LEAK);
    assert_int_equal(b->views[0].doubt == DOUBT_GARBAGE, held);
    assert_int_equal(isnan(f->certainty), held);
    assert_int_equal(isnan(f->limit_s.value), held);
}

static void test_hold(void **state)
{
    struct ballot b;

    (void)state;
    open_garbage(&b, "rss_bytes", 50);
    expect_held(&b, true);
    assert_close(b.findings[0].more_s, 1800 * 1.5, 1e-9);
    assert_close(b.findings[0].more_requests, 150, 1e-9);
    /* What it would have called: three quarters of that are creep and the
       half width. */
    assert_close(b.findings[0].minimum_per_request, 1.8, 1e-9);
    assert_close(b.findings[0].minimum_per_hour, 360, 1e-9);
    open_garbage(&b, "rss_bytes", 50);
    b.findings[0].minimum_per_request = 7;
    b.findings[0].minimum_per_hour = 900;
    expect_held(&b, true);
    assert_close(b.findings[0].minimum_per_request, 7, 0);
    assert_close(b.findings[0].minimum_per_hour, 900, 0);
    open_garbage(&b, "rss_bytes", 130);
    expect_held(&b, false);
    assert_close(b.findings[0].minimum_per_hour, 360, 1e-9);
    open_garbage(&b, "rss_bytes", 50);
    b.findings[0].outcome = PASS;
    ballot_hold(&b.c, b.views);
    assert_int_equal(b.findings[0].outcome, PASS);
    assert_close(b.findings[0].minimum_per_hour, 360, 1e-9);
}

/* Who is not held: what is no memory, or was asked for, and anything where the
 * objects tell of no garbage. */
static void test_not_held(void **state)
{
    struct ballot b;

    (void)state;
    open_garbage(&b, "go_heap_inuse_bytes", 50);
    expect_held(&b, false);
    assert_true(isnan(b.findings[0].minimum_per_hour) ||
                b.findings[0].minimum_per_hour == 0);
    open_garbage(&b, "rss_bytes", 50);
    b.views[0].explicit_tolerance = true;
    expect_held(&b, false);
    open_garbage(&b, "rss_bytes", 50);
    b.views[0].doubt = DOUBT_NO_DATA;
    expect_held(&b, false);
    open_garbage(&b, "rss_bytes", 50);
    b.findings[1].outcome = LEAK;
    expect_held(&b, false);
    open_garbage(&b, "rss_bytes", 50);
    b.findings[1].shape = SHAPE_LINEAR;
    expect_held(&b, false);
    open_garbage(&b, "rss_bytes", 50);
    b.views[1].doubt = DOUBT_NO_DATA;
    expect_held(&b, false);
    open_garbage(&b, "rss_bytes", 50);
    snprintf(b.findings[1].name, sizeof b.findings[1].name, "objects:a.B");
    expect_held(&b, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_vote),
        cmocka_unit_test(test_memory_follows_a_heap),
        cmocka_unit_test(test_garbage_leaves_pages),
        cmocka_unit_test(test_columns_of_all_kinds),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_shared_minimum),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_not_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
