/* Short rests of an engine whose server is just as fast as itself.
 *
 * When many requests are out and answers come one by one, every answer costs
 * a look at the sockets of its own, and often a sleep and a wake-up on both
 * sides: a tenth of the CPU time a plain request takes, on the machine that
 * is to be measured. So, when a look found only a few answers and several
 * more are to be expected within REST_MOST_NS, the loop waits that long, and
 * then looks once for all of them.
 *
 * No measured time becomes longer by it: what is read after a rest bears the
 * time at which the kernel received it (rest_arrival). Only the next request
 * of a user goes out that much later, so this is for the closed model without
 * think time alone, where nobody said when it shall. One thread. */
#ifndef PLATEAU_LOAD_REST_H
#define PLATEAU_LOAD_REST_H

#include <stdbool.h>
#include <stdint.h>

/* No rest is longer, nor than an eighth of the usual time of an answer. */
#define REST_MOST_NS 50000
#define REST_SHARE 8
/* A look that found more answers than this is followed by another at once. */
#define REST_FEW 8
/* So many answers, at least, must be expected of a rest. */
#define REST_WORTH 3
/* A kernel that leaves more arrivals unknown than it takes to begin with noting
 * them gets no rests. */
#define REST_UNKNOWN_MOST 100

/* All zero at first. */
struct rest {
    int found;         /* answers since the last look */
    int64_t usual_ns;  /* moving average of what an answer takes */
    bool rested;       /* just before the look that is under way */
    int unknown;       /* arrivals that the kernel did not note */
    int64_t offset_ns; /* monotonic minus wall time, as `rested` */
};

/* An answer was whole `took_ns` after its request. */
static inline void rest_answer(struct rest *r, int64_t took_ns)
{
    r->found++;
    r->usual_ns += (took_ns - r->usual_ns) / 64;
}

/* How long to rest before the next look, ns; 0: not at all. `in_flight`
 * requests are out. */
int64_t rest_length(const struct rest *r, int in_flight);

/* Rests, if there is reason to; to be called before each look. */
void rest_before_look(struct rest *r, int in_flight);

/* The monotonic time of what the kernel received at `wall_ns`; 0 stands for
 * unknown. At most `now_ns`, which is given for unknown, too. */
int64_t rest_arrival(struct rest *r, int64_t wall_ns, int64_t now_ns);

#endif
