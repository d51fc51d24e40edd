/* Judges series whose truth somebody else knows: for each CSV named, one line
 * "ID verdict slope low high", tab separated, for a scorer to read. With -v,
 * the findings in words on standard error. */
#include "analyzers/continuous.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_number(double x)
{
    if (isnan(x))
        printf("\tnan");
    else
        printf("\t%.8g", x);
}

static void print_findings(const struct continuous *c)
{
    fprintf(stderr, "  %s\n", c->reason);
    for (size_t i = 0; i < c->n; i++)
        fprintf(stderr, "    %s%s %s, %s: %s\n", c->findings[i].name,
                c->findings[i].judged ? "" : " (not judged)",
                outcome_name(c->findings[i].outcome),
                shape_name(c->findings[i].shape), c->findings[i].reason);
}

/* Truth is told in bytes: where counts lead, memory's own slope is asked. */
static bool is_memory(const struct continuous *c)
{
    return c->lead >= 0 && c->findings[c->lead].metric.role == METRIC_MEMORY;
}

static int judge(const char *path, const struct policy *p, bool verbose)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = strcspn(name, ".");
    struct interval slope = {NAN, NAN, NAN};
    struct continuous c;
    struct series s;
    struct err e;

    if (series_load(path, &s, &e) != 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    series_mend_clock(&s);
    continuous_judge(&s, p, &c);
    if (c.lead >= 0)
        slope = c.findings[c.lead].per_request;
    for (size_t i = 0; i < c.n; i++)
        if (!is_memory(&c) && c.findings[i].metric.role == METRIC_MEMORY &&
            c.findings[i].outcome != OUTCOME_PASS)
            slope = c.findings[i].per_request;
    printf("%.*s\t%s", (int)len, name, outcome_name(c.outcome));
    print_number(slope.value);
    print_number(slope.low);
    print_number(slope.high);
    printf("\n");
    if (verbose)
        print_findings(&c);
    continuous_release(&c);
    series_release(&s);
    return 0;
}

int main(int argc, char **argv)
{
    struct policy p;
    int bad = 0, first = 1;

    policy_default(&p);
    if (argc > 1 && strcmp(argv[1], "-v") == 0)
        first = 2;
    for (int i = first; i < argc; i++)
        bad |= judge(argv[i], &p, first == 2);
    policy_release(&p);
    return bad;
}
