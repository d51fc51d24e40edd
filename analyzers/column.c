#include "analyzers/column.h"

#include "analyzers/clean.h"
#include "analyzers/guards.h"
#include "analyzers/thresholds.h"
#include "analyzers/opening.h"
#include "analyzers/power.h"
#include "analyzers/steady.h"
#include "analyzers/steps.h"
#include "analyzers/trial.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A window this much sharper than the whole run saw something end. */
#define CALMER 0.35

/* The first readings never count. */
#define START 0.03

enum {
    READINGS_MIN = 12,
    OPENINGS = 3,
    POINTS = 48,
    LOOKS_MAX = 8,
};

/* Half widths of the openings, in shares of the run. */
static const double widths[OPENINGS] = {0.02, 0.05, 0.09};

/* Shares of the run, or of each life, that the windows leave out. */
static const double windows[2] = {0.25, 0.45};

/* One column being judged. */
struct bench {
    const struct column_context *x;
    const struct rows *r;
    const struct column *c;
    struct column_view *v;
    double *y, *open[OPENINGS];
    struct trial whole, first, recent[2], guess, now;
    struct trial_plan plan; /* the one that `whole` came from */
    double quantum;         /* what readings were rounded to */
    bool guessed;
    struct interval look[LOOKS_MAX]; /* what each look at the whole said */
    int looks;
};

/* The spread of the readings from share `from` of the run on: between the
 * 2nd and the 98th percentile. */
static double swing_from(const struct bench *b, double from)
{
    double *w = mem_zalloc(b->r->n, sizeof *w), swing;
    size_t m = 0;

    for (size_t i = (size_t)(from * (double)b->r->n); i < b->r->n; i++)
        if (!isnan(b->y[i]))
            w[m++] = b->y[i];
    stats_sort(w, m);
    swing =
        stats_quantile_sorted(w, m, 0.98) - stats_quantile_sorted(w, m, 0.02);
    free(w);
    return m > 0 ? swing : 0;
}

static bool prepare(struct bench *b)
{
    const struct rows *r = b->r;
    struct column_view *v = b->v;
    double *w = mem_zalloc(r->n, sizeof *w);
    size_t m = 0;

    rows_readings(r, b->c->v, b->y);
    clean_readings(b->y, r->n, b->c->metric.unit == METRIC_BYTES);
    for (size_t i = r->n - r->n / 3; i < r->n; i++)
        if (!isnan(b->y[i]))
            w[m++] = b->y[i];
    v->level = stats_median(w, m);
    free(w);
    v->swing = swing_from(b, START);
    v->noise = steps_noise(b->y, r->n);
    b->quantum = clean_quantum(b->y, r->n);
    if (b->c->metric.unit == METRIC_BYTES)
        b->quantum = fmin(b->quantum, 1 << 20);
    v->lives = r->nlives;
    v->span_requests = NAN;
    if (r->n > 0) {
        v->span_s = r->busy_s[r->n - 1] - r->busy_s[0];
        if (r->requests != NULL)
            v->span_requests = r->requests[r->n - 1] - r->requests[0];
    }
    size_t readings = 0;
    for (size_t i = 0; i < r->n; i++)
        readings += !isnan(b->y[i]);
    return readings >= READINGS_MIN && !isnan(v->level) && v->span_s > 0;
}

/* Below this variance a misfit means nothing: rounding, and shapes that are
 * never quite those of the family. */
static double floor_variance(const struct bench *b, double from)
{
    double small = 2e-4 * b->v->level, shape = 0.004 * swing_from(b, from);

    return small * small + b->quantum * b->quantum / 12 + shape * shape;
}

static double width(const struct trial *t)
{
    return t->growth.high - t->growth.low;
}

/* Nothing in `t` speaks for growth that matters, and the future it tells is
 * flat. */
static bool acquits(const struct bench *b, const struct trial *t)
{
    const struct column_view *v = b->v;
    double calm = fmax(v->leak_above, 0.1 * v->swing);
    double still = 0.005 * fabs(v->level);

    /* In two minutes even a fast warm-up may be far from over. */
    if (t->ok && !v->explicit_tolerance && v->span_s < 120 &&
        (t->late_rise > still || t->ahead.value > still))
        return false;
    /* What wanders slowly over more than matters may hide anything. */
    if (t->rho > 0.75 && t->late_range > 1.4 * v->pass_below)
        return false;
    if (!t->ok || t->growth.high >= v->pass_below ||
        t->ahead.high >= v->pass_below || trial_above(t, v->leak_above) >= 0.2)
        return false;
    return v->explicit_tolerance ||
           (t->ahead.value < 0.3 * v->leak_above && t->late_rise < calm &&
            trial_above(t, 0.0025 * fabs(v->level)) < 0.8);
}

/* Carries out `p` and keeps it in `best` when it is the sharper. */
static void attempt(struct bench *b, const struct trial_plan *p,
                    struct trial *best)
{
    trial_run(p, &b->now);
    if (best == &b->whole && b->now.ok && b->looks < LOOKS_MAX)
        b->look[b->looks++] = b->now.growth;
    if (!b->now.ok || (best->ok && width(&b->now) >= width(best)))
        return;
    *best = b->now;
    if (best == &b->whole)
        b->plan = *p;
}

/* The recent past by itself, or the later part of each life: it may acquit,
 * and where it speaks against a leak there is none to call, but it cannot
 * accuse: a warm-up seen without its beginning looks like a line. */
static void run_recent(struct bench *b, struct trial_plan p, bool clear)
{
    bool one_life = b->r->nlives == 1;

    for (int k = 0; k < 2; k++) {
        p.y = b->y;
        p.from = one_life ? windows[k] : START;
        p.late = one_life ? 0 : windows[k];
        p.points = one_life ? (int)(POINTS * (1 - windows[k])) : POINTS;
        p.floor_var = floor_variance(b, p.from);
        attempt(b, &p, &b->recent[k]);
        if (one_life && !clear) {
            p.y = b->open[1];
            attempt(b, &p, &b->recent[k]);
        }
    }
}

/* The first look says pass or leak with so much room that a sharper one
 * could not say anything else. */
static bool is_clear(const struct bench *b)
{
    const struct trial *t = &b->first;
    double much = 0.5 * b->v->leak_above;

    if (!t->ok)
        return false;
    if (t->growth.low > 2 * b->v->leak_above)
        return width(t) < 0.15 * t->growth.value;
    return acquits(b, t) && t->growth.high < much && t->ahead.high < much;
}

/* The sharpest look was chosen for its sharpness: what others of similar
 * width think likeliest must fit into its interval. */
static void heed_others(struct bench *b)
{
    struct interval *g = &b->whole.growth;
    double most = 2 * (g->high - g->low);

    for (int i = 0; i < b->looks; i++) {
        if (b->look[i].high - b->look[i].low > most)
            continue;
        g->low = fmin(g->low, b->look[i].value);
        g->high = fmax(g->high, b->look[i].value);
    }
}

static void run_trials(struct bench *b)
{
    struct trial_plan p = {.rows = b->r,
                           .load = b->x->load,
                           .y = b->y,
                           .level = b->v->level,
                           .floor_var = floor_variance(b, START),
                           .confidence = b->x->policy->confidence,
                           .from = START,
                           .points = POINTS};

    attempt(b, &p, &b->whole);
    trial_look_ahead(&b->whole, p.confidence);
    b->first = b->whole;
    bool clear = is_clear(b);

    if (clear && acquits(b, &b->first))
        return;
    if (!clear) {
        p.points = POINTS / 2;
        attempt(b, &p, &b->whole);
        p.points = POINTS;
        p.stat = BINS_FLOOR;
        attempt(b, &p, &b->whole);
        p.stat = BINS_MIDDLE;
        for (int k = 0; k < OPENINGS && b->r->nlives == 1; k++) {
            p.y = b->open[k];
            attempt(b, &p, &b->whole);
        }
    }
    heed_others(b);
    run_recent(b, p, clear);
    trial_look_ahead(&b->whole, p.confidence);
    trial_look_ahead(&b->recent[0], p.confidence);
    trial_look_ahead(&b->recent[1], p.confidence);
}

/* Restarts that nobody recorded: what if the falls were that? */
static void run_guess(struct bench *b)
{
    const struct column_view *v = b->v;
    struct trial_plan p = b->plan;
    struct rows r;
    int *life;
    double least = fmax(fmax(0.25 * v->swing, 8 * v->noise),
                        fmax(0.01 * fabs(v->level), 3 * b->quantum));

    if (b->r->nlives != 1)
        return;
    life = mem_zalloc(b->r->n, sizeof *life);
    if (guards_guess_lives(b->r, b->y, b->open[1], least, &r, life)) {
        b->guessed = true;
        p.rows = &r;
        p.y = b->y;
        p.points = POINTS;
        p.stat = BINS_MIDDLE;
        trial_run(&p, &b->guess);
    }
    free(life);
}

/* The recent past shows clearly less growth than the whole. */
static bool contradicts(const struct bench *b, const struct trial *t)
{
    return t->ok && (t->growth.high < fmin(b->whole.growth.low,
                                           0.75 * b->whole.growth.value) ||
                     trial_above(t, b->v->leak_above) < 0.05);
}

/* The sharpest look, unless the plain one is nearly sure of a leak; or the
 * plain one itself. */
static bool whole_acquits(const struct bench *b)
{
    if (acquits(b, &b->first))
        return true;
    return acquits(b, &b->whole) &&
           trial_above(&b->first, b->v->leak_above) < 0.85;
}

/* A window does not see slow wandering: where the whole run leaves all open,
 * it proves something only when it is far calmer than what was before. */
static bool recent_acquits(const struct bench *b)
{
    const struct trial *t = &b->whole;
    bool open = width(t) > 4 * b->v->pass_below ||
                trial_above(t, b->v->leak_above) > 0.4;

    for (int k = 0; k < 2; k++)
        if (acquits(b, &b->recent[k]) &&
            (!open || width(&b->recent[k]) < CALMER * width(t)))
            return true;
    return false;
}

/* However small a growth the user forbids, it must be one: more than start-up
 * can be, and more than rounding and the shapes' misfit. */
static bool is_certain(const struct bench *b)
{
    const struct column_view *v = b->v;
    double least = fmax(0.001 * fabs(v->level), 3 * b->quantum);

    return !v->explicit_tolerance ||
           (v->span_s >= 30 && b->whole.growth.low > least);
}

static enum doubt reason_to_doubt(const struct bench *b)
{
    const struct trial *t = &b->whole;
    const struct column_view *v = b->v;

    if (v->span_s < 90 && t->ahead.value > 0.01 * fabs(v->level))
        return DOUBT_SHORT;
    if (b->x->load->varied && v->load_matters)
        return DOUBT_LOAD;
    if (t->growth.low > 0 && t->growth.high < v->pass_below)
        return DOUBT_SMALL;
    if (t->ahead.value > 0.4 * v->leak_above &&
        t->growth.value < 0.5 * t->ahead.value)
        return DOUBT_BEND;
    return DOUBT_NOISE;
}

static enum outcome decide(struct bench *b)
{
    struct column_view *v = b->v;
    const struct trial *t = &b->whole;
    double news = fmax(0.4 * v->leak_above, 6 * v->noise);
    double least =
        fmax(fmax(0.05 * v->swing, 10 * v->noise), 0.15 * v->leak_above);

    v->doubt = reason_to_doubt(b);
    if (b->guessed &&
        (!b->guess.ok || trial_above(&b->guess, v->leak_above) > 0.15)) {
        v->doubt = DOUBT_FALLS;
        return OUTCOME_INCONCLUSIVE;
    }
    if (t->growth.low > v->leak_above && is_certain(b)) {
        if (!contradicts(b, &b->recent[0]) && !contradicts(b, &b->recent[1]))
            return OUTCOME_LEAK;
        v->doubt = DOUBT_BEND;
        return OUTCOME_INCONCLUSIVE;
    }
    if (!whole_acquits(b) && !recent_acquits(b))
        return OUTCOME_INCONCLUSIVE;
    if (guards_end_rise(b->y, b->r->n) > news) {
        v->doubt = DOUBT_NEWS;
        return OUTCOME_INCONCLUSIVE;
    }
    if (b->r->nlives == 1 && guards_stairs_pause(b->y, b->r->n, least)) {
        v->doubt = DOUBT_STAIRS;
        return OUTCOME_INCONCLUSIVE;
    }
    return OUTCOME_PASS;
}

static void view_trial(struct bench *b)
{
    struct column_view *v = b->v;
    const struct trial *t = &b->whole;

    v->growth = t->growth;
    v->ahead = t->ahead;
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
        size_t from = k == 0 ? (size_t)(START * (double)n) : n - part, m = 0;

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

static void fill_power(const struct bench *b, struct finding *f)
{
    const struct column_view *v = b->v;
    double least = power_minimum(&b->plan, &b->whole, v), factor;

    f->minimum_per_request = least / v->span_requests;
    f->minimum_per_hour = least / v->span_s * 3600;
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

/* Every reading is the same: exact, unless it is 0, which is what a source
 * says that measures nothing. */
static void judge_constant(struct bench *b, struct finding *f)
{
    struct column_view *v = b->v;

    if (v->level == 0)
        return;
    v->doubt = DOUBT_NONE;
    v->kink_share = NAN;
    f->outcome = OUTCOME_PASS;
    fill(b, f);
    f->shape = SHAPE_FLAT;
    f->certainty = NAN;
    f->minimum_per_request = f->tolerance_per_request;
    f->minimum_per_hour = f->tolerance_per_hour;
}

void column_judge(const struct column_context *x, const struct column *c,
                  struct finding *f, struct column_view *v)
{
    struct bench *b = mem_zalloc(1, sizeof *b);

    *v = (struct column_view){.doubt = DOUBT_NO_DATA};
    finding_init(f, &c->metric);
    snprintf(f->name, sizeof f->name, "%s", c->name);
    f->basis = BASIS_SAMPLES;
    b->x = x;
    b->r = x->rows;
    b->c = c;
    b->v = v;
    b->y = mem_zalloc(b->r->n, sizeof *b->y);
    if (!prepare(b))
        goto out;
    thresholds_set(x, c, v);
    for (int k = 0; k < OPENINGS; k++) {
        b->open[k] = mem_zalloc(b->r->n, sizeof *b->open[k]);
        opening(b->y, b->r->n, (size_t)(widths[k] * (double)b->r->n) + 1,
                b->open[k]);
    }
    if (b->quantum == 0) {
        judge_constant(b, f);
        goto out;
    }
    run_trials(b);
    if (!b->whole.ok)
        goto out;
    run_guess(b);
    view_trial(b);
    f->outcome = decide(b);
    fill(b, f);
    fill_power(b, f);
out:
    for (int k = 0; k < OPENINGS; k++)
        free(b->open[k]);
    free(b->y);
    free(b);
}
