#include "analyzers/continuous.h"

#include "analyzers/ballot.h"
#include "analyzers/clean.h"
#include "analyzers/column.h"
#include "analyzers/discovery.h"
#include "analyzers/limits.h"
#include "analyzers/remarks.h"
#include "analyzers/swapped.h"
#include "harness/base/crew.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_judged(const struct policy *p, const struct column *c, size_t n)
{
    return c->metric.role != METRIC_WITNESS && !c->metric.cumulative &&
           !limits_silent(p, c, n);
}

/* The last reading of the memory limit, if the series has one. */
static double limit_of(const struct series *s)
{
    const struct column *c = series_column(s, "cgroup_limit_bytes");

    for (size_t i = s->n; c != NULL && i-- > 0;)
        if (isfinite(c->v[i]) && c->v[i] > 0)
            return c->v[i];
    return NAN;
}

/* Collections within a judged window that make of its rise more than a tooth
   or two of a saw. */
#define COLLECTIONS_LEAST 5

/* Everything known while a series is judged. */
struct judge {
    const struct series *s;
    struct column_context x[CREW_MAX]; /* they differ by their memos */
    struct continuous *out;
    struct column_view *v;
    size_t *column; /* of each finding */
    unsigned char *heard;
    size_t *wanted, nwanted; /* findings to be made */
};

/* The readings of `c` without those that only repeat the last: they would look
   like so many that nothing grew. To free; NULL: each is new, as far as is
   known. */
static double *new_readings(const struct series *s, const struct column *c)
{
    const char *name = metric_renewed_by(&c->metric);
    const struct column *runs = name != NULL ? series_column(s, name) : NULL;
    double *v, last = NAN;

    if (runs == NULL)
        return NULL;
    v = mem_zalloc(s->n, sizeof *v);
    for (size_t i = 0; i < s->n; i++) {
        v[i] = runs->v[i] <= last ? NAN : c->v[i];
        if (isfinite(c->v[i]) && isfinite(runs->v[i]))
            last = runs->v[i];
    }
    return v;
}

static void judge_one(void *work, size_t i, size_t hand)
{
    const struct judge *j = work;
    size_t at = j->wanted[i];
    struct column c = j->s->columns[j->column[at]];
    double *fresh = new_readings(j->s, &c);
    double *whole = swapped_back(j->s, &c);

    if (fresh != NULL || whole != NULL)
        c.v = fresh != NULL ? fresh : whole;
    column_judge(&j->x[hand], &c, j->heard[at], &j->out->findings[at],
                 &j->v[at]);
    j->v[at].swapped = whole != NULL;
    if (whole != NULL) /* a limit on what is in memory does not count it */
        j->out->findings[at].limit_s = (struct interval){NAN, NAN, NAN};
    free(whole);
    free(fresh);
}

static void judge_columns(struct judge *j, const unsigned char *heard)
{
    struct continuous *out = j->out;

    for (size_t i = 0; i < j->s->ncolumns; i++) {
        if (!is_judged(j->x[0].policy, &j->s->columns[i], j->s->n))
            continue;
        j->column[out->n] = i;
        j->heard[out->n] = heard != NULL ? heard[i] : COLUMN_HEARD;
        j->wanted[j->nwanted++] = out->n++;
    }
    crew_share(j->nwanted, crew_hands(), judge_one, j);
}

static bool is_heard(const struct judge *j, size_t i)
{
    return j->heard[i] >> j->out->findings[i].outcome & 1;
}

/* Views of memory state one minimum together: where one of them is heard, the
 * others are judged to the end as well. */
static void complete_memory(struct judge *j)
{
    struct continuous *out = j->out;
    bool any = false;

    for (size_t i = 0; i < out->n; i++)
        any |= is_heard(j, i) && ballot_shares(out, j->v, i);
    j->nwanted = 0;
    for (size_t i = 0; any && i < out->n; i++)
        if (!is_heard(j, i) && ballot_shares(out, j->v, i)) {
            j->heard[i] = COLUMN_HEARD;
            j->wanted[j->nwanted++] = i;
        }
    crew_share(j->nwanted, crew_hands(), judge_one, j);
}

/* How often the garbage in column `c` was collected from `from_s` to `to_s`;
   NaN: there is none, or nobody counted. */
static double collections(const struct series *s, const struct column *c,
                          double from_s, double to_s)
{
    const char *name = metric_swept_by(&c->metric);
    const struct column *runs = name != NULL ? series_column(s, name) : NULL;
    double first = NAN, last = NAN;

    for (size_t i = 0; runs != NULL && i < s->n; i++) {
        if (!(s->t_s[i] >= from_s && s->t_s[i] <= to_s) || isnan(runs->v[i]))
            continue;
        if (isnan(first))
            first = runs->v[i];
        last = runs->v[i];
    }
    return last - first;
}

/* Garbage that waits for its collection rises as a leak does. */
static void hold_uncollected(struct judge *j)
{
    for (size_t i = 0; i < j->out->n; i++) {
        struct finding *f = &j->out->findings[i];
        double runs =
            collections(j->s, &j->s->columns[j->column[i]], f->from_s, f->to_s);

        if (f->outcome != OUTCOME_LEAK || !(runs < COLLECTIONS_LEAST))
            continue;
        f->outcome = OUTCOME_INCONCLUSIVE;
        f->garbage = true;
        j->v[i].doubt = DOUBT_WAITS;
        f->certainty = NAN;
        f->limit_s = (struct interval){NAN, NAN, NAN};
        if (runs > 0) {
            double longer = COLLECTIONS_LEAST / runs - 1;

            f->more_s = ceil(longer * j->v[i].span_s);
            f->more_requests = ceil(longer * j->v[i].span_requests);
        }
    }
}

static void vote(struct judge *j, bool whole)
{
    struct continuous *out = j->out;

    hold_uncollected(j);
    discovery_keep(out->findings, j->v, out->n, j->x[0].policy->confidence);
    if (whole)
        ballot_hold(out, j->v);
    ballot_count(out, j->v);
    remarks_findings(out, j->v);
    remarks_verdict(out, j->v, j->x[0].rows);
    if (out->lead >= 0)
        out->steady_from_s = out->findings[out->lead].steady_from_s;
}

void continuous_listen(const struct series *s, const struct policy *p,
                       const unsigned char *heard, struct continuous *out)
{
    struct rows r;
    struct load load;
    struct judge j = {.s = s, .out = out};

    *out = (struct continuous){.lead = -1, .steady_from_s = NAN};
    out->findings = mem_zalloc(s->ncolumns, sizeof *out->findings);
    j.v = mem_zalloc(s->ncolumns, sizeof *j.v);
    j.column = mem_zalloc(s->ncolumns, sizeof *j.column);
    j.wanted = mem_zalloc(s->ncolumns, sizeof *j.wanted);
    j.heard = mem_zalloc(s->ncolumns, sizeof *j.heard);
    rows_select(s, &r);
    load_measure(&r, &load);
    for (size_t k = 0; k < CREW_MAX; k++)
        j.x[k] =
            (struct column_context){&r, &load, p, limit_of(s), fit_memo_new()};
    judge_columns(&j, heard);
    if (heard != NULL)
        complete_memory(&j);
    vote(&j, heard == NULL);
    for (size_t k = 0; k < CREW_MAX; k++)
        fit_memo_free(j.x[k].memo);
    load_release(&load);
    rows_release(&r);
    free(j.heard);
    free(j.wanted);
    free(j.column);
    free(j.v);
}

void continuous_judge(const struct series *s, const struct policy *p,
                      struct continuous *out)
{
    continuous_listen(s, p, NULL, out);
}

void continuous_release(struct continuous *c)
{
    free(c->findings);
    *c = (struct continuous){.lead = -1};
}

static double *copy(const double *v, size_t n)
{
    double *w = NULL;

    if (v != NULL) {
        w = mem_zalloc(n, sizeof *w);
        memcpy(w, v, n * sizeof *w);
    }
    return w;
}

static void copy_series(const struct series *s, struct series *out)
{
    *out = *s;
    out->t_s = copy(s->t_s, s->n);
    out->requests = copy(s->requests, s->n);
    out->proc_starts = copy(s->proc_starts, s->n);
    if (s->phase != NULL) {
        out->phase = mem_zalloc(s->n, 1);
        memcpy(out->phase, s->phase, s->n);
    }
    out->columns = mem_zalloc(s->ncolumns, sizeof *out->columns);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column *c = &out->columns[i];

        c->name = mem_strdup(s->columns[i].name);
        metric_describe(c->name, &c->metric);
        c->v = copy(s->columns[i].v, s->n);
    }
}

/* A leak of private memory shows in resident memory however it is counted,
 * and in the control group. */
static bool grows_with(const struct metric *m, const struct metric *planted)
{
    bool memory =
        planted->role == METRIC_MEMORY || planted->role == METRIC_CGROUP;

    return memory && (m->role == METRIC_MEMORY || m->role == METRIC_CGROUP);
}

/* Adds the shares `x` of a growth `by` to `d`, as its readings would show it:
 * rounded as they are. */
static void plant(const double *x, double by, size_t n, struct column *d)
{
    double q = clean_grain(d->v, n, d->metric.unit == METRIC_BYTES);

    for (size_t k = 0; k < n; k++)
        d->v[k] += q > 0 ? q * round(x[k] * by / q) : x[k] * by;
}

void continuous_plant(const struct series *s, const char *name, double per_hour,
                      struct series *out)
{
    const struct column *c = series_column(s, name);
    struct rows r;

    copy_series(s, out);
    if (c == NULL)
        return;
    rows_select(s, &r);
    double hours = r.n > 1 ? (r.busy_s[r.n - 1] - r.busy_s[0]) / 3600 : 0;
    double *x = mem_zalloc(s->n, sizeof *x); /* share of the growth, 0 .. 1 */

    rows_growth(&r, s, x);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column *d = &out->columns[i];

        if (strcmp(d->name, c->name) != 0 &&
            !grows_with(&d->metric, &c->metric))
            continue;
        plant(x, per_hour * hours, s->n, d);
    }
    free(x);
    rows_release(&r);
}
