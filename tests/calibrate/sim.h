/* Makes records of runs that never happened, with the truth known: barrier
 * readings of healthy and of leaking services. Seeded; used by the
 * calibration and, with few fixed seeds, by unit tests. */
#ifndef PLATEAU_TESTS_CALIBRATE_SIM_H
#define PLATEAU_TESTS_CALIBRATE_SIM_H

#include "harness/base/rng.h"
#include "harness/model/record.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIM_KINDS_MAX = 32 };

enum sim_base {
    SIM_EXACT,     /* level, to the object */
    SIM_JITTER,    /* each reading a few off */
    SIM_WALK,      /* each block leaves a few behind or frees them */
    SIM_WARM,      /* warm-up that fades over the first blocks */
    SIM_CACHE,     /* distinct keys, uniform: fills exponentially */
    SIM_LRU,       /* each request a new entry until it is full */
    SIM_ZIPF,      /* distinct keys, heavy-tailed: slower and slower */
    SIM_LATE_ONCE, /* one import, first hit in a middle block */
    SIM_ARENAS,    /* bytes: arenas of 256 KiB come and go */
    SIM_CREEP,     /* bytes: creeps like a logarithm */
    SIM_SHARED,    /* bytes: jumps when others map the same libraries */
    SIM_RECYCLED,  /* one of two workers is replaced now and then */
    SIM_RETIRED,   /* a worker retires after so many requests; a fresh one
                      comes up to its level in its first ones */
    SIM_POOL,      /* a pool that grows by a worker now and then, three times
                      at most, while requests of the first kind are served */
    SIM_BASES,
};

const char *sim_base_name(enum sim_base b);

struct sim {
    enum sim_base base;
    size_t blocks;
    size_t span;     /* blocks that `reach` speaks of; 0: `blocks` */
    double requests; /* per block */
    size_t kinds;    /* 1 .. SIM_KINDS_MAX */
    double weight[SIM_KINDS_MAX]; /* all 0: even */
    double leak[SIM_KINDS_MAX];   /* units per request of the kind */
    double leak_noise;            /* spread of one request's leak, relative */
    double leak_per_hour;
    double noise; /* units */
    double size;  /* of the cache, the warm-up, the jump: units */
    double reach; /* cache: keys per request of the whole run */
    uint64_t seed;
    size_t branch; /* after so many blocks chance goes on from `branch_seed`;
                      0: nowhere. With one kind of request only: a mix is
                      planned over all blocks */
    uint64_t branch_seed;
};

/* A run of a kind: sizes, noises and mixes vary with the seed. */
void sim_vary(struct sim *s, enum sim_base base, bool bytes, size_t blocks,
              uint64_t seed);

/* Bytes that come in arenas are no count. */
bool sim_makes_sense(enum sim_base base, bool bytes);

/* Gives a record with one barrier column `metric`, row 0 and `blocks` rows,
 * requests by kind, and the processes where some are replaced. Release with
 * record_release. */
void sim_record(const struct sim *s, const char *metric, struct record *out);

#endif
