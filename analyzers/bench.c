#include "analyzers/bench.h"

#include "analyzers/clean.h"
#include "analyzers/guards.h"
#include "analyzers/opening.h"
#include "analyzers/steps.h"
#include "analyzers/thresholds.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Standard errors: of a two-sided 95 % interval, and of 95 % power. */
#define TWO_SIDED 1.96
#define ONE_SIDED 1.645

/* Growth below this many times the tolerance may be creep. */
#define CREEP_MAX 2

/* A window this much sharper than the whole run saw something end. */
#define CALMER 0.35

enum { READINGS_MIN = 12, POINTS = 48 };

/* Half widths of the openings, in shares of the run. */
static const double widths[BENCH_OPENINGS] = {0.02, 0.05, 0.09};

/* Shares of the run, or of each life, that the windows leave out. */
static const double windows[2] = {0.25, 0.45};
#define LAST_ONSET 0.9 /* what began later is too short to be seen alone */

static void make_openings(struct bench *b)
{
    size_t n = b->r->n;

    for (int k = 0; k < BENCH_OPENINGS; k++) {
        b->open[k] = mem_zalloc(n, sizeof *b->open[k]);
        opening(b->y, n, (size_t)(widths[k] * (double)n) + 1, b->open[k]);
    }
}

/* What nobody has looked at; the trials' room is left as it is. */
static void bench_clear(struct bench *b, const struct column_context *x,
                        const struct rows *r, const struct column *c)
{
    struct trial *all[] = {&b->whole,    &b->first,     &b->plain[0],
                           &b->plain[1], &b->recent[0], &b->recent[1],
                           &b->guess,    &b->now,       &b->onset};

    memset(b, 0, offsetof(struct bench, whole));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        trial_clear(all[i]);
    b->x = x;
    b->r = r;
    b->c = c;
}

/* What the readings show before any fit. */
static void measure(struct bench *b)
{
    size_t n = b->r->n, m = 0;
    double *w = mem_zalloc(n, sizeof *w);

    for (size_t i = n - n / 3; i < n; i++)
        if (!isnan(b->y[i]))
            w[m++] = b->y[i];
    b->v->level = stats_median(w, m);
    b->v->swing = guards_swing(b->y, b->r->n, BENCH_START);
    b->v->noise = steps_noise(b->y, n);
    free(w);
}

bool bench_open(struct bench *b, const struct column_context *x,
                const struct column *c, struct column_view *v)
{
    const struct rows *r = x->rows;
    bool bytes = c->metric.unit == METRIC_BYTES;

    bench_clear(b, x, r, c);
    b->v = v;
    b->y = mem_zalloc(r->n, sizeof *b->y);

    /* Nobody holds less than nothing; of a custom metric who knows. */
    rows_readings(r, b->c->v, c->metric.role == METRIC_CUSTOM ? -INFINITY : 0,
                  b->y);
    b->grain = clean_grain(b->y, r->n, bytes);
    clean_readings(b->y, r->n, bytes);
    measure(b);
    b->quantum = clean_quantum(b->y, r->n);
    if (bytes)
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
    if (readings < READINGS_MIN || isnan(v->level) || !(v->span_s > 0))
        return false;
    thresholds_set(x, c, v);
    make_openings(b);
    return true;
}

/* Below this variance a misfit means nothing: rounding, and shapes that are
 * never quite those of the family. */
static double floor_variance(const struct bench *b, double from)
{
    double small = 2e-4 * b->v->level,
           shape = 0.004 * guards_swing(b->y, b->r->n, from);

    return small * small + b->quantum * b->quantum / 12 + shape * shape;
}

static double width(const struct trial *t)
{
    return t->growth.high - t->growth.low;
}

static bool may_matter(const struct interval *i, const struct column_view *v)
{
    return i->high >= v->pass_below;
}

/* What lies ahead is asked last: it costs the most. */
static bool ahead_acquits(const struct bench *b, struct trial *t)
{
    const struct column_view *v = b->v;

    trial_look_ahead(t, b->x->policy->confidence);
    /* In two minutes even a fast warm-up may be far from over. */
    if (!v->explicit_tolerance && v->span_s < 120 &&
        t->ahead.value > 0.005 * fabs(v->level))
        return false;
    if (may_matter(&t->ahead, v))
        return false;
    return v->explicit_tolerance || t->ahead.value < 0.3 * v->leak_above;
}

/* Nothing in `t` speaks for growth that matters, and the future it tells is
 * flat: a fall that it tells while it still rises, nobody can know. */
static bool acquits(const struct bench *b, struct trial *t)
{
    const struct column_view *v = b->v;
    double still = 0.005 * fabs(v->level);
    double calm = fmax(v->leak_above, 0.1 * v->swing);
    bool foretold = t->growth.high < 0 && t->late_rise > 0.3 * v->leak_above;

    /* What wanders slowly over more than matters may hide anything. So far as
       the readings did: an opening has a calmer floor, of its own making. */
    if (t->rho > 0.75 && b->first.late_range > 1.4 * v->pass_below)
        return false;
    if (!t->ok || may_matter(&t->growth, v) || foretold)
        return false;
    if (!v->explicit_tolerance &&
        !(t->late_rise < calm && (v->span_s >= 120 || t->late_rise <= still)))
        return false;
    if (trial_above(t, v->leak_above) >= 0.2 ||
        (!v->explicit_tolerance &&
         !(trial_above(t, 0.0025 * fabs(v->level)) < 0.8)))
        return false;
    return ahead_acquits(b, t);
}

/* Carries out `p` and keeps it in `best` when it is the sharper. */
static void attempt(struct bench *b, const struct trial_plan *p,
                    struct trial *best)
{
    trial_run(p, &b->now);
    if (best == &b->whole && b->now.ok && b->looks < BENCH_LOOKS_MAX)
        b->look[b->looks++] = b->now.growth;
    if (!b->now.ok || (best->ok && width(&b->now) >= width(best)))
        return;
    trial_copy(&b->now, best);
    if (best == &b->whole)
        b->plan = *p;
}

/* What began late is seen whole in no window but its own. */
static void run_onset(struct bench *b, struct trial_plan p)
{
    p.from = b->whole.kink_share;
    if (b->r->nlives != 1 || (b->whole.best_form & FIT_JUMP) != 0 ||
        !(p.from > windows[1] && p.from < LAST_ONSET))
        return;
    p.y = b->y;
    p.points = POINTS / 2;
    p.floor_var = floor_variance(b, p.from);
    trial_run(&p, &b->onset);
}

/* The recent past by itself, or the later part of each life: it may acquit,
 * and where it speaks against a leak there is none to call, but it cannot
 * accuse: a warm-up seen without its beginning looks like a line. */
static void run_recent(struct bench *b, struct trial_plan p)
{
    bool one_life = b->r->nlives == 1;

    for (int k = 0; k < 2; k++) {
        p.y = b->y;
        p.from = one_life ? windows[k] : BENCH_START;
        p.late = one_life ? 0 : windows[k];
        p.points = one_life ? (int)(POINTS * (1 - windows[k])) : POINTS;
        p.floor_var = floor_variance(b, p.from);
        attempt(b, &p, &b->recent[k]);
        trial_copy(&b->recent[k], &b->plain[k]);
        if (one_life && !b->clear) {
            p.y = b->open[1];
            attempt(b, &p, &b->recent[k]);
        }
    }
    run_onset(b, p);
}

/* The first look says pass or leak with so much room that a sharper one
 * could not say anything else. */
static bool is_clear(struct bench *b)
{
    struct trial *t = &b->first;
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

/* All looks at the whole run; false when the first one is enough. */
static bool run_whole(struct bench *b, struct trial_plan *p)
{
    attempt(b, p, &b->whole);
    trial_copy(&b->whole, &b->first);
    b->clear = is_clear(b);
    if (b->clear && acquits(b, &b->first))
        return false;
    if (!b->clear) {
        p->points = POINTS / 2;
        attempt(b, p, &b->whole);
        p->points = POINTS;
        p->stat = BINS_FLOOR;
        attempt(b, p, &b->whole);
        p->stat = BINS_MIDDLE;
        for (int k = 0; k < BENCH_OPENINGS && b->r->nlives == 1; k++) {
            p->y = b->open[k];
            attempt(b, p, &b->whole);
        }
    }
    heed_others(b);
    return true;
}

static struct trial_plan first_plan(const struct bench *b)
{
    return (struct trial_plan){.rows = b->r,
                               .load = b->x->load,
                               .memo = b->x->memo,
                               .y = b->y,
                               .level = b->v->level,
                               .floor_var = floor_variance(b, BENCH_START),
                               .confidence = b->x->policy->confidence,
                               .from = BENCH_START,
                               .points = POINTS};
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

    if (b->r->nlives != 1 || b->r->starts_counted)
        return;
    life = mem_zalloc(b->r->n, sizeof *life);
    if (guards_guess_lives(b->r, b->y, b->open[1], b->x->load->v[0], least, &r,
                           life)) {
        b->guessed = true;
        p.rows = &r;
        p.y = b->y;
        p.points = POINTS;
        p.stat = BINS_MIDDLE;
        trial_run(&p, &b->guess);
    }
    free(life);
}

/* The recent past shows clearly less growth than the whole. Where that is
 * little more than allocators creep by, likely less is enough: creep that slows
 * down and a leak behind a warm-up look much the same there. */
static bool contradicts(const struct bench *b, const struct trial *t)
{
    const struct interval *g = &b->whole.growth;
    bool creep = b->c->metric.unit == METRIC_BYTES &&
                 !b->v->explicit_tolerance &&
                 g->low < CREEP_MAX * b->v->leak_above;

    return t->ok && (t->growth.high < fmin(g->low, 0.75 * g->value) ||
                     trial_above(t, b->v->leak_above) < (creep ? 0.5 : 0.05));
}

/* The sharpest look, unless the plain one is nearly sure of a leak; or the
 * plain one itself. */
static bool whole_acquits(struct bench *b)
{
    if (acquits(b, &b->first))
        return true;
    return acquits(b, &b->whole) &&
           trial_above(&b->first, b->v->leak_above) < 0.85;
}

/* A window does not see slow wandering: where the whole run leaves all open,
 * it proves something only when it is far calmer than what was before. */
static bool recent_acquits(struct bench *b)
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

/* What the end rose by above all before is no noise. */
static double news(const struct column_view *v)
{
    return fmax(0.4 * v->leak_above, 6 * v->noise);
}

static enum doubt reason_to_doubt(struct bench *b, double end_rise)
{
    struct trial *t = &b->whole;
    const struct column_view *v = b->v;

    trial_look_ahead(t, b->x->policy->confidence);
    if (v->span_s < 90 && t->ahead.value > 0.01 * fabs(v->level))
        return DOUBT_SHORT;
    if (end_rise > fmax(news(v), 0.5 * v->swing))
        return DOUBT_NEWS;
    if (b->x->load->varied && v->load_matters)
        return DOUBT_LOAD;
    if (t->growth.low > 0 && t->growth.high < v->pass_below)
        return DOUBT_SMALL;
    if (t->ahead.value > 0.4 * v->leak_above &&
        t->growth.value < 0.5 * t->ahead.value)
        return DOUBT_BEND;
    return DOUBT_NOISE;
}

/* Growth that matters, for certain. */
static bool rises(const struct bench *b, const struct trial *t)
{
    return t->ok && t->growth.low > b->v->leak_above;
}

/* Were the falls restarts or not: it may grow on the whole and in between, and
 * is a leak either way. */
static bool guess_disagrees(const struct bench *b)
{
    return b->guessed && !(rises(b, &b->guess) && rises(b, &b->whole)) &&
           (!b->guess.ok || trial_above(&b->guess, b->v->leak_above) > 0.15);
}

/* An opening makes treads of plain noise. It is heard against a leak only
 * where it was the sharpest look at the whole, which is over a saw's floor. */
static bool contradicted(const struct bench *b)
{
    const struct trial *t = b->plan.y == b->y ? b->plain : b->recent;

    return contradicts(b, &t[0]) || contradicts(b, &t[1]) ||
           contradicts(b, &b->onset);
}

/* Nothing stands against calling it a leak. */
static bool is_leak(const struct bench *b)
{
    return !guess_disagrees(b) && rises(b, &b->whole) && is_certain(b) &&
           !contradicted(b);
}

enum outcome bench_decide(struct bench *b)
{
    struct column_view *v = b->v;
    double end_rise = guards_end_rise(b->y, b->r->n);
    double least =
        fmax(fmax(0.05 * v->swing, 10 * v->noise), 0.15 * v->leak_above);

    v->doubt = reason_to_doubt(b, end_rise);
    if (is_leak(b))
        return OUTCOME_LEAK;
    if (guess_disagrees(b)) {
        v->doubt = DOUBT_FALLS;
        return OUTCOME_INCONCLUSIVE;
    }
    if (rises(b, &b->whole) && is_certain(b)) {
        if (v->doubt != DOUBT_NEWS)
            v->doubt = DOUBT_BEND;
        return OUTCOME_INCONCLUSIVE;
    }
    if (!whole_acquits(b) && !recent_acquits(b))
        return OUTCOME_INCONCLUSIVE;
    if (end_rise > news(v)) {
        v->doubt = DOUBT_NEWS;
        return OUTCOME_INCONCLUSIVE;
    }
    if (b->r->nlives == 1 && guards_stairs_pause(b->y, b->r->n, least)) {
        v->doubt = DOUBT_STAIRS;
        return OUTCOME_INCONCLUSIVE;
    }
    return OUTCOME_PASS;
}

bool bench_look(struct bench *b)
{
    struct trial_plan p = first_plan(b);

    if (run_whole(b, &p))
        run_recent(b, p);
    if (b->whole.ok)
        run_guess(b);
    return b->whole.ok;
}

bool bench_glance(struct bench *b)
{
    struct trial_plan p = first_plan(b);

    trial_run(&p, &b->now);
    return b->now.ok || bench_look(b);
}

/* Makes `t` a copy of `b` with a leak of `leak` per span planted in the
 * readings, less what grew there by itself. The leak lifts the level, and with
 * it what is tolerated. Nobody has looked at it yet. */
static void replay(const struct bench *b, double leak, struct column_view *v,
                   struct bench *t)
{
    size_t n = b->r->n;

    *v = *b->v;
    bench_clear(t, b->x, b->r, b->c);
    t->v = v;
    t->plan = b->plan;
    t->quantum = fmax(b->quantum, b->grain);
    t->y = mem_zalloc(n, sizeof *t->y);
    memcpy(t->y, b->y, n * sizeof *t->y);
    rows_plant(b->r, leak - fmax(b->whole.growth.value, 0), b->grain, t->y);
    measure(t);
    thresholds_set(b->x, b->c, v);
    make_openings(t);
    t->plan.y = t->y;
    for (int k = 0; k < BENCH_OPENINGS; k++)
        if (b->plan.y == b->open[k])
            t->plan.y = t->open[k];
    t->plan.floor_var = floor_variance(t, BENCH_START);
}

/* The interval calls `leak` a leak, and would have done so in 95 of 100 runs
 * whose noise is another: that moves its end. */
static bool rises_surely(const struct bench *t, double leak)
{
    double spare = ONE_SIDED / (2 * TWO_SIDED) * width(&t->whole);
    double luck = fmax(t->whole.growth.value - leak, 0);

    return t->whole.ok && t->whole.growth.low - luck - spare > t->v->leak_above;
}

/* Looks as the verdict does; what one look does not show, another might. Each
 * next step is taken only where it can still change the answer. */
static bool look_again(struct bench *t, double leak)
{
    struct trial_plan p = first_plan(t);
    bool more;

    t->whole.ok = false;
    more = run_whole(t, &p);
    if (!rises_surely(t, leak))
        return false;
    if (more)
        run_recent(t, p);
    run_guess(t);
    return is_leak(t);
}

/* Looks as it was done when it was sharpest. */
static bool glance(struct bench *t, double leak)
{
    trial_run(&t->plan, &t->whole);
    return rises_surely(t, leak);
}

static bool look_once(struct bench *t, double leak)
{
    if (!glance(t, leak))
        return false;
    t->clear = true;
    run_recent(t, first_plan(t));
    run_guess(t);
    return is_leak(t);
}

bool bench_calls(const struct bench *b, double leak, enum bench_care care)
{
    struct bench *t = mem_realloc(NULL, 1, sizeof *t);
    struct column_view v;
    bool calls;

    replay(b, leak, &v, t);
    if (care == BENCH_ONCE)
        calls = look_once(t, leak);
    else
        calls = (care == BENCH_ALL || glance(t, leak)) && look_again(t, leak);
    bench_close(t);
    free(t);
    return calls;
}

/* In the recent past alone, which is far calmer than what was before; and what
 * doubles the memory would be called, however rough the whole is. */
static bool stands_out_lately(struct bench *t)
{
    bool stands_out = false;

    run_recent(t, first_plan(t));
    for (int k = 0; k < 2; k++)
        stands_out |= rises(t, &t->plain[k]) &&
                      width(&t->plain[k]) < CALMER * width(&t->whole);
    return stands_out && t->v->least < fabs(t->v->level) * t->v->lives;
}

bool bench_sees(const struct bench *b, double leak)
{
    struct bench *t = mem_realloc(NULL, 1, sizeof *t);
    struct column_view v;
    bool sees;

    replay(b, leak, &v, t);
    v.leak_above = b->v->leak_above; /* it need not be called one */
    trial_run(&t->plan, &t->whole);
    sees = rises(t, &t->whole);
    if (!sees) {
        struct trial_plan p = first_plan(t);

        t->whole.ok = false;
        run_whole(t, &p);
        sees = rises(t, &t->whole);
    }
    if (!sees) {
        run_guess(t);
        sees = rises(t, &t->guess) || stands_out_lately(t);
    }
    bench_close(t);
    free(t);
    return sees;
}

void bench_close(struct bench *b)
{
    for (int k = 0; k < BENCH_OPENINGS; k++)
        free(b->open[k]);
    free(b->y);
}
