/* What the agents in the target's processes are asked after a leak. */
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/cli/diagnose_impl.h"
#include "harness/cli/tool_run.h"
#include "harness/sampler/agent/agent.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRACE_FRAMES = 12,
    TRACE_S = 60, /* the agent's dead-man timer */
    CALL_S = 10,
    WORTH_CHAIN = 4, /* chains of one instance in so many are told */
    DEEP_S = 2,      /* for what a container holds in all */
    REPLY_MAX = 2 << 20,
};

/* Asks one process; gives the answer, or NULL (noted once). */
static json_t *ask(struct diagnose *d, int64_t pid, const char *request)
{
    int64_t left = diagnose_left_ns(d), longest = CALL_S * CLOCK_NS_PER_S;
    struct buf reply;
    struct err err;
    json_t *doc = NULL, *error;

    if (left == 0)
        return NULL;
    buf_init(&reply, REPLY_MAX);
    if (agent_call(d->agent, pid, request,
                   left / 2 < longest ? left / 2 : longest, &reply, &err) != 0)
        diagnose_note_once(d, err.msg);
    else if (!json_is_object(doc = json_loads(buf_str(&reply), 0, NULL)))
        diagnose_note_once(d, "the agent's answer could not be read");
    buf_release(&reply);
    error = json_object_get(doc, "error");
    if (error != NULL) {
        diagnosis_note(&d->found, "the agent said: %s",
                       json_is_string(error) ? json_string_value(error)
                                             : "something that is no text");
        json_decref(doc);
        return NULL;
    }
    return doc;
}

/* ---- memray, where the target has it ---- */

static void start_profile(struct diagnose *d, size_t i)
{
    json_t *doc = ask(d, diagnose_pid(d, i), "profile_start");

    d->profiling = d->profiling || json_is_true(json_object_get(doc, "memray"));
    json_decref(doc);
}

void diagnose_agent_profile(struct diagnose *d)
{
    double largest = 0;

    for (size_t i = 0, n = diagnose_processes(d); d->profiling && i < n; i++) {
        json_t *doc = ask(d, diagnose_pid(d, i), "profile_take");
        const json_t *size = json_object_get(doc, "size");
        const char *path = json_string_value(json_object_get(doc, "path"));
        const char *exe = json_string_value(json_object_get(doc, "executable"));

        if (path != NULL && exe != NULL && json_number_value(size) > largest) {
            largest = json_number_value(size);
            free(d->recording);
            free(d->interpreter);
            d->recording = mem_strdup(path);
            d->interpreter = mem_strdup(exe);
        }
        json_decref(doc);
    }
}

void diagnose_agent_draw(struct diagnose *d)
{
    char *full = realpath(rundir_path(d->rd), NULL);
    char *to = full != NULL ? file_join(full, DIAGNOSIS_FLAMEGRAPH)
                            : mem_strdup(DIAGNOSIS_FLAMEGRAPH);
    struct buf said;
    struct err err;

    buf_init(&said, 1 << 16);
    if (d->recording != NULL && diagnose_left_ns(d) > 0) {
        const char *argv[] = {
            d->interpreter, "-m", "memray", "flamegraph", "--leaks", "--no-web",
            "-f",           "-o", to,       d->recording, NULL};

        if (tool_run(argv, NULL, NULL, diagnose_left_ns(d), &said, &err) == 0)
            d->found.flamegraph = mem_strdup(DIAGNOSIS_FLAMEGRAPH);
        else
            diagnosis_note(&d->found, "memray drew no flame graph: %s",
                           err.msg);
    }
    buf_release(&said);
    free(full);
    free(to);
}

/* "mark" or the like, and types. The agent takes 4 KiB; a longer list names
 * no type. */
static void name_types(const char *verb, char *const *types, size_t n,
                       struct buf *out)
{
    buf_init(out, 4000);
    buf_adds(out, verb);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "\t%s", types[i]);
}

void diagnose_agent_start(struct diagnose *d)
{
    struct buf mark;
    char trace[64];

    name_types("mark", d->types, d->ntypes, &mark);
    for (size_t i = 0, n = diagnose_processes(d); i < n; i++) {
        json_t *doc;

        /* memray takes its time to come up: in the youngest process alone. */
        snprintf(trace, sizeof trace, "trace_start\t%d\t%d%s", TRACE_FRAMES,
                 TRACE_S, i + 1 == n ? "\tmemray" : "");
        doc = ask(d, diagnose_pid(d, i), trace);
        d->tracing = d->tracing || doc != NULL;
        if (doc != NULL) {
            if (i + 1 == n)
                start_profile(d, i);
            json_decref(ask(d, diagnose_pid(d, i), buf_str(&mark)));
        }
        json_decref(doc);
    }
    buf_release(&mark);
}

static double number_at(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* ---- allocation sites ---- */

static char *join_frames(const json_t *frames)
{
    struct buf text;
    size_t i;
    json_t *f;

    buf_init(&text, 1 << 16);
    json_array_foreach(frames, i, f)
    {
        if (json_is_string(f))
            buf_addf(&text, "%s%s", i > 0 ? "\n" : "", json_string_value(f));
    }
    return buf_take(&text);
}

/* Adds a site, or adds to the one another worker told of already. */
static void add_site(struct diagnose *d, const json_t *row, double requests)
{
    const json_t *frames = json_object_get(row, "frames");
    const char *where = json_string_value(json_array_get(frames, 0));
    struct diagnosis_site site = {
        .where = (char *)(where != NULL ? where : "?"),
        .trace = join_frames(frames),
        .bytes_per_request = number_at(row, "bytes") / requests,
        .count_per_request = number_at(row, "count") / requests,
    };

    for (size_t i = 0; i < d->found.nsites; i++) {
        struct diagnosis_site *old = &d->found.sites[i];

        if (strcmp(old->trace, site.trace) != 0)
            continue;
        old->bytes_per_request += site.bytes_per_request;
        old->count_per_request += site.count_per_request;
        free(site.trace);
        return;
    }
    diagnosis_add_site(&d->found, &site);
    free(site.trace);
}

static int by_bytes(const void *a, const void *b)
{
    const struct diagnosis_site *x = a, *y = b;

    if (x->bytes_per_request != y->bytes_per_request)
        return x->bytes_per_request < y->bytes_per_request ? 1 : -1;
    return strcmp(x->trace, y->trace);
}

void diagnose_agent_sites(struct diagnose *d, double requests)
{
    for (size_t i = 0, n = diagnose_processes(d); i < n; i++) {
        json_t *doc = ask(d, diagnose_pid(d, i), "trace_take\t30"), *row;
        size_t k;

        json_array_foreach(json_object_get(doc, "sites"), k, row)
        {
            add_site(d, row, requests);
        }
        json_decref(doc);
    }
    if (d->found.nsites > 0)
        qsort(d->found.sites, d->found.nsites, sizeof *d->found.sites,
              by_bytes);
}

/* ---- holders ---- */

static unsigned count_at(const json_t *doc, const char *key)
{
    double v = number_at(doc, key);

    return v > 0 && v < 1e9 ? (unsigned)v : 0;
}

/* Of all instances of a type, those that are the teller's. */
static double share_of(const struct diagnose_teller *t)
{
    return t->fresh > 0   ? t->fresh / t->all_fresh
           : t->total > 0 ? t->total / t->all
                          : 1;
}

/* A chain's container with a limit, as the agent tells it. */
static struct diagnosis_bound bound_at(const json_t *row,
                                       const struct diagnose_teller *t)
{
    const json_t *b = json_object_get(row, "bound");

    return (struct diagnosis_bound){
        .container = (char *)json_string_value(json_object_get(b, "container")),
        .entry = (char *)json_string_value(json_object_get(b, "entry")),
        .size = number_at(b, "size"),
        .limit = number_at(b, "limit"),
        .share = share_of(t)};
}

static void take_chains(struct diagnose *d, const json_t *doc, const char *type,
                        const struct diagnose_teller *t)
{
    struct holders h = {.instances = count_at(doc, "instances"),
                        .sampled = count_at(doc, "sampled"),
                        .lone = count_at(doc, "lone"),
                        .cycles = count_at(doc, "cycles")};
    size_t k;
    json_t *row;

    json_array_foreach(json_object_get(doc, "chains"), k, row)
    {
        const char *text = json_string_value(json_object_get(row, "chain"));

        /* One in eight dicts hangs anywhere: that tells nothing. */
        if (text == NULL ||
            number_at(row, "count") * WORTH_CHAIN < (double)h.sampled)
            continue;
        diagnosis_add_chain(
            &d->found,
            &(struct diagnosis_chain){.type = (char *)type,
                                      .text = (char *)text,
                                      .instances = number_at(doc, "instances"),
                                      .sampled = number_at(doc, "sampled"),
                                      .found = number_at(row, "count"),
                                      .bound = bound_at(row, t)});
    }
    diagnose_add_unheld(d, type, &h,
                        json_is_false(json_object_get(doc, "collector"))
                            ? "; the collector is off"
                            : " that the collector cannot take");
}

/* The process in which most instances of a type came since the mark tells who
 * holds them; of those alike, the one with the most. */
static void choose_tellers(struct diagnose *d, char *const *types, size_t n,
                           struct diagnose_teller *best)
{
    size_t procs = diagnose_processes(d);
    struct buf request;

    name_types("instances", types, n, &request);
    for (size_t i = 0; n > 0 && i < procs; i++) {
        int64_t pid = diagnose_pid(d, i);
        json_t *doc = ask(d, pid, buf_str(&request));
        const json_t *fresh = json_object_get(doc, "fresh");
        const json_t *total = json_object_get(doc, "total");

        for (size_t k = 0; k < n; k++) {
            struct diagnose_teller t = {
                .pid = pid,
                .fresh = json_number_value(json_array_get(fresh, k)),
                .total = json_number_value(json_array_get(total, k))};

            t.all_fresh = best[k].all_fresh += t.fresh;
            t.all = best[k].all += t.total;
            if (t.fresh > best[k].fresh ||
                (t.fresh >= best[k].fresh && t.total > best[k].total))
                best[k] = t;
        }
        json_decref(doc);
    }
    buf_release(&request);
}

void diagnose_agent_tellers(struct diagnose *d)
{
    choose_tellers(d, d->types, d->ntypes, d->teller);
}

/* ---- pympler, where the target has it ---- */

static bool is_counted(const struct diagnose *d, const char *holder)
{
    for (size_t i = 0; i < d->found.nchains; i++) {
        const char *known = d->found.chains[i].deep.holder;

        if (known != NULL && strcmp(known, holder) == 0)
            return true;
    }
    return false;
}

/* The chain added at `at`, if there is one, is the one most instances hang on:
 * what its container holds in all. It may take seconds, and a part of what is
 * left at most. */
static void count_deep(struct diagnose *d, const json_t *doc, size_t at,
                       const struct diagnose_teller *t)
{
    const char *holder = json_string_value(json_object_get(doc, "holder"));
    double seconds = (double)diagnose_left_ns(d) / 1e9 / 8;
    char request[32];
    json_t *reply;

    if (holder == NULL || at == d->found.nchains || is_counted(d, holder))
        return;
    snprintf(request, sizeof request, "deep\t%.2f",
             seconds < DEEP_S ? seconds : DEEP_S);
    reply = ask(d, t->pid, request);
    if (number_at(reply, "bytes") > 0)
        d->found.chains[at].deep = (struct diagnosis_deep){
            .holder = mem_strdup(holder),
            .bytes = number_at(reply, "bytes"),
            .whole = json_is_true(json_object_get(reply, "whole")),
            .least = json_is_true(json_object_get(reply, "least")),
            .share = share_of(t)};
    json_decref(reply);
}

bool diagnose_agent_holders(struct diagnose *d, const char *type)
{
    struct diagnose_teller t = {0};
    char *request, *one = (char *)type;
    size_t i = 0;
    json_t *doc;
    bool any;

    while (i < d->ntypes && strcmp(d->types[i], type) != 0)
        i++;
    if (i < d->ntypes)
        t = d->teller[i];
    else
        choose_tellers(d, &one, 1, &t);
    if (t.pid == 0)
        return false;
    request = mem_printf("holders\t%s\t8\t4", type);
    doc = ask(d, t.pid, request);
    any = number_at(doc, "instances") > 0;
    if (any) {
        size_t at = d->found.nchains;

        take_chains(d, doc, type, &t);
        count_deep(d, doc, at, &t);
    }
    json_decref(doc);
    free(request);
    return any;
}
