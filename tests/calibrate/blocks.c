/* How often the verdict on barrier readings is wrong: simulated runs in
 * blocks, judged, counted, and printed as a Markdown section.
 *
 * usage: blocks [-n SIZE] [-s FIRST_SEED]; 16 makes 1,000 healthy runs */
#include "analyzers/attribution.h"
#include "analyzers/verdict.h"
#include "tests/calibrate/rates.h"
#include "tests/calibrate/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Leaks of each size for one healthy run of each kind, to be as many. */
enum { LEAKS_PER_KIND = 5 };

static const char *metric_of(bool bytes)
{
    return bytes ? "rss_bytes" : "py_gc_objects";
}

struct tally {
    int n, pass, leak, open, held, planted, called;
};

/* Growth per request that the simulation put in, over all kinds. */
static double truth_of(const struct sim *s, const struct record *r)
{
    size_t last = r->barriers.n - 1;
    double sum = 0;

    for (size_t k = 0; k < s->kinds; k++)
        sum += r->kinds[k].completed[last] * s->leak[k];
    return sum / r->barriers.requests[last];
}

/* A leak of twice what a run says it would have seen, in a run like it. */
static void plant(const struct sim *like, bool bytes, double minimum,
                  struct tally *t)
{
    struct sim s = *like;
    struct record r;
    struct verdict v;

    s.seed += 1000003;
    for (size_t k = 0; k < s.kinds; k++)
        s.leak[k] = 2 * minimum;
    s.leak_noise = 0.3;
    sim_record(&s, metric_of(bytes), &r);
    verdict_judge(&r, NULL, &v);
    t->planted++;
    t->called += v.outcome == OUTCOME_LEAK;
    if (v.outcome == OUTCOME_LEAK) {
        double truth = truth_of(&s, &r);
        const struct interval *i = &v.findings[v.lead].per_request;

        t->held += i->low <= truth && truth <= i->high;
    }
    verdict_release(&v);
    record_release(&r);
}

static void healthy_kind(enum sim_base base, bool bytes, int n, uint64_t seed,
                         struct tally *t)
{
    for (int i = 0; i < n; i++) {
        struct sim s;
        struct record r;
        struct verdict v;

        sim_vary(&s, base, bytes, 10, seed + (uint64_t)i);
        sim_record(&s, metric_of(bytes), &r);
        verdict_judge(&r, NULL, &v);
        t->n++;
        t->pass += v.outcome == OUTCOME_PASS;
        t->leak += v.outcome == OUTCOME_LEAK;
        t->open += v.outcome == OUTCOME_INCONCLUSIVE;
        if (v.outcome == OUTCOME_PASS &&
            isfinite(v.findings[0].minimum_per_request))
            plant(&s, bytes, v.findings[0].minimum_per_request, t);
        verdict_release(&v);
        record_release(&r);
    }
}

static void add(struct tally *a, const struct tally *b)
{
    a->n += b->n;
    a->pass += b->pass;
    a->leak += b->leak;
    a->open += b->open;
    a->held += b->held;
    a->planted += b->planted;
    a->called += b->called;
}

static void report_healthy(int n, uint64_t seed)
{
    struct tally all = {0}, kind[2 * SIM_BASES] = {{0}};

    for (int i = 0; i < 2 * SIM_BASES; i++) {
        if (!sim_makes_sense((enum sim_base)(i / 2), i % 2))
            continue;
        healthy_kind((enum sim_base)(i / 2), i % 2, n, seed, &kind[i]);
        add(&all, &kind[i]);
    }
    rates_head("Ten blocks, healthy; and a leak of twice the stated minimum");
    rates_line("healthy called a leak", all.leak, all.n, "at most 1 %");
    rates_line("healthy inconclusive", all.open, all.n, "");
    rates_line("twice the minimum called a leak", all.called, all.planted,
               "at least 95 %");
    rates_line("its interval held the truth", all.held, all.called,
               "92 to 98 %");
    printf("\n| kind | unit | runs | pass | leak | inconclusive | planted, "
           "called |\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 2 * SIM_BASES; i++)
        if (kind[i].n > 0)
            printf("| %s | %s | %d | %d | %d | %d | %d of %d |\n",
                   sim_base_name((enum sim_base)(i / 2)),
                   i % 2 ? "bytes" : "count", kind[i].n, kind[i].pass,
                   kind[i].leak, kind[i].open, kind[i].called, kind[i].planted);
}

/* Looks after every block from the third on; gives the outcome it stopped
   with, or ended with, and the block where it stopped, 0: nowhere. */
static enum outcome follow(const struct sim *whole, const char *metric,
                           size_t *stopped)
{
    enum outcome o = OUTCOME_INCONCLUSIVE;
    struct record r;

    sim_record(whole, metric, &r);
    *stopped = 0;
    for (size_t b = 3; b <= whole->blocks && *stopped == 0; b++) {
        struct verdict v;
        size_t rows = r.barriers.n;

        r.barriers.n = b + 1;
        verdict_judge(&r, NULL, &v);
        r.barriers.n = rows;
        o = v.outcome;
        if (v.certain)
            *stopped = b;
        verdict_release(&v);
    }
    record_release(&r);
    return o;
}

static void report_sequential(int n, uint64_t seed)
{
    static const double rates[] = {0.1, 1, 10};
    int wrong = 0, ended = 0, called = 0, healthy = 0, passed = 0, found = 0,
        leaks = 0, missed = 0;
    double spent = 0;
    size_t at;

    for (int base = 0; base < SIM_BASES; base++)
        for (int i = 0; sim_makes_sense((enum sim_base)base, false) && i < n;
             i++) {
            struct sim s;
            enum outcome o;

            sim_vary(&s, (enum sim_base)base, false, 16, seed + (uint64_t)i);
            if (base == SIM_LRU) /* a larger one cannot be told in time */
                s.reach = fmin(s.reach, 2048 / (s.requests * 16));
            o = follow(&s, metric_of(false), &at);
            healthy++;
            wrong += at > 0 && o == OUTCOME_LEAK;
            ended += o == OUTCOME_LEAK;
            passed += at > 0 && o == OUTCOME_PASS;
        }
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < LEAKS_PER_KIND * n; i++) {
            struct sim s;
            enum outcome o;

            sim_vary(&s, i % 2 ? SIM_EXACT : SIM_JITTER, false, 16,
                     seed + (uint64_t)i);
            s.leak[i % (int)s.kinds] = rates[k];
            s.noise /= 3;
            o = follow(&s, metric_of(false), &at);
            leaks++;
            found += at > 0 && o == OUTCOME_LEAK;
            called += o == OUTCOME_LEAK;
            missed += at > 0 && o == OUTCOME_PASS;
            spent += at > 0 ? (double)at / 16 : 1;
        }
    rates_head("Stopping when certain: a look after every block, 16 blocks");
    rates_line("healthy stopped as a leak, any look", wrong, healthy,
               "at most 1 %");
    rates_line("the same, or called one at the end", ended, healthy,
               "at most 1 %");
    rates_line("healthy stopped as a pass", passed, healthy, "");
    rates_line("leak of 0.1, 1, 10 per request stopped as a leak", found, leaks,
               "");
    rates_line("the same, or called one at the end", called, leaks,
               "at least 95 %");
    rates_line("leak stopped as a pass", missed, leaks, "at most 5 %");
    printf("\nCaches that each request adds an entry to hold up to 2,048 "
           "here: a larger one that\nis not full yet looks like a leak to "
           "anybody.\n");
    printf("\nOf the planned blocks, runs that leak used %.0f %%.\n",
           100 * spent / leaks);
}

static void attribute(size_t blocks, int n, uint64_t seed)
{
    int guilty = 0, found = 0, held = 0, runs = 0;
    char text[64];

    for (int i = 0; i < n; i++) {
        struct sim s = {.blocks = blocks, .requests = 2000, .kinds = 20};
        struct blame out[SIM_KINDS_MAX + 2];
        struct record r;
        struct blocks b;
        struct rng rng;
        bool innocent = false;
        size_t got;

        rng_init(&rng, seed + (uint64_t)i);
        s.seed = seed + (uint64_t)i;
        s.base = i % 2 ? SIM_WARM : SIM_EXACT;
        s.size = 30;
        for (int k = 1 + (int)rng_below(&rng, 3); k > 0; k--)
            s.leak[rng_below(&rng, 20)] =
                exp(log(0.05) + rng_unit(&rng) * log(200));
        sim_record(&s, "py_gc_objects", &r);
        blocks_gather(&r, &r.barriers.columns[0], 0, &b);
        got = attribution_make(&b, 0, NULL, 1, 0.95, 0, out);
        for (size_t k = 0; k < got; k++) {
            double t = out[k].kind >= 0 ? s.leak[out[k].kind] : 0;

            innocent |= out[k].named && t == 0;
            if (t == 0)
                continue;
            guilty++;
            found += out[k].named;
            held += out[k].per_request.low <= t && t <= out[k].per_request.high;
        }
        runs += innocent;
        blocks_release(&b);
        record_release(&r);
    }
    snprintf(text, sizeof text, "%zu blocks: guilty kinds named", blocks);
    rates_line(text, found, guilty, "at least 95 %");
    snprintf(text, sizeof text, "%zu blocks: an innocent one named", blocks);
    rates_line(text, runs, n, "at most 5 % of runs");
    snprintf(text, sizeof text, "%zu blocks: interval held", blocks);
    rates_line(text, held, guilty, "90 to 99 %");
}

int main(int argc, char **argv)
{
    unsigned long long seed = 1;
    int n = 16, opt;

    while ((opt = getopt(argc, argv, "n:s:")) != -1) {
        if (opt == 'n')
            n = (int)strtol(optarg, NULL, 10);
        else if (opt == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    printf("## Barrier readings\n\nSimulated runs in blocks "
           "(tests/calibrate/sim.c), %d of each kind, first seed %llu.\n",
           5 * n / 2, seed);
    report_healthy(5 * n / 2, seed);
    report_sequential(3 * n / 2, seed + 10000);
    rates_head("Twenty kinds of request, one to three leak 0.05 to 10");
    attribute(12, 2 * n, seed + 30000);
    attribute(24, 2 * n, seed + 40000);
    return 0;
}
