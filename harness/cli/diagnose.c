#include "harness/cli/diagnose.h"

#include "analyzers/verdict.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/proctree.h"
#include "harness/model/diagnosis.h"
#include "harness/model/record.h"
#include "harness/sampler/agent/agent.h"
#include "harness/sampler/inspect/holders.h"
#include "harness/sampler/mappings.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TYPES = 5,  /* growing types whose holders are looked for */
    MOST_PROCS = 16, /* processes asked */
    TRACE_FRAMES = 12,
    TRACE_S = 60, /* the agent's dead-man timer */
    CALL_S = 15,
    MOST_LOOKED = 4, /* processes searched from outside; workers are alike */
    MOST_CHAINS = 3, /* told per type */
    WORTH_CHAIN = 4, /* those that hold one instance in so many */
    SAMPLES = 16,    /* instances followed */
    LOOK_S = 3,      /* per type */
    REPLY_MAX = 2 << 20,
    WORTH_BYTES = 64 << 10, /* growth of a mapping worth a line */
};

struct diagnose {
    struct rundir *rd;
    const char *agent; /* folder, or NULL: no agent */
    struct proctree *tree;
    struct mappings before;
    struct diagnosis found;
    char *types[MOST_TYPES];
    size_t ntypes;
    bool tracing;
    bool blind; /* python = off: the target's memory is not read */
    int64_t started_ns;
};

/* ---- which types to look for ---- */

static void want_type(struct diagnose *d, const char *type)
{
    for (size_t i = 0; i < d->ntypes; i++)
        if (strcmp(d->types[i], type) == 0)
            return;
    if (d->ntypes < MOST_TYPES)
        d->types[d->ntypes++] = mem_strdup(type);
}

static bool is_builtin(const char *type)
{
    return strchr(type, '.') == NULL || strncmp(type, "builtins.", 9) == 0;
}

/* The service's own types first: a dict that grows tells nothing by itself.
 * Then what is proven, then what only seems to grow. */
static void choose_types(struct diagnose *d, const struct verdict *v)
{
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < v->ntypes; i++)
            if (v->types[i].significant == (round < 2) &&
                v->types[i].count_per_request.value > 0 &&
                is_builtin(v->types[i].type) == (round % 2 == 1))
                want_type(d, v->types[i].type);
}

bool diagnose_open(struct rundir *rd, const struct scenario *sc,
                   const struct proc_id *roots, size_t nroots, int64_t guardian,
                   struct diagnose **out)
{
    struct record r;
    struct verdict v;
    struct err err;
    bool leak;

    if (record_load(rundir_path(rd), &r, &err) != 0)
        return false;
    verdict_judge(&r, NULL, &v);
    leak = v.outcome == OUTCOME_LEAK;
    if (leak) {
        struct diagnose *d = mem_zalloc(1, sizeof *d);

        d->rd = rd;
        d->agent = sc->sample.python == PYTHON_AGENT ? agent_dir(sc) : NULL;
        d->blind = sc->sample.python == PYTHON_OFF;
        d->tree = proctree_new(guardian);
        for (size_t i = 0; i < nroots; i++)
            proctree_add(d->tree, roots[i]);
        d->started_ns = clock_now_ns();
        d->found.ran = true;
        choose_types(d, &v);
        *out = d;
    }
    verdict_release(&v);
    record_release(&r);
    return leak;
}

/* ---- asking the agents ---- */

static size_t processes(struct diagnose *d)
{
    size_t n = proctree_scan(d->tree, NULL, NULL);

    return n < MOST_PROCS ? n : MOST_PROCS;
}

/* Asks one process; gives the answer, or NULL (noted when `name_failure`). */
static json_t *ask(struct diagnose *d, size_t i, const char *request)
{
    struct buf reply;
    struct err err;
    json_t *doc = NULL;

    buf_init(&reply, REPLY_MAX);
    if (agent_call(d->agent, proctree_at(d->tree, i)->id.pid, request,
                   CALL_S * CLOCK_NS_PER_S, &reply, &err) == 0)
        doc = json_loads(buf_str(&reply), 0, NULL);
    buf_release(&reply);
    if (json_object_get(doc, "error") != NULL) {
        diagnosis_note(&d->found, "the agent said: %s",
                       json_string_value(json_object_get(doc, "error")));
        json_decref(doc);
        return NULL;
    }
    return doc;
}

void diagnose_before(struct diagnose *d)
{
    char request[64];

    snprintf(request, sizeof request, "trace_start\t%d\t%d", TRACE_FRAMES,
             TRACE_S);
    for (size_t i = 0, n = processes(d); i < n; i++) {
        json_t *doc;

        mappings_read(proctree_at(d->tree, i)->id.pid, &d->before);
        if (d->agent == NULL)
            continue;
        doc = ask(d, i, request);
        d->tracing = d->tracing || doc != NULL;
        json_decref(doc);
    }
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

static void take_sites(struct diagnose *d, double requests)
{
    for (size_t i = 0, n = processes(d); i < n; i++) {
        json_t *doc = ask(d, i, "trace_take\t30"), *row;
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

static void take_chains(struct diagnose *d, const json_t *doc, const char *type)
{
    size_t k;
    json_t *row;

    json_array_foreach(json_object_get(doc, "chains"), k, row)
    {
        const char *text = json_string_value(json_object_get(row, "chain"));

        if (text == NULL)
            continue;
        diagnosis_add_chain(
            &d->found,
            &(struct diagnosis_chain){.type = (char *)type,
                                      .text = (char *)text,
                                      .instances = number_at(doc, "instances"),
                                      .sampled = number_at(doc, "sampled"),
                                      .found = number_at(row, "count")});
    }
}

/* The process with the most instances tells; workers of a pool are alike. */
static void ask_holders(struct diagnose *d, const char *type)
{
    char *request = mem_printf("holders\t%s\t5\t4", type);
    json_t *best = NULL;

    for (size_t i = 0, n = processes(d); i < n; i++) {
        json_t *doc = ask(d, i, request);

        if (doc != NULL && (best == NULL || number_at(doc, "instances") >
                                                number_at(best, "instances"))) {
            json_decref(best);
            best = doc;
        } else {
            json_decref(doc);
        }
    }
    take_chains(d, best, type);
    json_decref(best);
    free(request);
}

/* ---- holders, without an agent ---- */

/* What hangs on what in one process, read from outside. Keeps the better of
 * it and `best`. */
static void look_outside(int64_t pid, const char *type, int64_t until_ns,
                         struct holders *best)
{
    int64_t left = until_ns - clock_now_ns();
    struct census_reader *r = left > 0 ? census_open(pid, NULL) : NULL;
    struct holders h;

    if (r != NULL && holders_find(r, type, SAMPLES, left, &h, NULL) == 0) {
        if (h.instances > best->instances) {
            struct holders worse = *best;

            *best = h;
            h = worse;
        }
        holders_release(&h);
    }
    census_close(&r);
}

static void find_holders(struct diagnose *d, const char *type, int64_t until_ns)
{
    struct holders best = {0};

    for (size_t i = 0, n = processes(d); i < n && i < MOST_LOOKED; i++)
        look_outside(proctree_at(d->tree, i)->id.pid, type, until_ns, &best);
    /* One in sixteen strings hangs anywhere: that tells nothing. */
    for (size_t i = 0; i < best.nchains && i < MOST_CHAINS &&
                       best.chains[i].found * WORTH_CHAIN >= best.sampled;
         i++)
        diagnosis_add_chain(&d->found, &(struct diagnosis_chain){
                                           .type = (char *)type,
                                           .text = best.chains[i].text,
                                           .instances = (double)best.instances,
                                           .sampled = best.sampled,
                                           .found = best.chains[i].found});
    if (best.partial)
        diagnosis_note(&d->found,
                       "the search for holders of %s from outside ran out of "
                       "time",
                       type);
    holders_release(&best);
}

/* ---- mappings ---- */

static void take_mappings(struct diagnose *d)
{
    struct mappings after = {.n = 0};

    for (size_t i = 0, n = processes(d); i < n; i++)
        mappings_read(proctree_at(d->tree, i)->id.pid, &after);
    for (size_t i = 0; i < after.n; i++) {
        double grown = after.at[i].private_bytes -
                       mappings_bytes(&d->before, after.at[i].name);

        if (grown >= WORTH_BYTES)
            diagnosis_add_mapping(
                &d->found, &(struct diagnosis_mapping){
                               .name = after.at[i].name,
                               .grown_bytes = grown,
                               .resident_bytes = after.at[i].private_bytes});
    }
    mappings_release(&after);
}

void diagnose_after(struct diagnose *d, double requests)
{
    struct buf text;
    struct err err;

    d->found.requests = requests;
    d->found.method =
        mem_strdup(d->tracing ? "through the agent" : "from outside");
    take_mappings(d);
    if (d->tracing && requests > 0)
        take_sites(d, requests);
    for (size_t i = 0; d->tracing && i < d->ntypes; i++)
        ask_holders(d, d->types[i]);
    if (!d->tracing && !d->blind)
        for (size_t i = 0; i < d->ntypes; i++)
            find_holders(d, d->types[i],
                         clock_now_ns() + LOOK_S * CLOCK_NS_PER_S);
    d->found.seconds = (double)(clock_now_ns() - d->started_ns) / 1e9;
    buf_init(&text, 16 << 20);
    diagnosis_write(&d->found, &text);
    if (rundir_document(d->rd, "diagnosis.json", &text, &err) != 0)
        diagnosis_note(&d->found, "%s", err.msg);
    buf_release(&text);
}

void diagnose_close(struct diagnose **d)
{
    if (*d == NULL)
        return;
    for (size_t i = 0; i < (*d)->ntypes; i++)
        free((*d)->types[i]);
    mappings_release(&(*d)->before);
    diagnosis_release(&(*d)->found);
    proctree_free((*d)->tree);
    free(*d);
    *d = NULL;
}
