/* Is what would settle an inconclusive run told rightly? Simulated runs that
 * end undecided are carried on as a run is that was planned for what was told,
 * and that compared with what it took; printed as a Markdown section.
 *
 * usage: forecast [-n SIZE] [-s FIRST_SEED] */
#include "analyzers/barriers.h"
#include "analyzers/forecast.h"
#include "analyzers/growth_memo.h"
#include "analyzers/sequential.h"
#include "tests/calibrate/rates.h"
#include "tests/calibrate/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WAYS = 4,        /* in which each run is carried on */
    LONGER = 8,      /* times as many blocks */
    BLOCKS_MAX = 256 /* of the longest */
};

static const enum sim_base bases[] = {SIM_JITTER, SIM_WALK, SIM_CACHE,
                                      SIM_WARM};
static const size_t sizes[] = {6, 8, 10, 14};
static const double leaks[] = {0, 0.5, 1, 2}; /* of the tolerance */
enum { SIZES = sizeof sizes / sizeof *sizes };
enum { LEAKS = sizeof leaks / sizeof *leaks };

struct tally {
    int open, told;          /* runs */
    int ways, at_end, right; /* ways to carry on one that was told a number */
    int sooner;              /* by the strict rule, long before */
    double chance;           /* that was told, of all ways */
    int half;                /* decided when planned for what half take */
    int firsts, total, more; /* with a look after every block */
};

static const char *metric_of(bool bytes)
{
    return bytes ? "rss_bytes" : "py_gc_objects";
}

static bool right(double said, double want)
{
    return said < want * (FORECAST_FACTOR + 1e-9) &&
           want < said * (FORECAST_FACTOR + 1e-9);
}

typedef void make_fn(int i, size_t blocks, uint64_t seed, bool *bytes,
                     struct sim *s);

/* Counts, rough enough to be undecided often; a third leak. */
static void make_counts(int i, size_t blocks, uint64_t seed, bool *bytes,
                        struct sim *s)
{
    *bytes = false;
    sim_vary(s, bases[i % 4], false, blocks, seed + (uint64_t)i);
    s->kinds = 1;
    s->span = 10;
    s->noise *= 12;
    if (i % 3 == 0)
        s->leak[0] = 0.05 + 0.3 * (i % 7) / 7.0;
}

/* Run `i` of a size: four kinds, counts and bytes, without a leak and with one
   below, at and above the tolerance; rough enough to be undecided often. */
static void make_all(int i, size_t blocks, uint64_t seed, bool *bytes,
                     struct sim *s)
{
    double requests;

    *bytes = i / 4 % 2;
    sim_vary(s, bases[i % 4], *bytes, blocks, seed + (uint64_t)i);
    s->kinds = 1;
    s->span = blocks + 2;
    s->noise *= 12;
    requests = s->requests * (double)blocks;
    s->leak[0] = leaks[i / 8 % LEAKS] *
                 (*bytes ? 1.8e6 / requests : fmax(0.01, 20 / requests));
}

static void judge(const struct record *r, const struct barriers_rule *rule,
                  struct finding *f)
{
    barriers_column(r, &r->policy, rule, &r->barriers.columns[0], f);
}

/* One way to carry a run on, and what there is to judge it. */
struct way {
    struct record record;
    struct growth_memo *memo;
    enum outcome outcome[BLOCKS_MAX]; /* after so many blocks ... */
    bool known[BLOCKS_MAX];           /* ... where it has been asked for */
};

static enum outcome outcome_at(struct way *w, size_t blocks)
{
    struct barriers_rule rule;
    struct finding f;

    if (w->known[blocks])
        return w->outcome[blocks];
    barriers_rule(&w->record.policy, &rule);
    rule.power = rule.forecast = false;
    rule.brief = true;
    rule.rows = blocks + 1;
    rule.memo = w->memo;
    judge(&w->record, &rule, &f);
    w->known[blocks] = true;
    return w->outcome[blocks] = f.outcome;
}

static bool decided_at(struct way *w, size_t blocks)
{
    return outcome_at(w, blocks) != OUTCOME_INCONCLUSIVE;
}

/* Whether a look after so many blocks ends the run before its planned end. */
static bool stops_at(struct way *w, size_t blocks)
{
    enum outcome plain = outcome_at(w, blocks);
    struct barriers_rule rule;
    struct finding f;

    if (plain == OUTCOME_INCONCLUSIVE)
        return false;
    sequential_rule(&w->record.policy, blocks, &rule);
    rule.brief = true;
    rule.rows = blocks + 1;
    rule.memo = w->memo;
    judge(&w->record, &rule, &f);
    return f.outcome == plain;
}

/* What is told of a run of `from` blocks, in blocks. */
struct told {
    double from, more, half;
    size_t most;
};

static size_t end_of(const struct told *t, double more)
{
    double end = ceil(t->from + more - 1e-9);

    return end < (double)t->most ? (size_t)end : t->most;
}

/* Carries one way on as a run that is planned for what was told, and then as
   one that has half as much added again. */
static void follow(const struct told *told, struct way *w, struct tally *t)
{
    size_t end = end_of(told, told->more), stopped = 0;
    size_t last = end_of(told, FORECAST_FACTOR * told->more);
    bool then;

    for (size_t b = (size_t)told->from + 1; b < end && stopped == 0; b++)
        if (stops_at(w, b))
            stopped = b;
    t->ways++;
    if (stopped > 0 &&
        ((double)stopped - told->from) * FORECAST_FACTOR < told->more) {
        t->sooner++;
        return;
    }
    then = stopped > 0 || decided_at(w, end);
    t->at_end += then;
    t->right += then || decided_at(w, last);
}

/* The same with a look after every block by the rule for the end, which no run
   takes: the first that decides. */
static void follow_looks(const struct told *told, struct way *w,
                         struct tally *t)
{
    for (size_t b = (size_t)told->from + 1; b <= LONGER * (size_t)told->from;
         b += b < 24 ? 1 : b / 16) {
        if (!decided_at(w, b))
            continue;
        t->firsts++;
        t->total += right(told->from + told->more, (double)b);
        t->more += right(told->more, (double)b - told->from);
        return;
    }
}

static void carry_on(const struct sim *s, bool bytes, const struct finding *f,
                     struct tally *t)
{
    struct told told = {(double)s->blocks, f->more_requests / s->requests,
                        f->more_requests_half / s->requests, 0};
    struct growth_memo *memo = growth_memo_new();
    struct sim longer = *s;

    told.most = 3 * LONGER * s->blocks / 2;
    longer.blocks = told.most;
    longer.branch = s->blocks;
    for (uint64_t i = 0; i < WAYS; i++) {
        struct way w = {.memo = memo};

        longer.branch_seed = s->seed * 1000 + i;
        sim_record(&longer, metric_of(bytes), &w.record);
        follow(&told, &w, t);
        follow_looks(&told, &w, t);
        t->chance += f->more_chance;
        t->half += decided_at(&w, end_of(&told, told.half));
        record_release(&w.record);
    }
    growth_memo_free(memo);
}

static void run(make_fn *make, int n, size_t blocks, uint64_t seed,
                struct tally *t)
{
    for (int i = 0; i < n; i++) {
        struct barriers_rule rule;
        struct finding f;
        struct record r;
        struct sim s;
        bool bytes;

        make(i, blocks, seed, &bytes, &s);
        sim_record(&s, metric_of(bytes), &r);
        barriers_rule(&r.policy, &rule);
        rule.power = false;
        judge(&r, &rule, &f);
        record_release(&r);
        if (f.outcome != OUTCOME_INCONCLUSIVE)
            continue;
        t->open++;
        if (isnan(f.more_requests))
            continue;
        t->told++;
        carry_on(&s, bytes, &f, t);
    }
}

static void add(struct tally *a, const struct tally *b)
{
    a->open += b->open;
    a->told += b->told;
    a->ways += b->ways;
    a->at_end += b->at_end;
    a->right += b->right;
    a->sooner += b->sooner;
    a->chance += b->chance;
    a->half += b->half;
    a->firsts += b->firsts;
    a->total += b->total;
    a->more += b->more;
}

static void report(const char *title, const char *goal, const struct tally *t)
{
    char said[32];

    rates_head(title);
    rates_line("a number was told", t->told, t->open, "");
    rates_line("requests to be added right within a factor of 1.5", t->right,
               t->ways, goal);
    snprintf(said, sizeof said, "told: %.0f %%",
             t->ways > 0 ? 100 * t->chance / t->ways : NAN);
    rates_line("decided at the end that was told", t->at_end, t->ways, said);
    rates_line("ended by the strict rule, before two thirds of it", t->sooner,
               t->ways, "");
    rates_line("decided at the end told for one of two", t->half, t->ways,
               "about 50 %");
    rates_line("a look after every block, first decided: total right",
               t->total, t->firsts, "");
    rates_line("a look after every block: what was added right", t->more,
               t->firsts, "");
}

static void report_sizes(const struct tally *size)
{
    char text[64];

    rates_head("The same by size: requests to be added right within 1.5");
    for (int k = 0; k < SIZES; k++) {
        snprintf(text, sizeof text, "%zu blocks", sizes[k]);
        rates_line(text, size[k].right, size[k].ways, "");
    }
}

int main(int argc, char **argv)
{
    struct tally counts = {0}, all = {0}, size[SIZES] = {{0}};
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
    printf("## What would settle an inconclusive run\n\nSimulated runs, first "
           "seed %llu; those that are inconclusive are carried on in\n%d ways "
           "each, as a run is that was planned for what was told: the strict "
           "rule\nafter every block, the plain one at the end; if that leaves "
           "it open, half as much\nis added again. What was told is right if "
           "that decides, and the strict rule did\nnot before two thirds. "
           "Ways of one run stand or fall together: the true intervals\nare "
           "wider.\n",
           seed + 50000, WAYS);
    run(make_counts, 20 * n, 8, seed + 60000, &counts);
    report("Eight blocks, counts; a third leaks", "at least 80 %", &counts);
    for (int k = 0; k < SIZES; k++) {
        run(make_all, 6 * n, sizes[k], seed + 50000 + 1000 * (uint64_t)k,
            &size[k]);
        add(&all, &size[k]);
    }
    report("6, 8, 10 and 14 blocks, counts and bytes; leaks of 0, 0.5, 1 and "
           "2 tolerances",
           "", &all);
    report_sizes(size);
    return 0;
}
