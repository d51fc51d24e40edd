/* Is what would settle an inconclusive run told rightly? Simulated runs that
 * end undecided are carried on, and the requests that were foretold compared
 * with those it took; printed as a Markdown section.
 *
 * usage: forecast [-n SIZE] [-s FIRST_SEED] */
#include "analyzers/barriers.h"
#include "analyzers/forecast.h"
#include "analyzers/growth_memo.h"
#include "tests/calibrate/rates.h"
#include "tests/calibrate/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WAYS = 8,   /* in which each run is carried on */
    LONGER = 8, /* times as many blocks */
};

static const enum sim_base bases[] = {SIM_JITTER, SIM_WALK, SIM_CACHE,
                                      SIM_WARM};
static const size_t sizes[] = {6, 8, 10, 14};
static const double leaks[] = {0, 0.5, 1, 2}; /* of the tolerance */
enum { SIZES = sizeof sizes / sizeof *sizes };
enum { LEAKS = sizeof leaks / sizeof *leaks };

struct tally {
    int open, told;        /* runs */
    int ways, total, more; /* of those that were decided */
    int ranged, inside, soon;
    int known, known_total, known_more;
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

static void judge(const struct record *r, size_t blocks, bool forecast,
                  struct growth_memo *memo, struct finding *f)
{
    struct barriers_rule rule;

    barriers_rule(&r->policy, &rule);
    rule.power = false;
    rule.forecast = forecast;
    rule.brief = !forecast;
    rule.rows = blocks + 1;
    rule.memo = memo;
    barriers_column(r, &r->policy, &rule, &r->barriers.columns[0], f);
}

/* Carries `s` on in several ways; out[w] is the block after which way `w` is
   decided, 0: not in time. */
static void carry_on(const struct sim *s, bool bytes, size_t *out)
{
    struct growth_memo *memo = growth_memo_new();
    struct record r[WAYS];
    struct sim longer = *s;
    size_t open = WAYS, most = LONGER * s->blocks;

    longer.blocks = most;
    longer.branch = s->blocks;
    for (uint64_t w = 0; w < WAYS; w++) {
        longer.branch_seed = s->seed * 1000 + w;
        sim_record(&longer, metric_of(bytes), &r[w]);
        out[w] = 0;
    }
    for (size_t b = s->blocks + 1; b <= most && open > 0;
         b += b < 24 ? 1 : b / 16)
        for (int w = 0; w < WAYS; w++) {
            struct finding f;

            if (out[w] > 0)
                continue;
            judge(&r[w], b, false, memo, &f);
            if (f.outcome == OUTCOME_INCONCLUSIVE)
                continue;
            out[w] = b;
            open--;
        }
    for (int w = 0; w < WAYS; w++)
        record_release(&r[w]);
    growth_memo_free(memo);
}

/* Ways other than `self` for which `blocks` is right, as a total or as what is
   added to `had`. */
static int others_right(const size_t *at, int self, double blocks, double had)
{
    int n = 0;

    for (int w = 0; w < WAYS; w++)
        n += w != self && at[w] > 0 && right(blocks - had, (double)at[w] - had);
    return n;
}

/* What could be told of way `self` by one who knows the service and its noise
   exactly: the number that is right for most of the other ways. */
static double best_known(const size_t *at, int self, double from, double had)
{
    double best = NAN, more = 1;
    int most = -1;

    while (more <= (LONGER - 1) * from) {
        int n = others_right(at, self, from + more, had);

        if (n > most) {
            most = n;
            best = from + more;
        }
        more *= 1.05;
    }
    return best;
}

static void count(const struct sim *s, const struct finding *f,
                  const size_t *at, struct tally *t)
{
    double from = (double)s->blocks, more = f->more_requests / s->requests;

    for (int w = 0; w < WAYS; w++) {
        double want = (double)at[w];

        if (at[w] == 0)
            continue;
        t->known++;
        t->known_total += right(best_known(at, w, from, 0), want);
        t->known_more +=
            right(best_known(at, w, from, from) - from, want - from);
        if (isnan(more))
            continue;
        t->ways++;
        t->total += right(from + more, want);
        t->more += right(more, want - from);
        t->soon += want - from <= FORECAST_FACTOR * more;
        if (isnan(f->more_requests_high))
            continue;
        t->ranged++;
        t->inside += f->more_requests_low <= (want - from) * s->requests + 1 &&
                     (want - from) * s->requests <= f->more_requests_high + 1;
    }
}

static void run(make_fn *make, int n, size_t blocks, uint64_t seed,
                struct tally *t)
{
    for (int i = 0; i < n; i++) {
        size_t at[WAYS];
        struct finding f;
        struct record r;
        struct sim s;
        bool bytes;

        make(i, blocks, seed, &bytes, &s);
        sim_record(&s, metric_of(bytes), &r);
        judge(&r, blocks, true, NULL, &f);
        record_release(&r);
        if (f.outcome != OUTCOME_INCONCLUSIVE)
            continue;
        t->open++;
        t->told += isfinite(f.more_requests);
        carry_on(&s, bytes, at);
        count(&s, &f, at, t);
    }
}

static void add(struct tally *a, const struct tally *b)
{
    a->open += b->open;
    a->told += b->told;
    a->ways += b->ways;
    a->total += b->total;
    a->more += b->more;
    a->ranged += b->ranged;
    a->inside += b->inside;
    a->soon += b->soon;
    a->known += b->known;
    a->known_total += b->known_total;
    a->known_more += b->known_more;
}

static void report(const char *title, const char *goal, const struct tally *t)
{
    rates_head(title);
    rates_line("a number was told", t->told, t->open, "");
    rates_line("total requests right within a factor of 1.5", t->total, t->ways,
               goal);
    rates_line("the requests to be added right within 1.5", t->more, t->ways,
               "");
    rates_line("decided by 1.5 times what was to be added", t->soon, t->ways,
               "");
    rates_line("decided inside the range that was stated", t->inside, t->ranged,
               "about 80 %");
    rates_line("knowing the service: total right", t->known_total, t->known,
               "");
    rates_line("knowing the service: what is added right", t->known_more,
               t->known, "");
}

static void report_sizes(const struct tally *size)
{
    char text[64];

    rates_head("The same by size: total requests right within 1.5");
    for (int k = 0; k < SIZES; k++) {
        snprintf(text, sizeof text, "%zu blocks", sizes[k]);
        rates_line(text, size[k].total, size[k].ways, "");
        snprintf(text, sizeof text, "%zu blocks, knowing the service",
                 sizes[k]);
        rates_line(text, size[k].known_total, size[k].known, "");
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
           "each, to at most %d times as many blocks, with a look after every "
           "block.\n\"Knowing the service\" is what chance leaves to the best "
           "there can be: the same\nservice with the same past, each way "
           "foretold by the others. Ways of one run stand\nor fall together: "
           "the true intervals are wider.\n",
           seed + 50000, WAYS, LONGER);
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
