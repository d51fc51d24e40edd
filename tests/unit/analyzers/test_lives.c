#include "analyzers/lives.h"

#include "analyzers/verdict.h"
#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

enum { BLOCKS = 10, PER_BLOCK = 600 };

/* Rows every 600 requests, 7 s apart, from t = 5. */
static void add_process(struct record *r, double from, double to, double cpu)
{
    r->processes =
        mem_realloc(r->processes, r->nprocesses + 1, sizeof *r->processes);
    r->processes[r->nprocesses++] = (struct record_process){
        .first_s = from, .last_s = to, .cpu_first = 0, .cpu_last = cpu};
}

static void close_record(struct record *r)
{
    free(r->processes);
    records_close(r);
}

/* A master that only starts others, and two workers, replaced after their
   900th and 1,070th request. */
static void open_pair(struct record *r)
{
    records_open(r, BLOCKS, PER_BLOCK);
    r->barriers.proc_starts = mem_zalloc(BLOCKS + 1, sizeof(double));
    add_process(r, 0, 75, 0.1);
    for (int w = 0; w < 2; w++) {
        double from = 3 - 10.5 * w, to;

        for (; from < 75; from = to) {
            to = from + 21 + 4 * w;
            add_process(r, from, fmin(to, 75), 0.1 * (to - from));
        }
    }
    for (size_t b = 0; b <= BLOCKS; b++)
        for (size_t i = 0; i < r->nprocesses; i++)
            r->barriers.proc_starts[b] +=
                r->processes[i].first_s <= r->barriers.t_s[b];
}

/* What two workers hold that keep `leak` per request of their own and start
   `fresh` below their level, by the lives' own arithmetic. */
static void readings(struct record *r, const char *metric, double leak,
                     double noise, uint64_t seed)
{
    struct column *c = records_column(r, metric, 60000, NULL);
    struct rng rng;

    rng_init(&rng, seed);
    for (size_t b = 0; b <= BLOCKS; b++)
        c->v[b] = floor(60000.5 + noise * rng_normal(&rng));
    for (size_t i = 1; i < r->nprocesses; i++)
        for (size_t b = 0; b <= BLOCKS; b++) {
            double t = r->barriers.t_s[b], from = r->processes[i].first_s;

            if (from <= t && r->processes[i].last_s >= t)
                c->v[b] += floor(leak * (t - from) / 7 * PER_BLOCK / 2);
        }
}

static const size_t every[BLOCKS + 1] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static void test_ages(void **state)
{
    struct record r;
    struct lives l;
    double x[BLOCKS], sum = 0;

    (void)state;
    open_pair(&r);
    assert_true(lives_find(&r, every, BLOCKS + 1, &l));
    assert_close(l.at_once, 2, 1e-9);
    assert_close(l.length, 1970, 250);
    assert_true(l.oldest > 800 && l.oldest <= 1072);
    lives_part(&l, lives_age, 0, x);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_true(x[i] <= PER_BLOCK + 1e-9);
        sum += x[i];
    }
    assert_true(fabs(sum) < 2200); /* what is lost balances what is added */
    lives_release(&l);
    close_record(&r);
}

/* One that stays and works counts as a life; the master does not. */
static void test_stayed(void **state)
{
    struct record r;
    struct lives l;

    (void)state;
    open_pair(&r);
    add_process(&r, 0, 75, 7);
    assert_true(lives_find(&r, every, BLOCKS + 1, &l));
    assert_close(l.at_once, 3, 1e-9);
    lives_release(&l);
    close_record(&r);
}

/* Nothing began: no lives to pool. */
static void test_none(void **state)
{
    struct record r;
    struct lives l;

    (void)state;
    records_open(&r, BLOCKS, PER_BLOCK);
    assert_false(lives_find(&r, every, BLOCKS + 1, &l));
    add_process(&r, 0, 75, 7);
    add_process(&r, 0, 75, 7);
    assert_false(lives_find(&r, every, BLOCKS + 1, &l));
    add_process(&r, 0, 40, 4); /* one that only ended */
    assert_false(lives_find(&r, every, BLOCKS + 1, &l));
    close_record(&r);
}

/* Workers that keep nothing pass, though they are replaced all the time, and
   a leak that recycling bounds is still one, of its size per request. */
static void test_verdicts(void **state)
{
    static const double leaks[2] = {0, 0.5};

    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct record r;
            struct verdict v;

            open_pair(&r);
            readings(&r, "py_gc_objects", leaks[k], 6, seed);
            verdict_judge(&r, NULL, &v);
            assert_int_equal(v.outcome, k ? OUTCOME_LEAK : OUTCOME_PASS);
            if (k) {
                assert_close(v.findings[v.lead].per_request.value, 0.5, 0.1);
                assert_non_null(strstr(v.findings[v.lead].reason, "recycling"));
            } else {
                assert_true(v.control_ran && v.control_ok);
            }
            verdict_release(&v);
            close_record(&r);
        }
}

/* Half a leak hidden by restarts never passes. */
static void test_no_pass(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct record r;
        struct verdict v;

        open_pair(&r);
        readings(&r, "py_gc_objects", 0.2, 20, seed);
        verdict_judge(&r, NULL, &v);
        assert_int_not_equal(v.outcome, OUTCOME_PASS);
        verdict_release(&v);
        close_record(&r);
    }
}

/* Some are seen only a while after they began; the kernel tells when. */
static void test_births(void **state)
{
    struct record r;
    struct lives seen, told;

    (void)state;
    open_pair(&r);
    assert_true(lives_find(&r, every, BLOCKS + 1, &seen));
    for (size_t i = 0; i < r.nprocesses; i++) {
        struct record_process *p = &r.processes[i];

        p->start = (int64_t)((p->first_s + 1000) * 100);
        if (p->first_s > 10)
            p->first_s += i % 2;
    }
    assert_true(lives_find(&r, every, BLOCKS + 1, &told));
    assert_int_equal(told.n, seen.n);
    for (size_t i = 0; i < told.n; i++)
        assert_close(told.v[i].born, seen.v[i].born, 2);
    lives_release(&told);
    lives_release(&seen);
    close_record(&r);
}

/* Who served, of several that stayed, is known by their CPU time: one may be
   without. */
static void test_unknown(void **state)
{
    struct record r;
    struct lives l;

    (void)state;
    open_pair(&r);
    add_process(&r, 0, 75, NAN);
    assert_true(lives_find(&r, every, BLOCKS + 1, &l));
    assert_close(l.at_once, 2, 1e-9);
    lives_release(&l);
    add_process(&r, 0, 75, NAN);
    assert_false(lives_find(&r, every, BLOCKS + 1, &l));
    close_record(&r);
}

/* Each life's own readings: CPU seconds of a start and of every request, of
 * which the first worker gets seven in ten; in steps of `tick` seconds, 0: to
 * the last digit. */
static void read_cpu(struct record *r, double start, double cost, double tick)
{
    size_t first = 1;

    while (r->processes[first + 1].first_s > r->processes[first].first_s)
        first++;
    for (size_t i = 1; i < r->nprocesses; i++) {
        struct record_process *p = &r->processes[i];
        double rate = PER_BLOCK / 7.0 * (i <= first ? 0.7 : 0.3);

        p->own = mem_zalloc(BLOCKS + 1, sizeof *p->own);
        for (size_t b = 0; b <= BLOCKS; b++) {
            double t = r->barriers.t_s[b];
            double cpu = start + cost * rate * (t - p->first_s);

            if (t < p->first_s || t > p->last_s)
                continue;
            p->own[p->nown++] = (struct record_own){
                .t_s = t, .cpu_s = tick > 0 ? tick * floor(cpu / tick) : cpu};
        }
    }
}

static void forget_cpu(struct record *r)
{
    for (size_t i = 1; i < r->nprocesses; i++) {
        free(r->processes[i].own);
        r->processes[i].own = NULL;
        r->processes[i].nown = 0;
    }
}

/* The load is not shared evenly: ages are what the CPU time tells, which costs
 * something to start with; not where it is known in ticks of which a life has
 * a few. */
static void test_cpu(void **state)
{
    static const struct {
        double start, cost, tick;
        bool told;
    } rows[] = {{0.5, 0.002, 0, true},
                {0.5, 0.002, 0.01, true},
                {0, 0.002, 0.01, true},
                {0.5, 0.00002, 0, true},
                {0.5, 0.00002, 0.01, false}};

    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct record r;
        struct lives l;
        size_t compared = 0;

        open_pair(&r);
        read_cpu(&r, rows[k].start, rows[k].cost, rows[k].tick);
        assert_true(lives_find(&r, every, BLOCKS + 1, &l));
        assert_int_equal(l.cost > 0, rows[k].told);
        for (size_t i = 0; rows[k].told && i < l.n; i++)
            for (size_t e = l.v[i].first; e <= l.v[i].last; e++) {
                const struct record_own *own = lives_own(&r, &l, i, e);
                double want = (own->cpu_s - rows[k].start) / rows[k].cost;

                assert_close(lives_age_at(&l, i, e), want, 0.15 * want + 60);
                assert_close(lives_age_of(&r, &l, i, own),
                             lives_age_at(&l, i, e), 1e-6);
                compared++;
            }
        assert_true(!rows[k].told || compared > 10);
        lives_release(&l);
        forget_cpu(&r);
        close_record(&r);
    }
}

/* The reading at a barrier is the nearest one, and near. */
static void test_own(void **state)
{
    static const double off[] = {0.04, -0.01, 3};
    struct record r;
    struct lives l;
    struct record_process *p;
    size_t row;

    (void)state;
    open_pair(&r);
    assert_true(lives_find(&r, every, BLOCKS + 1, &l));
    p = &r.processes[l.v[2].process];
    row = l.v[2].last;
    p->own = mem_zalloc(3, sizeof *p->own);
    for (size_t k = 0; k < 3; k++)
        p->own[k].t_s = r.barriers.t_s[row] + off[k];
    assert_null(lives_own(&r, &l, 2, row));
    p->nown = 3;
    assert_ptr_equal(lives_own(&r, &l, 2, row), &p->own[1]);
    p->own[0].t_s = p->own[1].t_s = 0;
    assert_null(lives_own(&r, &l, 2, row));
    free(p->own);
    lives_release(&l);
    close_record(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages),    cmocka_unit_test(test_stayed),
        cmocka_unit_test(test_none),    cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_no_pass), cmocka_unit_test(test_births),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
