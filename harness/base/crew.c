#include "harness/base/crew.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct crew {
    crew_fn *fn;
    void *work;
    size_t n;
    atomic_size_t next;
};

struct member {
    struct crew *crew;
    size_t hand;
    pthread_t thread;
};

size_t crew_hands(void)
{
    cpu_set_t set;
    int n = 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (size_t)n;
}

static void *lend(void *arg)
{
    const struct member *m = arg;
    struct crew *c = m->crew;
    size_t i;

    while ((i = atomic_fetch_add(&c->next, 1)) < c->n)
        c->fn(c->work, i, m->hand);
    return NULL;
}

void crew_share(size_t n, size_t hands, crew_fn *fn, void *work)
{
    struct crew c = {.fn = fn, .work = work, .n = n};
    struct member m[CREW_MAX];
    size_t made = 1;

    assert(hands >= 1 && hands <= CREW_MAX);
    for (size_t k = 0; k < hands; k++)
        m[k] = (struct member){.crew = &c, .hand = k};
    while (made < hands && made < n &&
           pthread_create(&m[made].thread, NULL, lend, &m[made]) == 0)
        made++;
    lend(&m[0]);
    while (--made > 0)
        pthread_join(m[made].thread, NULL);
}
