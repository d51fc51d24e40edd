#include "harness/cli/diagnose.h"

#include "analyzers/verdict.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/cli/diagnose_impl.h"
#include "harness/cli/nearest.h"
#include "harness/cli/worth.h"
#include "harness/model/record.h"
#include "harness/sampler/agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PROCS = 16,        /* processes asked */
    WORTH_BYTES = 64 << 10, /* growth of a mapping worth a line */
    WORTH_CHAIN = 4, /* what is true of one instance in so many is told */
    LOAD_LONGEST_S = 8,
    LOOK_LONGEST_S = 4, /* per type, from outside */
};

int64_t diagnose_left_ns(const struct diagnose *d)
{
    int64_t left = d->started_ns + d->limit_ns - clock_now_ns();

    return atomic_load(&d->hurry) || left < 0 ? 0 : left;
}

void diagnose_hurry(struct diagnose *d)
{
    atomic_store(&d->hurry, true);
}

size_t diagnose_processes(struct diagnose *d)
{
    size_t n = proctree_scan(d->tree, NULL, NULL);

    return n < MOST_PROCS ? n : MOST_PROCS;
}

int64_t diagnose_pid(const struct diagnose *d, size_t i)
{
    return proctree_at(d->tree, i)->id.pid;
}

void diagnose_note_once(struct diagnose *d, const char *text)
{
    for (size_t i = 0; i < d->found.nnotes; i++)
        if (strcmp(d->found.notes[i], text) == 0)
            return;
    diagnosis_note(&d->found, "%s", text);
}

static void choose_types(struct diagnose *d, const struct verdict *v,
                         const char *command)
{
    const char *types[DIAGNOSE_TYPES];

    d->ntypes = worth_types(v, command, types, DIAGNOSE_TYPES);
    for (size_t i = 0; i < d->ntypes; i++)
        d->types[i] = mem_strdup(types[i]);
    d->grown = mem_zalloc(v->ntypes + 1, sizeof *d->grown);
    for (size_t i = 0; i < v->ntypes; i++)
        if (v->types[i].significant && v->types[i].count_per_request.value > 0)
            d->grown[d->ngrown++] = mem_strdup(v->types[i].type);
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
        d->limit_ns = sc->policy.diagnose_ns;
        d->found.ran = true;
        choose_types(d, &v, r.command);
        *out = d;
    }
    verdict_release(&v);
    record_release(&r);
    return leak;
}

void diagnose_before(struct diagnose *d)
{
    for (size_t i = 0, n = diagnose_processes(d); i < n; i++)
        mappings_read(diagnose_pid(d, i), &d->before);
    if (d->agent != NULL)
        diagnose_agent_start(d);
    if (!d->blind)
        diagnose_outside_start(d);
}

/* A quarter of what is left for the load, an eighth for its last answers: a
 * service that hangs leaves time to look at it. */
void diagnose_bound(const struct diagnose *d, const struct scenario *sc,
                    struct load_phase *phase)
{
    int64_t left = diagnose_left_ns(d);
    int64_t longest = LOAD_LONGEST_S * CLOCK_NS_PER_S;

    phase->duration_ns = left / 4 < longest ? left / 4 + 1 : longest;
    phase->drain_ns =
        sc->load.timeout_ns < left / 8 ? sc->load.timeout_ns : left / 8 + 1;
}

/* ---- mappings ---- */

static void take_mappings(struct diagnose *d)
{
    struct mappings after = {.n = 0};

    for (size_t i = 0, n = diagnose_processes(d); i < n; i++)
        mappings_read(diagnose_pid(d, i), &after);
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

/* ---- holders ---- */

static void add_unheld(struct diagnose *d, const char *type,
                       const struct holders *h, unsigned found,
                       const char *text)
{
    if (found == 0 || found * WORTH_CHAIN < h->sampled)
        return;
    diagnosis_add_chain(
        &d->found, &(struct diagnosis_chain){.type = (char *)type,
                                             .text = (char *)text,
                                             .instances = (double)h->instances,
                                             .sampled = h->sampled,
                                             .found = found,
                                             .unheld = true});
}

void diagnose_add_unheld(struct diagnose *d, const char *type,
                         const struct holders *h, const char *collector)
{
    char *cycle = mem_printf("nothing but itself: a cycle of references%s -> "
                             "%s",
                             collector, type);
    char *lone = mem_printf("nothing in Python: C code that keeps it, or that "
                            "did not give its reference back (Py_DECREF) -> %s",
                            type);

    add_unheld(d, type, h, h->cycles, cycle);
    if (worth_lost(h->lone, h->sampled))
        add_unheld(d, type, h, h->lone, lone);
    free(cycle);
    free(lone);
}

/* The agent sees what the collector tracks; the rest (bytes, arrays) is found
 * from outside. */
static void find_holders_of(struct diagnose *d, const char *type,
                            int64_t share_ns)
{
    int64_t longest = LOOK_LONGEST_S * CLOCK_NS_PER_S;

    if (share_ns > 0 && !d->blind &&
        !(d->tracing && diagnose_agent_holders(d, type)))
        diagnose_outside_holders(d, type,
                                 share_ns < longest ? share_ns : longest);
}

/* What the others hang from is told first. */
static void put_nearest_first(struct diagnose *d)
{
    const char *type =
        nearest_type(&d->found, (const char *const *)d->grown, d->ngrown);
    bool looked = false;

    if (type == NULL)
        return;
    for (size_t i = 0; i < d->ntypes; i++)
        looked = looked || strcmp(d->types[i], type) == 0;
    if (!looked)
        find_holders_of(d, type, diagnose_left_ns(d));
    diagnosis_prefer(&d->found, type);
}

static void find_holders(struct diagnose *d)
{
    for (size_t i = 0; i < d->ntypes; i++)
        find_holders_of(d, d->types[i],
                        diagnose_left_ns(d) / (int64_t)(d->ntypes - i));
    put_nearest_first(d);
    diagnosis_rank(&d->found);
    if (d->ntypes > 0 && !d->blind && !atomic_load(&d->hurry) &&
        diagnose_left_ns(d) == 0)
        diagnose_note_once(d, "the time for the diagnosis was over before all "
                              "was looked at");
}

void diagnose_after(struct diagnose *d, double requests)
{
    d->found.requests = requests;
    take_mappings(d);
    if (d->tracing) {
        diagnose_agent_profile(d);
        if (requests > 0)
            diagnose_agent_sites(d, requests);
        diagnose_agent_tellers(d);
    }
    find_holders(d);
    diagnose_agent_draw(d);
    d->found.seconds = (double)(clock_now_ns() - d->started_ns) / 1e9;
}

void diagnose_write(struct diagnose *d, const char *note)
{
    struct buf text;
    struct err err;

    if (d->found.method == NULL)
        d->found.method =
            mem_strdup(d->tracing ? "through the agent" : "from outside");
    if (*note != '\0')
        diagnose_note_once(d, note);
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
    for (size_t i = 0; i < (*d)->ngrown; i++)
        free((*d)->grown[i]);
    free((*d)->grown);
    free((*d)->recording);
    free((*d)->interpreter);
    diagnose_outside_release(*d);
    mappings_release(&(*d)->before);
    diagnosis_release(&(*d)->found);
    proctree_free((*d)->tree);
    free(*d);
    *d = NULL;
}
