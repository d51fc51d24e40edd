#include "analyzers/control.h"

#include "analyzers/barriers.h"
#include "analyzers/limits.h"
#include "analyzers/vote.h"
#include "analyzers/words.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RAISES = 6,
    DOUBLINGS = 6, /* from twice the tolerance to sixty-four times */
};

/* A leak of memory shows in every measure of private memory. */
static bool same_leak(const struct metric *a, const struct metric *b)
{
    if (a->role == METRIC_MEMORY && b->role == METRIC_MEMORY)
        return true;
    return strcmp(a->name, b->name) == 0;
}

/* Judges column `c` again with `per_request` added to its readings. */
static void judge_planted(const struct record *r, const struct policy *p,
                          const struct column *c, double per_request,
                          struct growth_memo *memo, struct finding *f)
{
    struct column copy = *c;
    struct barriers_rule rule;
    const struct series *s = &r->barriers;

    copy.v = mem_zalloc(s->n, sizeof *copy.v);
    memcpy(copy.v, c->v, s->n * sizeof *copy.v);
    blocks_plant(r, c, per_request, copy.v);
    barriers_rule(p, &rule);
    rule.power = rule.forecast = false;
    rule.brief = true;
    rule.plant = per_request;
    rule.memo = memo;
    barriers_column(r, p, &rule, &copy, f);
    free(copy.v);
}

/* The outcome of the whole vote with a leak planted in finding `which`. */
static enum outcome with_leak(const struct record *r, const struct policy *p,
                              const struct verdict *v, size_t which,
                              double per_request)
{
    struct finding *f = mem_zalloc(v->nfindings, sizeof *f);
    struct vote vote;

    for (size_t i = 0; i < v->nfindings; i++) {
        const struct column *c =
            series_column(&r->barriers, v->findings[i].name);

        f[i] = v->findings[i];
        f[i].judged = limits_judged(p, f[i].name, &f[i].metric);
        if (c != NULL && f[i].judged &&
            same_leak(&v->findings[which].metric, &f[i].metric))
            judge_planted(r, p, c, per_request, v->memo, &f[i]);
    }
    vote_all(f, v->nfindings, p, &vote);
    free(f);
    return vote.outcome;
}

/* The finding whose minimum the reader is told first. */
static int promise_of(const struct verdict *v)
{
    int best = -1;

    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (!f->judged || !isfinite(f->minimum_per_request) ||
            f->outcome == OUTCOME_LEAK || f->basis == BASIS_SAMPLES)
            continue;
        if ((int)i == v->lead)
            return (int)i;
        if (best < 0)
            best = (int)i;
    }
    return best;
}

static void report(const struct finding *f, struct verdict *v)
{
    char a[WORDS_NUMBER];

    words_amount(f->minimum_per_request, f->metric.unit, a);
    v->control_text[0] = '\0';
    if (v->control_ok)
        words_add(v->control_text, sizeof v->control_text,
                  "A leak of %s per request, planted in %s, was found.", a,
                  f->name);
    else
        words_add(v->control_text, sizeof v->control_text,
                  "A leak of %s per request, planted in %s, was not found: "
                  "this run cannot tell.",
                  a, f->name);
}

static void control_barriers(const struct record *r, const struct policy *p,
                             struct verdict *v)
{
    int which = promise_of(v);
    struct finding *f;

    if (which < 0 || r->barriers.requests == NULL)
        return;
    f = &v->findings[which];
    v->control_ran = true;
    for (int i = 0; i < RAISES && !v->control_ok; i++) {
        if (i > 0) {
            f->minimum_per_request *= 1.5;
            f->minimum_per_hour *= 1.5;
        }
        v->control_ok = with_leak(r, p, v, (size_t)which,
                                  f->minimum_per_request) == OUTCOME_LEAK;
    }
    report(f, v);
}

/* The judgement of the samples with a leak of `per_hour` in those of `name`. */
static enum outcome with_samples(const struct record *r, const struct policy *p,
                                 const char *name, double per_hour)
{
    struct series planted;
    struct continuous c;
    enum outcome outcome;

    continuous_plant(&r->samples, name, per_hour, &planted);
    continuous_judge(&planted, p, &c);
    outcome = c.outcome;
    continuous_release(&c);
    series_release(&planted);
    return outcome;
}

/* A minimum that no column's own replay could state, put to all that passed
   with the lead. */
static void state(const struct finding *lead, double per_hour,
                  struct verdict *v)
{
    double hours = (lead->to_s - lead->from_s) / 3600;
    double requests = lead->to_requests - lead->from_requests;

    for (size_t i = 0; i < v->nfindings; i++) {
        struct finding *f = &v->findings[i];

        if (f->outcome != OUTCOME_PASS || !same_leak(&lead->metric, &f->metric))
            continue;
        f->minimum_per_hour = per_hour;
        f->minimum_per_request = per_hour * hours / requests;
    }
}

/* A pass states what it would have called. Where one column alone cannot tell
   (another that grows and is excused would have to turn with it), the whole
   judgement is asked, with ever larger leaks. Some runs can call none, for
   want of proof that a fall was a restart: they state what they would not
   have passed. */
static void state_minimum(const struct record *r, const struct policy *p,
                          struct verdict *v)
{
    const struct finding *f = verdict_lead(v);
    double leak, stopped = NAN;

    if (v->outcome != OUTCOME_PASS || f == NULL ||
        isfinite(f->minimum_per_hour) || !(f->tolerance_per_hour > 0))
        return;
    leak = 2 * f->tolerance_per_hour;
    for (int i = 0; i < DOUBLINGS; i++, leak *= 2) {
        enum outcome o = with_samples(r, p, f->name, leak);

        if (o != OUTCOME_PASS && isnan(stopped))
            stopped = leak;
        if (o == OUTCOME_LEAK) {
            stopped = leak;
            break;
        }
    }
    state(f, stopped, v);
}

static void control_samples(const struct record *r, const struct policy *p,
                            struct verdict *v)
{
    const struct finding *f = verdict_lead(v);

    if (f == NULL ||
        (!isfinite(f->minimum_per_hour) && v->outcome != OUTCOME_PASS))
        return;
    v->control_ran = true;
    if (!isfinite(f->minimum_per_hour)) {
        words_add(v->control_text, sizeof v->control_text,
                  "No leak planted in %s, however large, kept this run from "
                  "passing: it cannot tell.",
                  f->name);
        return;
    }
    v->control_ok =
        with_samples(r, p, f->name, f->minimum_per_hour) == OUTCOME_LEAK;
    report(f, v);
}

void control_run(const struct record *r, const struct policy *p,
                 struct verdict *v)
{
    if (v->outcome == OUTCOME_LEAK)
        return; /* the real leak is control enough */
    if (r->barriers.n > 1)
        control_barriers(r, p, v);
    else
        state_minimum(r, p, v);
    if (r->barriers.n <= 1 && p->self_check)
        control_samples(r, p, v);
    if (v->control_ran && !v->control_ok && v->outcome == OUTCOME_PASS)
        v->outcome = OUTCOME_INCONCLUSIVE;
}
