#include "analyzers/remarks.h"

#include "analyzers/fit.h"
#include "analyzers/power.h"
#include "analyzers/swapped.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct remark {
    const struct finding *f;
    const struct column_view *v;
    char *out;
    size_t size;
};

/* "resident memory (RSS)", "the number of threads", or the column's name. */
static void add_title(const struct finding *f, char *out, size_t size)
{
    const char *title = f->metric.title;
    bool named = title == NULL || (strcmp(title, f->name) == 0 &&
                                   f->metric.role != METRIC_HANDLES);
    size_t at = strlen(out);

    if (named && type_column_is(f->name))
        words_add(out, size, "The number of %s objects",
                  f->name + strlen(TYPE_COLUMN_PREFIX));
    else if (named)
        words_add(out, size, "%s", f->name);
    else
        words_add(out, size, "%s%s",
                  f->metric.unit == METRIC_COUNT ? "the number of " : "",
                  title);
    if (!named && at < size && out[at] >= 'a' && out[at] <= 'z')
        out[at] = (char)(out[at] - 'a' + 'A');
}

/* Growth per request, or per hour where requests were not counted. */
static double rate_of(const struct remark *r, double per_span)
{
    return isnan(r->v->span_requests) ? per_span / r->v->span_s * 3600
                                      : per_span / r->v->span_requests;
}

static const char *per(const struct remark *r)
{
    return isnan(r->v->span_requests) ? "an hour" : "a request";
}

static void add_rate(const struct remark *r, double per_span)
{
    char a[WORDS_NUMBER];

    words_add(r->out, r->size, "%s %s",
              words_amount(rate_of(r, per_span), r->f->metric.unit, a), per(r));
}

static void add_interval(const struct remark *r)
{
    char a[WORDS_NUMBER], b[WORDS_NUMBER];
    enum metric_unit u = r->f->metric.unit;

    words_add(r->out, r->size, " (%s to %s)",
              words_amount(rate_of(r, r->v->growth.low), u, a),
              words_amount(rate_of(r, r->v->growth.high), u, b));
}

static void add_amount(const struct remark *r, const char *before, double x)
{
    char a[WORDS_NUMBER];

    words_add(r->out, r->size, "%s%s", before,
              words_amount(x, r->f->metric.unit, a));
}

static void add_time(const struct remark *r, const char *before, double s)
{
    char a[WORDS_NUMBER];

    words_add(r->out, r->size, "%s%s", before, words_time(s, a));
}

/* The metric's name, then text. */
static void name_it(const struct remark *r, const char *text)
{
    add_title(r->f, r->out, r->size);
    words_add(r->out, r->size, "%s", text);
}

static void say(const struct remark *r, const char *text)
{
    words_add(r->out, r->size, "%s", text);
}

static void leak_course(const struct remark *r)
{
    const struct finding *f = r->f;
    bool settled = f->steady_from_s > f->from_s + 0.1 * (f->to_s - f->from_s);

    if (settled)
        add_time(r, ", steadily since start-up was over after ",
                 f->steady_from_s - f->from_s);
    else
        say(r, ", steadily and from the start");
    say(r, r->v->load_matters
               ? "; the load explains a part of its movement, not this."
           : settled ? "; nothing in its course since then slows down."
                     : "; nothing in its course slows down.");
}

static void leak(const struct remark *r)
{
    const struct finding *f = r->f;

    name_it(r, " grows by ");
    add_rate(r, r->v->growth.value);
    add_interval(r);
    if (r->v->lives > 1) {
        say(r, " in every life of the processes, to its end: restarts hide "
               "it, they do not mend it.");
        return;
    }
    switch (f->shape) {
    case SHAPE_SAWTOOTH:
        say(r, ": it falls again and again, but the floor it falls to rises.");
        break;
    case SHAPE_STAIRS:
        say(r, ", in steps that come again and again.");
        break;
    case SHAPE_ACCELERATING:
        say(r, ", faster towards the end than before: it began late, or the "
               "more there is the more is kept.");
        break;
    default:
        leak_course(r);
    }
    say(r, " A cache with room for more than this run would look the same "
           "until it is full.");
}

static void pass_shape(const struct remark *r)
{
    const struct finding *f = r->f;
    double rise = f->grown;

    if (r->v->lives > 1) {
        say(r, " levels off in every life of the processes");
        return;
    }
    if (r->v->load_matters) {
        say(r, " follows the load and nothing else");
        return;
    }
    switch (f->shape) {
    case SHAPE_SAWTOOTH:
        say(r, " goes up and down over a floor that stays level, as with a "
               "collector");
        return;
    case SHAPE_LOGARITHMIC:
        say(r, " creeps, ever more slowly, as allocators do");
        return;
    case SHAPE_FALLING:
        say(r, " falls");
        return;
    case SHAPE_FLAT:
        break;
    default:
        if (rise > r->v->leak_above && f->steady_from_s > f->from_s) {
            add_amount(r, " rose by ", rise);
            add_time(r, " in the first ", f->steady_from_s - f->from_s);
            say(r, " and has been level since: warm-up, or a cache that "
                   "filled");
            return;
        }
    }
    add_amount(r, " stays level, at ", f->level);
}

static void pass(const struct remark *r)
{
    const struct finding *f = r->f;

    name_it(r, "");
    pass_shape(r);
    say(r, ".");
    if (isnan(f->minimum_per_hour))
        return;
    say(r, " Growth above ");
    add_rate(r, f->minimum_per_hour * r->v->span_s / 3600);
    say(r, " would have been seen.");
}

static void unread(const struct remark *r)
{
    name_it(r, r->v->doubt == DOUBT_NO_DATA
                   ? " has too few readings to be judged"
                   : " reads 0 in many samples: nothing lived there, or it "
                     "could not be read");
}

/* A growth with its interval, and why it does not count. */
static void grows(const struct remark *r, const char *by, const char *but)
{
    name_it(r, by);
    add_rate(r, r->v->growth.value);
    add_interval(r);
    say(r, but);
}

static void grows_with_garbage(const struct remark *r)
{
    grows(r, " grows by ",
          r->v->doubt == DOUBT_WAITS
              ? ", but hardly a collection came meanwhile: what rises in "
                "between may be garbage that waits for it"
              : ", but the counts of objects rise and fall with the collector "
                "and stay, and so much garbage leaves pages behind for a "
                "while: that much proves no leak yet");
}

/* What was seen, and why it decides nothing. */
static void seen(const struct remark *r)
{
    const struct column_view *v = r->v;

    switch (v->doubt) {
    case DOUBT_NO_DATA:
    case DOUBT_GONE:
        unread(r);
        break;
    case DOUBT_SHORT:
        name_it(r, " rises, but");
        add_time(r, " in ", v->span_s);
        say(r, " a start-up and a leak look the same");
        break;
    case DOUBT_SMALL:
        grows(r, " grows by ",
              ", for certain but by little: allocators creep that much in a "
              "run this long without a leak");
        break;
    case DOUBT_BEND:
        name_it(r, " is still rising, but slowing down: a warm-up or a "
                   "filling cache that is not over, or creep");
        break;
    case DOUBT_NEWS:
        name_it(r, " stood level and rose at the very end: what will come "
                   "of that cannot be known yet");
        break;
    case DOUBT_STAIRS:
        name_it(r, " rises in steps, and the pause since the last is not "
                   "much longer than those before: the next may be due");
        break;
    case DOUBT_FALLS:
        name_it(r, " rises and falls suddenly, as with processes that "
                   "restart before they grow large, or a collector that is "
                   "rarely run; without a proc_starts column the two look "
                   "alike");
        break;
    case DOUBT_LOAD:
        name_it(r, " and the load moved together: the load may explain it, "
                   "or hide growth between ");
        add_rate(r, v->growth.low);
        say(r, " and ");
        add_rate(r, v->growth.high);
        break;
    case DOUBT_MANY:
        grows(r, " seems to grow by ",
              ", but among as many types as there are here some do by chance");
        break;
    case DOUBT_GARBAGE:
    case DOUBT_WAITS:
        grows_with_garbage(r);
        break;
    case DOUBT_BLIND:
        name_it(r, " shows no growth now, but moved so much that a leak of ");
        add_rate(r, POWER_ENOUGH * v->pass_below);
        say(r, " could hide in it");
        break;
    case DOUBT_VAST:
        name_it(r, " is too large to be read exactly: small growth is lost");
        break;
    case DOUBT_NOISE:
    case DOUBT_NONE:
        name_it(r, " moves too much for a run of this length: growth "
                   "between ");
        add_rate(r, v->growth.low);
        say(r, " and ");
        add_rate(r, v->growth.high);
        say(r, " fits what was seen");
        break;
    }
}

static void doubt(const struct remark *r)
{
    const struct finding *f = r->f;

    seen(r);
    say(r, ".");
    if (f->more_s > 0) {
        char a[WORDS_NUMBER], b[WORDS_NUMBER];

        if (f->more_requests > 0)
            words_add(r->out, r->size,
                      " About %s more requests (%s) should settle it.",
                      words_number(f->more_requests, a),
                      words_time(f->more_s, b));
        else
            words_add(r->out, r->size, " About %s more should settle it.",
                      words_time(f->more_s, b));
    }
}

void remarks_findings(struct continuous *c, const struct column_view *views)
{
    for (size_t i = 0; i < c->n; i++) {
        struct finding *f = &c->findings[i];
        struct remark r = {f, &views[i], f->reason, sizeof f->reason};

        f->reason[0] = '\0';
        if (f->outcome == OUTCOME_LEAK)
            leak(&r);
        else if (f->outcome == OUTCOME_PASS)
            pass(&r);
        else
            doubt(&r);
        if (views[i].swapped)
            words_add(f->reason, sizeof f->reason, SWAPPED_WORDS);
    }
}

/* Who disagreed with the verdict, and why that does not count. */
static void add_dissent(struct continuous *c, const struct column_view *v)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct finding *f = &c->findings[i];

        if ((int)i == c->lead || f->outcome == c->outcome ||
            v[i].doubt == DOUBT_NO_DATA || f->outcome != OUTCOME_LEAK)
            continue;
        if (f->metric.role == METRIC_CGROUP)
            words_add(c->reason, sizeof c->reason,
                      " The control group grows, the processes do not: page "
                      "cache or kernel memory.");
        else
            words_add(c->reason, sizeof c->reason, "%s", " ");
        if (f->metric.role != METRIC_CGROUP) {
            add_title(f, c->reason, sizeof c->reason);
            words_add(c->reason, sizeof c->reason, "%s",
                      c->outcome == OUTCOME_PASS
                          ? " grows alone: pages that are shared, or no "
                            "longer are, not memory that is kept."
                      : c->findings[c->lead].metric.role == METRIC_HEAP
                          ? " grows with it, and proves no more: what the "
                            "heap took, its collector may yet free."
                          : " says leak, but the other columns do not bear "
                            "it out.");
        }
        return;
    }
    for (size_t i = 0; c->outcome == OUTCOME_LEAK && i < c->n; i++) {
        const struct finding *f = &c->findings[i];

        if (f->metric.role == METRIC_MEMORY && f->outcome == OUTCOME_PASS) {
            words_add(c->reason, sizeof c->reason,
                      " Resident memory does not show it yet: the allocator "
                      "still has room.");
            return;
        }
    }
}

void remarks_verdict(struct continuous *c, const struct column_view *views,
                     const struct rows *r)
{
    c->reason[0] = '\0';
    if (r->n == 1 && r->late > 0 && c->n > 0)
        words_add(c->reason, sizeof c->reason,
                  "There is nothing to judge: of %zu rows one can be used, for "
                  "the time (t_s) of the others does not rise.",
                  r->late + 1);
    else if (r->n < 2 || c->n == 0)
        words_add(c->reason, sizeof c->reason, "There is nothing to judge: %s.",
                  r->n == 0   ? "no rows under load"
                  : c->n == 0 ? "no column that measures memory or a count"
                              : "a single row");
    else if (c->lead < 0)
        words_add(c->reason, sizeof c->reason,
                  "There is nothing to judge: no column has enough "
                  "readings.");
    else
        words_add(c->reason, sizeof c->reason, "%s",
                  c->findings[c->lead].reason);
    if (c->lead >= 0)
        add_dissent(c, views);
    if (r->requests_reset)
        words_add(c->reason, sizeof c->reason,
                  " The request counter fell and was counted on from there.");
    if (r->starts_ignored)
        words_add(c->reason, sizeof c->reason,
                  " Processes start all the time; their lives are too short "
                  "to be judged one by one.");
}
