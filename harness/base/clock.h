/* The program's one clock: monotonic nanoseconds. Wall time only labels. */
#ifndef PLATEAU_BASE_CLOCK_H
#define PLATEAU_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000LL
#define CLOCK_NS_PER_MS 1000000LL

/* Monotonic now, in ns. Any thread. */
int64_t clock_now_ns(void);

/* Sleeps until the monotonic clock reads `due_ns`; resumes after signals. */
void clock_sleep_until(int64_t due_ns);

/* CPU time this process has used so far, all threads, in ns. */
int64_t clock_cpu_ns(void);

/* How long the machine has been suspended since it was booted: the monotonic
 * clock does not run meanwhile. Any thread. */
int64_t clock_suspended_ns(void);

/* Wall time, ns since 1970: for labels. */
int64_t clock_wall_ns(void);

/* Writes the UTC wall time into `out`: "2026-11-22T10:15:00Z". */
void clock_wall_iso(char out[32]);

/* The same moment as a file name part: "20261122T101500Z". */
void clock_wall_stamp(char out[32]);

#endif
