#include "harness/load/counters.h"

#include "harness/base/mem.h"

#include <stdlib.h>

void counters_init(struct counters *c, size_t nkinds, size_t nrequests)
{
    *c = (struct counters){.nkinds = nkinds, .nrequests = nrequests};
    c->kinds = mem_zalloc(nkinds, sizeof *c->kinds);
    c->requests = mem_zalloc(nrequests, sizeof *c->requests);
}

void counters_release(struct counters *c)
{
    free(c->kinds);
    free(c->requests);
    c->kinds = c->requests = NULL;
}

static void set(counter *c, uint64_t v)
{
    atomic_store_explicit(c, v, memory_order_relaxed);
}

void counters_from_engine(struct counters *c, const struct engine_stats *s)
{
    set(&c->connects, s->connects);
    set(&c->retries, s->retries);
    set(&c->bytes_in, s->bytes_in);
    set(&c->bytes_out, s->bytes_out);
}

static void sum_kinds(const struct kind_counters *from, size_t n,
                      struct load_kind_counts *to)
{
    for (size_t i = 0; to != NULL && i < n; i++) {
        to[i].ok += counter_get(&from[i].ok);
        to[i].errors += counter_get(&from[i].errors);
        to[i].sent += counter_get(&from[i].sent);
    }
}

void counters_sum(const struct counters *c, struct load_counts *out,
                  struct load_kind_counts *kinds,
                  struct load_kind_counts *requests)
{
    uint64_t ok = counter_get(&c->all.ok);
    uint64_t errors = counter_get(&c->all.errors);
    uint64_t sent = counter_get(&c->all.sent);

    out->sent += sent;
    out->ok += ok;
    out->errors += errors;
    /* Read while running, the three may not be of one moment. */
    out->in_flight += sent > ok + errors ? sent - ok - errors : 0;
    out->late += counter_get(&c->late);
    out->unsent += counter_get(&c->unsent);
    for (int i = 0; i < TRANSFER_ERRORS; i++)
        out->by_error[i] += counter_get(&c->by_error[i]);
    out->unexpected_status += counter_get(&c->unexpected_status);
    out->failed_checks += counter_get(&c->failed_checks);
    out->failed_captures += counter_get(&c->failed_captures);
    out->connects += counter_get(&c->connects);
    out->retries += counter_get(&c->retries);
    out->bytes_in += counter_get(&c->bytes_in);
    out->bytes_out += counter_get(&c->bytes_out);
    sum_kinds(c->kinds, c->nkinds, kinds);
    sum_kinds(c->requests, c->nrequests, requests);
}
