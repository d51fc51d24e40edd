/* How often continuous judging is wrong: many generated series of every kind,
 * judged, counted, and printed as a Markdown section.
 *
 * usage: samples [-n SERIES_PER_KIND] [-s FIRST_SEED] [-k KIND] [-l]
 *                [-d FILE]   write the one series of -k and -s as CSV;
 *                            without -k, one of each kind into that folder
 * -l names the series that were judged wrongly. */
#include "analyzers/continuous.h"
#include "harness/base/mem.h"
#include "tests/calibrate/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KINDS_MAX = 128, RATIOS_MAX = 100000 };

struct tally {
    int n, right, pass, leak, inconclusive;
    int wrong;    /* false alarm, miss or overclaim, by the kind's truth */
    int declined; /* inconclusive though the truth must be found */
    int intervals, held;
    int planted, found; /* leaks of the stated minimum, and those called */
};

struct report {
    struct tally kind[KINDS_MAX];
    enum outcome truth[KINDS_MAX];
    bool may_decline[KINDS_MAX];
    double width[RATIOS_MAX]; /* interval widths over true slopes */
    int nwidths;
    bool list;
};

/* Wilson 1927: the 95 % interval of a share. */
static void print_share(int k, int n)
{
    double z = 1.96, p = n ? (double)k / n : 0, m = n ? n : 1;
    double mid = (p + z * z / (2 * m)) / (1 + z * z / m);
    double half =
        z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));

    printf("%d of %d | %.2f %% | %.2f .. %.2f %%", k, n, 100 * p,
           100 * fmax(mid - half, 0), 100 * fmin(mid + half, 1));
}

static void check_interval(struct report *r, struct tally *t,
                           const struct truth *truth,
                           const struct continuous *c)
{
    const struct finding *f = c->lead >= 0 ? &c->findings[c->lead] : NULL;
    double want = truth->slope_per_request;

    if (f == NULL || c->outcome != OUTCOME_LEAK || isnan(want) ||
        f->metric.role != METRIC_MEMORY)
        return;
    t->intervals++;
    t->held += f->per_request.low <= want && want <= f->per_request.high;
    if (r->nwidths < RATIOS_MAX)
        r->width[r->nwidths++] =
            (f->per_request.high - f->per_request.low) / want;
}

/* A healthy run says what it would have seen: plant that, and look. */
static void check_power(struct tally *t, const struct series *s,
                        const struct continuous *c, const struct policy *p)
{
    const struct finding *f = c->lead >= 0 ? &c->findings[c->lead] : NULL;
    struct series planted;
    struct continuous again;

    if (f == NULL || c->outcome != OUTCOME_PASS ||
        f->metric.role != METRIC_MEMORY || isnan(f->minimum_per_hour))
        return;
    continuous_plant(s, f->name, f->minimum_per_hour, &planted);
    continuous_judge(&planted, p, &again);
    t->planted++;
    t->found += again.outcome == OUTCOME_LEAK;
    continuous_release(&again);
    series_release(&planted);
}

static void judge(struct report *r, int kind, uint64_t seed,
                  const struct policy *p)
{
    struct tally *t = &r->kind[kind];
    struct truth truth;
    struct continuous c;
    struct series s;

    generate(kind, seed, &s, &truth);
    continuous_judge(&s, p, &c);
    bool right = c.outcome == truth.outcome ||
                 (c.outcome == OUTCOME_INCONCLUSIVE && truth.may_decline) ||
                 (c.outcome == OUTCOME_PASS && truth.may_pass) ||
                 (c.outcome == OUTCOME_LEAK && truth.may_leak);
    r->truth[kind] = truth.outcome;
    r->may_decline[kind] = truth.may_decline;
    t->n++;
    t->right += right;
    t->pass += c.outcome == OUTCOME_PASS;
    t->leak += c.outcome == OUTCOME_LEAK;
    t->inconclusive += c.outcome == OUTCOME_INCONCLUSIVE;
    if (c.outcome == OUTCOME_INCONCLUSIVE)
        t->declined += !right;
    else
        t->wrong += !right;
    check_interval(r, t, &truth, &c);
    if (truth.outcome == OUTCOME_PASS)
        check_power(t, &s, &c, p);
    if (r->list && !right)
        fprintf(stderr, "%-22s %6llu said %s\n", truth.kind,
                (unsigned long long)seed, outcome_name(c.outcome));
    continuous_release(&c);
    series_release(&s);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_totals(struct report *r, int kinds)
{
    struct tally sum[3] = {{0}};
    int strict = 0, declined = 0, intervals = 0, held = 0;
    int planted = 0, found = 0;

    for (int k = 0; k < kinds; k++) {
        const struct tally *t = &r->kind[k];
        struct tally *s = &sum[r->truth[k]];

        s->n += t->n;
        s->wrong += t->wrong;
        intervals += t->intervals;
        held += t->held;
        planted += t->planted;
        found += t->found;
        if (r->truth[k] != OUTCOME_INCONCLUSIVE && !r->may_decline[k]) {
            strict += t->n;
            declined += t->declined;
        }
    }
    printf("| rate | count | share | 95 %% interval |\n|---|---|---|---|\n");
    printf("| false alarm | ");
    print_share(sum[OUTCOME_PASS].wrong, sum[OUTCOME_PASS].n);
    printf(" |\n| miss | ");
    print_share(sum[OUTCOME_LEAK].wrong, sum[OUTCOME_LEAK].n);
    printf(" |\n| inconclusive where it can be told | ");
    print_share(declined, strict);
    printf(" |\n| called where it cannot be told | ");
    print_share(sum[OUTCOME_INCONCLUSIVE].wrong, sum[OUTCOME_INCONCLUSIVE].n);
    printf(" |\n| interval holds the true slope | ");
    print_share(held, intervals);
    printf(" |\n| leak of the stated minimum, planted in health, called | ");
    print_share(found, planted);
    qsort(r->width, (size_t)r->nwidths, sizeof *r->width, compare);
    printf(" |\n\nMedian width of the interval: %.3f of the true slope.\n\n",
           r->nwidths ? r->width[r->nwidths / 2] : NAN);
}

static void print_kinds(const struct report *r, int kinds)
{
    printf("| kind | truth | n | pass | leak | inconclusive | wrong | minimum "
           "called |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (int k = 0; k < kinds; k++) {
        const struct tally *t = &r->kind[k];

        if (t->n > 0)
            printf("| %s | %s | %d | %d | %d | %d | %d | %d of %d |\n",
                   generate_kind_name(k), outcome_name(r->truth[k]), t->n,
                   t->pass, t->leak, t->inconclusive, t->wrong, t->found,
                   t->planted);
    }
}

static int dump(int kind, uint64_t seed, const char *path)
{
    struct truth truth;
    struct series s;
    FILE *f = fopen(path, "w");

    if (f == NULL) {
        perror(path);
        return 1;
    }
    generate(kind, seed, &s, &truth);
    fprintf(f, "t_s,requests%s", s.proc_starts != NULL ? ",proc_starts" : "");
    for (size_t c = 0; c < s.ncolumns; c++)
        fprintf(f, ",%s", s.columns[c].name);
    for (size_t i = 0; i < s.n; i++) {
        fprintf(f, "\n%.2f,%.0f", s.t_s[i], s.requests[i]);
        if (s.proc_starts != NULL)
            fprintf(f, ",%.0f", s.proc_starts[i]);
        for (size_t c = 0; c < s.ncolumns; c++)
            if (isnan(s.columns[c].v[i]))
                fprintf(f, ",");
            else
                fprintf(f, ",%.0f", s.columns[c].v[i]);
    }
    fprintf(f, "\n");
    series_release(&s);
    return fclose(f) != 0;
}

static int dump_all(uint64_t seed, const char *folder)
{
    int bad = 0;

    for (int k = 0; k < generate_kinds(); k++) {
        char *path = mem_printf("%s/%s.csv", folder, generate_kind_name(k));

        bad |= dump(k, seed, path);
        free(path);
    }
    return bad;
}

static int find_kind(const char *name)
{
    for (int k = 0; k < generate_kinds(); k++)
        if (strcmp(generate_kind_name(k), name) == 0)
            return k;
    fprintf(stderr, "no kind %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    static struct report r;
    const char *path = NULL;
    unsigned long long seed = 1;
    int n = 20, only = -1, opt, kinds = generate_kinds();
    struct policy p;

    while ((opt = getopt(argc, argv, "n:s:k:ld:")) != -1) {
        if (opt == 'n')
            n = (int)strtol(optarg, NULL, 10);
        else if (opt == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (opt == 'k')
            only = find_kind(optarg);
        else if (opt == 'l')
            r.list = true;
        else if (opt == 'd')
            path = optarg;
        else
            return 2;
    }
    if (path != NULL)
        return only >= 0 ? dump(only, seed, path) : dump_all(seed, path);
    policy_default(&p);
    for (int k = 0; k < kinds; k++)
        for (int i = 0; i < n && (only < 0 || only == k); i++)
            judge(&r, k, seed + (uint64_t)i, &p);
    printf("## Continuous series\n\n%d kinds, %d series of each, seeds %llu to "
           "%llu.\n\n",
           kinds, n, seed, seed + (unsigned)n - 1);
    print_totals(&r, kinds);
    print_kinds(&r, kinds);
    policy_release(&p);
    return 0;
}
