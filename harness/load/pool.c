/* A worker's pools: runs, kept bytes, compiled captures. Sized when opened;
 * runs grow only while more of them are under way than ever before. */
#include "harness/load/worker.h"

#include "harness/base/mem.h"

#include <stdlib.h>

/* Runs at a time per worker: flows that think need no connection. */
#define MAX_RUNS 100000u

#define KEEPS_AT_FIRST 64
#define KEEP_BYTES (TRAFFIC_KEEP_BODY + TRAFFIC_KEEP_HEADERS)

static struct run *run_add(struct worker *w)
{
    struct run *r = run_new(&w->shared->traffic);

    r->worker = w;
    r->t.done = dispatch_done;
    r->all_next = w->all_runs;
    w->all_runs = r;
    w->nruns++;
    return r;
}

struct run *pool_take(struct worker *w)
{
    struct run *r = w->free_runs;

    if (r == NULL)
        return w->nruns < MAX_RUNS ? run_add(w) : NULL;
    w->free_runs = r->next;
    return r;
}

void pool_give(struct worker *w, struct run *r)
{
    r->next = w->free_runs;
    w->free_runs = r;
}

static struct keep *keep_new(void)
{
    struct keep *k = mem_zalloc(1, sizeof *k);

    k->body = mem_realloc(NULL, KEEP_BYTES, 1);
    k->headers = k->body + TRAFFIC_KEEP_BODY;
    return k;
}

static void keep_give(struct worker *w, struct keep *k)
{
    k->next = w->free_keeps;
    w->free_keeps = k;
}

/* The buffers are touched only as far as answers fill them. */
void pool_lend_keep(struct worker *w, struct run *r)
{
    const struct prepared *p = &w->shared->traffic.requests[r->request];
    struct transfer *t = &r->t;
    struct keep *k;

    t->keep = t->keep_headers = NULL;
    t->keep_max = t->keep_headers_max = 0;
    t->kept = t->kept_headers = 0;
    if (!p->keep_body && !p->keep_headers)
        return;
    k = r->keep != NULL ? r->keep : w->free_keeps;
    if (k == NULL)
        k = keep_new();
    else if (r->keep == NULL)
        w->free_keeps = k->next;
    r->keep = k;
    if (p->keep_body) {
        t->keep = k->body;
        t->keep_max = TRAFFIC_KEEP_BODY;
    }
    if (p->keep_headers) {
        t->keep_headers = k->headers;
        t->keep_headers_max = TRAFFIC_KEEP_HEADERS;
    }
}

void pool_return_keep(struct worker *w, struct run *r)
{
    if (r->keep == NULL)
        return;
    keep_give(w, r->keep);
    r->keep = NULL;
}

/* Room for as many answers at a time as there are connections, if any is
 * kept at all: in one piece, of which only what is used becomes memory. */
static void open_keeps(struct worker *w)
{
    const struct traffic *t = &w->shared->traffic;
    int n = w->connections < KEEPS_AT_FIRST ? w->connections : KEEPS_AT_FIRST;
    bool any = false;

    for (size_t i = 0; i < t->nrequests; i++)
        any = any || t->requests[i].keep_body || t->requests[i].keep_headers;
    if (!any)
        return;
    w->keeps = mem_zalloc((size_t)n, sizeof *w->keeps);
    w->keeps_room = mem_zalloc((size_t)n, KEEP_BYTES);
    for (int i = 0; i < n; i++) {
        struct keep *k = &w->keeps[i];

        k->pooled = true;
        k->body = w->keeps_room + (size_t)i * KEEP_BYTES;
        k->headers = k->body + TRAFFIC_KEEP_BODY;
        keep_give(w, k);
    }
}

int pool_open(struct worker *w, struct err *err)
{
    const struct scenario *sc = w->shared->sc;

    w->waiting_tail = &w->waiting;
    w->order = order_new(
        w->shared->traffic.nkinds > 0 ? w->shared->traffic.nkinds : 1);
    w->capturers = mem_zalloc(sc->nrequests, sizeof *w->capturers);
    for (size_t i = 0; i < sc->nrequests; i++) {
        const struct request *rq = &sc->requests[i];

        w->capturers[i].at = mem_zalloc(rq->ncaptures, sizeof(struct capturer));
        for (size_t c = 0; c < rq->ncaptures; c++) {
            if (capturer_init(&w->capturers[i].at[c], sc, &rq->captures[c],
                              err) != 0)
                return -1;
            w->capturers[i].n++;
        }
    }
    w->users = mem_zalloc((size_t)w->nusers, sizeof(struct run *));
    for (int i = 0; i < w->nusers; i++) {
        w->users[i] = run_add(w);
        w->users[i]->is_user = true;
        w->users[i]->t.session = i;
    }
    /* The open model's pool, as many as there are connections. */
    for (int i = 0; w->nusers == 0 && i < w->connections; i++)
        pool_give(w, run_add(w));
    open_keeps(w);
    return 0;
}

void pool_release(struct worker *w)
{
    while (w->all_runs != NULL) {
        struct run *r = w->all_runs;

        w->all_runs = r->all_next;
        pool_return_keep(w, r);
        run_free(r);
    }
    while (w->free_keeps != NULL) {
        struct keep *k = w->free_keeps;

        w->free_keeps = k->next;
        if (k->pooled)
            continue;
        free(k->body);
        free(k);
    }
    free(w->keeps);
    free(w->keeps_room);
    for (size_t i = 0; w->capturers != NULL && i < w->shared->sc->nrequests;
         i++) {
        for (size_t c = 0; c < w->capturers[i].n; c++)
            capturer_release(&w->capturers[i].at[c]);
        free(w->capturers[i].at);
    }
    free(w->capturers);
    free(w->users);
    wakeups_release(&w->wakeups);
    order_free(w->order);
}
