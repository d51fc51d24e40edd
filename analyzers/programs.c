#include "analyzers/programs.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Most of the growth. */
#define MOST 0.7

/* "postgres: writer" and "postgres: app 127.0.0.1(5757)" are one. */
static bool is_same(const struct record_process *a,
                    const struct record_process *b)
{
    size_t n = strcspn(a->command, " ");

    return strcspn(b->command, " ") == n &&
           strncmp(a->command, b->command, n) == 0;
}

static double grown(const struct record_process *p)
{
    double d = p->rss_last - p->rss_first;

    return d > 0 ? d : 0;
}

static double worked(const struct record_process *p)
{
    double d = p->cpu_last - p->cpu_first;

    return d > 0 ? d : 0;
}

/* Of all processes of the program of `p`. */
static double of_program(const struct record *r, const struct record_process *p,
                         double (*what)(const struct record_process *))
{
    double sum = 0;

    for (size_t i = 0; i < r->nprocesses; i++)
        if (r->processes[i].command != NULL && is_same(&r->processes[i], p))
            sum += what(&r->processes[i]);
    return sum;
}

static const struct record_process *service(const struct record *r)
{
    const struct record_process *best = NULL;
    double most = 0;

    for (size_t i = 0; i < r->nprocesses; i++) {
        const struct record_process *p = &r->processes[i];
        double work;

        if (p->command == NULL)
            continue;
        work = of_program(r, p, worked);
        if (best == NULL || work > most ||
            (!(work < most) && p->first_s < best->first_s)) {
            best = p;
            most = work;
        }
    }
    return best;
}

void programs_other(const struct record *r, struct program *out)
{
    const struct record_process *first = service(r), *top = NULL;
    double all = 0;

    *out = (struct program){.top = NULL};
    for (size_t i = 0; i < r->nprocesses; i++) {
        const struct record_process *p = &r->processes[i];

        all += grown(p);
        if (p->command != NULL && grown(p) > 0 &&
            (top == NULL ||
             of_program(r, p, grown) > of_program(r, top, grown) ||
             (is_same(p, top) && grown(p) > grown(top))))
            top = p;
    }
    if (top == NULL || is_same(top, first) ||
        of_program(r, top, grown) < MOST * all)
        return;
    out->top = top;
    for (size_t i = 0; i < r->nprocesses; i++)
        out->processes += r->processes[i].command != NULL &&
                          grown(&r->processes[i]) > 0 &&
                          is_same(&r->processes[i], top);
}
