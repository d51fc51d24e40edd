#include "harness/base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_suspended_ns(void)
{
    return read_ns(CLOCK_BOOTTIME) - read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

void clock_sleep_until(int64_t due_ns)
{
    struct timespec ts = {.tv_sec = due_ns / CLOCK_NS_PER_S,
                          .tv_nsec = due_ns % CLOCK_NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        continue;
}

static void wall(char out[32], const char *fmt)
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(out, 32, fmt, &tm);
}

void clock_wall_iso(char out[32])
{
    wall(out, "%Y-%m-%dT%H:%M:%SZ");
}

void clock_wall_stamp(char out[32])
{
    wall(out, "%Y%m%dT%H%M%SZ");
}
