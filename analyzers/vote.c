#include "analyzers/vote.h"

#include "analyzers/limits.h"
#include "analyzers/type_columns.h"
#include "analyzers/words.h"
#include "harness/model/typename.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Growth over a run, relative to the level, that memory is let pass with. */
#define ROUGH_MAX 0.035

bool vote_joins(const struct finding *b, enum outcome samples)
{
    bool rising = b->per_request.value > b->tolerance_per_request;
    bool level = b->per_request.value <= b->tolerance_per_request;

    if (b->outcome != OUTCOME_INCONCLUSIVE || samples == OUTCOME_INCONCLUSIVE)
        return false;
    /* The samples see the garbage rise, and rarely what a collection leaves. */
    if (b->garbage && samples == OUTCOME_LEAK)
        return false;
    /* The samples may settle it where the blocks lean the same way. A count
       that the blocks could not read at all is theirs alone. */
    return isnan(b->per_request.value) ||
           (samples == OUTCOME_LEAK ? rising : level);
}

void vote_join(struct finding *b, const struct finding *s)
{
    bool alone = isnan(b->per_request.value);
    char reason[sizeof b->reason];

    if (!s->judged || !vote_joins(b, s->outcome))
        return;
    memcpy(reason, b->reason, sizeof reason);
    *b = *s;
    if (alone)
        return;
    b->basis = BASIS_BOTH;
    words_add(b->reason, sizeof b->reason, " The blocks lean the same way.");
}

static struct finding *named(struct finding *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, name) == 0)
            return &f[i];
    return NULL;
}

static bool stated(const struct policy *p, const struct finding *f)
{
    return policy_tolerance(p, f->name) != NULL || p->survive_s > 0;
}

static void excuse(struct finding *f, const char *why)
{
    f->judged = false;
    words_add(f->reason, sizeof f->reason, " %s", why);
}

static bool leaks(const struct finding *f)
{
    return f != NULL && f->judged && f->outcome == OUTCOME_LEAK;
}

static bool passes(const struct finding *f)
{
    return f != NULL && f->judged && f->outcome == OUTCOME_PASS;
}

/* Private growth shows in RSS and in PSS or USS. RSS alone is sharing, PSS
   alone is others unmapping. */
static void explain_sharing(struct finding *f, size_t n, const struct policy *p)
{
    static const char *const private_names[] = {"uss_bytes", "pss_anon_bytes",
                                                "pss_bytes"};
    struct finding *rss = named(f, n, "rss_bytes");
    struct finding *pss = named(f, n, "pss_bytes");
    bool grows = false, still = false;

    for (int i = 0; i < 3; i++) {
        const struct finding *m = named(f, n, private_names[i]);

        grows |= leaks(m);
        still |= passes(m);
    }
    if (leaks(rss) && still && !grows && !stated(p, rss))
        excuse(rss, "Private memory is level, so these pages are shared "
                    "with others: not a leak.");
    if (leaks(pss) && passes(named(f, n, "uss_bytes")) && passes(rss) &&
        !stated(p, pss))
        excuse(pss, "USS and RSS are level, so others unmapped what was "
                    "shared: not a leak.");
}

/* Forked workers that write to pages they shared make private memory and PSS
   grow, and RSS not by a byte; what is newly allocated is in all of them. */
static void explain_unsharing(struct finding *f, size_t n,
                              const struct policy *p)
{
    static const char *const names[] = {"uss_bytes", "pss_anon_bytes",
                                        "pss_bytes"};
    const struct finding *rss = named(f, n, "rss_bytes");

    for (int i = 0; i < 3 && rss != NULL; i++) {
        struct finding *m = named(f, n, names[i]);

        if (leaks(m) && !stated(p, m) && rss->grown < 0.5 * m->grown &&
            rss->per_request.high < 0.5 * m->per_request.value)
            excuse(m, "RSS does not grow with it: forked workers write to "
                      "pages that they shared, which are then theirs alone. "
                      "Not a leak.");
    }
}

/* Memory that the allocator keeps although nothing lives in it. */
static void explain_kept(struct finding *f, size_t n, const struct policy *p)
{
    const struct finding *used = named(f, n, "native_inuse_bytes");
    const struct finding *kept = named(f, n, "native_free_bytes");

    if (used == NULL)
        used = named(f, n, "heap_inuse_bytes");
    if (kept == NULL)
        kept = named(f, n, "heap_free_bytes");
    if (!passes(used) || kept == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        if (f[i].judged && f[i].metric.role == METRIC_OBJECTS &&
            f[i].outcome != OUTCOME_PASS)
            return; /* something else may live there */
    for (size_t i = 0; i < n; i++)
        if (leaks(&f[i]) && f[i].metric.role == METRIC_MEMORY &&
            kept->per_request.value > 0.5 * f[i].per_request.value &&
            !stated(p, &f[i]))
            excuse(&f[i], "The heap in use is level and its free part grew as "
                          "much: the allocator keeps it, nothing is leaked.");
}

/* The live heap of a runtime that has one of its own (Go, a JVM). */
static const struct finding *runtime_heap(const struct finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (f[i].metric.role == METRIC_HEAP && f[i].judged &&
            f[i].metric.unit == METRIC_BYTES &&
            strcmp(f[i].name, "native_inuse_bytes") != 0)
            return &f[i];
    return NULL;
}

/* Such a runtime takes memory ahead of what it uses. Where its heap in use is
   not seen to grow, what it took may be all there is: the blocks of one run do
   not tell that from a leak beside the heap, which malloc's own heap would
   show. */
static void explain_runtime(struct finding *f, size_t n, const struct policy *p)
{
    const struct finding *heap = runtime_heap(f, n);

    if (heap == NULL || leaks(heap) || leaks(named(f, n, "native_inuse_bytes")))
        return;
    for (size_t i = 0; i < n; i++) {
        if (!leaks(&f[i]) || f[i].metric.role != METRIC_MEMORY ||
            (passes(heap) &&
             heap->per_request.high > 0.5 * f[i].per_request.low) ||
            stated(p, &f[i]))
            continue;
        f[i].outcome = OUTCOME_INCONCLUSIVE;
        words_add(f[i].reason, sizeof f[i].reason,
                  " The runtime's own heap in use is not seen to grow with "
                  "it: it may be memory that the runtime keeps. More requests "
                  "tell whether it goes on.");
    }
}

static void explain_cgroup(struct finding *f, size_t n, const struct policy *p)
{
    bool other = false;

    for (size_t i = 0; i < n; i++)
        other |= leaks(&f[i]) && f[i].metric.role != METRIC_CGROUP;
    for (size_t i = 0; i < n; i++)
        if (leaks(&f[i]) && f[i].metric.role == METRIC_CGROUP && !other &&
            policy_tolerance(p, f[i].name) == NULL)
            excuse(&f[i], "The control group alone grows: page cache, not "
                          "the service.");
}

/* What convinces most: of a leak exact counts, then live heap, then memory;
   of a pass memory, which is what people asked about. */
static int rank(const struct finding *f, enum outcome o)
{
    static const int by_role[] = {
        [METRIC_OBJECTS] = 6, [METRIC_HEAP] = 5,   [METRIC_HANDLES] = 4,
        [METRIC_MEMORY] = 3,  [METRIC_CUSTOM] = 2, [METRIC_CGROUP] = 1,
    };
    static const char *const memory[] = {"rss_bytes", "uss_bytes", "pss_bytes"};

    if (o == OUTCOME_PASS)
        for (int i = 0; i < 3; i++)
            if (strcmp(f->name, memory[i]) == 0)
                return 10 + i;
    if (o == OUTCOME_PASS && f->metric.role == METRIC_HANDLES)
        return 0;
    return by_role[f->metric.role];
}

/* A type of the language's own: "cell", where another says "shop.Order". */
static bool tells_less(const struct finding *f)
{
    return type_column_is(f->name) &&
           typename_is_builtin(type_column_type(f->name));
}

static int pick_lead(const struct finding *f, size_t n, enum outcome o)
{
    bool telling = false;
    int lead = -1;

    for (size_t i = 0; i < n; i++)
        telling |= f[i].judged && f[i].outcome == o &&
                   type_column_is(f[i].name) && !tells_less(&f[i]);

    for (size_t i = 0; i < n; i++) {
        const struct finding *l = lead < 0 ? NULL : &f[lead];
        double a = isnan(f[i].certainty) ? -1 : f[i].certainty;
        double b = l == NULL || isnan(l->certainty) ? -1 : l->certainty;

        if (!f[i].judged || f[i].outcome != o || (telling && tells_less(&f[i])))
            continue;
        if (l == NULL || rank(&f[i], o) > rank(l, o) ||
            (rank(&f[i], o) == rank(l, o) && a > b))
            lead = (int)i;
    }
    return lead;
}

/* A metric that the user spoke of must have been read; one that was read and
   is undecided stands in the way by itself (blocks_pass). */
static bool lacking(const struct finding *f, size_t n, const struct policy *p,
                    char *out, size_t size)
{
    for (size_t i = 0; i < p->nrequire + p->ntolerances; i++) {
        const char *key = i < p->nrequire
                              ? p->require[i]
                              : p->tolerances[i - p->nrequire].metric;
        struct policy one = {.require = (char **)&key, .nrequire = 1};
        bool found = false;

        for (size_t j = 0; j < n; j++)
            found |= isfinite(f[j].per_request.value) &&
                     limits_required(&one, f[j].name);
        if (!found) {
            snprintf(out, size, "%s", key);
            return true;
        }
    }
    return false;
}

/* Every object the collector tracks is a block of the allocator: where blocks
   are known to be level, objects are, unless the blocks are known worse than
   the objects themselves. */
static bool bounded_by(const struct finding *objects,
                       const struct finding *blocks)
{
    return passes(blocks) &&
           blocks->per_request.high <=
               fmax(objects->per_request.high, blocks->tolerance_per_request);
}

/* Counts whose garbage comes and goes too much for their own limit, which is
   far below what memory is held to: there the best guess must be no growth,
   and the worst no more than memory would be let grow. */
static bool rough_but_level(const struct finding *counts)
{
    double requests = counts->to_requests - counts->from_requests;
    double high = counts->per_request.high;

    return counts->basis == BASIS_BARRIERS && counts->per_request.low <= 0 &&
           counts->per_request.value <= counts->tolerance_per_request &&
           high * requests <= ROUGH_MAX * counts->level;
}

/* malloc counts what it keeps in its threads' caches as in use, and each of
   them fills for long. What is surely too little to be called, and does not
   show in the memory of the process, comes out of what malloc had. */
static bool fills_caches(const struct finding *heap)
{
    return strcmp(heap->name, "native_inuse_bytes") == 0 &&
           heap->basis == BASIS_BARRIERS &&
           heap->per_request.high <= heap->tolerance_per_request;
}

/* Whether an undecided finding stands in the way of a pass. */
static bool blocks_pass(struct finding *f, size_t n, size_t i,
                        const struct policy *p)
{
    struct finding *u = &f[i];
    bool private_level = passes(named(f, n, "uss_bytes")) ||
                         passes(named(f, n, "pss_anon_bytes")) ||
                         passes(named(f, n, "pss_bytes"));

    if (!u->judged || u->outcome != OUTCOME_INCONCLUSIVE)
        return false;
    if (stated(p, u) || limits_required(p, u->name))
        return true;
    if (u->metric.role == METRIC_CGROUP)
        return false;
    if ((private_level || passes(named(f, n, "rss_bytes"))) &&
        ((rough_but_level(u) && (strcmp(u->name, "py_gc_objects") == 0 ||
                                 strcmp(u->name, "py_blocks") == 0)) ||
         fills_caches(u)))
        return false;
    if (strcmp(u->name, "py_gc_objects") == 0 &&
        bounded_by(u, named(f, n, "py_blocks")))
        return false;
    if (u->metric.role == METRIC_MEMORY)
        return !private_level && !passes(named(f, n, "rss_bytes"));
    return true;
}

static bool proves_pass(const struct finding *f)
{
    return f->judged && f->outcome == OUTCOME_PASS &&
           (f->metric.role == METRIC_MEMORY || f->metric.role == METRIC_HEAP ||
            f->metric.role == METRIC_OBJECTS ||
            f->metric.role == METRIC_CGROUP || f->metric.role == METRIC_CUSTOM);
}

/* What a pass rests on first. Memory beside a runtime's level heap could not
   have been called a leak (explain_runtime), so it can promise nothing: there
   it is the heap. */
static int pick_pass(const struct finding *f, size_t n, const struct policy *p)
{
    int lead = pick_lead(f, n, OUTCOME_PASS);
    const struct finding *heap = runtime_heap(f, n);

    if (lead >= 0 && f[lead].metric.role == METRIC_MEMORY &&
        !stated(p, &f[lead]) && passes(heap))
        return (int)(heap - f);
    return lead;
}

static void mark_decisive(struct finding *f, size_t n, enum outcome o)
{
    for (size_t i = 0; i < n; i++)
        f[i].decisive = f[i].judged && f[i].outcome == o;
}

void vote_all(struct finding *f, size_t n, const struct policy *p,
              struct vote *out)
{
    bool proof = false;
    int blocker = -1;

    *out = (struct vote){.lead = -1};
    explain_sharing(f, n, p);
    explain_unsharing(f, n, p);
    explain_kept(f, n, p);
    explain_runtime(f, n, p);
    explain_cgroup(f, n, p);
    out->lead = pick_lead(f, n, OUTCOME_LEAK);
    if (out->lead >= 0) {
        out->outcome = OUTCOME_LEAK;
        mark_decisive(f, n, OUTCOME_LEAK);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        proof |= proves_pass(&f[i]);
        f[i].blocking = blocks_pass(f, n, i, p);
        if (f[i].blocking &&
            (blocker < 0 ||
             rank(&f[i], OUTCOME_LEAK) > rank(&f[blocker], OUTCOME_LEAK)))
            blocker = (int)i;
    }
    if (lacking(f, n, p, out->lacks, sizeof out->lacks)) {
        snprintf(out->why, sizeof out->why,
                 "%s must be judged for a pass, and it could not be.",
                 out->lacks);
        out->lead = blocker;
        return;
    }
    if (blocker < 0 && proof) {
        out->outcome = OUTCOME_PASS;
        out->lead = pick_pass(f, n, p);
        mark_decisive(f, n, OUTCOME_PASS);
        return;
    }
    out->lead = blocker >= 0 ? blocker : pick_lead(f, n, OUTCOME_INCONCLUSIVE);
    if (out->lead >= 0)
        f[out->lead].decisive = true;
    else
        snprintf(out->why, sizeof out->why,
                 "Nothing was measured that could show a leak.");
}
