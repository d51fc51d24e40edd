#include "analyzers/column.h"

#include "analyzers/bench.h"
#include "analyzers/power.h"
#include "analyzers/steady.h"
#include "analyzers/steps.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void view_trial(struct bench *b)
{
    struct column_view *v = b->v;
    const struct trial *t = &b->whole;

    v->growth = t->growth;
    v->above = trial_above(t, v->leak_above);
    v->late_rise = t->late_rise;
    v->rho = t->rho;
    v->best_form = t->best_form;
    v->kink_share = t->kink_share;
    v->load_matters = t->best_form & FIT_LOAD;
}

/* Steps up that make up most of the growth. */
static bool is_stairs(const struct bench *b)
{
    enum { STEPS = 64 };
    const struct column_view *v = b->v;
    struct step st[STEPS];
    size_t up = 0, n;
    double sum = 0;

    n = steps_find(b->y, b->r->n, fmax(0.03 * v->swing, 8 * v->noise), st,
                   STEPS);
    for (size_t i = 0; i < n; i++)
        if (st[i].size > 0) {
            up++;
            sum += st[i].size;
        } else {
            return false;
        }
    /* A steep slope is no flight of stairs. */
    return up >= 3 && sum > 0.6 * v->swing &&
           st[up - 1].at - st[0].at > 8 * (up - 1);
}

/* Large falls that recur over one floor. */
static bool is_sawtooth(const struct bench *b)
{
    enum { STEPS = 64 };
    struct step st[STEPS];
    size_t falls = 0, n;

    n = steps_find(b->y, b->r->n, fmax(0.3 * b->v->swing, 6 * b->v->noise), st,
                   STEPS);
    for (size_t i = 0; i < n; i++)
        falls += st[i].size < 0;
    return falls >= 4;
}

static enum shape shape_of(const struct bench *b, enum outcome o)
{
    const struct column_view *v = b->v;
    int form = v->best_form & ~FIT_LOAD;
    double matters = fmax(0.5 * v->leak_above, 4 * v->noise);
    bool grows = v->growth.low > 0;

    if (o == OUTCOME_PASS && v->swing < matters)
        return SHAPE_FLAT;
    if (b->r->nlives == 1 && is_sawtooth(b))
        return SHAPE_SAWTOOTH;
    if (b->r->nlives == 1 && is_stairs(b))
        return SHAPE_STAIRS;
    if (v->growth.high < -matters)
        return SHAPE_FALLING;
    if (!grows && o == OUTCOME_PASS && v->swing < fmax(matters, 8 * v->noise))
        return SHAPE_FLAT;
    if (!grows && v->rho > 0.6 && o != OUTCOME_PASS)
        return SHAPE_WANDERING;
    if (grows && (form & FIT_KINK))
        return v->late_rise > 0.45 * v->swing ? SHAPE_ACCELERATING
                                              : SHAPE_KINKED;
    if (grows)
        return SHAPE_LINEAR;
    if (form & FIT_LOG)
        return SHAPE_LOGARITHMIC;
    if (form & (FIT_EXP | FIT_KINK))
        return SHAPE_SATURATING;
    if (form & FIT_JUMP)
        return SHAPE_STEP;
    return form & FIT_LINE ? SHAPE_LINEAR : SHAPE_FLAT;
}

/* Last minus first, each the median of a twentieth. */
static double grown(const struct bench *b)
{
    double *w = mem_zalloc(b->r->n, sizeof *w), end[2];
    size_t n = b->r->n, part = n / 20 + 1;

    for (int k = 0; k < 2; k++) {
        size_t from = k == 0 ? (size_t)(BENCH_START * (double)n) : n - part,
               m = 0;

        for (size_t i = from; i < from + part && i < n; i++)
            if (!isnan(b->y[i]))
                w[m++] = b->y[i];
        end[k] = stats_median(w, m);
    }
    free(w);
    return end[1] - end[0];
}

static struct interval scaled(struct interval i, double by)
{
    return (struct interval){i.value / by, i.low / by, i.high / by};
}

/* How far the deciding end of the interval is from the threshold, in widths
 * of the interval. */
static double certainty(const struct column_view *v, enum outcome o)
{
    double wide = v->growth.high - v->growth.low;

    if (o == OUTCOME_LEAK)
        return (v->growth.low - v->leak_above) / wide;
    return o == OUTCOME_PASS ? (v->pass_below - v->growth.high) / wide : NAN;
}

/* Until the memory limit, at the pace of the run. */
static struct interval time_left(const struct bench *b)
{
    const struct column_view *v = b->v;
    const struct policy *p = b->x->policy;
    double limit = p->limit_bytes > 0 ? p->limit_bytes : b->x->limit_bytes;
    double room = fmax(limit - v->level, 0) * v->span_s;

    if (!(limit > 0)) /* fmax() would make "no limit" into "no room" */
        return (struct interval){NAN, NAN, NAN};
    return (struct interval){room / v->growth.value, room / v->growth.high,
                             room / v->growth.low};
}

/* A pass says that no leak that matters was there to be seen. Where the
 * readings wander so much that one of several times that size would not have
 * stood out, it says nothing. */
static bool is_blind(const struct bench *b)
{
    const struct column_view *v = b->v;
    double falls = fmax(-v->growth.high, 0);
    double most = POWER_ENOUGH * v->pass_below + falls;

    return !(v->least <= most) && !bench_sees(b, most);
}

static void fill_power(const struct bench *b, struct finding *f)
{
    const struct column_view *v = b->v;
    double factor;

    f->minimum_per_request = v->least / v->span_requests;
    f->minimum_per_hour = v->least / v->span_s * 3600;
    if (f->outcome != OUTCOME_INCONCLUSIVE)
        return;
    factor = power_factor(v, b->c);
    f->more_requests = ceil((factor - 1) * v->span_requests);
    f->more_s = ceil((factor - 1) * v->span_s);
}

static void fill(const struct bench *b, struct finding *f)
{
    const struct column_view *v = b->v;
    double hours = v->span_s / 3600;

    f->per_request = scaled(v->growth, v->span_requests);
    f->per_hour = scaled(v->growth, hours);
    f->tolerance_per_request = v->leak_above / v->span_requests;
    f->tolerance_per_hour = v->leak_above / hours;
    f->level = v->level;
    f->grown = grown(b);
    f->shape = shape_of(b, f->outcome);
    f->certainty = certainty(v, f->outcome);
    f->steady_from_s = steady_from(b->r, b->y, v->growth.value, v->noise);
    if (f->outcome == OUTCOME_LEAK && f->metric.role == METRIC_MEMORY)
        f->limit_s = time_left(b);
    f->from_s = b->r->t_s[0];
    f->to_s = b->r->t_s[b->r->n - 1];
    if (b->r->requests != NULL) {
        f->from_requests = b->r->requests[0];
        f->to_requests = b->r->requests[b->r->n - 1];
    }
}

/* Beyond half of what doubles count one by one (2^53) growth by little things
 * is lost in the readings: they accuse, but acquit nobody. */
static bool is_vast(const struct bench *b)
{
    return fabs(b->v->level) >= 0x1p52;
}

/* Every reading is the same: exact, unless it is 0, which is what a source
 * says that measures nothing. What would have been called is asked of the same
 * rules as ever: it is more than the tolerance. */
static void judge_constant(struct bench *b, struct finding *f)
{
    struct column_view *v = b->v;

    if (v->level == 0)
        return;
    if (is_vast(b)) {
        v->doubt = DOUBT_VAST;
        return;
    }
    v->doubt = DOUBT_NONE;
    v->kink_share = NAN;
    f->outcome = OUTCOME_PASS;
    fill(b, f);
    f->shape = SHAPE_FLAT;
    f->certainty = NAN;
    v->least = bench_look(b) ? power_minimum(b, true) : NAN;
    fill_power(b, f);
}

/* What it says, and for a pass whether it could have said anything else. */
static void decide(struct bench *b, unsigned heard, struct finding *f)
{
    struct column_view *v = b->v;

    view_trial(b);
    f->outcome = bench_decide(b);
    if ((heard >> f->outcome & 1) == 0)
        return;
    v->least = power_minimum(b, f->outcome == OUTCOME_PASS);
    if (f->outcome == OUTCOME_PASS && is_blind(b)) {
        f->outcome = OUTCOME_INCONCLUSIVE;
        v->doubt = DOUBT_BLIND;
    }
    if (f->outcome == OUTCOME_PASS && is_vast(b)) {
        f->outcome = OUTCOME_INCONCLUSIVE;
        v->doubt = DOUBT_VAST;
    }
    fill(b, f);
    fill_power(b, f);
}

/* A process that lives has memory: a few readings of none have failed and are
 * cleaned away. Where they are many there is no level to stay at. */
static bool is_gone(const struct bench *b)
{
    if (b->c->metric.role != METRIC_MEMORY)
        return false;
    for (size_t i = 0; i < b->r->n; i++)
        if (b->y[i] == 0)
            return true;
    return false;
}

void column_judge(const struct column_context *x, const struct column *c,
                  unsigned heard, struct finding *f, struct column_view *v)
{
    struct bench *b = mem_realloc(NULL, 1, sizeof *b);

    *v = (struct column_view){.doubt = DOUBT_NO_DATA};
    finding_init(f, &c->metric);
    snprintf(f->name, sizeof f->name, "%s", c->name);
    f->basis = BASIS_SAMPLES;
    if (bench_open(b, x, c, v)) {
        if (b->quantum == 0)
            judge_constant(b, f);
        else if (is_gone(b))
            v->doubt = DOUBT_GONE;
        else if (heard == 0 && bench_glance(b))
            v->doubt = DOUBT_NONE;
        else if (heard != 0 && bench_look(b))
            decide(b, heard, f);
    }
    bench_close(b);
    free(b);
}
