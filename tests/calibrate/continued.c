/* Is what would settle an inconclusive recording told rightly? Generated
 * series of every kind are cut short; where the cut is undecided, the same
 * series is judged again after as much more as was told, and after half as
 * much added again; counted, and printed as a Markdown section.
 *
 * usage: continued [-n SIZE] [-s FIRST_SEED] */
#include "analyzers/forecast.h"
#include "analyzers/verdict.h"
#include "tests/calibrate/generate.h"
#include "tests/calibrate/rates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS_MIN = 20 };

/* Of each series; the rest is what then happens. */
static const double cuts[] = {0.12, 0.25, 0.4};
enum { CUTS = sizeof cuts / sizeof *cuts };

struct tally {
    int cut, open, told;     /* cuts */
    int seen, at_once, right; /* told, and long enough to look */
    int sooner;
};

static enum outcome outcome_of(struct record *r, size_t rows, double *more_s)
{
    size_t all = r->samples.n;
    enum outcome outcome;
    struct verdict v;

    r->samples.n = rows;
    verdict_judge(r, NULL, &v);
    r->samples.n = all;
    outcome = v.outcome;
    if (more_s != NULL)
        *more_s = v.more_s;
    verdict_release(&v);
    return outcome;
}

/* Rows until `s` after the first. */
static size_t rows_until(const struct record *r, double s)
{
    size_t n = 0;

    while (n < r->samples.n && r->samples.t_s[n] - r->samples.t_s[0] <= s)
        n++;
    return n;
}

static bool decided(struct record *r, double after_s)
{
    return outcome_of(r, rows_until(r, after_s), NULL) != OUTCOME_INCONCLUSIVE;
}

static void follow(struct record *r, size_t rows, struct tally *t)
{
    const struct series *s = &r->samples;
    double had = s->t_s[rows - 1] - s->t_s[0], more, last;

    t->cut++;
    if (outcome_of(r, rows, &more) != OUTCOME_INCONCLUSIVE)
        return;
    t->open++;
    t->told += isfinite(more);
    last = had + FORECAST_FACTOR * more;
    if (!(last <= s->t_s[s->n - 1] - s->t_s[0]))
        return;
    t->seen++;
    t->sooner += decided(r, had + more / FORECAST_FACTOR);
    if (decided(r, had + more)) {
        t->at_once++;
        t->right++;
    } else {
        t->right += decided(r, last);
    }
}

static void run(int n, uint64_t seed, struct tally *t)
{
    for (int kind = 0; kind < generate_kinds(); kind++)
        for (int i = 0; i < n; i++) {
            struct truth truth;
            struct record r;

            r = (struct record){.requests_total = NAN,
                                .errors_total = NAN,
                                .duration_s = NAN,
                                .limit_bytes = NAN};
            policy_default(&r.policy);
            generate(kind, seed + (uint64_t)i, &r.samples, &truth);
            for (int k = 0; k < CUTS; k++) {
                size_t rows = (size_t)(cuts[k] * (double)r.samples.n);

                if (rows >= ROWS_MIN)
                    follow(&r, rows, t);
            }
            record_release(&r);
        }
}

int main(int argc, char **argv)
{
    struct tally t = {0};
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
    run((n + 3) / 4, seed + 70000, &t);
    printf("## What would settle an inconclusive recording\n\nGenerated series "
           "of every kind, first seed %llu, cut after 12, 25 and 40 %%;\n"
           "judged again after as much more as was told and, where that does "
           "not decide,\nhalf as much added again. Cuts of one series stand or "
           "fall together.\n",
           seed + 70000);
    rates_head("Series of samples");
    rates_line("inconclusive after the cut", t.open, t.cut, "");
    rates_line("of these a time was told", t.told, t.open, "");
    rates_line("time to be added right within a factor of 1.5", t.right,
               t.seen, "at least 80 %");
    rates_line("decided after what was told", t.at_once, t.seen,
               "about 75 %");
    rates_line("decided after two thirds of it already", t.sooner, t.seen, "");
    return 0;
}
