/* The schedule of an open-model phase: when each arrival is due. Pure
 * arithmetic; one schedule for all connections and all workers, since
 * schedules of their own would bunch. Not a timer: see worker.c. */
#ifndef PLATEAU_LOAD_PACER_H
#define PLATEAU_LOAD_PACER_H

#include <stdint.h>

struct pacer {
    int64_t t0_ns;           /* arrival 0 is due then */
    double from_rps, to_rps; /* equal: constant */
    double ramp_s;           /* 0: `to_rps` from the start */
    double ramp_arrivals;    /* due within the ramp */
};

/* A rate rising (or falling) in a straight line over `ramp_ns` and constant
 * behind it. Rates that are not finite or negative count as 0. */
void pacer_init(struct pacer *p, int64_t t0_ns, double from_rps, double to_rps,
                int64_t ramp_ns);

/* When arrival `i` (from 0) is due, monotonic ns, by closed form: no error
 * adds up. INT64_MAX: never. Does not decrease with `i`. */
int64_t pacer_due(const struct pacer *p, uint64_t i);

/* How many arrivals are due before `t_ns`. */
uint64_t pacer_due_before(const struct pacer *p, int64_t t_ns);

#endif
