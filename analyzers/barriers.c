#include "analyzers/barriers.h"

#include "analyzers/falls.h"
#include "analyzers/forecast.h"
#include "analyzers/limits.h"
#include "analyzers/pooled.h"
#include "analyzers/replay.h"
#include "analyzers/ruling.h"
#include "analyzers/student.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"
#include "harness/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks that tell a warm-up from growth well; three are the least. */
#define BLOCKS_WELL 6

/* Everything known while one column is judged. */
struct judge {
    const struct record *r;
    const struct barriers_rule *rule;
    struct finding *f;
    struct blocks blocks;
    struct growth_data data;
    struct pooled pooled; /* n = 0: the blocks tell all there is */
    struct growth growth;
    struct limits limits;
    struct limits rest; /* with pooled lives: of the sums */
    struct ruling ruling;
    struct limits_at at; /* what the limits were found from */
    const struct policy *policy;
    double requests, hours, rate_rps;
    double value, low, high, low_leak, high_pass, high_end;
    bool unmarked_fall; /* fell like a restart, but nobody counts restarts */
    bool swept;         /* read only behind collections */
    bool undone;        /* fell by much of what it had risen, restarts aside */
};

void barriers_rule(const struct policy *p, struct barriers_rule *rule)
{
    double sure = p->confidence, alpha;

    if (!(sure > 0.5 && sure < 1))
        sure = 0.95;
    alpha = 1 - sure;
    *rule = (struct barriers_rule){
        .confidence = sure,
        .alpha_leak = alpha / 10,
        .alpha_pass = alpha / 2,
        .bend_max = alpha,
        .power = true,
        .forecast = true,
    };
}

static enum shape shape_of(const struct judge *j)
{
    const struct growth *g = &j->growth;

    if (g->n == 0)
        return SHAPE_UNKNOWN;
    if (j->high < 0 && j->f->grown < 0)
        return SHAPE_FALLING;
    if (j->blocks.restarted > 0 && g->restart_drop > 0 && j->low > 0)
        return SHAPE_SAWTOOTH;
    switch (g->shape) {
    case GROWTH_LINE:
    case GROWTH_SPIKE_LINE:
    case GROWTH_JUMP_LINE:
    case GROWTH_JUMPS_LINE:
        return SHAPE_LINEAR;
    case GROWTH_FILL:
    case GROWTH_FILL_LINE:
    case GROWTH_STOP:
    case GROWTH_FILL_JUMP:
        return SHAPE_SATURATING;
    case GROWTH_LOG:
    case GROWTH_LOG_LINE:
        return SHAPE_LOGARITHMIC;
    case GROWTH_KINK:
    case GROWTH_LATE:
        return SHAPE_KINKED;
    case GROWTH_JUMP:
    case GROWTH_JUMPS:
        return SHAPE_STEP;
    default:
        return SHAPE_FLAT;
    }
}

/* Time until the limit is reached at the measured growth. */
static void limit_times(const struct judge *j, const struct policy *p)
{
    double limit = p->limit_bytes > 0 ? p->limit_bytes : j->r->limit_bytes;
    double room = limit - j->f->level;
    struct finding *f = j->f;

    if (f->outcome != OUTCOME_LEAK || !(limit > 0) ||
        (f->metric.role != METRIC_MEMORY && f->metric.role != METRIC_CGROUP))
        return;
    room = fmax(room, 0);
    f->limit_s.value = 3600 * room / f->per_hour.value;
    f->limit_s.low = 3600 * room / f->per_hour.high;
    f->limit_s.high =
        f->per_hour.low > 0 ? 3600 * room / f->per_hour.low : INFINITY;
}

/* A zero that shows: the quantiles of a point mass come back as 1e-9. */
static double tidy(double x, double scale)
{
    return fabs(x) < 1e-6 * scale ? 0 : x;
}

static void read_growth(struct judge *j)
{
    const struct growth *g = &j->growth;
    double a = 1 - j->rule->confidence;
    double scale = j->data.quantum / j->requests;

    j->value = j->low = j->high = tidy(growth_asymptotic(g, 0.5), scale);
    if (j->rule->brief)
        return;
    j->low = tidy(growth_asymptotic(g, a / 2), scale);
    j->high = tidy(growth_asymptotic(g, 1 - a / 2), scale);
}

/* A leak is called by the shapes that do not bend, when the others together
   weigh less than the error that is allowed: then its interval leaves them out
   as a whole, instead of a tail of all, and its tails take what is left of the
   error. It ends above the limit, as the verdict has it. */
static void read_leak(struct judge *j)
{
    const struct growth *g = &j->growth;
    double bends = growth_bends(g), least = j->rule->alpha_leak;
    double left = (1 - j->rule->confidence - bends) / (1 - bends);
    double low = fmax(left / 2, least);

    if (j->rule->brief)
        return;
    j->low = growth_steady(g, low);
    j->high = growth_steady(g, 1 - fmax(left - low, least));
    j->value = fmin(fmax(j->value, j->low), j->high);
}

static void fill_window(struct judge *j)
{
    const struct series *s = &j->r->barriers;
    const struct blocks *b = &j->blocks;
    struct finding *f = j->f;
    size_t first = 0;

    for (size_t i = 0; i < b->n; i++) {
        j->requests += b->requests[i];
        j->hours += b->hours[i];
    }
    f->level = b->last;
    f->grown = b->last - b->first;
    if (b->n == 0)
        return;
    f->to_s = s->t_s[b->row[b->n - 1]];
    f->to_requests = s->requests[b->row[b->n - 1]];
    f->from_requests = f->to_requests - j->requests;
    f->from_s = f->to_s - 3600 * j->hours;
    f->steady_from_s = f->from_s;
    first = j->growth.n > 0 && j->pooled.n == 0 ? j->growth.transient : 0;
    if (first > 0)
        f->steady_from_s = s->t_s[b->row[first - 1]];
}

static bool bends(enum shape s)
{
    return s == SHAPE_SATURATING || s == SHAPE_LOGARITHMIC;
}

/* Requests that growth in an hour goes with: of an hour of load, but what grows
   with the clock does so in the pauses as well. */
static double requests_an_hour(const struct judge *j)
{
    return j->growth.driver == DRIVER_TIME ? j->requests / j->hours
                                           : j->rate_rps * 3600;
}

static void fill_numbers(struct judge *j)
{
    struct finding *f = j->f;
    double per_hour = requests_an_hour(j), width = (j->high - j->low) / 2;
    struct ruling would = j->ruling; /* without the falls, in another run */
    struct replay replay;
    struct forecast ahead;

    f->per_request = (struct interval){j->value, j->low, j->high};
    f->per_hour = (struct interval){j->value * per_hour, j->low * per_hour,
                                    j->high * per_hour};
    f->tolerance_per_request = j->limits.leak;
    f->tolerance_per_hour = j->limits.leak * j->rate_rps * 3600;
    f->shape = j->undone && f->outcome == OUTCOME_INCONCLUSIVE ? SHAPE_SAWTOOTH
                                                               : shape_of(j);
    if (f->outcome == OUTCOME_LEAK)
        f->certainty = (j->low - j->limits.leak) / fmax(width, 1e-12);
    else if (f->outcome == OUTCOME_PASS)
        f->certainty = (j->limits.pass - j->high) / fmax(width, 1e-12);
    would.accuse = !j->unmarked_fall;
    replay = (struct replay){.data = &j->data,
                             .growth = &j->growth,
                             .ruling = &would,
                             .value = j->value,
                             .requests = j->requests,
                             .bent = bends(f->shape),
                             .policy = j->policy,
                             .metric = &f->metric,
                             .name = f->name,
                             .at = j->at};
    if (j->rule->power) {
        f->minimum_per_request = replay_minimum(&replay);
        f->minimum_per_hour = f->minimum_per_request * per_hour;
    }
    if (f->outcome == OUTCOME_INCONCLUSIVE && j->rule->forecast) {
        if (j->pooled.n > 0)
            pooled_more(f->per_request, j->limits.leak, j->requests, &ahead);
        else
            forecast_make(&replay, &ahead);
        f->more_requests = ahead.more;
        f->more_requests_half = ahead.half;
        f->more_chance = ahead.chance;
        f->more_s = f->more_requests * j->hours * 3600 / j->requests;
    }
}

/* Nothing was fitted. As many blocks as do well, of this run's size. */
static void too_few_blocks(struct judge *j)
{
    const struct blocks *b = &j->blocks;

    if (b->n == 0 || b->n >= BLOCKS_WELL)
        return;
    j->f->more_requests =
        (double)(BLOCKS_WELL - b->n) * j->requests / (double)b->n;
    j->f->more_s = j->f->more_requests * j->hours * 3600 / j->requests;
}

/* Heaps of other runtimes (Go, a JVM): what is read there may wait for its
   collector. Python's counts are cleared of that, malloc's have none. */
static bool holds_garbage(const struct metric *m)
{
    return (m->role == METRIC_HEAP || m->role == METRIC_OBJECTS) &&
           strncmp(m->name, "py_", 3) != 0 &&
           strncmp(m->name, "native_", 7) != 0 &&
           strncmp(m->name, "heap_", 5) != 0 && !type_column_is(m->name);
}

/* Blocks that were joined since what column `counter` counts did not happen in
   between. */
static bool joined_for(const struct judge *j, const char *counter)
{
    return counter != NULL && series_column(&j->r->barriers, counter) != NULL &&
           j->blocks.n + 1 < j->r->barriers.n;
}

/* What the differences `d` mean, which are not the ones that were fitted. */
static enum outcome outcome_of(const struct judge *j,
                               const struct growth_data *data,
                               const struct ruling *ruling)
{
    struct growth g;
    enum outcome out;

    growth_fit(data, &g);
    out = ruling_outcome(ruling, &g, j->requests);
    growth_release(&g);
    return out;
}

/* While caches that have a bound fill, growth is a leak only if it would be
   one, too, beside what their entries may explain. That is asked of a leak
   that is certain otherwise: at the usual confidence. */
static bool leaks_beside(const struct judge *j,
                         const struct barriers_rule *rule)
{
    struct growth_data data = j->data;
    struct growth g;
    bool leaks;

    data.beside = j->pooled.links;
    data.brief = true;
    growth_fit(&data, &g);
    leaks =
        g.n > 0 && !growth_steady_likely(&g, j->limits.leak, rule->alpha_pass);
    growth_release(&g);
    return leaks;
}

/* A leak within the lives is one. A pass needs more: that also with the steps
   left in nothing goes on, and that what is left of the sums, each process
   taken to be as old as the next, stands still. */
static enum outcome outcome_by(const struct judge *j,
                               const struct barriers_rule *rule)
{
    struct ruling ruling = j->ruling;
    enum outcome out, rest;
    struct growth_data data;
    double *d;

    ruling.rule = rule;
    out = ruling_outcome(&ruling, &j->growth, j->requests);
    if (out == OUTCOME_LEAK && j->pooled.filling && !leaks_beside(j, rule))
        return OUTCOME_INCONCLUSIVE;
    if (j->pooled.n == 0 || out != OUTCOME_PASS)
        return out;
    data = j->data;
    data.brief = true;
    data.d = j->pooled.raw;
    if (j->pooled.stepped)
        out = outcome_of(j, &data, &ruling);
    blocks_view(&j->blocks, &j->f->metric, &data);
    data.brief = true;
    data.restarts = NULL;
    data.lives = NULL;
    d = mem_zalloc(j->blocks.n, sizeof *d);
    pooled_rest(j->r, &j->blocks, &j->pooled, &j->growth, d);
    data.d = d;
    ruling.limits = &j->rest;
    rest = outcome_of(j, &data, &ruling);
    free(d);
    return out == OUTCOME_PASS && rest == OUTCOME_PASS ? OUTCOME_PASS
                                                       : OUTCOME_INCONCLUSIVE;
}

static void judge_column(struct judge *j, const struct policy *p)
{
    struct finding *f = j->f;
    double total = NAN;

    j->data.draws = j->rule->forecast;
    growth_fit(&j->data, &j->growth);
    fill_window(j);
    f->garbage = joined_for(j, j->swept ? metric_swept_by(&f->metric)
                                        : metric_collector(&f->metric));
    if (j->growth.n == 0) {
        too_few_blocks(j);
        return;
    }
    j->policy = p;
    j->at = (struct limits_at){.rate_rps = j->rate_rps,
                               .limit_bytes = j->r->limit_bytes};
    j->at.level = fmax(j->blocks.last, 0);
    j->at.requests = j->requests;
    j->at.span_s = j->hours * 3600;
    j->at.own = blocks_own(j->r, p->connections, &j->blocks);
    if (j->pooled.n > 0) {
        limits_find(p, f->name, &f->metric, &j->at, &j->rest);
        j->at.level = fmax(j->pooled.level, 0);
        j->at.requests = j->pooled.oldest;
        j->at.life = true;
    }
    limits_find(p, f->name, &f->metric, &j->at, &j->limits);
    /* What a life leaks goes with it: no more than a life's growth is held. */
    if (j->pooled.n == 0 && j->blocks.lives.n > 0 &&
        j->blocks.lives.length < j->at.requests) {
        j->at.requests = j->blocks.lives.length;
        total = j->limits.stated ? NAN : j->limits.pass;
        limits_find(p, f->name, &f->metric, &j->at, &j->limits);
    }
    read_growth(j);
    j->unmarked_fall =
        j->r->barriers.proc_starts == NULL && j->blocks.top > 0.3;
    j->undone = holds_garbage(&f->metric) && j->blocks.restarted == 0 &&
                falls_undo(j->blocks.d, j->blocks.n);
    f->garbage |= j->undone;
    j->ruling = (struct ruling){
        j->rule, &j->limits,
        !j->unmarked_fall && !j->undone && !j->pooled.cached, total};
    if (j->pooled.n > 0 && j->low > 0)
        j->growth.restart_drop =
            j->value * fmin(j->blocks.lives.length / j->blocks.lives.at_once,
                            j->pooled.oldest);
    f->outcome = outcome_by(j, j->rule);
    if (f->outcome == OUTCOME_LEAK)
        read_leak(j);
    if (j->rule->look != NULL)
        f->early = outcome_by(j, j->rule->look);
    fill_numbers(j);
    limit_times(j, p);
}

/* How a column is read: as it is, without its garbage, or only what is left
   behind collections. */
enum reading { READ_RAW, READ_CLEARED, READ_SWEPT };

/* Judges the column in that reading. Returns blocks.hiding. */
static bool column_as(const struct record *r, const struct policy *p,
                      const struct barriers_rule *rule, const struct column *c,
                      enum reading as, struct finding *f)
{
    bool hiding, clear = as == READ_CLEARED;

    struct judge j = {.r = r, .rule = rule, .f = f, .swept = as == READ_SWEPT};
    struct barrier_words w = {0};

    finding_init(f, &c->metric);
    f->basis = BASIS_BARRIERS;
    f->judged = limits_judged(p, f->name, &f->metric);
    blocks_gather_swept(r, c, rule->rows, j.swept, &j.blocks);
    blocks_view(&j.blocks, &f->metric, &j.data);
    f->in_lives =
        pooled_gather(r, c, &j.blocks, j.data.quantum, rule->plant, &j.pooled);
    if (clear && j.pooled.n == 0 && !blocks_clear_counted(r, c, &j.blocks))
        blocks_clear_garbage(r, c, &j.blocks);
    hiding = j.blocks.hiding;
    if (j.pooled.n == 0)
        blocks_clear_own(r, &c->metric, p->connections, &j.blocks);
    blocks_view(&j.blocks, &f->metric, &j.data);
    j.data.memo = rule->memo;
    if (j.pooled.n > 0)
        pooled_view(&j.pooled, &j.data);
    j.rate_rps = p->rate_rps > 0 ? p->rate_rps : barriers_rate(r);
    judge_column(&j, p);
    w.f = f;
    w.blocks = j.blocks.n;
    w.d = j.blocks.d;
    w.requests = j.blocks.requests;
    w.total_requests = j.requests;
    w.restarts = j.blocks.restarted;
    w.restart_drop = j.growth.n > 0 ? j.growth.restart_drop : NAN;
    if (j.growth.n > 0)
        w.bends = growth_bends(&j.growth);
    w.driver = j.growth.driver;
    w.mixed = j.blocks.nkinds > 1;
    w.few = j.requests < RULING_REQUESTS_MIN;
    w.unmarked_fall = j.unmarked_fall;
    w.undone = j.undone;
    w.waits = f->garbage && !j.undone;
    w.repeats = joined_for(&j, metric_renewed_by(&f->metric));
    w.survive = j.limits.survive;
    if (!rule->brief)
        words_barrier(&w, f->reason, sizeof f->reason);
    /* What comes with the entries of a bounded cache, one for one, lies in
       it. */
    if (type_column_is(f->name) && j.pooled.cached)
        f->judged = false;
    growth_release(&j.growth);
    pooled_release(&j.pooled);
    blocks_release(&j.blocks);
    return hiding;
}

/* A process that lives has memory: a barrier that reads none was read where
   nothing lived, or not at all, and what happened there nobody knows. */
static bool reads_none(const struct record *r, const struct column *c)
{
    if (c->metric.role != METRIC_MEMORY)
        return false;
    for (size_t i = 0; i < r->barriers.n; i++)
        if (c->v[i] <= 0)
            return true;
    return false;
}

static void unread(const struct policy *p, const struct column *c,
                   struct finding *f)
{
    finding_init(f, &c->metric);
    f->basis = BASIS_BARRIERS;
    f->judged = limits_judged(p, f->name, &f->metric);
    f->outcome = OUTCOME_INCONCLUSIVE;
    snprintf(f->reason, sizeof f->reason,
             "No memory was read at a barrier: nothing lived there, or it "
             "could not be read.");
}

/* Is there garbage in the column that is judged as it is otherwise? */
static bool may_be_swept(const struct record *r, const struct column *c)
{
    const char *name = metric_swept_by(&c->metric);

    return name != NULL && metric_collector(&c->metric) == NULL &&
           series_column(&r->barriers, name) != NULL;
}

/* A leak is what is there behind collections, too; what is level needs none. */
static void keep_what_stays(const struct record *r, const struct policy *p,
                            const struct barriers_rule *rule,
                            const struct column *c, struct finding *f)
{
    struct finding kept;

    if (f->outcome != OUTCOME_LEAK && f->early != OUTCOME_LEAK)
        return;
    column_as(r, p, rule, c, READ_SWEPT, &kept);
    if (f->outcome == OUTCOME_LEAK)
        *f = kept;
    else if (kept.early != OUTCOME_LEAK)
        f->early = OUTCOME_INCONCLUSIVE;
}

void barriers_column(const struct record *r, const struct policy *p,
                     const struct barriers_rule *rule, const struct column *c,
                     struct finding *f)
{
    struct finding raw;
    bool hiding;

    if (reads_none(r, c)) {
        unread(p, c, f);
        return;
    }
    hiding = column_as(r, p, rule, c, READ_CLEARED, f);
    if (may_be_swept(r, c))
        keep_what_stays(r, p, rule, c, f);
    if (!hiding)
        return;
    /* Growth and garbage look alike here: only what both ways of reading say
       is said. */
    column_as(r, p, rule, c, READ_RAW, &raw);
    if (raw.early != f->early)
        f->early = OUTCOME_INCONCLUSIVE;
    if (raw.outcome == f->outcome)
        return;
    /* What no garbage can be is no garbage. */
    if (f->outcome == OUTCOME_LEAK && raw.outcome == OUTCOME_INCONCLUSIVE &&
        blocks_beyond_garbage(r, c) > f->tolerance_per_request)
        return;
    raw.outcome = OUTCOME_INCONCLUSIVE;
    snprintf(raw.reason, sizeof raw.reason,
             "The collector ran too seldom to tell what grows from garbage "
             "that waits to be collected: run more requests, or let "
             "python = agent collect at each barrier.");
    *f = raw;
}
