#include "harness/sampler/helper.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct helper {
    const struct source_ops *ops;
    void *state;
    const struct source_host *host;
    size_t n;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool asked, busy, ready, end;
    struct source_read how;
    double *values;
    int64_t cost_ns;
};

static void *run(void *arg)
{
    struct helper *h = arg;
    double *v = mem_zalloc(h->n, sizeof *v);

    pthread_mutex_lock(&h->lock);
    for (;;) {
        struct source_read how;
        int64_t from;

        while (!h->asked && !h->end)
            pthread_cond_wait(&h->changed, &h->lock);
        if (h->end)
            break;
        h->asked = false;
        h->busy = true;
        how = h->how;
        pthread_mutex_unlock(&h->lock);
        from = clock_now_ns();
        h->ops->read(h->state, h->host, &how, v);
        pthread_mutex_lock(&h->lock);
        memcpy(h->values, v, h->n * sizeof *v);
        h->cost_ns = clock_now_ns() - from;
        h->busy = false;
        h->ready = !h->asked; /* asked again meanwhile: this one is stale */
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    free(v);
    return NULL;
}

struct helper *helper_new(const struct source_ops *ops, void *state, size_t n,
                          const struct source_host *host)
{
    struct helper *h = mem_zalloc(1, sizeof *h);
    pthread_condattr_t attr;
    sigset_t all, old;

    h->ops = ops;
    h->state = state;
    h->host = host;
    h->n = n;
    h->values = mem_zalloc(n, sizeof *h->values);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &attr);
    pthread_condattr_destroy(&attr);
    /* Signals are the conductor's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&h->thread, NULL, run, h) != 0)
        abort(); /* no thread left in this machine */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return h;
}

void helper_ask(struct helper *h, const struct source_read *how)
{
    pthread_mutex_lock(&h->lock);
    if (!h->asked && (!h->busy || how->exact)) {
        h->how = *how;
        h->asked = true;
        h->ready = false;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
}

bool helper_take(struct helper *h, int64_t until_ns, double *values,
                 int64_t *cost_ns)
{
    struct timespec ts = {until_ns / CLOCK_NS_PER_S, until_ns % CLOCK_NS_PER_S};
    bool got;

    pthread_mutex_lock(&h->lock);
    while (!h->ready && (h->asked || h->busy) && clock_now_ns() < until_ns)
        pthread_cond_timedwait(&h->changed, &h->lock, &ts);
    got = h->ready;
    if (got) {
        memcpy(values, h->values, h->n * sizeof *values);
        *cost_ns = h->cost_ns;
        h->ready = false;
    }
    pthread_mutex_unlock(&h->lock);
    return got;
}

void helper_free(struct helper *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->end = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h->values);
    free(h);
}
