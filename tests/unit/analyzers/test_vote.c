#include "analyzers/vote.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <string.h>

enum { NO = OUTCOME_PASS, YES = OUTCOME_LEAK, OPEN = OUTCOME_INCONCLUSIVE };

struct column_says {
    const char *name;
    int outcome;
};

/* Findings of those columns, with that outcome and no numbers. */
static void told(const struct column_says *says, size_t n, struct finding *f)
{
    for (size_t i = 0; i < n; i++) {
        struct metric m;

        metric_describe(says[i].name, &m);
        finding_init(&f[i], &m);
        f[i].outcome = (enum outcome)says[i].outcome;
        f[i].judged = m.role != METRIC_WITNESS;
    }
}

/* Votes on such findings; what leaks grows. */
static enum outcome vote(const struct column_says *says, size_t n,
                         const struct policy *p, struct finding *f,
                         struct vote *v)
{
    told(says, n, f);
    for (size_t i = 0; i < n; i++)
        f[i].per_request.value = says[i].outcome == YES ? 100 : 0;
    vote_all(f, n, p, v);
    return v->outcome;
}

static void test_table(void **state)
{
    static const struct {
        struct column_says says[5];
        enum outcome want;
    } cases[] = {
        {{{"rss_bytes", NO}}, OUTCOME_PASS},
        {{{"rss_bytes", YES}}, OUTCOME_LEAK},
        {{{"rss_bytes", OPEN}}, OUTCOME_INCONCLUSIVE},
        {{{0}}, OUTCOME_INCONCLUSIVE},
        /* Private growth shows in both. */
        {{{"rss_bytes", YES}, {"pss_bytes", YES}}, OUTCOME_LEAK},
        {{{"rss_bytes", YES}, {"pss_bytes", NO}}, OUTCOME_PASS},
        {{{"rss_bytes", NO}, {"pss_bytes", YES}, {"uss_bytes", NO}},
         OUTCOME_PASS},
        {{{"rss_bytes", YES}, {"pss_bytes", NO}, {"uss_bytes", YES}},
         OUTCOME_LEAK},
        /* Objects hidden behind kept memory. */
        {{{"rss_bytes", NO}, {"pss_bytes", NO}, {"py_blocks", YES}},
         OUTCOME_LEAK},
        {{{"rss_bytes", NO}, {"native_inuse_bytes", YES}}, OUTCOME_LEAK},
        {{{"pss_bytes", NO}, {"py_gc_objects", OPEN}}, OUTCOME_INCONCLUSIVE},
        /* Kept memory alone is no leak; with objects undecided it may be. */
        {{{"rss_bytes", YES},
          {"native_inuse_bytes", NO},
          {"native_free_bytes", YES}},
         OUTCOME_PASS},
        {{{"rss_bytes", YES},
          {"native_inuse_bytes", NO},
          {"native_free_bytes", YES},
          {"py_blocks", OPEN}},
         OUTCOME_LEAK},
        {{{"rss_bytes", YES},
          {"native_inuse_bytes", NO},
          {"native_free_bytes", NO}},
         OUTCOME_LEAK},
        /* The control group alone. */
        {{{"rss_bytes", NO}, {"cgroup_bytes", YES}}, OUTCOME_PASS},
        {{{"rss_bytes", YES}, {"cgroup_bytes", YES}}, OUTCOME_LEAK},
        /* Handles count, but prove no pass by themselves. */
        {{{"rss_bytes", NO}, {"fds", YES}}, OUTCOME_LEAK},
        {{{"fds", NO}, {"threads", NO}}, OUTCOME_INCONCLUSIVE},
        {{{"rss_bytes", OPEN}, {"pss_bytes", NO}}, OUTCOME_PASS},
    };
    struct policy p;

    (void)state;
    policy_default(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[5];
        struct vote v;
        size_t n = 0;

        while (n < 5 && cases[i].says[n].name != NULL)
            n++;
        if (vote(cases[i].says, n, &p, f, &v) != cases[i].want)
            print_error("case %zu: %s\n", i, outcome_name(v.outcome));
        assert_int_equal(v.outcome, cases[i].want);
        if (v.lead >= 0)
            assert_true(f[v.lead].judged);
        if (v.outcome != OUTCOME_INCONCLUSIVE)
            assert_true(v.lead >= 0 && f[v.lead].decisive);
    }
}

/* Pages that stop being shared are in private memory and PSS, not in RSS;
   what is newly allocated is in all three. */
static void test_unsharing(void **state)
{
    static const struct column_says says[] = {
        {"rss_bytes", NO}, {"uss_bytes", YES}, {"pss_anon_bytes", YES}};
    static const struct {
        double rss, uss;
        enum outcome want;
    } cases[] = {
        {0, 4e6, OUTCOME_PASS},
        {0.2e6, 4e6, OUTCOME_PASS},
        {4e6, 4e6, OUTCOME_LEAK},
        {2.5e6, 4e6, OUTCOME_LEAK},
    };
    struct policy p;

    (void)state;
    policy_default(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[3];
        struct vote v;

        told(says, 3, f);
        for (size_t m = 0; m < 3; m++) {
            double grown = m == 0 ? cases[i].rss : cases[i].uss;

            f[m].grown = grown;
            f[m].per_request = (struct interval){
                grown / 1000, 0.9 * grown / 1000, 1.1 * grown / 1000};
        }
        vote_all(f, 3, &p, &v);
        assert_int_equal(v.outcome, cases[i].want);
    }
}

/* Memory that grows beside a runtime's heap that is not seen to: open, unless
 * malloc shows where it goes. */
static void test_runtime_heap(void **state)
{
    static const struct column_says says[] = {{"rss_bytes", YES},
                                              {"go_heap_inuse_bytes", NO},
                                              {"native_inuse_bytes", NO}};
    static const struct {
        int heap;
        double high;
        int native;
        enum outcome want;
    } cases[] = {{NO, -900, NO, OUTCOME_INCONCLUSIVE},
                 {NO, 50, NO, OUTCOME_INCONCLUSIVE},
                 {NO, 350, NO, OUTCOME_LEAK},
                 {NO, -900, YES, OUTCOME_LEAK},
                 {OPEN, 350, NO, OUTCOME_INCONCLUSIVE},
                 {OPEN, 350, YES, OUTCOME_LEAK},
                 {YES, 350, NO, OUTCOME_LEAK}};
    struct policy p;

    (void)state;
    policy_default(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[3];
        struct vote v;

        told(says, 3, f);
        f[1].outcome = (enum outcome)cases[i].heap;
        f[2].outcome = (enum outcome)cases[i].native;
        f[0].per_request = (struct interval){400, 300, 600};
        f[1].per_request.high = cases[i].high;
        vote_all(f, 3, &p, &v);
        assert_int_equal(v.outcome, cases[i].want);
    }
}

/* A pass rests on what could have accused: memory, but beside a runtime's heap
 * the heap, unless the memory's tolerance was stated. */
static void test_pass_lead(void **state)
{
    static const struct column_says says[] = {
        {"rss_bytes", NO}, {"pss_bytes", NO}, {"jvm_heap_after_gc_bytes", NO}};
    struct tolerance pss = {.metric = "pss_bytes", .value = 64};
    struct policy p;
    struct finding f[3];
    struct vote v;

    (void)state;
    policy_default(&p);
    assert_int_equal(vote(says, 3, &p, f, &v), OUTCOME_PASS);
    assert_string_equal(f[v.lead].name, "jvm_heap_after_gc_bytes");
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_PASS);
    assert_string_equal(f[v.lead].name, "pss_bytes");
    p.tolerances = &pss;
    p.ntolerances = 1;
    assert_int_equal(vote(says, 3, &p, f, &v), OUTCOME_PASS);
    assert_string_equal(f[v.lead].name, "pss_bytes");
}

/* Counts that are too rough for their own limit do not stand in the way of
   memory that passes while the best guess is no growth, and the worst is what
   memory would be let grow. */
static void test_rough_counts(void **state)
{
    static const struct column_says says[] = {
        {"rss_bytes", NO}, {"uss_bytes", NO}, {"py_blocks", OPEN}};
    static const struct {
        struct interval found;
        int memory;
        enum basis basis;
        enum outcome want;
    } cases[] = {{{0, -0.1, 0.3}, NO, BASIS_BARRIERS, OUTCOME_PASS},
                 {{0.06, -0.1, 0.3}, NO, BASIS_BARRIERS, OUTCOME_INCONCLUSIVE},
                 {{0.04, 0.01, 0.3}, NO, BASIS_BARRIERS, OUTCOME_INCONCLUSIVE},
                 {{0, -0.1, 0.36}, NO, BASIS_BARRIERS, OUTCOME_INCONCLUSIVE},
                 {{0, -0.1, 0.3}, OPEN, BASIS_BARRIERS, OUTCOME_INCONCLUSIVE},
                 {{0, -0.1, 0.3}, NO, BASIS_SAMPLES, OUTCOME_INCONCLUSIVE}};
    struct policy p;

    (void)state;
    policy_default(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[3];
        struct vote v;

        told(says, 3, f);
        for (int k = 0; k < 2; k++)
            f[k].outcome = (enum outcome)cases[i].memory;
        f[2].basis = cases[i].basis;
        f[2].per_request = cases[i].found;
        f[2].tolerance_per_request = 0.05;
        f[2].level = 100000;
        f[2].from_requests = 1000;
        f[2].to_requests = 11000;
        vote_all(f, 3, &p, &v);
        assert_int_equal(v.outcome, cases[i].want);
        assert_int_equal(f[2].outcome, OUTCOME_INCONCLUSIVE);
    }
    policy_release(&p);
}

/* malloc's caches fill by less than would be called: no obstacle beside memory
 * that passes, unless the user spoke of the heap. */
static void test_caches_of_malloc(void **state)
{
    static const struct column_says says[] = {
        {"rss_bytes", NO}, {"uss_bytes", NO}, {"native_inuse_bytes", OPEN}};
    static const struct {
        struct interval found;
        int memory;
        bool required;
        enum outcome want;
    } cases[] = {{{13, 11, 17}, NO, false, OUTCOME_PASS},
                 {{13, 11, 21}, NO, false, OUTCOME_INCONCLUSIVE},
                 {{13, 11, 17}, OPEN, false, OUTCOME_INCONCLUSIVE},
                 {{13, 11, 17}, NO, true, OUTCOME_INCONCLUSIVE}};
    static char *asked[] = {"native_inuse_bytes"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[3];
        struct policy p;
        struct vote v;

        policy_default(&p);
        told(says, 3, f);
        for (int k = 0; k < 2; k++)
            f[k].outcome = (enum outcome)cases[i].memory;
        f[2].basis = BASIS_BARRIERS;
        f[2].per_request = cases[i].found;
        f[2].tolerance_per_request = 20;
        if (cases[i].required) {
            p.require = asked;
            p.nrequire = 1;
        }
        vote_all(f, 3, &p, &v);
        assert_int_equal(v.outcome, cases[i].want);
        p.require = NULL;
        p.nrequire = 0;
        policy_release(&p);
    }
}

/* Blocks that are level speak for objects that are not known, but not where
 * they are known worse: a recycled worker's leak hid there. */
static void test_blocks_for_objects(void **state)
{
    static const struct column_says says[] = {
        {"rss_bytes", NO}, {"py_gc_objects", OPEN}, {"py_blocks", NO}};
    static const struct {
        double objects, blocks;
        enum outcome want;
    } cases[] = {{0.35, 1.02, OUTCOME_INCONCLUSIVE},
                 {0.35, 0.2, OUTCOME_PASS},
                 {1.5, 1.02, OUTCOME_PASS},
                 {0.02, 0.04, OUTCOME_PASS}};
    struct policy p;

    (void)state;
    policy_default(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f[3];
        struct vote v;

        told(says, 3, f);
        f[2].tolerance_per_request = 0.05;
        f[1].per_request.high = cases[i].objects;
        f[2].per_request.high = cases[i].blocks;
        vote_all(f, 3, &p, &v);
        assert_int_equal(v.outcome, cases[i].want);
    }
}

/* What the user required or gave a tolerance cannot be missing in a pass. */
static void test_required(void **state)
{
    static const struct column_says says[] = {{"rss_bytes", NO},
                                              {"pss_bytes", OPEN}};
    char *require[] = {(char *)"py_objects"};
    struct tolerance t = {.metric = (char *)"pss", .value = 64};
    struct finding f[2];
    struct policy p;
    struct vote v;

    (void)state;
    policy_default(&p);
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_PASS);
    p.require = require;
    p.nrequire = 1;
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_INCONCLUSIVE);
    assert_string_equal(v.lacks, "py_objects");
    p.nrequire = 0;
    p.tolerances = &t;
    p.ntolerances = 1;
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_INCONCLUSIVE);
    assert_string_equal(v.lacks, ""); /* read, but undecided: the blocker */
    assert_string_equal(f[v.lead].name, "pss_bytes");
    t.metric = (char *)"py_blocks";
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_INCONCLUSIVE);
    assert_string_equal(v.lacks, "py_blocks");
}

/* A tolerance that the user stated is a criterion, sharing or not. */
static void test_stated(void **state)
{
    static const struct column_says says[] = {{"rss_bytes", YES},
                                              {"pss_bytes", NO}};
    struct tolerance t = {.metric = (char *)"rss", .value = 64};
    struct finding f[2];
    struct policy p;
    struct vote v;

    (void)state;
    policy_default(&p);
    p.tolerances = &t;
    p.ntolerances = 1;
    assert_int_equal(vote(says, 2, &p, f, &v), OUTCOME_LEAK);
}

static void test_join(void **state)
{
    struct finding b, s;
    struct metric m;

    (void)state;
    metric_describe("rss_bytes", &m);
    finding_init(&b, &m);
    finding_init(&s, &m);
    b.basis = BASIS_BARRIERS;
    b.judged = s.judged = true;
    b.tolerance_per_request = 10;
    b.per_request.value = 30;
    s.outcome = OUTCOME_PASS;
    vote_join(&b, &s); /* the blocks lean the other way */
    assert_int_equal(b.outcome, OUTCOME_INCONCLUSIVE);
    s.outcome = OUTCOME_LEAK;
    b.garbage = true;
    vote_join(&b, &s); /* of which the samples know nothing */
    assert_int_equal(b.outcome, OUTCOME_INCONCLUSIVE);
    b.garbage = false;
    vote_join(&b, &s);
    assert_int_equal(b.outcome, OUTCOME_LEAK);
    assert_int_equal(b.basis, BASIS_BOTH);
    b.outcome = OUTCOME_PASS;
    vote_join(&b, &s); /* exact readings are not overruled */
    assert_int_equal(b.outcome, OUTCOME_PASS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_unsharing),
        cmocka_unit_test(test_runtime_heap),
        cmocka_unit_test(test_pass_lead),
        cmocka_unit_test(test_rough_counts),
        cmocka_unit_test(test_caches_of_malloc),
        cmocka_unit_test(test_blocks_for_objects),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_stated),
        cmocka_unit_test(test_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
