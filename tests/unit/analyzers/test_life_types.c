/* Single objects that leak in workers of short lives, from made censuses. */
#include "analyzers/life_types.h"

#include "analyzers/life_kinds.h"
#include "analyzers/pooled.h"
#include "analyzers/type_columns.h"
#include "analyzers/verdict.h"
#include "tests/unit/analyzers/life_service.h"
#include "tests/unit/assert_close.h"

#include <string.h>

/* How many of `runs` call `type` a leak; any other type fails the test. */
static int called(const struct service *s, const char *type, int runs)
{
    int n = 0;

    for (int seed = 1; seed <= runs; seed++) {
        struct record r;
        struct verdict v;

        open_service(&r, s, (uint64_t)seed);
        verdict_judge(&r, NULL, &v);
        for (size_t i = 0; i < v.nfindings; i++) {
            const struct finding *f = &v.findings[i];

            if (f->outcome != OUTCOME_LEAK)
                continue;
            assert_non_null(type);
            assert_string_equal(f->name, type);
            assert_non_null(strstr(f->reason, "Masked by recycling"));
            n++;
        }
        verdict_release(&v);
        close_service(&r);
    }
    return n;
}

/* One object per request of one kind in two, which lives of so many requests
   bound, beside a cache that fills in each of them. */
static void test_single_objects(void **state)
{
    static const double lives[] = {150, 300, 800};

    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct service s = {
            .life = lives[i], .workers = 2, .leak = 1, .lru = 128};

        assert_true(called(&s, "objects:app.Order", 10) >= 8);
        s.lru = 0; /* the library's own caches stand still */
        assert_true(called(&s, "objects:app.Order", 10) >= 8);
    }
}

static void test_healthy(void **state)
{
    static const double lives[] = {150, 300, 800};

    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct service s = {.life = lives[i], .workers = 2, .lru = 128};
        struct service known = {.life = lives[i],
                                .workers = 1 + 3 * (i == 0),
                                .cache = 0.25 * lives[i]};
        struct service garbage = {.life = lives[i], .workers = 2, .garbage = 3};

        assert_int_equal(called(&s, NULL, 10), 0);
        assert_int_equal(called(&known, NULL, 10), 0);
        assert_int_equal(called(&garbage, NULL, 10), 0);
    }
}

/* Whether the type has a column, and it is seen to have a bound. */
static bool is_cached(const struct service *s, const char *type, uint64_t seed)
{
    struct record r, wide;
    struct verdict v = {0};
    struct pooled p;
    bool cached = false;
    size_t looked_at;

    open_service(&r, s, seed);
    type_columns_add(&r, &wide, &looked_at);
    for (size_t i = 0; i < wide.barriers.ncolumns; i++) {
        const struct column *c = &wide.barriers.columns[i];
        struct blocks b;

        if (!type_column_is(c->name) ||
            strcmp(type_column_type(c->name), type) != 0)
            continue;
        blocks_gather(&wide, c, 0, &b);
        assert_true(pooled_gather(&wide, c, &b, 1, 0, &p));
        cached = p.cached;
        pooled_release(&p);
        blocks_release(&b);
    }
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    close_service(&r);
    return cached;
}

/* What comes to the same number in life after life, and stays there, is no
   leak; nor is what comes with the entries of a cache that has a bound. */
static void test_bounds(void **state)
{
    struct service known = {.life = 300, .workers = 2, .cache = 75};
    struct service slow = {.life = 800, .workers = 4, .leak = 0.1};
    struct service lru = {.life = 300, .workers = 2, .leak = 1, .lru = 60};
    int n[4] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        n[0] += is_cached(&known, "app.Known", seed);
        n[1] += is_cached(&lru, "app.Answer", seed);
        n[2] += is_cached(&lru, "app.Order", seed);
        n[3] += is_cached(&slow, "app.Order", seed);
    }
    assert_true(n[0] >= 18);
    assert_true(n[1] >= 16);
    assert_int_equal(n[2], 0);
    assert_int_equal(n[3], 0);
}

/* The control: what moves is chosen, what stands still is not counted. */
static void test_rises(void **state)
{
    struct service s = {.life = 300, .workers = 2, .leak = 1, .lru = 128};
    struct life_rise *rises;
    struct record r, wide;
    struct verdict v = {.lead = -1};
    size_t n, moved = 0, looked_at;

    (void)state;
    open_service(&r, &s, 7);
    n = life_types_rises(&r, &rises);
    assert_int_equal(n, 3 + STILL);
    for (size_t i = 0; i < n; i++) {
        bool order = strcmp(rises[i].type, "app.Order") == 0;

        moved += rises[i].moved;
        if (order)
            assert_true(rises[i].clearness > 5);
        if (i > 0)
            assert_true(strcmp(rises[i - 1].type, rises[i].type) < 0);
    }
    assert_int_equal(moved, 3);
    free(rises);
    type_columns_add(&r, &wide, &looked_at);
    assert_int_equal(looked_at, 3);
    type_columns_release(&r, &wide, &v);
    verdict_release(&v);
    r.nprocesses = 2; /* none came later */
    assert_int_equal(life_types_rises(&r, &rises), 0);
    r.nprocesses = 0;
    close_service(&r);
}

static void test_counts(void **state)
{
    struct service s = {.life = 300, .workers = 2, .leak = 1, .lru = 128};
    struct life_types t;
    struct record r;
    size_t all;

    (void)state;
    open_service(&r, &s, 7);
    all = r.nprocesses;
    life_types_read(&r, "lib.Still3", SIZE_MAX, &t);
    assert_true(t.n > 4);
    for (size_t i = 0; i < t.n; i++)
        assert_close(t.v[i].count, 13, 0);
    assert_close(life_types_count(&t, t.v[1].process, t.v[1].t_s), 13, 0);
    assert_close(life_types_count(&t, t.v[1].process, t.v[1].t_s + 0.04), 13,
                 0);
    assert_true(isnan(life_types_count(&t, t.v[1].process, t.v[1].t_s + 0.06)));
    assert_true(isnan(life_types_count(&t, all, t.v[1].t_s)));
    assert_true(isnan(life_types_count(&t, t.v[1].process, 0.5)));
    life_types_release(&t);
    /* Cut names stand for all that begin so: 3, and 30 to 39. */
    life_types_read(&r, "lib.Still3", 10, &t);
    assert_close(t.v[0].count, 13 + 10 * 40 + 45, 0);
    life_types_release(&t);
    life_types_read(&r, "app.Nobody", SIZE_MAX, &t);
    assert_close(t.v[0].count, 0, 0);
    life_types_release(&t);
    close_service(&r);
}

static const struct life_rise *rise_of(const struct life_rise *rises, size_t n,
                                       const char *type)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rises[i].type, type) == 0)
            return &rises[i];
    fail_msg("no %s", type);
    return NULL;
}

/* Rows of the first `n` censuses of single processes. */
static size_t rows_of(const struct record *r, size_t n)
{
    size_t censuses = 0, i = 0;

    for (; i < r->nown_objects; i++) {
        const struct record_own_object *o = &r->own_objects[i];

        censuses +=
            i == 0 || o->process != o[-1].process || o->block != o[-1].block;
        if (censuses > n)
            break;
    }
    return i;
}

/* What moves by less than any leak did not move, what falls does not rise, and
 * the links of a cache that fills are no leak. */
static void test_what_moves(void **state)
{
    struct service s = {.life = 300, .workers = 2, .leak = 1, .lru = 128};
    struct life_rise *rises;
    struct record r;
    double order = 0;
    size_t n, all, k = 0;

    (void)state;
    open_service(&r, &s, 7);
    for (size_t i = 0; i < r.nown_objects; i++) {
        struct record_own_object *o = &r.own_objects[i];

        if (strcmp(o->type, "app.Order") == 0)
            order = o->count;
        else if (strcmp(o->type, "lib.Still7") == 0)
            o->count += k++ % 2 == 0 ? 4 : 0;
        else if (strcmp(o->type, "lib.Still8") == 0)
            o->count += k % 2 == 0 ? 5 : 0;
        else if (strcmp(o->type, "lib.Still9") == 0)
            o->count = 5000 - order;
    }
    n = life_types_rises(&r, &rises);
    assert_false(rise_of(rises, n, "lib.Still7")->moved);
    assert_true(rise_of(rises, n, "lib.Still8")->moved);
    assert_true(rise_of(rises, n, "lib.Still9")->moved);
    assert_true(rise_of(rises, n, "lib.Still9")->clearness < 3);
    assert_true(rise_of(rises, n, "app.Order")->clearness > 5);
    assert_true(rise_of(rises, n, "app.Answer")->clearness > 0);
    assert_true(rise_of(rises, n, LIFE_TYPES_LINKS)->moved);
    assert_close(rise_of(rises, n, LIFE_TYPES_LINKS)->clearness, 0, 0);
    free(rises);
    /* Too few to tell. */
    all = r.nown_objects;
    r.nown_objects = rows_of(&r, 5);
    assert_int_equal(life_types_rises(&r, &rises), 0);
    assert_null(rises);
    r.nown_objects = all;
    close_service(&r);
}

/* Two processes look alike when they have as many of each type, in any
 * order. */
static void test_digest(void **state)
{
    struct service s = {.life = 300, .workers = 2, .leak = 1, .lru = 128};
    struct record_own_object first;
    struct life_types t;
    struct record r;
    uint64_t was;

    (void)state;
    open_service(&r, &s, 7);
    first = r.own_objects[0];
    life_types_read(&r, "app.Order", SIZE_MAX, &t);
    was = t.v[0].digest;
    life_types_release(&t);
    for (int change = 0; change < 4; change++) {
        struct record_own_object *o = r.own_objects;

        if (change == 0)
            o[0].count++;
        else if (change == 1)
            o[0].type = (char *)"app.Ordes";
        else if (change == 2)
            o[0].type = o[1].type;
        else {
            o[0] = o[1];
            o[1] = first;
        }
        life_types_read(&r, "app.Order", SIZE_MAX, &t);
        assert_int_equal(t.v[0].digest == was, change == 3);
        life_types_release(&t);
        if (change < 3)
            o[0] = first;
    }
    close_service(&r);
}

/* A bounded cache is full in lives that came to its bound and went on for a
 * good while; before, it fills. */
static void test_full(void **state)
{
    static const struct {
        const char *type;
        double lru;
        bool filling, full, cached;
    } rows[] = {{"objects:app.Order", 60, false, true, false},
                {"objects:app.Order", 1e9, true, false, false},
                {"objects:app.Answer", 1e9, true, false, true},
                {"objects:app.Answer", 60, false, true, true},
                {"objects:app.Order", 0, false, false, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct service s = {
            .life = 300, .workers = 2, .leak = 1, .lru = rows[i].lru};
        struct column c = {.name = (char *)rows[i].type};
        struct barriers_rule rule;
        struct finding f;
        struct record r;
        struct blocks b;
        struct pooled p;

        open_service(&r, &s, 7);
        records_column(&r, "py_gc_objects", 50000, NULL);
        blocks_gather(&r, &r.barriers.columns[0], 0, &b);
        assert_true(pooled_gather(&r, &c, &b, 1, 0, &p));
        assert_int_equal(p.full, rows[i].full);
        assert_int_equal(p.filling, rows[i].filling);
        assert_int_equal(p.cached, rows[i].cached);
        /* One for one with the entries: nothing is left. */
        for (size_t k = 0; p.full && p.cached && k < p.n; k++)
            assert_close(p.at[k].held, p.at[0].held, 15);
        pooled_release(&p);
        metric_describe(c.name, &c.metric);
        c.v = r.barriers.columns[0].v;
        barriers_rule(&r.policy, &rule);
        barriers_column(&r, &r.policy, &rule, &c, &f);
        assert_int_equal(f.judged, !rows[i].cached);
        blocks_release(&b);
        close_service(&r);
    }
}

/* Gives the census of `process` at `t_s` what one has that only began. */
static void make_unborn(struct record *r, size_t process, double t_s)
{
    for (size_t i = 0; i < r->nown_objects; i++) {
        struct record_own_object *o = &r->own_objects[i];
        bool links = strcmp(o->type, LIFE_TYPES_LINKS) == 0;

        if (o->process == process && o->t_s == t_s &&
            strncmp(o->type, "lib.", 4) != 0)
            o->count = links ? 80 : 1;
    }
}

/* The age of a point, in requests of any kind. */
static double age_of(const struct record *r, const struct blocks *b,
                     const struct pooled_point *at)
{
    return lives_age_of(r, &b->lives, at->life, at->own);
}

/* How many points of the leaking type are left, with the `n` youngest of them
   made equal. */
static size_t points_with(size_t n)
{
    struct service s = {.life = 300, .workers = 2, .leak = 1, .lru = 128};
    struct column c = {.name = (char *)"objects:app.Order"};
    struct record r;
    struct blocks b;
    struct pooled p;
    double after = 0, least = INFINITY;

    open_service(&r, &s, 7);
    records_column(&r, "py_gc_objects", 50000, NULL);
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_true(pooled_gather(&r, &c, &b, 1, 0, &p));
    for (size_t k = 0; k < n; k++) {
        size_t next = p.n;

        for (size_t i = 0; i < p.n; i++)
            if (age_of(&r, &b, &p.at[i]) > after &&
                (next == p.n ||
                 age_of(&r, &b, &p.at[i]) < age_of(&r, &b, &p.at[next])))
                next = i;
        after = age_of(&r, &b, &p.at[next]);
        least = fmin(least, after);
        make_unborn(&r, b.lives.v[p.at[next].life].process, p.at[next].t_s);
    }
    /* Nobody younger is in the way. */
    for (size_t i = 0; n > 0 && i < b.lives.n; i++) {
        struct record_process *o = &r.processes[b.lives.v[i].process];

        for (size_t k = 0; k < o->nown; k++)
            if (lives_age_of(&r, &b.lives, i, &o->own[k]) < least)
                o->own[k].v[RECORD_OWN_BLOCKS] = NAN;
    }
    pooled_release(&p);
    assert_true(pooled_gather(&r, &c, &b, 1, 0, &p));
    n = p.n;
    pooled_release(&p);
    blocks_release(&b);
    close_service(&r);
    return n;
}

/* Two that have the same of everything had not served yet: they are left
   out. */
static void test_unborn(void **state)
{
    size_t all = points_with(0);

    (void)state;
    assert_int_equal(points_with(1), all);
    assert_int_equal(points_with(2), all - 2);
    assert_int_equal(points_with(3), all - 3);
}

/* A life's age is shared out as the blocks' requests were. */
static void test_kinds(void **state)
{
    struct record r;
    size_t rows[3] = {0, 1, 2};
    struct lives l;
    double served[KINDS];

    (void)state;
    open_record(&r, 3);
    for (size_t b = 1; b <= BLOCKS; b++) {
        r.kinds[0].completed[b] = b == 1 ? 600 : 600 + 60 * ((double)b - 1);
        r.kinds[1].completed[b] = 540 * ((double)b - 1);
    }
    assert_true(life_kinds_known(&r));
    r.nprocesses = 3;
    for (size_t i = 0; i < 3; i++) {
        struct record_process *p = &r.processes[i];

        *p = (struct record_process){.pid = (int64_t)i + 1,
                                     .first_s = i == 0 ? 0 : 8.5,
                                     .last_s = i == 0 ? 9 : 40,
                                     .cpu_first = 0,
                                     .cpu_last = 1};
        p->own = mem_zalloc(2, sizeof *p->own);
        for (size_t k = 0; k < 2; k++)
            p->own[k] =
                (struct record_own){.t_s = r.barriers.t_s[k + 1], .cpu_s = NAN};
        p->nown = i == 0 ? 0 : 2;
    }
    assert_true(lives_find(&r, rows, 3, &l));
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].process == 1) {
            const struct record_own *own = r.processes[1].own;
            double young = lives_age_of(&r, &l, i, &own[0]);
            double old = lives_age_of(&r, &l, i, &own[1]);

            life_kinds_at(&r, &l, i, &own[0], young, served);
            assert_close(served[0], young, 1e-9);
            assert_close(served[1], 0, 1e-9);
            life_kinds_at(&r, &l, i, &own[1], old, served);
            assert_close(served[0], young + 0.1 * (old - young), 1e-9);
            assert_close(served[1], 0.9 * (old - young), 1e-9);
        }
    lives_release(&l);
    r.nkinds = 1;
    assert_false(life_kinds_known(&r));
    r.nkinds = KINDS;
    r.kinds[1].completed[3] = NAN;
    assert_false(life_kinds_known(&r));
    close_service(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),         cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_moves),     cmocka_unit_test(test_digest),
        cmocka_unit_test(test_unborn),         cmocka_unit_test(test_full),
        cmocka_unit_test(test_rises),          cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_single_objects), cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
