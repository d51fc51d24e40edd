/* A made service whose workers have short lives, with censuses of each of them:
 * single objects leak, caches with and without a bound fill, garbage waits. For
 * the analyzers' tests. */
#ifndef PLATEAU_TESTS_UNIT_ANALYZERS_LIFE_SERVICE_H
#define PLATEAU_TESTS_UNIT_ANALYZERS_LIFE_SERVICE_H

#include "harness/base/rng.h"
#include "tests/unit/analyzers/records.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 10, PER_BLOCK = 600, KINDS = 2, TICKS = 4, STILL = 40 };

/* What a worker of the made service does. */
struct service {
    double life; /* requests */
    int workers;
    double leak;    /* objects per request of the first kind */
    double lru;     /* entries of a bounded cache, one per request of the
                       second, and an object with each */
    double cache;   /* objects per request of the first kind, until there are
                       so many */
    double garbage; /* objects per request of any kind that wait for the
                       collector, which comes at 700 */
};

/* A worker while it is made. */
struct worker {
    struct record_process *p;
    double served[KINDS];
};

static inline void add_own(struct record *r, size_t process, size_t block,
                           const char *type, double count)
{
    if (count < 1)
        return;
    r->own_objects = mem_realloc(r->own_objects, r->nown_objects + 1,
                                 sizeof *r->own_objects);
    r->own_objects[r->nown_objects++] =
        (struct record_own_object){.process = process,
                                   .block = (int)block,
                                   .t_s = r->barriers.t_s[block],
                                   .type = mem_strdup(type),
                                   .count = floor(count)};
}

/* The sums over processes: of each type one row, first in the first place. */
static inline void add_sum(struct record *r, size_t block, const char *type,
                           double count)
{
    r->objects = mem_realloc(r->objects, r->nobjects + 1, sizeof *r->objects);
    r->objects[r->nobjects++] =
        (struct record_object){.t_s = r->barriers.t_s[block],
                               .block = (int)block,
                               .requests = r->barriers.requests[block],
                               .type = mem_strdup(type),
                               .count = floor(count),
                               .bytes = 64 * floor(count),
                               .tracked = true};
}

static inline double garbage_of(const struct service *s, const struct worker *w)
{
    return fmod(s->garbage * (w->served[0] + w->served[1]), 700);
}

static inline double order_of(const struct service *s, const struct worker *w)
{
    return s->leak * w->served[0] + garbage_of(s, w);
}

static inline double entries_of(const struct service *s, const struct worker *w)
{
    return fmin(w->served[1], s->lru);
}

static inline void census(struct record *r, const struct service *s,
                          const struct worker *w, size_t block, double sum[4])
{
    size_t process = (size_t)(w->p - r->processes);
    double v[4] = {order_of(s, w), entries_of(s, w) + 80, entries_of(s, w),
                   fmin(w->served[0], s->cache)};
    static const char *const names[] = {"app.Order", "functools._lru_list_elem",
                                        "app.Answer", "app.Known"};

    for (int i = 0; i < 4; i++) {
        sum[i] += v[i];
        add_own(r, process, block, names[i], v[i]);
    }
    for (int i = 0; i < STILL; i++) {
        char name[32];

        snprintf(name, sizeof name, "lib.Still%d", i);
        add_own(r, process, block, name, 10 + i);
    }
}

static inline void read_worker(const struct record *r, const struct service *s,
                               struct worker *w, double t, bool barrier,
                               double cpu_start)
{
    struct record_own *own = &w->p->own[w->p->nown++];

    (void)r;
    *own = (struct record_own){.t_s = t,
                               .cpu_s = cpu_start + 0.0007 * w->served[0] +
                                        0.0011 * w->served[1]};
    for (int i = 0; i < RECORD_OWN; i++)
        own->v[i] = NAN;
    w->p->last_s = t;
    w->p->cpu_last = own->cpu_s;
    if (!barrier)
        return;
    own->v[RECORD_OWN_YOUNG] = garbage_of(s, w);
    own->v[RECORD_OWN_BLOCKS] =
        150000 + 3 * order_of(s, w) + 8 * entries_of(s, w);
}

/* Makes room for every process that there will be: they must not move. */
static inline void open_record(struct record *r, size_t processes)
{
    records_open(r, BLOCKS, PER_BLOCK);
    r->barriers.proc_starts = mem_zalloc(BLOCKS + 1, sizeof(double));
    r->processes = mem_zalloc(processes, sizeof *r->processes);
    r->nkinds = KINDS;
    r->kinds = mem_zalloc(KINDS, sizeof *r->kinds);
    for (int k = 0; k < KINDS; k++) {
        r->kinds[k].name = mem_strdup(k == 0 ? "order" : "browse");
        r->kinds[k].weight = 1;
        r->kinds[k].completed = mem_zalloc(BLOCKS + 1, sizeof(double));
    }
}

static inline void be_born(struct record *r, struct worker *w, double t)
{
    *w = (struct worker){.p = &r->processes[r->nprocesses++]};
    *w->p = (struct record_process){
        .pid = 100 + (int64_t)r->nprocesses, .first_s = t, .last_s = t};
    w->p->own = mem_zalloc((BLOCKS + 1) * (TICKS + 1), sizeof *w->p->own);
}

/* One block: requests one by one to any worker, the mix varied by the plan. */
static inline void open_service(struct record *r, const struct service *s,
                                uint64_t seed)
{
    struct rng rng;
    struct worker w[8];
    double start[8], left[8];
    size_t most = (size_t)((BLOCKS + 1) * PER_BLOCK / s->life * 2) +
                  2 * (size_t)s->workers;

    rng_init(&rng, seed);
    open_record(r, most);
    for (int i = 0; i < s->workers; i++) {
        be_born(r, &w[i], 0);
        start[i] = 0.07 + 0.008 * rng_normal(&rng);
        left[i] = s->life * rng_unit(&rng);
    }
    for (size_t b = 1; b <= BLOCKS; b++) {
        double share = 0.1 + 0.8 * rng_unit(&rng), t = r->barriers.t_s[b] - 1;
        double sum[4] = {0};

        for (int k = 0; k < KINDS; k++)
            r->kinds[k].completed[b] = r->kinds[k].completed[b - 1];
        r->barriers.proc_starts[b] = (double)r->nprocesses;
        for (int n = 0; n < PER_BLOCK; n++) {
            int i = (int)rng_below(&rng, (uint64_t)s->workers);
            int kind = rng_unit(&rng) < share ? 0 : 1;
            double now = r->barriers.t_s[b - 1] +
                         (t - r->barriers.t_s[b - 1]) * n / PER_BLOCK;

            w[i].served[kind]++;
            r->kinds[kind].completed[b]++;
            if (n % (PER_BLOCK / TICKS) == PER_BLOCK / TICKS - 1)
                for (int j = 0; j < s->workers; j++)
                    read_worker(r, s, &w[j], now, false, start[j]);
            if (--left[i] >= 0)
                continue;
            be_born(r, &w[i], now);
            start[i] = 0.07 + 0.008 * rng_normal(&rng);
            left[i] = s->life * (1 + 0.1 * rng_unit(&rng));
        }
        for (int i = 0; i < s->workers; i++) {
            read_worker(r, s, &w[i], r->barriers.t_s[b], true, start[i]);
            if (w[i].p->first_s > 0)
                census(r, s, &w[i], b, sum);
        }
        add_sum(r, b, "app.Order", sum[0]);
        add_sum(r, b, "functools._lru_list_elem", sum[1]);
        add_sum(r, b, "app.Answer", sum[2]);
        add_sum(r, b, "app.Known", sum[3]);
        for (int i = 0; i < STILL; i++) {
            char name[32];

            snprintf(name, sizeof name, "lib.Still%d", i);
            add_sum(r, b, name, (10 + i) * s->workers);
        }
    }
}

static inline void close_service(struct record *r)
{
    for (size_t i = 0; i < r->nprocesses; i++)
        free(r->processes[i].own);
    for (size_t i = 0; i < r->nown_objects; i++)
        free(r->own_objects[i].type);
    for (size_t i = 0; i < r->nobjects; i++)
        free(r->objects[i].type);
    free(r->own_objects);
    free(r->objects);
    free(r->processes);
    records_close(r);
}

#endif
