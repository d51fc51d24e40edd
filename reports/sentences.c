#include "reports/sentences.h"

#include "analyzers/attribution.h"
#include "analyzers/driven_words.h"
#include "analyzers/explain.h"
#include "analyzers/words.h"
#include "harness/base/mem.h"
#include "harness/model/typename.h"
#include "reports/chain_words.h"
#include "reports/say.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4000
#define REASONS_SHOWN 1
#define TYPES_SHOWN 4 /* of those that grow in step */
#define TYPE_LINES 3
#define GUILTY_SHOWN 5
#define KEPT_SHOWN 3
#define HOLDERS_SHOWN 2
#define SITE_BYTES 16 /* less than this per request is noise */

static void add_line(struct view *v, const char *label, struct buf *text)
{
    v->lines = mem_realloc(v->lines, v->nlines + 1, sizeof *v->lines);
    v->lines[v->nlines++] =
        (struct view_line){.label = label, .text = buf_take(text)};
}

static void add_text(struct view *v, const char *label, const char *text)
{
    struct buf b;

    buf_init(&b, TEXT_MAX);
    buf_adds(&b, text);
    add_line(v, label, &b);
}

/* ---- what was seen ---- */

/* True when some line already says `text`: nobody reads a thing twice. */
static bool said(const struct view *v, const char *text)
{
    for (size_t i = 0; i < v->nlines; i++)
        if (strstr(v->lines[i].text, text) != NULL)
            return true;
    return false;
}

/* The verdict's reason, and the first sentence of what other decisive
 * findings say, unless it names them. The table has them all. */
static void add_reasons(struct view *v)
{
    const struct verdict *d = v->in->verdict;
    size_t more = 0;
    struct buf b;

    if (d->reason[0] != '\0')
        add_text(v, "", d->reason);
    if ((d->outcome == OUTCOME_PASS && d->reason[0] != '\0') ||
        strstr(d->reason, "Growing with it") != NULL)
        return;
    for (size_t i = 0; i < v->nmetrics && more < REASONS_SHOWN; i++) {
        const struct finding *f = v->metrics[i];
        const char *name =
            f->metric.role != METRIC_CUSTOM && f->metric.title != NULL
                ? f->metric.title
                : f->name;

        if (!f->decisive || f->reason[0] == '\0' || said(v, f->reason) ||
            said(v, name))
            continue;
        buf_init(&b, TEXT_MAX);
        if (strcasestr(f->reason, name) == NULL &&
            strncmp(f->reason, f->name, strlen(f->name)) != 0)
            buf_addf(&b, "%s: ", name);
        buf_add(&b, f->reason, say_sentence(f->reason));
        add_line(v, "", &b);
        more++;
    }
}

/* ---- who does it ---- */

/* "1.00 Python allocator blocks": what a request keeps. Bytes go without the
 * metric's title when they are the process's memory. */
static void say_kept(struct buf *b, const struct blame *w,
                     const struct finding *f)
{
    say_growth(b, w->per_request.value, f->metric.unit);
    if (f->metric.role != METRIC_MEMORY)
        buf_addf(b, " %s", f->metric.title ? f->metric.title : f->name);
    else
        buf_addf(b, " (%s)", f->name);
}

static bool valid(const struct verdict *d, const struct blame *w)
{
    return w->finding >= 0 && (size_t)w->finding < d->nfindings;
}

static bool is_memory(const struct finding *f)
{
    return f->metric.role == METRIC_MEMORY || f->metric.role == METRIC_CGROUP ||
           f->metric.role == METRIC_HEAP;
}

/* RSS, PSS and USS tell of the same bytes: one of them is named. The one that
 * the verdict rests on if it is among them, else the one that its first
 * sentence tells. */
static bool worth_naming(const struct verdict *d, size_t i)
{
    const struct blame *w = &d->blames[i], *told;

    if (!w->named || !valid(d, w))
        return false;
    if (!is_memory(&d->findings[w->finding]) || w->finding == d->lead)
        return true;
    for (size_t k = 0; k < d->nblames; k++)
        if (d->blames[k].named && d->blames[k].kind == w->kind &&
            d->blames[k].finding == d->lead && is_memory(&d->findings[d->lead]))
            return false;
    told = verdict_kept_bytes(d, w->kind);
    return told == w || told == NULL;
}

/* The k-th blame of a kind worth naming: what the verdict rests on, then the
 * others in the verdict's order. NULL: there are fewer. */
static const struct blame *named_blame(const struct verdict *d, int kind,
                                       size_t k)
{
    for (int lead = 1; lead >= 0; lead--)
        for (size_t i = 0; i < d->nblames; i++)
            if (d->blames[i].kind == kind &&
                (d->blames[i].finding == d->lead) == lead &&
                worth_naming(d, i) && k-- == 0)
                return &d->blames[i];
    return NULL;
}

/* " (95 %: 2.27 .. 2.35 KiB)". */
static void say_certain(struct view *v, struct buf *b, const struct blame *w)
{
    const struct verdict *d = v->in->verdict;

    if (isnan(w->per_request.low))
        return;
    buf_adds(b, " (");
    say_percent(b, v->in->record->policy.confidence);
    buf_adds(b, ": ");
    say_range(b, w->per_request.low, w->per_request.high,
              d->findings[w->finding].metric.unit);
    buf_addc(b, ')');
}

/* The first with its interval; more than KEPT_SHOWN tire. */
static void add_blamed(struct view *v, int kind)
{
    const struct verdict *d = v->in->verdict;
    const struct blame *w;
    char with[400];
    struct buf b;

    buf_init(&b, TEXT_MAX);
    if (kind == ATTRIBUTION_CONNECTIONS) {
        buf_adds(&b, "grows with new connections, not with requests: ");
    } else if (kind < 0) {
        buf_adds(&b, "grows with time, whatever is requested: ");
    } else {
        char *name = view_kind_name(v->in->record, kind);

        buf_addf(&b, "%s keeps ", name);
        free(name);
    }
    for (size_t k = 0; k < KEPT_SHOWN && (w = named_blame(d, kind, k)) != NULL;
         k++) {
        bool last = k + 1 == KEPT_SHOWN || named_blame(d, kind, k + 1) == NULL;

        if (k > 0)
            buf_adds(&b, last ? " and " : ", ");
        say_kept(&b, w, &d->findings[w->finding]);
        if (k == 0)
            say_certain(v, &b, w);
    }
    buf_adds(&b, kind == ATTRIBUTION_CONNECTIONS ? " per connection"
                 : kind < 0                      ? " per hour"
                                                 : " per request");
    add_line(v, "who", &b);
    w = named_blame(d, kind, 0);
    driven_words(v->in->record, w, d->findings[w->finding].metric.unit, with,
                 sizeof with);
    if (with[0] != '\0' && !said(v, with))
        add_text(v, w->by == BLAME_DRIVER ? "with" : "or", with);
}

/* One line per guilty kind: those of what the verdict rests on, then the others
 * in the verdict's order. */
static void add_guilty(struct view *v)
{
    const struct verdict *d = v->in->verdict;
    size_t shown = 0;

    for (int lead = 1; lead >= 0; lead--)
        for (size_t i = 0; i < d->nblames && shown < GUILTY_SHOWN; i++) {
            const struct blame *w = &d->blames[i];

            if (w->named && (w->finding == d->lead) == lead &&
                named_blame(d, w->kind, 0) == w) {
                add_blamed(v, w->kind);
                shown++;
            }
        }
}

/* The least growth per request that could hide in the kinds not named. */
static void add_others(struct view *v)
{
    const struct verdict *d = v->in->verdict;
    const struct finding *lead = verdict_lead(d);
    bool guilty = false, anybody = false;
    double worst = NAN;
    size_t n = 0;
    struct buf b;

    for (size_t i = 0; i < d->nblames && lead != NULL; i++) {
        const struct blame *w = &d->blames[i];

        anybody = anybody || w->named;
        if (!valid(d, w) || &d->findings[w->finding] != lead)
            continue;
        guilty = guilty || w->named;
        if (w->named || w->kind < 0)
            continue;
        worst = fmax(worst, w->minimum_per_request);
        n++;
    }
    if (n > 0 && !anybody)
        add_text(v, "who",
                 "no request stands out: time itself, every request alike, or "
                 "too few blocks to tell. A run at another rate, or with more "
                 "blocks, would.");
    if (n == 0 || !guilty || !isfinite(worst))
        return;
    buf_init(&b, TEXT_MAX);
    buf_adds(&b, "every other request: no growth above ");
    say_amount(&b, worst, lead->metric.unit);
    buf_addf(&b, " per request (%s) could hide in this run", lead->name);
    add_line(v, "others", &b);
}

static void add_cause(struct view *v)
{
    const struct cause *c = &v->in->verdict->cause;

    if (c->text[0] != '\0' && !said(v, c->text))
        add_text(v, "kind", c->text);
    if (c->against[0] != '\0')
        add_text(v, "but", c->against);
    if (c->fix[0] != '\0')
        add_text(v, "mend", c->fix);
}

/* "1.00 shop.Session (48 B), 1.00 dict (104 B) in step, per order (95 %: 0.99
 * .. 1.01)": the type at `i` and, up to `most`, those that grow in step with
 * it. Returns how many types it said. */
static size_t say_types(const struct view *v, struct buf *b, size_t i,
                        size_t most)
{
    const struct verdict *d = v->in->verdict;
    const struct type_growth *first = &d->types[i];
    double share = d->types_kind >= 0 ? d->types_share : 1;
    char *kind = NULL;
    size_t n = 0;

    for (; i < d->ntypes && n < most; i++) {
        const struct type_growth *t = &d->types[i];

        if (!t->significant ||
            (t != first && (t->group < 0 || t->group != first->group)))
            continue;
        buf_adds(b, n++ > 0 ? ", " : "");
        say_growth(b, t->count_per_request.value / share, METRIC_COUNT);
        buf_addf(b, " %s (", typename_short(t->type));
        say_amount(b, t->bytes_per_request / share, METRIC_BYTES);
        buf_addc(b, ')');
    }
    if (d->types_kind >= 0)
        kind = view_kind_name(v->in->record, d->types_kind);
    buf_addf(b, "%s per %s", n > 1 ? " in step," : "",
             kind != NULL        ? kind
             : d->types_per_hour ? "hour"
                                 : "request");
    free(kind);
    if (isfinite(first->count_per_request.low)) {
        buf_adds(b, " (");
        say_percent(b, v->in->record->policy.confidence);
        buf_adds(b, ": ");
        say_range(b, first->count_per_request.low / share,
                  first->count_per_request.high / share, METRIC_COUNT);
        buf_addc(b, ')');
    }
    return n;
}

/* A line per group of types that grow in step. */
static void add_types(struct view *v)
{
    const struct verdict *d = v->in->verdict;
    size_t said_types = 0, all = 0, lines = 0;
    struct buf b;

    for (size_t i = 0; i < d->ntypes; i++)
        all += d->types[i].significant;
    for (size_t i = 0; i < d->ntypes && lines < TYPE_LINES; i++) {
        const struct type_growth *t = &d->types[i];
        bool told = false;

        for (size_t j = 0; j < i && t->group >= 0; j++)
            told |= d->types[j].significant && d->types[j].group == t->group;
        if (!t->significant || told)
            continue;
        buf_init(&b, TEXT_MAX);
        said_types += say_types(v, &b, i, TYPES_SHOWN);
        if (++lines == TYPE_LINES && said_types < all)
            buf_addf(&b, "; and %zu more types", all - said_types);
        add_line(v, lines == 1 ? "types" : " ", &b);
    }
}

/* The part of a place that tells a reader most: below site-packages, else the
 * last three names of its path. */
static const char *short_place(const char *where)
{
    const char *s = strstr(where, "site-packages/");
    int slashes = 0;

    if (s != NULL)
        return s + strlen("site-packages/");
    for (s = where + strlen(where); s > where; s--)
        if (s[-1] == '/' && ++slashes == 3)
            break;
    return s;
}

/* The first few, and the first with a bound in any case. */
static void add_chains(struct view *v)
{
    const struct diagnosis *d = &v->in->record->diagnosis;
    bool bounded = false;
    size_t told = 0;

    for (size_t i = 0; i < d->nchains; i++) {
        const struct diagnosis_chain *c = &d->chains[i];
        struct buf chain, bound, deep;

        if (!explain_tells(v->in->verdict, d, c))
            continue;
        buf_init(&chain, TEXT_MAX);
        buf_init(&bound, TEXT_MAX);
        buf_init(&deep, TEXT_MAX);
        chain_words(&chain, v, c);
        chain_deep_words(&deep, c);
        if (!bounded)
            chain_bound_words(&bound, v, c);
        if (told < HOLDERS_SHOWN || bound.len > 0)
            add_line(v, "held by", &chain);
        if (told < HOLDERS_SHOWN && deep.len > 0)
            add_line(v, " ", &deep);
        if (bound.len > 0)
            add_line(v, " ", &bound);
        bounded = bounded || bound.len > 0;
        told++;
        buf_release(&chain);
        buf_release(&bound);
        buf_release(&deep);
    }
}

/* Allocation sites say something only when it is memory that leaks; small ones
 * only where Python objects surely grow. */
static void add_sites(struct view *v)
{
    const struct diagnosis *d = &v->in->record->diagnosis;
    bool memory = false, proven = false;
    struct buf b;

    for (size_t i = 0; i < v->njudged; i++)
        memory = memory || (v->metrics[i]->outcome == OUTCOME_LEAK &&
                            v->metrics[i]->metric.role != METRIC_HANDLES);
    for (size_t i = 0; i < v->in->verdict->ntypes; i++)
        proven = proven || v->in->verdict->types[i].significant;
    for (size_t i = 0; memory && i < d->nsites && i < HOLDERS_SHOWN; i++) {
        const struct diagnosis_site *s = &d->sites[i];

        if (s->where == NULL || s->where[0] == '\0' ||
            !(s->bytes_per_request >= SITE_BYTES) ||
            (!proven && !explains(v->in->verdict, s->bytes_per_request)))
            continue;
        buf_init(&b, TEXT_MAX);
        buf_addf(&b, "%s keeps ", short_place(s->where));
        say_amount(&b, s->bytes_per_request, METRIC_BYTES);
        buf_adds(&b, " per request");
        add_line(v, "made at", &b);
    }
}

/* What native code kept, as the second pass saw it. */
static void add_natives(struct view *v)
{
    const struct diagnosis *d = &v->in->record->diagnosis;
    struct buf b;

    for (size_t i = 0; i < d->nnatives && i < HOLDERS_SHOWN; i++) {
        const struct diagnosis_site *s = &d->natives[i];

        if (!(s->bytes_per_request >= SITE_BYTES))
            continue;
        buf_init(&b, TEXT_MAX);
        buf_addf(&b, "%s keeps ", s->where);
        say_amount(&b, s->bytes_per_request, METRIC_BYTES);
        buf_adds(&b, " per request (native, in a second pass)");
        add_line(v, "made at", &b);
    }
}

/* ---- how far the judgement reaches ---- */

/* The metric that the run's sensitivity is quoted for: the lead, or the
 * first judged one with a known minimum. */
static const struct finding *quoted(const struct view *v)
{
    const struct finding *f = verdict_lead(v->in->verdict);

    if (f != NULL && isfinite(f->minimum_per_request))
        return f;
    for (size_t i = 0; i < v->njudged; i++)
        if (isfinite(v->metrics[i]->minimum_per_request) ||
            isfinite(v->metrics[i]->minimum_per_hour))
            return v->metrics[i];
    return NULL;
}

static void add_sensitivity(struct view *v)
{
    const struct finding *f = quoted(v);
    struct buf b;

    if (v->in->verdict->outcome != OUTCOME_PASS || f == NULL ||
        said(v, "could hide"))
        return;
    buf_init(&b, TEXT_MAX);
    buf_adds(&b, "the smallest leak this run could have missed: ");
    if (isfinite(f->minimum_per_request)) {
        say_amount(&b, f->minimum_per_request, f->metric.unit);
        buf_adds(&b, " per request");
    } else {
        say_amount(&b, f->minimum_per_hour, f->metric.unit);
        buf_adds(&b, " per hour");
    }
    buf_addf(&b, " (%s)", f->name);
    add_line(v, "unseen", &b);
}

static void add_needs(struct view *v)
{
    double requests = v->in->verdict->more_requests;
    double seconds = v->in->verdict->more_s;
    double chance = v->in->verdict->more_chance;
    struct buf b;

    if (v->in->verdict->outcome != OUTCOME_INCONCLUSIVE)
        return;
    buf_init(&b, TEXT_MAX);
    if (isfinite(requests) && requests > 0) {
        buf_adds(&b, "about ");
        say_count(&b, requests);
        buf_adds(&b, " more requests");
        if (isfinite(seconds) && seconds > 0) {
            buf_adds(&b, " (");
            say_time(&b, seconds);
            buf_adds(&b, " at this load)");
        }
        buf_adds(&b, " would settle it");
        if (isfinite(chance))
            buf_addf(&b, " in %s cases", words_chance(chance));
        add_line(v, "needs", &b);
    } else if (isfinite(seconds) && seconds > 0) {
        buf_adds(&b, "about ");
        say_time(&b, seconds);
        buf_adds(&b, " more would settle it");
        add_line(v, "needs", &b);
    } else {
        buf_release(&b);
    }
}

static void add_limit(struct view *v)
{
    const struct record *r = v->in->record;
    const struct finding *f = NULL;
    double rate;
    struct buf b;

    for (size_t i = 0; i < v->njudged; i++)
        if (isfinite(v->metrics[i]->limit_s.value) &&
            v->metrics[i]->outcome == OUTCOME_LEAK &&
            (f == NULL || v->metrics[i]->limit_s.value < f->limit_s.value))
            f = v->metrics[i];
    if (f == NULL || said(v, "limit is reached"))
        return;
    buf_init(&b, TEXT_MAX);
    rate = view_rate(r, f);
    if (isfinite(rate)) {
        buf_adds(&b, "at ");
        say_amount(&b, rate, METRIC_COUNT);
        buf_adds(&b, " requests/s ");
    }
    buf_adds(&b, "the ");
    if (isfinite(r->limit_bytes)) {
        say_amount(&b, r->limit_bytes, METRIC_BYTES);
        buf_addc(&b, ' ');
    }
    buf_adds(&b, "memory limit is reached in ");
    say_time_interval(&b, &f->limit_s);
    add_line(v, "limit", &b);
}

/* ---- what weakens it ---- */

static void add_run(struct view *v)
{
    const struct record *r = v->in->record;
    struct buf b;

    if (r->end_detail != NULL && r->end_detail[0] != '\0' &&
        (r->target_failed || r->end == RUN_HARNESS_FAILED ||
         r->end == RUN_INTERRUPTED || r->end == RUN_MAX_TIME))
        add_text(v, "run", r->end_detail);
    else if (r->end == RUN_INTERRUPTED)
        add_text(v, "run", "interrupted before its planned end");
    if (r->target_failed) {
        buf_init(&b, TEXT_MAX);
        buf_addf(&b,
                 "the target failed, so this run counts as failed whatever "
                 "its memory did (memory alone: %s)",
                 outcome_name(v->in->verdict->outcome));
        add_line(v, "run", &b);
    }
    if (r->partial)
        add_text(v, "run",
                 "partial: the run did not get to write its end; judged from "
                 "what it left behind");
    if (r->rate_missed)
        add_text(v, "run",
                 "the load generator could not keep the planned rate");
    if (r->load_trouble != NULL && r->load_trouble[0] != '\0')
        add_text(v, "run", r->load_trouble);
}

static void add_control(struct view *v)
{
    const struct verdict *d = v->in->verdict;

    if (d->control_ran && d->control_text[0] != '\0')
        add_text(v, "control", d->control_text);
    else if (d->control_ran)
        add_text(v, "control",
                 d->control_ok ? "a leak planted into this run's readings was "
                                 "found"
                               : "a leak planted into this run's readings was "
                                 "NOT found");
}

void sentences_add(struct view *v)
{
    add_reasons(v);
    add_guilty(v);
    add_others(v);
    add_cause(v);
    add_types(v);
    if (v->in->record->diagnosis.ran) {
        add_chains(v);
        add_sites(v);
        add_natives(v);
    }
    add_sensitivity(v);
    add_needs(v);
    add_limit(v);
    add_control(v);
    add_run(v);
}
