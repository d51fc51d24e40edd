/* What was wrong with the load generator itself, in one sentence: too late,
 * or out of descriptors, ports or CPU. A verdict on the target has to say so,
 * since the target did not get the load that was asked for. Pure. */
#ifndef PLATEAU_CLI_TROUBLE_H
#define PLATEAU_CLI_TROUBLE_H

#include <stddef.h>
#include <stdint.h>

/* Send lateness that is still on time, at the 99th percentile. */
#define TROUBLE_LATE_MS 100.0

/* Share of its threads' time from which the generator itself may have been
 * what held the load back. */
#define TROUBLE_CPU 0.95

struct trouble {
    double late_p99_ms; /* NaN: closed model */
    uint64_t starved;   /* requests without a descriptor, port or memory */
    uint64_t done;
    double cpu_s, duration_s; /* of the load threads */
    int threads;
};

/* Writes a sentence without its full stop into `out`; "" when there was no
 * trouble. */
void trouble_text(const struct trouble *t, char *out, size_t max);

#endif
