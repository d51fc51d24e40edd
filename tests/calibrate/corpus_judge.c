/* Judges series whose truth somebody else knows: for each CSV named, one line
 * "ID verdict slope low high", tab separated, for a scorer to read. */
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

static int judge(const char *path, const struct policy *p)
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
    continuous_judge(&s, p, &c);
    if (c.lead >= 0)
        slope = c.findings[c.lead].per_request;
    printf("%.*s\t%s", (int)len, name, outcome_name(c.outcome));
    print_number(slope.value);
    print_number(slope.low);
    print_number(slope.high);
    printf("\n");
    continuous_release(&c);
    series_release(&s);
    return 0;
}

int main(int argc, char **argv)
{
    struct policy p;
    int bad = 0;

    policy_default(&p);
    for (int i = 1; i < argc; i++)
        bad |= judge(argv[i], &p);
    policy_release(&p);
    return bad;
}
