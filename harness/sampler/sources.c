#include "harness/sampler/sources.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/helper.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A rationed source is read at every tick while that costs no more than
 * CHEAP_NS. A dearer one keeps to a share of the time, 1/SHARE: in a run with
 * blocks a small one, because there the barriers tell, and without load. */
#define CHEAP_NS CLOCK_NS_PER_MS
#define SHARE_SOAK 200
#define SHARE_BLOCKS 1000
/* How long a tick waits for slow sources before it goes without them. */
#define SLOW_WAIT_NS (CLOCK_NS_PER_S / 4)
#define MAX_METRICS 512
#define READS_TICK 3 /* of one source, while processes come and go */
#define READS_EXACT 4

typedef bool wanted_fn(const struct scenario_sample *s);

static bool wants_process(const struct scenario_sample *s)
{
    return s->process;
}

static bool wants_cgroup(const struct scenario_sample *s)
{
    return s->cgroup;
}

static bool wants_custom(const struct scenario_sample *s)
{
    return s->ncustom > 0;
}

/* The registry: a source is one line here. Its order is the columns', and
 * that of reading: the agent has the target collect its garbage first. */
static const struct {
    const struct source_ops *ops;
    wanted_fn *wanted; /* NULL: its open decides */
} registry[] = {
    {&source_ops_agent, NULL},           {&source_ops_process, wants_process},
    {&source_ops_memory, wants_process}, {&source_ops_cgroup, wants_cgroup},
    {&source_ops_python, NULL},          {&source_ops_jvm, NULL},
    {&source_ops_http, wants_custom},    {&source_ops_command, wants_custom},
};

#define SOURCES (sizeof registry / sizeof *registry)

struct source {
    const struct source_ops *ops;
    void *state;
    size_t n;
    int *column;    /* place of each metric in the values, -1: dropped */
    double *values; /* of the last read */
    bool *had;      /* it had a value in the read before */
    struct helper *helper;
    int64_t tick_ns[2]; /* what the last two reads at ticks cost */
    int64_t next_ns;    /* a rationed source's next one */
    atomic_llong reads, total_ns;
    char text[128];
};

struct sources {
    const struct source_host *host;
    struct source at[SOURCES];
    size_t n;
    const char *names[MAX_METRICS];
    size_t nnames;
    int share;
    size_t reading;
};

static void count_cost(struct source *s, int64_t ns)
{
    atomic_fetch_add(&s->reads, 1);
    atomic_fetch_add(&s->total_ns, ns);
}

static bool name_taken(const struct sources *s, const char *name)
{
    for (size_t i = 0; i < s->nnames; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

static void add_columns(struct sources *s, struct source *src,
                        const char *const *names)
{
    src->column = mem_zalloc(src->n, sizeof *src->column);
    for (size_t i = 0; i < src->n; i++) {
        src->column[i] = -1;
        if (s->nnames == MAX_METRICS || name_taken(s, names[i])) {
            s->host->note(s->host->host,
                          s->nnames == MAX_METRICS
                              ? "too many metrics: %s of source %s is left out"
                              : "metric %s is there already: source %s's is "
                                "left out",
                          names[i], src->ops->name);
            continue;
        }
        src->column[i] = (int)s->nnames;
        s->names[s->nnames++] = names[i];
    }
}

/* What a read costs is counted in CPU time: that the scheduler took the CPU
 * away for a while in between is no reason to read more rarely. */
static int64_t thread_cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

/* A source may do more on one tick than on the next (a census now and then):
 * the lesser of two counts, so that it is not punished for rationing itself. */
static int64_t price(const struct source *src)
{
    return src->tick_ns[0] < src->tick_ns[1] ? src->tick_ns[0]
                                             : src->tick_ns[1];
}

static void read_once(struct sources *s, struct source *src,
                      const struct source_read *how)
{
    int64_t from = clock_now_ns(), cpu = thread_cpu_ns(), now;

    for (size_t i = 0; i < src->n; i++)
        src->values[i] = NAN;
    src->ops->read(src->state, s->host, how, src->values);
    now = clock_now_ns();
    count_cost(src, now - from);
    if (!how->exact) {
        src->tick_ns[1] = src->tick_ns[0];
        src->tick_ns[0] = thread_cpu_ns() - cpu;
    }
    src->next_ns = now + price(src) * s->share;
}

/* The pilot: what does a read cost? Slow sources had theirs in open. */
static void try_out(struct sources *s, struct source *src)
{
    struct source_read how = {false, clock_now_ns() + 5 * CLOCK_NS_PER_S};

    if (src->ops->cost == SOURCE_SLOW)
        src->helper = helper_new(src->ops, src->state, src->n, s->host);
    for (int i = 0; i < 2 && src->ops->cost == SOURCE_RATIONED; i++)
        read_once(s, src, &how);
}

static int open_one(struct sources *s, const struct source_ops *ops,
                    struct err *err)
{
    struct source *src = &s->at[s->n];
    const char *const *names = NULL;

    *src = (struct source){.ops = ops};
    if (ops->open(s->host, &src->state, &names, &src->n, err) != 0)
        return err_wrap(err, "source %s", ops->name);
    if (src->n == 0) {
        ops->close(src->state);
        return 0;
    }
    atomic_init(&src->reads, 0);
    atomic_init(&src->total_ns, 0);
    src->values = mem_zalloc(src->n, sizeof *src->values);
    src->had = mem_zalloc(src->n, sizeof *src->had);
    add_columns(s, src, names);
    s->n++;
    try_out(s, src);
    return 0;
}

int sources_open(const struct source_host *host, struct sources **out,
                 struct err *err)
{
    const struct scenario *sc = host->scenario;
    struct sources *s = mem_zalloc(1, sizeof *s);

    s->host = host;
    s->share = sc->load.blocks > 0 ? SHARE_BLOCKS : SHARE_SOAK;
    for (size_t i = 0; i < SOURCES; i++)
        if ((registry[i].wanted == NULL || registry[i].wanted(&sc->sample)) &&
            open_one(s, registry[i].ops, err) != 0) {
            sources_close(&s);
            return -1;
        }
    *out = s;
    return 0;
}

size_t sources_metrics(const struct sources *s, const char *const **names)
{
    *names = s->names;
    return s->nnames;
}

/* ---- reading ---- */

static bool is_due(const struct source *src, bool exact, int64_t now)
{
    if (exact || src->ops->cost == SOURCE_EVERY_TICK)
        return true;
    return src->ops->cost == SOURCE_RATIONED &&
           (price(src) <= CHEAP_NS || now >= src->next_ns);
}

/* Something that could be read before is not there now. */
static bool any_lost(const struct source *src)
{
    for (size_t i = 0; i < src->n; i++)
        if (src->had[i] && isnan(src->values[i]))
            return true;
    return false;
}

static void take_over(const struct source *src, double *values)
{
    for (size_t i = 0; i < src->n; i++)
        if (src->column[i] >= 0)
            values[src->column[i]] = src->values[i];
}

/* Slow sources are asked first and waited for last; at a barrier they are
 * asked when the others, the agent above all, are through. */
static void ask_slow(struct sources *s, const struct source_read *how)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].helper != NULL) {
            int64_t cost;

            /* A late answer to the last tick's question is stale. */
            if (helper_take(s->at[i].helper, 0, s->at[i].values, &cost))
                count_cost(&s->at[i], cost);
            helper_ask(s->at[i].helper, how);
        }
}

static void take_slow(struct sources *s, const struct source_read *how,
                      int64_t until, double *values)
{
    for (size_t i = 0; i < s->n; i++) {
        struct source *src = &s->at[i];
        int64_t cost;

        if (src->helper == NULL ||
            !helper_take(src->helper, how->exact ? how->deadline_ns : until,
                         src->values, &cost))
            continue;
        count_cost(src, cost);
        take_over(src, values);
    }
}

/* A process that starts or ends during the read makes a sum that never was
 * true: at a barrier that is looked for, at a tick only when it shows. */
static void read_whole(struct sources *s, struct source *src,
                       const struct source_read *how,
                       bool (*changed)(void *user), void *user)
{
    for (size_t k = 0; k < src->n; k++)
        src->had[k] = !isnan(src->values[k]);
    for (int i = 0; i < (how->exact ? READS_EXACT : READS_TICK); i++) {
        read_once(s, src, how);
        if ((!how->exact && !any_lost(src)) || !changed(user))
            return;
    }
}

void sources_read(struct sources *s, const struct source_read *how,
                  bool (*changed)(void *user), void *user, double *values)
{
    int64_t now = clock_now_ns();

    for (size_t i = 0; i < s->nnames; i++)
        values[i] = NAN;
    if (!how->exact)
        ask_slow(s, how);
    for (size_t i = 0; i < s->n; i++) {
        struct source *src = &s->at[i];

        s->reading = i;
        if (src->helper != NULL || !is_due(src, how->exact, now))
            continue;
        read_whole(s, src, how, changed, user);
        take_over(src, values);
    }
    if (how->exact)
        ask_slow(s, how);
    take_slow(s, how, now + SLOW_WAIT_NS, values);
}

size_t sources_reading(const struct sources *s)
{
    return s->reading;
}

/* ---- cost, closing ---- */

int64_t sources_cost_ns(const struct sources *s)
{
    int64_t sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += atomic_load(&s->at[i].total_ns);
    return sum;
}

const char *sources_cost_text(struct sources *s, size_t i)
{
    struct source *src;
    long long reads, ns;

    if (i >= s->n)
        return NULL;
    src = &s->at[i];
    reads = atomic_load(&src->reads);
    ns = atomic_load(&src->total_ns);
    snprintf(src->text, sizeof src->text, "%s: %.3f ms x %lld", src->ops->name,
             reads > 0 ? (double)ns / (double)reads / 1e6 : 0, reads);
    return src->text;
}

void sources_close(struct sources **sp)
{
    struct sources *s = *sp;

    *sp = NULL;
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        helper_free(s->at[i].helper);
        s->at[i].ops->close(s->at[i].state);
        free(s->at[i].column);
        free(s->at[i].values);
        free(s->at[i].had);
    }
    free(s);
}
