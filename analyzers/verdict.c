#include "analyzers/verdict.h"

#include "analyzers/barriers.h"
#include "analyzers/cause.h"
#include "analyzers/column.h"
#include "analyzers/continuous.h"
#include "analyzers/control.h"
#include "analyzers/details.h"
#include "analyzers/growth_memo.h"
#include "analyzers/limits.h"
#include "analyzers/sequential.h"
#include "analyzers/swapped.h"
#include "analyzers/type_columns.h"
#include "analyzers/verdict_words.h"
#include "analyzers/vote.h"
#include "harness/base/crew.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_values(const struct column *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(c->v[i]))
            return true;
    return false;
}

/* Witnesses worth a slope of their own: they explain the others. */
static bool explains(const struct metric *m)
{
    static const char *const names[] = {"native_free_bytes", "swap_bytes",
                                        "pss_file_bytes",    "fds_socket",
                                        "fds_file",          "procs"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(m->name, names[i]) == 0)
            return true;
    return m->role == METRIC_CGROUP || m->role == METRIC_CUSTOM;
}

/* A type that rises within lives, but not so that it must be a leak: what all
 * objects of a process may vary by in one life hides more than a life leaks, so
 * that the totals' word is no answer to it. */
static bool stays_open(const struct finding *f)
{
    return f->outcome == OUTCOME_INCONCLUSIVE && f->judged && f->in_lives &&
           f->per_request.value > f->tolerance_per_request;
}

/* Everything needed while the barriers' columns are judged, each by one hand,
 * into a place of its own. */
struct barrier_work {
    const struct record *r;
    const struct policy *p;
    const struct verdict *v;
    struct growth_memo *memo[CREW_MAX];
    struct finding *findings;
    bool *told; /* the finding is one */
};

/* A type of objects speaks only when it leaks: what passes or cannot be told
 * is in the totals already, but for lives. The error is paid for over all
 * types. Returns whether it speaks. */
static bool judge_type(const struct barrier_work *w, const struct column *c,
                       struct growth_memo *memo, struct finding *f)
{
    const struct tolerance *t = policy_tolerance(w->p, "py_gc_objects");
    struct barriers_rule rule, look;

    barriers_rule(w->p, &rule);
    sequential_rule(w->p, w->r->barriers.n - 1, &look);
    rule.alpha_leak /= (double)w->v->types_seen;
    look.alpha_leak /= (double)w->v->types_seen;
    rule.power = rule.forecast = false;
    rule.memo = memo;
    rule.look = &look;
    barriers_column(w->r, w->p, &rule, c, f);
    if (stays_open(f))
        return true;
    if (f->outcome != OUTCOME_LEAK ||
        (t != NULL && !(f->per_request.low > t->value)))
        return false;
    rule.power = true;
    barriers_column(w->r, w->p, &rule, c, f);
    return true;
}

static void judge_one(void *work, size_t i, size_t hand)
{
    struct barrier_work *w = work;
    const struct series *s = &w->r->barriers;
    const struct column *c = &s->columns[i];
    bool judged = limits_judged(w->p, c->name, &c->metric);
    struct barriers_rule rule, look;

    if ((!judged && (c->metric.cumulative || !explains(&c->metric))) ||
        !has_values(c, s->n) || limits_silent(w->p, c, s->n))
        return;
    if (type_column_is(c->name)) {
        w->told[i] = judge_type(w, c, w->memo[hand], &w->findings[i]);
        return;
    }
    barriers_rule(w->p, &rule);
    sequential_rule(w->p, s->n - 1, &look);
    rule.memo = w->memo[hand];
    rule.look = &look;
    rule.power &= judged;
    rule.forecast = false; /* costly: see look_ahead */
    barriers_column(w->r, w->p, &rule, c, &w->findings[i]);
    w->told[i] = true;
}

static void judge_barriers(const struct record *r, const struct policy *p,
                           struct verdict *out)
{
    const struct series *s = &r->barriers;
    struct barrier_work w = {r, p, out, {out->memo}, NULL, NULL};
    size_t hands = crew_hands();

    if (s->n < 2)
        return;
    w.findings = mem_zalloc(s->ncolumns, sizeof *w.findings);
    w.told = mem_zalloc(s->ncolumns, sizeof *w.told);
    for (size_t k = 1; k < hands; k++)
        w.memo[k] = growth_memo_new();
    crew_share(s->ncolumns, hands, judge_one, &w);
    for (size_t k = 1; k < hands; k++)
        growth_memo_free(w.memo[k]);
    for (size_t i = 0; i < s->ncolumns; i++)
        if (w.told[i])
            w.findings[out->nfindings++] = w.findings[i];
    free(w.told);
    out->findings = w.findings;
}

static const struct finding *find(const struct continuous *c, const char *name)
{
    const struct metric *m = metric_find(name);

    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->findings[i].name, name) == 0 ||
            (m != NULL && metric_find(c->findings[i].name) == m))
            return &c->findings[i];
    return NULL;
}

static struct finding *add_finding(struct verdict *v)
{
    v->findings =
        mem_realloc(v->findings, v->nfindings + 1, sizeof *v->findings);
    return &v->findings[v->nfindings++];
}

/* The barriers' finding on sample column `c`. */
static const struct finding *at_barriers(const struct verdict *v,
                                         const struct column *c)
{
    const struct metric *m = metric_find(c->name);

    for (size_t i = 0; i < v->nfindings; i++)
        if (strcmp(v->findings[i].name, c->name) == 0 ||
            (m != NULL && metric_find(v->findings[i].name) == m))
            return &v->findings[i];
    return NULL;
}

/* The outcomes of the samples of column `c` that would be heard beside what
   the barriers say (see vote_join). */
static unsigned char heard_of(const struct series *s, const struct policy *p,
                              const struct verdict *v, const struct column *c)
{
    const struct finding *f = at_barriers(v, c);
    unsigned char set = 0;

    if (c->metric.role == METRIC_WITNESS || c->metric.cumulative)
        return 0;
    if (f == NULL)
        return has_values(c, s->n) && !limits_silent(p, c, s->n) ? COLUMN_HEARD
                                                                 : 0;
    for (int o = 0; o <= OUTCOME_LEAK; o++)
        if (f->judged && vote_joins(f, (enum outcome)o))
            set |= (unsigned char)(1u << o);
    return set;
}

/* Judges the samples, as far as they have a say: in what the barriers left
   open, or did not read. A column without a reading is still told of. */
static void judge_heard(const struct series *s, const struct policy *p,
                        const struct verdict *v, struct continuous *out)
{
    unsigned char *heard = mem_zalloc(s->ncolumns + 1, 1), any = 0;
    struct series empty = *s;

    empty.columns = mem_zalloc(s->ncolumns + 1, sizeof *empty.columns);
    empty.ncolumns = 0;
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct column *c = &s->columns[i];

        heard[i] = heard_of(s, p, v, c);
        any |= heard[i];
        if (c->metric.role != METRIC_WITNESS && !c->metric.cumulative &&
            at_barriers(v, c) == NULL && !has_values(c, s->n))
            empty.columns[empty.ncolumns++] = *c;
    }
    if (v->nfindings == 0)
        continuous_judge(s, p, out);
    else if (any != 0)
        continuous_listen(s, p, heard, out);
    else
        continuous_judge(&empty, p, out);
    free(empty.columns);
    free(heard);
}

/* The samples' findings beside the barriers': joined where both speak. */
static void join_samples(struct verdict *out, const struct continuous *c)
{
    size_t barriers = out->nfindings;

    for (size_t i = 0; i < barriers; i++) {
        const struct finding *s = find(c, out->findings[i].name);

        if (s != NULL && out->findings[i].judged)
            vote_join(&out->findings[i], s);
    }
    for (size_t i = 0; i < c->n; i++) {
        bool seen = false;

        for (size_t j = 0; j < barriers; j++)
            seen |= find(c, out->findings[j].name) == &c->findings[i];
        if (!seen)
            *add_finding(out) = c->findings[i];
    }
}

/* Requests were counted, and none was made. */
static bool is_idle(const struct record *r)
{
    double low = INFINITY, high = -INFINITY;

    if (r->barriers.n > 1 || r->samples.requests == NULL)
        return false;
    for (size_t i = 0; i < r->samples.n; i++) {
        low = fmin(low, r->samples.requests[i]);
        high = fmax(high, r->samples.requests[i]);
    }
    return isfinite(low) && high <= low;
}

/* A run that went wrong may accuse, but not acquit; nor may one in which
   nothing was asked of the service. */
static void mind_the_run(const struct record *r, struct verdict *out)
{
    bool failed = r->target_failed || r->end == RUN_TARGET_FAILED;
    bool errors =
        r->errors_total > 0.5 * r->requests_total && r->requests_total > 0;

    out->partial =
        r->dir != NULL && (r->partial || failed || r->end == RUN_INTERRUPTED ||
                           r->end == RUN_HARNESS_FAILED);
    out->idle = is_idle(r);
    if (out->outcome == OUTCOME_PASS && (failed || errors || out->idle))
        out->outcome = OUTCOME_INCONCLUSIVE;
}

static bool lacks_required(const struct policy *p, const struct verdict *v,
                           struct vote *vote)
{
    struct vote again;
    struct finding *copy = mem_zalloc(v->nfindings + 1, sizeof *copy);

    if (v->nfindings > 0)
        memcpy(copy, v->findings, v->nfindings * sizeof *copy);
    vote_all(copy, v->nfindings, p, &again);
    free(copy);
    if (again.lacks[0] == '\0')
        return false;
    *vote = again;
    return true;
}

/* Without blocks the samples' own verdict stands, word for word; only what
   the policy requires and nobody measured can still take a pass away. */
static void judge_samples_only(const struct policy *p,
                               const struct continuous *c, struct verdict *out,
                               struct vote *vote)
{
    *vote = (struct vote){.outcome = c->outcome, .lead = c->lead};
    out->outcome = c->outcome;
    if (c->outcome == OUTCOME_PASS && lacks_required(p, out, vote))
        out->outcome = OUTCOME_INCONCLUSIVE;
    if (c->lead >= 0)
        out->findings[c->lead].decisive = true;
    snprintf(out->reason, sizeof out->reason, "%s", c->reason);
}

/* When start-up was over for whatever the outcome rests on; NaN where it rests
   on nothing, as when something is lacking. */
static double steady(const struct verdict *v)
{
    double from = NAN;

    for (size_t i = 0; i < v->nfindings; i++)
        if (v->findings[i].decisive && !(v->findings[i].steady_from_s <= from))
            from = v->findings[i].steady_from_s;
    return from;
}

/* What would settle an undecided run, for each metric that is undecided. */
static void look_ahead(const struct record *r, const struct policy *p,
                       struct verdict *out)
{
    if (out->outcome != OUTCOME_INCONCLUSIVE)
        return;
    for (size_t i = 0; i < out->nfindings; i++) {
        struct finding *f = &out->findings[i], again;
        const struct column *c = series_column(&r->barriers, f->name);
        struct barriers_rule rule;

        if (!f->judged || f->outcome != OUTCOME_INCONCLUSIVE ||
            f->basis != BASIS_BARRIERS || c == NULL)
            continue;
        barriers_rule(p, &rule);
        rule.power = false;
        rule.memo = out->memo;
        barriers_column(r, p, &rule, c, &again);
        /* The vote took it back: by itself it is decided. */
        if (again.outcome != OUTCOME_INCONCLUSIVE)
            continue;
        again.minimum_per_request = f->minimum_per_request;
        again.minimum_per_hour = f->minimum_per_hour;
        again.early = f->early;
        again.decisive = f->decisive;
        again.blocking = f->blocking;
        *f = again;
    }
}

/* How long until it is decided; what nobody knows never comes. */
static double wait_of(const struct finding *f)
{
    return f == NULL ? -INFINITY : isnan(f->more_s) ? INFINITY : f->more_s;
}

/* What would settle the whole of it: all that stands in the way must be
   decided; of the readings of memory, which say the same, the one that is
   told, or the first. */
static void sum_up_more(struct verdict *v)
{
    const struct finding *lead = verdict_lead(v), *memory = NULL, *last = NULL;

    if (v->outcome != OUTCOME_INCONCLUSIVE)
        return;
    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (!f->blocking)
            continue;
        if (f->metric.role != METRIC_MEMORY)
            last = wait_of(f) > wait_of(last) ? f : last;
        else if (memory == NULL || f == lead ||
                 (memory != lead && wait_of(f) < wait_of(memory)))
            memory = f;
    }
    if (wait_of(memory) > wait_of(last))
        last = memory;
    if (last == NULL)
        last = lead;
    if (last != NULL) {
        v->more_requests = last->more_requests;
        v->more_s = last->more_s;
        v->more_chance = last->more_chance;
    }
}

void verdict_judge(const struct record *r, const struct policy *p,
                   struct verdict *out)
{
    struct continuous c;
    struct record wide;
    struct vote vote;

    *out = (struct verdict){
        .steady_from_s = NAN,
        .more_requests = NAN,
        .more_s = NAN,
        .more_chance = NAN,
        .lead = -1,
        .types_kind = -1,
        .types_share = 1,
    };
    out->memo = growth_memo_new();
    if (p == NULL)
        p = &r->policy;
    type_columns_add(r, &wide, &out->types_seen);
    swapped_into(r, &wide);
    judge_barriers(&wide, p, out);
    judge_heard(&r->samples, p, out, &c);
    if (out->nfindings > 0) {
        join_samples(out, &c);
        vote_all(out->findings, out->nfindings, p, &vote);
        out->outcome = vote.outcome;
    } else {
        join_samples(out, &c);
        judge_samples_only(p, &c, out, &vote);
    }
    out->lead = vote.lead;
    out->steady_from_s = steady(out);
    mind_the_run(r, out);
    look_ahead(&wide, p, out);
    swapped_tell(r, &wide, out);
    sum_up_more(out);
    control_run(&wide, p, out);
    details_fill(&wide, p, out);
    cause_find(&wide, out);
    out->certain = sequential_certain(&wide, out);
    verdict_words(&wide, p, &vote, out);
    swapped_release(r, &wide);
    type_columns_release(r, &wide, out);
    continuous_release(&c);
    growth_memo_free(out->memo);
    out->memo = NULL;
}

void verdict_release(struct verdict *v)
{
    for (size_t i = 0; i < v->ntexts; i++)
        free(v->texts[i]);
    free(v->texts);
    free(v->findings);
    free(v->blames);
    free(v->types);
    *v = (struct verdict){.lead = -1};
}

const struct finding *verdict_lead(const struct verdict *v)
{
    return v->lead >= 0 && (size_t)v->lead < v->nfindings
               ? &v->findings[v->lead]
               : NULL;
}
