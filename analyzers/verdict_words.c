#include "analyzers/verdict_words.h"

#include "analyzers/barriers.h"
#include "analyzers/driven_words.h"
#include "analyzers/limits.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"
#include "harness/model/typename.h"

#include <math.h>
#include <string.h>

#define ADD(...) words_add(v->reason, sizeof v->reason, __VA_ARGS__)
#define ADVISE(...) words_add(v->advice, sizeof v->advice, __VA_ARGS__)

static const char *title(const struct finding *f)
{
    const struct metric *m = metric_find(f->name);

    if (m == NULL && f->metric.role == METRIC_OBJECTS &&
        f->metric.title != NULL)
        return f->metric.title; /* objects of one type */
    return m != NULL ? m->title : f->name;
}

/* The one kind of request that is named, by the lead or else by the finding
   that comes next; NULL when there is none, or several. */
static const struct blame *guilty(const struct record *r,
                                  const struct verdict *v)
{
    const struct blame *found = NULL;

    for (size_t i = 0; i < v->nblames; i++) {
        const struct blame *b = &v->blames[i];

        if (!b->named || b->kind < 0 || (size_t)b->kind >= r->nkinds)
            continue;
        if (found != NULL && found->kind != b->kind)
            return NULL;
        if (found == NULL || b->finding == v->lead)
            found = b;
    }
    return found;
}

const struct blame *verdict_kept_bytes(const struct verdict *v, int kind)
{
    static const char *const names[] = {"uss_bytes", "pss_anon_bytes",
                                        "pss_bytes", "rss_bytes",
                                        "native_inuse_bytes"};

    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < v->nblames; i++)
            if (v->blames[i].named && v->blames[i].kind == kind &&
                strcmp(v->findings[v->blames[i].finding].name, names[n]) == 0)
                return &v->blames[i];
    return NULL;
}

/* A dict that grows tells nothing, unless it was found to hold the rest. */
static bool is_telling(const struct record *r, const char *type)
{
    return !typename_is_builtin(type) ||
           (r->diagnosis.nchains > 0 &&
            strcmp(r->diagnosis.chains[0].type, type) == 0);
}

/* What is counted by itself, and says more than the objects that go with it. */
struct counted {
    const char *class, *metric, *advice;
};

static const struct counted counts[] = {
    {"threads", "threads", "starts the threads, which never end"},
    {"processes", "threads", "starts the processes, which never end"},
    {"zombies", "zombies", "starts the children and never waits for them"},
    {"tasks", "py_tasks", "starts the tasks, which never end"},
    {"descriptors", "fds", "opens the files and does not close them"},
    {"sockets", "fds", "opens the connections and does not close them"},
};

static const struct counted *counted(const struct verdict *v)
{
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(v->cause.class, counts[i].class) == 0)
            return &counts[i];
    return NULL;
}

/* The blame of the same kind for what is counted, or else `b`. */
static const struct blame *blame_counted(const struct verdict *v,
                                         const struct blame *b)
{
    const struct counted *c = counted(v);

    for (size_t i = 0; c != NULL && i < v->nblames; i++)
        if (v->blames[i].named && v->blames[i].kind == b->kind &&
            strcmp(v->findings[v->blames[i].finding].name, c->metric) == 0)
            return &v->blames[i];
    return b;
}

/* "POST /orders keeps 1.00 shop.Order and 2.31 KiB per request (95 %: ...)" */
static void add_guilty(const struct record *r, const struct policy *p,
                       struct verdict *v)
{
    const struct blame *b = guilty(r, v), *bytes;
    const struct type_growth *t = v->ntypes > 0 ? &v->types[0] : NULL;
    char n[WORDS_NUMBER], lo[WORDS_NUMBER], hi[WORDS_NUMBER], with[320];
    const struct metric *m;
    struct interval told;

    if (b == NULL)
        return;
    b = blame_counted(v, b);
    m = &v->findings[b->finding].metric;
    told = b->per_request;
    bytes = verdict_kept_bytes(v, b->kind);
    ADD("%.80s keeps ", r->kinds[b->kind].name);
    if (counted(v) == NULL && t != NULL && t->significant &&
        is_telling(r, t->type) && v->types_kind == b->kind) {
        told = t->count_per_request;
        told.low /= v->types_share;
        told.high /= v->types_share;
        ADD("%s %.100s", words_number(told.value / v->types_share, n),
            typename_short(t->type));
    } else {
        ADD("%s%s%s", words_amount(b->per_request.value, m->unit, n),
            m->unit == METRIC_BYTES ? " of " : " ",
            title(&v->findings[b->finding]));
    }
    if (bytes != NULL && bytes != b && m->unit != METRIC_BYTES) {
        ADD(" and %s", words_amount(bytes->per_request.value, METRIC_BYTES, n));
        b = bytes;
        m = &v->findings[b->finding].metric;
        told = b->per_request;
    }
    ADD(" per request (%.0f %%: %s .. %s). ", 100 * p->confidence,
        words_amount(told.low, m->unit, lo),
        words_amount(told.high, m->unit, hi));
    driven_words(r, b, m->unit, with, sizeof with);
    if (b->by == BLAME_DRIVER && with[0] != '\0')
        ADD("%s ", with);
}

/* "fds, threads": findings with outcome `o` other than `told`, a few. */
static size_t add_others(struct verdict *v, enum outcome o, const char *head,
                         const struct finding *told)
{
    size_t n = 0;

    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f == told || !f->judged || f->outcome != o)
            continue;
        if (n < 4)
            ADD("%s%s", n == 0 ? head : ", ", title(f));
        n++;
    }
    if (n > 4)
        ADD(" and %zu more", n - 4);
    if (n > 0)
        ADD(".");
    return n;
}

/* Of types that grow in step the clearest carries the verdict, but the one
   that holds the others is told. */
static const struct finding *told_first(const struct verdict *v,
                                        const struct finding *lead)
{
    const size_t n = sizeof TYPE_COLUMN_PREFIX - 1;

    for (size_t i = 0; i < v->nfindings && type_column_is(lead->name); i++)
        if (v->ntypes > 0 && v->findings[i].outcome == OUTCOME_LEAK &&
            type_column_is(v->findings[i].name) &&
            strcmp(v->findings[i].name + n, v->types[0].type) == 0)
            return &v->findings[i];
    return lead;
}

static void leak_reason(const struct record *r, const struct policy *p,
                        const struct finding *lead, struct verdict *v)
{
    char t[WORDS_NUMBER], lo[WORDS_NUMBER], hi[WORDS_NUMBER];

    lead = told_first(v, lead);
    add_guilty(r, p, v);
    ADD("%s: %s", title(lead), lead->reason);
    add_others(v, OUTCOME_LEAK, " Growing with it: ", lead);
    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f->outcome != OUTCOME_LEAK || !f->judged ||
            !isfinite(f->limit_s.value))
            continue;
        ADD(" At this rate the memory limit is reached in %s (%s .. %s).",
            words_time(f->limit_s.value, t), words_time(f->limit_s.low, lo),
            words_time(f->limit_s.high, hi));
        break;
    }
}

/* The smallest leak that could hide, in memory and in objects: one each. */
static void pass_reason(const struct finding *lead, struct verdict *v)
{
    static const enum metric_role roles[] = {METRIC_MEMORY, METRIC_HEAP,
                                             METRIC_OBJECTS};
    char a[WORDS_NUMBER];
    const char *sep = " Nothing above ";

    ADD("%s: %s", title(lead), lead->reason);
    for (int k = 0; k < 3; k++) {
        const struct finding *least = NULL;

        for (size_t i = 0; i < v->nfindings; i++) {
            const struct finding *f = &v->findings[i];

            if (f->judged && f->outcome == OUTCOME_PASS &&
                f->metric.role == roles[k] &&
                isfinite(f->minimum_per_request) &&
                (least == NULL ||
                 f->minimum_per_request < least->minimum_per_request))
                least = f;
        }
        if (least == NULL)
            continue;
        ADD("%s%s per request in %s", sep,
            words_amount(least->minimum_per_request, least->metric.unit, a),
            title(least));
        sep = ", or ";
    }
    if (strcmp(sep, ", or ") == 0)
        ADD(" could hide in this run.");
}

static void add_caveats(const struct record *r, struct verdict *v)
{
    if (r->target_failed || r->end == RUN_TARGET_FAILED)
        ADD(" The target failed%s%s.%s", r->end_detail != NULL ? ": " : "",
            r->end_detail != NULL ? r->end_detail : "",
            verdict_lead(v) != NULL ? " This judges what came before." : "");
    else if (r->end == RUN_INTERRUPTED)
        ADD(" The run was interrupted; this judges what there is.");
    else if (v->partial)
        ADD(" The run did not get to its end; this judges what there is.");
    if (v->idle)
        ADD("%s", v->outcome == OUTCOME_LEAK
                      ? " The counter of requests stood still: it grows by "
                        "itself."
                      : " The counter of requests stood still: what a service "
                        "does that nothing is asked of tells nothing of it "
                        "under load.");
    if (r->errors_total > 0 && r->requests_total > 0 &&
        r->errors_total >= 0.01 * r->requests_total)
        ADD(" %.0f %% of the requests failed: the mix was not what the "
            "scenario asked for.",
            100 * r->errors_total / r->requests_total);
    if (r->rate_missed)
        ADD(" The load generator fell short of its rate.");
    if (r->load_trouble != NULL && r->load_trouble[0] != '\0')
        ADD(" Not the load that was asked for: %.300s.", r->load_trouble);
}

/* What stands in the way and no length is known to settle, where one is known
   for what is told first; else NULL. */
static const struct finding *stuck(const struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);

    if (lead == NULL || !isfinite(lead->more_requests))
        return NULL;
    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f != lead && f->judged && f->blocking &&
            f->outcome == OUTCOME_INCONCLUSIVE && isnan(f->more_requests))
            return f;
    }
    return NULL;
}

/* What would settle an undecided run. */
static void advise_more(const struct record *r, struct verdict *v)
{
    bool ours = r->nkinds > 0; /* else the load is somebody else's */
    char a[WORDS_NUMBER], b[WORDS_NUMBER];

    if (isfinite(v->more_requests) && ours)
        ADVISE("Run about %s more requests (%s at this load).",
               words_number(v->more_requests, a), words_time(v->more_s, b));
    else if (isfinite(v->more_s))
        ADVISE("%s for about %s more.", ours ? "Run" : "Record",
               words_time(v->more_s, b));
    else if (r->barriers.n > 1 && stuck(v) != NULL)
        ADVISE("More of the same may settle %s, but hardly %s: use longer "
               "blocks, or a longer settle time.",
               title(verdict_lead(v)), title(stuck(v)));
    else if (r->barriers.n > 1)
        ADVISE("More of the same will hardly settle it: use longer blocks, "
               "a longer settle time, or a source that counts objects.");
    else if (ours)
        ADVISE("Run longer, or in blocks, or with a source that counts "
               "objects.");
    else
        ADVISE("Record for longer, or with a source that counts objects.");
}

/* Whether the report shows who keeps objects of that type. */
static bool is_held(const struct record *r, const char *type)
{
    for (size_t i = 0; i < r->diagnosis.nchains; i++)
        if (strcmp(r->diagnosis.chains[i].type, type) == 0)
            return true;
    return false;
}

static void advise(const struct record *r, const struct policy *p,
                   const struct vote *vote, struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);

    (void)p;
    if (v->outcome == OUTCOME_LEAK &&
        strcmp(v->cause.class, "collector_off") == 0)
        ADVISE("Turn the collector on, or break the cycles, and confirm with "
               "`plateau compare`.");
    else if (v->outcome == OUTCOME_LEAK && counted(v) != NULL)
        ADVISE("Find what %s, fix it, and confirm with `plateau compare`.",
               counted(v)->advice);
    else if (v->outcome == OUTCOME_LEAK && v->ntypes > 0 &&
             v->types[0].significant && is_held(r, v->types[0].type))
        ADVISE("Bound or empty what keeps %.100s alive (\"held by\" shows "
               "it), and confirm with `plateau compare`.",
               typename_short(v->types[0].type));
    else if (v->outcome == OUTCOME_LEAK && v->ntypes > 0 &&
             v->types[0].significant)
        ADVISE("Find who keeps %.100s alive, fix it, and confirm with "
               "`plateau compare`.",
               typename_short(v->types[0].type));
    else if (v->outcome == OUTCOME_LEAK)
        ADVISE("Look first at what keeps %s growing, fix it, and confirm "
               "with `plateau compare`.",
               lead != NULL ? title(lead) : "memory");
    else if (v->outcome == OUTCOME_PASS)
        ADVISE("Nothing to do. For smaller leaks than stated, %s.",
               r->barriers.n > 1 ? "run more blocks"
               : r->nkinds > 0   ? "run longer"
                                 : "record for longer");
    else if (vote->lacks[0] != '\0')
        ADVISE("Make %s readable (see the notes on sources), or drop it "
               "from [verdict].",
               vote->lacks);
    else if (r->target_failed)
        ADVISE("Get the target through the run first.");
    else if (v->idle)
        ADVISE("Record while the service is under load. If its requests were "
               "not counted, leave the column \"requests\" out.");
    else
        advise_more(r, v);
}

void verdict_words(const struct record *r, const struct policy *p,
                   const struct vote *vote, struct verdict *v)
{
    const struct finding *lead = verdict_lead(v);

    if (v->reason[0] == '\0' && lead != NULL && v->outcome == OUTCOME_LEAK)
        leak_reason(r, p, lead, v);
    else if (v->reason[0] == '\0' && lead != NULL && v->outcome == OUTCOME_PASS)
        pass_reason(lead, v);
    else if (v->reason[0] == '\0' && lead != NULL)
        ADD("%s: %s", title(lead), lead->reason);
    if (v->control_ran && !v->control_ok && v->control_text[0] != '\0')
        ADD(" %s", v->control_text);
    if (vote->why[0] != '\0')
        ADD("%s%s", v->reason[0] != '\0' ? " " : "", vote->why);
    if (v->reason[0] == '\0')
        ADD("Nothing was measured that could show a leak.");
    add_caveats(r, v);
    v->advice[0] = '\0';
    advise(r, p, vote, v);
    if (v->outcome == OUTCOME_LEAK && r->nkinds > 1 && r->barriers.n < 2)
        ADVISE(" Run it in blocks (blocks = 10) to learn which request leaks.");
}
