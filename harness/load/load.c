#include "harness/load/load.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/descriptors.h"
#include "harness/load/worker.h"
#include "harness/model/distinct.h"

#include <assert.h>
#include <curl/curl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* From load_start to the first request: time for the workers to wake. */
#define LEAD_NS (2 * CLOCK_NS_PER_MS)

struct load {
    struct load_config cfg;
    struct load_shared shared;
    struct worker *workers;
    int nopened; /* workers whose start was tried */
    const char *engine_why;
    uv_async_t *idle;   /* freed by its close callback */
    bool idle_told;     /* cfg.idle was called for the current phase */
    uint64_t replay_at; /* arrivals of the phases before */
    struct histogram *merged[3], *merged_request;
    struct load_second *rows; /* of the second being handed out */
    size_t nrows, row;
    struct seconds **books; /* the workers' */
    char *example;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool load_is_idle(const struct load *l)
{
    return atomic_load_explicit(&l->shared.busy, memory_order_acquire) == 0;
}

static void on_idle(uv_async_t *async)
{
    struct load *l = async->data;

    if (l == NULL || l->idle_told || !load_is_idle(l))
        return;
    l->idle_told = true;
    uv_unref((uv_handle_t *)l->idle);
    l->cfg.idle(l->cfg.user);
}

/* The i-th of `n` parts of `total`, as even as can be. */
static int part(int total, int n, int i)
{
    return total / n + (i < total % n ? 1 : 0);
}

static int start_workers(struct load *l, struct err *err)
{
    const struct scenario_load *sl = &l->cfg.scenario->load;
    int n = l->shared.nworkers;

    for (int i = 0; i < n; i++) {
        struct worker *w = &l->workers[i];

        w->shared = &l->shared;
        w->index = i;
        w->connections = part(sl->connections, n, i);
        w->nusers = sl->model == LOAD_CLOSED ? part(sl->users, n, i) : 0;
        l->nopened = i + 1;
        if (worker_start(w, err) != 0)
            return -1;
    }
    return 0;
}

/* As many workers as asked for, but each with a connection and a user. */
static int worker_count(const struct scenario_load *sl)
{
    int n = sl->threads > 0 ? sl->threads : 1;

    if (n > sl->connections)
        n = sl->connections;
    if (sl->model == LOAD_CLOSED && n > sl->users)
        n = sl->users;
    return n > 0 ? n : 1;
}

/* A user has one connection at a time. */
static int connections_at_most(const struct scenario_load *sl)
{
    return sl->model == LOAD_CLOSED && sl->users < sl->connections
               ? sl->users
               : sl->connections;
}

int load_open(const struct load_config *cfg, struct load **out, struct err *err)
{
    const struct scenario *sc = cfg->scenario;
    const char *name, *why;
    struct load *l;

    if (scenario_kinds(sc) == 0)
        return err_set(err, "no request has a weight: nothing to send");
    if (sc->load.connections < 1)
        return err_set(err, "load.connections must be at least 1");
    if (sc->load.model == LOAD_CLOSED && sc->load.users < 1)
        return err_set(err, "the closed model needs load.users");
    if (engine_choose(sc, &name, &why, err) != 0 ||
        (strcmp(name, "null") != 0 &&
         descriptors_reserve(connections_at_most(&sc->load), err) != 0))
        return -1;
    pthread_once(&curl_once, init_curl);
    l = mem_zalloc(1, sizeof *l);
    l->cfg = *cfg;
    l->engine_why = why;
    l->shared.sc = sc;
    l->shared.engine_name = name;
    l->idle = mem_zalloc(1, sizeof *l->idle);
    l->shared.idle = l->idle;
    l->shared.nworkers = worker_count(&sc->load);
    traffic_init(&l->shared.traffic, sc);
    l->shared.plan.shares =
        mem_zalloc(l->shared.traffic.nkinds, sizeof(double));
    l->workers = mem_zalloc((size_t)l->shared.nworkers, sizeof *l->workers);
    for (int i = 0; i < 3; i++)
        l->merged[i] = histogram_new();
    l->merged_request = histogram_new();
    l->rows = mem_zalloc(sc->nrequests, sizeof *l->rows);
    l->books = mem_zalloc((size_t)l->shared.nworkers, sizeof *l->books);
    uv_async_init(cfg->loop, l->idle, on_idle);
    l->idle->data = l;
    /* A load at rest does not keep the conductor's loop alive. */
    uv_unref((uv_handle_t *)l->idle);
    if (start_workers(l, err) != 0) {
        load_close(&l);
        return -1;
    }
    *out = l;
    return 0;
}

/* How many arrivals make `requests` requests, flows counting their steps. */
static uint64_t arrivals_for(const struct traffic *t, const double *shares,
                             uint64_t requests)
{
    double sum = 0, steps = 0, n;

    if (requests == 0)
        return UINT64_MAX;
    for (size_t k = 0; k < t->nkinds; k++) {
        double s = isfinite(shares[k]) && shares[k] > 0 ? shares[k] : 0;

        sum += s;
        steps += s * (double)t->kinds[k].steps;
    }
    if (sum <= 0 || steps <= sum)
        return requests;
    n = round((double)requests * sum / steps);
    return n >= 1 ? (uint64_t)n : 1;
}

void load_start(struct load *l, const struct load_phase *phase)
{
    struct load_shared *s = &l->shared;
    struct load_plan *p = &s->plan;
    size_t nkinds = s->traffic.nkinds;
    int64_t none = 0;
    uint64_t no;

    assert(load_is_idle(l));
    p->phase = *phase;
    p->phase.shares = NULL;
    for (size_t k = 0; k < nkinds; k++)
        p->shares[k] = phase->shares != NULL ? phase->shares[k]
                                             : scenario_kind_weight(s->sc, k);
    p->arrivals = s->sc->replay.nentries > 0 && phase->requests > 0
                      ? phase->requests
                      : arrivals_for(&s->traffic, p->shares, phase->requests);
    p->order_len = p->arrivals == UINT64_MAX ? 0 : p->arrivals;
    p->t0_ns = clock_now_ns() + LEAD_NS;
    p->end_ns =
        phase->duration_ns > 0 ? p->t0_ns + phase->duration_ns : INT64_MAX;
    pacer_init(&p->pacer, p->t0_ns, phase->rate_from_rps, phase->rate_to_rps,
               phase->duration_ns);
    /* A replay goes on where the phase before stopped. */
    l->replay_at += atomic_load(&s->arrived);
    p->replay_from = l->replay_at;
    atomic_store(&s->arrived, 0);
    atomic_compare_exchange_strong(&s->origin_ns, &none, p->t0_ns);
    atomic_store(&s->next_arrival, 0);
    l->idle_told = false;
    uv_ref((uv_handle_t *)l->idle);
    atomic_store_explicit(&s->busy, s->nworkers, memory_order_release);
    no = atomic_load(&s->phase_no) + 1;
    atomic_store_explicit(&s->phase_no, no, memory_order_release);
    for (int i = 0; i < s->nworkers; i++)
        uv_async_send(&l->workers[i].wake);
}

void load_stop(struct load *l)
{
    if (load_is_idle(l))
        return;
    atomic_store_explicit(&l->shared.stop_no, atomic_load(&l->shared.phase_no),
                          memory_order_release);
    for (int i = 0; i < l->shared.nworkers; i++)
        uv_async_send(&l->workers[i].wake);
}

int64_t load_origin_ns(const struct load *l)
{
    int64_t t = atomic_load(&l->shared.origin_ns);

    return t <= clock_now_ns() ? t : 0;
}

uint64_t load_requests(const struct load *l)
{
    uint64_t n = 0;

    for (int i = 0; i < l->shared.nworkers; i++)
        n += counter_get(&l->workers[i].counters.all.ok) +
             counter_get(&l->workers[i].counters.all.errors);
    return n;
}

void load_get_counts(const struct load *l, struct load_counts *out,
                     struct load_kind_counts *kinds,
                     struct load_kind_counts *requests)
{
    *out = (struct load_counts){0};
    if (kinds != NULL)
        memset(kinds, 0, l->shared.traffic.nkinds * sizeof *kinds);
    if (requests != NULL)
        memset(requests, 0, l->shared.traffic.nrequests * sizeof *requests);
    for (int i = 0; i < l->shared.nworkers; i++)
        counters_sum(&l->workers[i].counters, out, kinds, requests);
}

double load_distinct(const struct load *l, size_t site)
{
    const struct distinct *d = l->shared.traffic.distinct;

    return d != NULL ? distinct_count(d, site) : NAN;
}

/* Takes the next finished second into l->rows. */
static size_t next_second(struct load *l)
{
    int n = l->shared.nworkers;

    for (int i = 0; i < n; i++)
        l->books[i] = l->workers[i].seconds;
    return seconds_take(l->books, (size_t)n, load_is_idle(l), l->rows,
                        l->shared.traffic.nrequests);
}

size_t load_take_seconds(struct load *l, struct load_second *out, size_t max,
                         const struct histogram **times)
{
    bool begins = l->row == l->nrows;
    size_t n = 0;

    if (begins) {
        l->row = 0;
        l->nrows = next_second(l);
    }
    while (n < max && l->row < l->nrows)
        out[n++] = l->rows[l->row++];
    if (times != NULL)
        *times = n > 0 && begins ? seconds_times(l->books) : NULL;
    return n;
}

const char *load_engine_name(const struct load *l)
{
    return l->shared.engine_name;
}

const char *load_engine_why(const struct load *l)
{
    return l->engine_why;
}

static const struct histogram *merge(struct load *l, struct histogram *to,
                                     bool late)
{
    /* While workers record, the last merge is all there is. */
    if (!load_is_idle(l))
        return to;
    histogram_reset(to);
    for (int i = 0; i < l->shared.nworkers; i++)
        histogram_merge(to,
                        late ? l->workers[i].lateness : l->workers[i].service);
    return to;
}

/* The response times of the requests from `from` to before `end`. */
static const struct histogram *
merge_requests(struct load *l, struct histogram *to, size_t from, size_t end)
{
    if (!load_is_idle(l))
        return to;
    histogram_reset(to);
    for (int i = 0; i < l->shared.nworkers; i++)
        for (size_t k = from; k < end; k++)
            histogram_merge(to, l->workers[i].by_request[k]);
    return to;
}

const struct histogram *load_response_times(struct load *l)
{
    return merge_requests(l, l->merged[0], 0, l->shared.sc->nrequests);
}

const struct histogram *load_service_times(struct load *l)
{
    return merge(l, l->merged[1], false);
}

const struct histogram *load_lateness(struct load *l)
{
    return merge(l, l->merged[2], true);
}

const struct histogram *load_request_times(struct load *l, size_t request)
{
    return merge_requests(l, l->merged_request, request, request + 1);
}

/* The i-th example of all workers that no worker before had as well. */
static const struct example *example_at(const struct load *l, size_t i)
{
    for (int w = 0; w < l->shared.nworkers; w++) {
        for (size_t k = 0; k < l->workers[w].nexamples; k++) {
            const struct example *e = &l->workers[w].examples[k];
            bool known = false;

            for (int v = 0; v < w && !known; v++)
                for (size_t m = 0; m < l->workers[v].nexamples; m++) {
                    const struct example *o = &l->workers[v].examples[m];

                    known = known || (o->request == e->request &&
                                      o->outcome == e->outcome &&
                                      o->detail == e->detail);
                }
            if (!known && i-- == 0)
                return e;
        }
    }
    return NULL;
}

const char *load_failure_example(const struct load *l, size_t i)
{
    const struct example *e = load_is_idle(l) ? example_at(l, i) : NULL;
    struct load *mine = (struct load *)(uintptr_t)l; /* a cache of ours */

    if (e == NULL)
        return NULL;
    free(mine->example);
    mine->example = scenario_mask(l->cfg.scenario, e->text);
    return mine->example;
}

int load_threads(const struct load *l)
{
    return l->shared.nworkers;
}

int64_t load_cpu_ns(const struct load *l)
{
    int64_t ns = 0;

    for (int i = 0; i < l->nopened; i++)
        ns += worker_cpu_ns(&l->workers[i]);
    return ns;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void load_close(struct load **lp)
{
    struct load *l = *lp;

    *lp = NULL;
    if (l == NULL)
        return;
    atomic_store_explicit(&l->shared.quit, true, memory_order_release);
    for (int i = 0; i < l->nopened; i++)
        worker_join(&l->workers[i]);
    l->idle->data = NULL;
    uv_close((uv_handle_t *)l->idle, free_handle);
    for (int i = 0; i < l->nopened; i++)
        worker_release(&l->workers[i]);
    free(l->workers);
    traffic_release(&l->shared.traffic);
    free(l->shared.plan.shares);
    for (int i = 0; i < 3; i++)
        histogram_free(l->merged[i]);
    histogram_free(l->merged_request);
    free(l->rows);
    free(l->books);
    free(l->example);
    free(l);
}
