#include "analyzers/pooled.h"

#include "analyzers/verdict.h"
#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"
#include "tests/unit/assert_close.h"

#include <string.h>

enum { BLOCKS = 10, PER_BLOCK = 600, WORKERS = 2, TICKS = 4 };

/* What a worker of the made service holds after `age` requests. */
struct service {
    double leak;   /* bytes per request */
    double step;   /* loaded by the first request of a seldom kind ... */
    double seldom; /* ... which comes after so many, on average */
    double lru;    /* entries of 1 KiB, one per request until it is full */
    double base;   /* every new life starts higher by that */
};

static double held(const struct service *s, double age, double hit, int life)
{
    return 7.5e6 + s->base * life + s->leak * age + (age > hit ? s->step : 0) +
           1024 * fmin(age, s->lru);
}

/* One process that serves from `from` to `to`, in its own requests `rate` a
   second, and is read at each barrier. */
static void add_life(struct record *r, const struct service *s, double from,
                     double to, double rate, int life, struct rng *rng)
{
    struct record_process *p;
    double hit = -s->seldom * log(1 - rng_unit(rng));
    struct column *c = &r->barriers.columns[0];

    r->processes =
        mem_realloc(r->processes, r->nprocesses + 1, sizeof *r->processes);
    p = &r->processes[r->nprocesses++];
    *p = (struct record_process){.pid = 100 + life,
                                 .first_s = from,
                                 .last_s = to,
                                 .cpu_first = 0,
                                 .cpu_last = (to - from) * rate / 1000};
    p->own = mem_zalloc((BLOCKS + 1) * TICKS, sizeof *p->own);
    for (size_t k = 0; k < (BLOCKS + 1) * TICKS; k++) {
        double t = r->barriers.t_s[0] + (double)k * 7 / TICKS;
        double age = rate * (t - from);
        struct record_own own = {.t_s = t,
                                 .cpu_s = 0.1 + floor(age / 10) / 100};

        if (t < from || t > to || k > BLOCKS * TICKS)
            continue;
        for (int i = 0; i < RECORD_OWN; i++)
            own.v[i] = NAN;
        if (k % TICKS == 0) {
            double v =
                floor((held(s, age, hit, life) + 3e3 * rng_normal(rng)) / 16) *
                16;

            own.v[RECORD_OWN_NATIVE] = v;
            c->v[k / TICKS] += v;
        }
        p->own[p->nown++] = own;
    }
}

/* Two workers whose lives of about 380 requests are in no step with the
   blocks. */
static void open_service(struct record *r, const struct service *s,
                         uint64_t seed)
{
    struct rng rng;
    int life = 0;

    rng_init(&rng, seed);
    records_open(r, BLOCKS, PER_BLOCK);
    records_column(r, "native_inuse_bytes", 5e6, NULL);
    r->barriers.proc_starts = mem_zalloc(BLOCKS + 1, sizeof(double));
    for (int w = 0; w < WORKERS; w++) {
        double rate = PER_BLOCK / 7.0 / WORKERS, to;

        for (double from = 4 - 4.3 * w; from < 75; from = to) {
            to = from + 8.6 + 0.9 * rng_unit(&rng);
            add_life(r, s, from, fmin(to, 75), rate, life++, &rng);
        }
    }
    for (size_t b = 0; b <= BLOCKS; b++)
        for (size_t i = 0; i < r->nprocesses; i++)
            r->barriers.proc_starts[b] +=
                r->processes[i].first_s <= r->barriers.t_s[b];
}

static void close_service(struct record *r)
{
    for (size_t i = 0; i < r->nprocesses; i++)
        free(r->processes[i].own);
    free(r->processes);
    records_close(r);
}

static size_t judged(const struct service *s, enum outcome want, int runs)
{
    size_t n = 0;

    for (int seed = 1; seed <= runs; seed++) {
        struct record r;
        struct verdict v;

        open_service(&r, s, (uint64_t)seed);
        verdict_judge(&r, NULL, &v);
        n += v.outcome == want;
        if (v.outcome == OUTCOME_LEAK) {
            const struct finding *f = &v.findings[v.lead];

            assert_non_null(strstr(f->reason, "Masked by recycling"));
            assert_string_equal(v.cause.class, "masked_by_recycling");
            assert_true(f->per_request.low > f->tolerance_per_request);
            assert_close(f->per_request.value, s->leak, 0.3 * s->leak);
        }
        verdict_release(&v);
        close_service(&r);
    }
    return n;
}

/* A kilobyte per request that lives of 380 requests bound is a leak. */
static void test_leak(void **state)
{
    struct service s = {.leak = 1024};

    (void)state;
    assert_true(judged(&s, OUTCOME_LEAK, 10) >= 9);
}

/* The same beside a module that a seldom request loads. */
static void test_leak_beside_steps(void **state)
{
    struct service s = {.leak = 1024, .step = 4e5, .seldom = 150};

    (void)state;
    assert_true(judged(&s, OUTCOME_LEAK, 10) >= 7);
    assert_int_equal(judged(&s, OUTCOME_PASS, 10), 0);
}

static void test_healthy(void **state)
{
    struct service level = {0}, steps = {.step = 4e5, .seldom = 150};
    struct service cache = {.lru = 150};

    (void)state;
    assert_true(judged(&level, OUTCOME_PASS, 10) >= 9);
    assert_int_equal(judged(&steps, OUTCOME_LEAK, 20), 0);
    assert_int_equal(judged(&cache, OUTCOME_LEAK, 20), 0);
}

/* What every new life inherits grows too, though no life does. */
static void test_growing_base(void **state)
{
    struct service s = {.base = 5e5};

    (void)state;
    assert_int_equal(judged(&s, OUTCOME_PASS, 5), 0);
}

static void test_points(void **state)
{
    static const struct service s = {.leak = 1024, .step = 3e5, .seldom = 150};
    struct record r;
    struct pooled p;
    struct blocks b;
    size_t all;

    (void)state;
    open_service(&r, &s, 3);
    all = r.nprocesses;
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_true(b.lives.cost > 0);
    assert_close(b.lives.cost, 0.001, 2e-4);
    assert_true(pooled_gather(&r, &r.barriers.columns[0], &b, 64, 0, &p));
    assert_true(p.n >= 12);
    assert_true(p.stepped);
    for (size_t i = 0; i < p.n; i++)
        assert_true(p.at[i].step == 0 || fabs(p.at[i].step - 3e5) < 3e4);
    for (size_t i = 0; i + 1 < p.n; i++)
        assert_true(p.at[i].age <= p.at[i + 1].age);
    for (size_t i = 0; i + 1 < p.groups; i++)
        assert_true(p.requests[i] > 0);
    /* Neither what a life loads first nor the service's own start counts. */
    for (size_t i = 0; i < p.n; i++) {
        assert_true(p.at[i].age >= 0.1 * p.oldest);
        assert_true(b.lives.v[p.at[i].life].first > 0);
    }
    pooled_release(&p);
    blocks_release(&b);
    /* One that was never read tells nothing of a life. */
    r.nprocesses = 3;
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_false(pooled_gather(&r, &r.barriers.columns[0], &b, 64, 0, &p));
    blocks_release(&b);
    r.nprocesses = 0;
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_int_equal(b.lives.n, 0);
    blocks_release(&b);
    r.nprocesses = all;
    close_service(&r);
}

/* Nothing was loaded late: no reading is taken for a step. */
static void test_no_steps(void **state)
{
    static const struct service s = {.leak = 1024};
    struct record r;
    struct pooled p;
    struct blocks b;

    (void)state;
    open_service(&r, &s, 3);
    blocks_gather(&r, &r.barriers.columns[0], 0, &b);
    assert_true(pooled_gather(&r, &r.barriers.columns[0], &b, 64, 0, &p));
    assert_false(p.stepped);
    for (size_t i = 0; i < p.n; i++)
        assert_close(p.at[i].step, 0, 0);
    pooled_release(&p);
    blocks_release(&b);
    close_service(&r);
}

static void test_more(void **state)
{
    struct forecast f;

    (void)state;
    /* Four times as many lives, and the interval ends where the limit is: it
       lies beyond in one of two cases, now and then on the other side. */
    pooled_more((struct interval){3, 1, 5}, 2, 1000, &f);
    assert_close(f.half, 3000, 300);
    assert_true(f.half < 3000);
    assert_close(f.more, 8000, 1e-6); /* three of four: never */
    assert_close(f.chance, 0.677, 0.001);
    pooled_more((struct interval){3, 1, 5}, 1.1, 1000, &f);
    assert_close(f.chance, 0.75, 0);
    assert_true(f.half < f.more);
    pooled_more((struct interval){3, 1, 5}, 2.9, 1000, &f);
    assert_true(isnan(f.more));
    assert_true(isnan(f.chance));
    /* It is narrow enough already. */
    pooled_more((struct interval){3, 2.5, 3.5}, 2, 1000, &f);
    assert_true(isnan(f.more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_no_steps),
        cmocka_unit_test(test_leak),
        cmocka_unit_test(test_leak_beside_steps),
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_growing_base),
        cmocka_unit_test(test_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
