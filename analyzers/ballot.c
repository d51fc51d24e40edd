#include "analyzers/ballot.h"

#include "analyzers/type_columns.h"

#include <math.h>
#include <string.h>

/* Garbage comes and goes, and pages stay: what they creep by meanwhile was seen
 * to be up to a quarter of what the garbage takes, and then to end. */
#define CREEP_SHARE 0.25

/* Which body a column sits in. */
enum bench {
    BENCH_NONE,
    BENCH_MEMORY, /* all must agree: views of the same pages */
    BENCH_SINGLE, /* each speaks for itself: heaps, objects, handles */
    BENCH_CGROUP, /* only where nothing else measures memory */
    BENCH_TYPE,   /* counts of one type: they accuse; where nothing else is
                     measured they acquit as well */
    BENCH_CUSTOM, /* memory of unknown meaning: only where nothing else is */
};

static bool has_data(const struct column_view *v)
{
    return v->doubt != DOUBT_NO_DATA;
}

static enum bench bench_of(const struct finding *f, const struct column_view *v)
{
    if (type_column_is(f->name))
        return BENCH_TYPE;
    switch (f->metric.role) {
    case METRIC_MEMORY:
        return BENCH_MEMORY;
    case METRIC_HEAP:
    case METRIC_OBJECTS:
    case METRIC_HANDLES:
        return BENCH_SINGLE;
    case METRIC_CGROUP:
        return BENCH_CGROUP;
    case METRIC_CUSTOM:
        /* Named in a tolerance: asked for, so it speaks. */
        return v->explicit_tolerance ? BENCH_SINGLE : BENCH_CUSTOM;
    case METRIC_WITNESS:
        break;
    }
    return BENCH_NONE;
}

/* The body of memory: one that passes acquits all (growth of RSS alone is
 * sharing, of PSS alone is others unmapping); a leak needs the others at
 * least to lean the same way. */
static enum outcome of_memory(const struct continuous *c,
                              const struct column_view *v, enum bench body)
{
    int leaks = 0, passes = 0, against = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (bench_of(&c->findings[i], &v[i]) != body || !has_data(&v[i]))
            continue;
        leaks += c->findings[i].outcome == OUTCOME_LEAK;
        passes += c->findings[i].outcome == OUTCOME_PASS;
        against +=
            c->findings[i].outcome == OUTCOME_INCONCLUSIVE && v[i].above < 0.7;
    }
    if (passes > 0)
        return OUTCOME_PASS;
    return leaks > 0 && against == 0 ? OUTCOME_LEAK : OUTCOME_INCONCLUSIVE;
}

static bool any(const struct continuous *c, const struct column_view *v,
                enum bench body)
{
    for (size_t i = 0; i < c->n; i++)
        if (bench_of(&c->findings[i], &v[i]) == body && has_data(&v[i]))
            return true;
    return false;
}

/* The one that speaks for memory as a whole. */
static enum bench body_of(const struct continuous *c,
                          const struct column_view *v)
{
    return any(c, v, BENCH_MEMORY)   ? BENCH_MEMORY
           : any(c, v, BENCH_CGROUP) ? BENCH_CGROUP
                                     : BENCH_CUSTOM;
}

bool ballot_shares(const struct continuous *c, const struct column_view *v,
                   size_t i)
{
    return has_data(&v[i]) && bench_of(&c->findings[i], &v[i]) == body_of(c, v);
}

/* The largest share of the objects that a collector was seen to take at once,
 * again and again; 0 where counts of objects do not saw, or leak. */
static double share_of_garbage(const struct continuous *c,
                               const struct column_view *v)
{
    double share = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct finding *f = &c->findings[i];

        if (f->metric.role != METRIC_OBJECTS || !has_data(&v[i]) ||
            type_column_is(f->name))
            continue;
        if (f->outcome == OUTCOME_LEAK)
            return 0;
        if (f->shape == SHAPE_SAWTOOTH)
            share = fmax(share, v[i].swing / (v[i].level + 0.5 * v[i].swing));
    }
    return fmin(share, 1);
}

void ballot_hold(struct continuous *c, struct column_view *v)
{
    double share = share_of_garbage(c, v);

    for (size_t i = 0; share > 0 && i < c->n; i++) {
        struct finding *f = &c->findings[i];
        double creep = CREEP_SHARE * share * v[i].level;
        double longer = creep / v[i].growth.value - 1, least;

        if (f->metric.role != METRIC_MEMORY || !has_data(&v[i]) ||
            v[i].explicit_tolerance)
            continue;
        if (f->outcome == OUTCOME_LEAK && longer > 0) {
            f->outcome = OUTCOME_INCONCLUSIVE;
            v[i].doubt = DOUBT_GARBAGE;
            f->certainty = NAN;
            f->limit_s = (struct interval){NAN, NAN, NAN};
            f->more_s = ceil(longer * v[i].span_s);
            f->more_requests = ceil(longer * v[i].span_requests);
        }
        /* A leak lifts the level, and with it what may be creep; and its growth
           is known only so well. */
        least =
            (creep + v[i].growth.high - v[i].growth.value) / (1 - CREEP_SHARE);
        f->minimum_per_request =
            fmax(f->minimum_per_request, least / v[i].span_requests);
        f->minimum_per_hour =
            fmax(f->minimum_per_hour, least / v[i].span_s * 3600);
    }
}

/* A heap whose own growth is undecided (a collector may yet take it), and large
 * enough to be most of what memory grew by: NULL where there is none. */
static const struct finding *open_heap(const struct continuous *c,
                                       const struct column_view *v)
{
    double grown = 0;

    for (size_t i = 0; i < c->n; i++)
        if (c->findings[i].metric.role == METRIC_MEMORY && has_data(&v[i]))
            grown = fmax(grown, c->findings[i].grown);
    for (size_t i = 0; i < c->n; i++)
        if (c->findings[i].metric.role == METRIC_HEAP && has_data(&v[i]) &&
            c->findings[i].outcome == OUTCOME_INCONCLUSIVE &&
            c->findings[i].grown > 0.5 * grown)
            return &c->findings[i];
    return NULL;
}

/* The finding that says `o` most clearly within a body (or in any, with
 * BENCH_NONE); ties go to the first. */
static int clearest(const struct continuous *c, const struct column_view *v,
                    enum bench body, enum outcome o)
{
    int best = -1;
    double most = -INFINITY;

    for (size_t i = 0; i < c->n; i++) {
        const struct finding *f = &c->findings[i];
        double width = v[i].growth.high - v[i].growth.low;
        double clear = -width / fmax(fabs(v[i].growth.value), 1e-300);

        if (!f->judged || f->outcome != o || !has_data(&v[i]) ||
            (body != BENCH_NONE && bench_of(f, &v[i]) != body))
            continue;
        if (o != OUTCOME_LEAK)
            clear = 0;
        if (best < 0 || clear > most) {
            best = (int)i;
            most = clear;
        }
    }
    return best;
}

/* Where several views of memory must agree, the run would have called only
 * what the bluntest of them shows. */
static void share_minimum(struct continuous *c, const struct column_view *v,
                          enum bench body)
{
    double request = 0, hour = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct finding *f = &c->findings[i];

        if (!f->judged || bench_of(f, &v[i]) != body)
            continue;
        /* One that could have called nothing: neither could the run. */
        hour = isnan(f->minimum_per_hour) || isnan(hour)
                   ? NAN
                   : fmax(hour, f->minimum_per_hour);
        request = isnan(f->minimum_per_request) || isnan(request)
                      ? NAN
                      : fmax(request, f->minimum_per_request);
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->findings[i].judged && bench_of(&c->findings[i], &v[i]) == body) {
            c->findings[i].minimum_per_request = request;
            c->findings[i].minimum_per_hour = hour;
        }
}

void ballot_count(struct continuous *c, const struct column_view *v)
{
    enum bench body = body_of(c, v);
    bool types =
        any(c, v, BENCH_TYPE) && !any(c, v, BENCH_SINGLE) && !any(c, v, body);
    bool single = any(c, v, BENCH_SINGLE) || types;
    enum outcome memory = of_memory(c, v, body), all = memory;
    bool has_memory = any(c, v, body);

    /* Pages follow the heap in them; they know no more than it does. */
    if (body == BENCH_MEMORY && memory == OUTCOME_LEAK &&
        open_heap(c, v) != NULL)
        all = memory = OUTCOME_INCONCLUSIVE;
    if (!has_memory || (single && body == BENCH_CUSTOM))
        all = single ? OUTCOME_PASS : OUTCOME_INCONCLUSIVE;
    for (size_t i = 0; i < c->n; i++) {
        struct finding *f = &c->findings[i];
        enum bench at = bench_of(f, &v[i]);

        /* What passes or cannot be told is in the totals already. */
        if (at == BENCH_TYPE && (types || f->outcome == OUTCOME_LEAK))
            at = BENCH_SINGLE;
        f->judged = has_data(&v[i]) && (at == body || at == BENCH_SINGLE);
        if (at != BENCH_SINGLE || !f->judged)
            continue;
        if (f->outcome == OUTCOME_LEAK)
            all = OUTCOME_LEAK;
        else if (f->outcome == OUTCOME_INCONCLUSIVE && v[i].above > 0.5 &&
                 all == OUTCOME_PASS)
            all = OUTCOME_INCONCLUSIVE;
    }
    share_minimum(c, v, body);
    c->outcome = all;
    c->lead = memory == all ? clearest(c, v, body, all) : -1;
    if (c->lead < 0)
        c->lead = clearest(c, v, BENCH_NONE, all);
    if (c->lead < 0) {
        /* Nobody leans to a leak, and nobody passes either. */
        c->outcome = OUTCOME_INCONCLUSIVE;
        c->lead = clearest(c, v, BENCH_NONE, OUTCOME_INCONCLUSIVE);
    }
    for (size_t i = 0; i < c->n; i++)
        c->findings[i].decisive = (int)i == c->lead;
}
