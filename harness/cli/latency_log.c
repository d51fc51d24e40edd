#include "harness/cli/latency_log.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/model/histogram_log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20 }; /* all counts at their longest: 283 KB */

struct latency_log {
    struct load *load;
    int fd;
    int failed;     /* errno of the first line that could not be written */
    double until_s; /* where the last interval ended */
    struct buf line;
    bool begun;
};

int latency_log_open(struct rundir *rd, struct load *load,
                     struct latency_log **out, struct err *err)
{
    int fd = rundir_open_log(rd, "latency.hlog", err);
    struct latency_log *log;

    if (fd < 0)
        return -1;
    log = mem_zalloc(1, sizeof *log);
    log->load = load;
    log->fd = fd;
    buf_init(&log->line, LINE_MAX_BYTES);
    *out = log;
    return 0;
}

/* One write per line: what a killed run leaves is whole lines. */
static void flush(struct latency_log *log)
{
    const char *p = buf_str(&log->line);
    size_t left = strlen(p);

    while (left > 0 && !log->failed) {
        ssize_t n = write(log->fd, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            log->failed = n < 0 ? errno : EIO;
            break;
        }
        p += n;
        left -= (size_t)n;
    }
    buf_reset(&log->line);
}

/* Seconds since the first request was due. */
static double now_s(const struct latency_log *log)
{
    return (double)(clock_now_ns() - load_origin_ns(log->load)) / 1e9;
}

/* The first request sets the origin of time, so the head waits for it. */
static void begin(struct latency_log *log)
{
    if (log->begun)
        return;
    log->begun = true;
    histogram_log_head(clock_wall_ns() -
                           (clock_now_ns() - load_origin_ns(log->load)),
                       &log->line);
    flush(log);
}

void latency_log_second(struct latency_log *log, int64_t second,
                        const struct histogram *times)
{
    double from_s = fmax((double)second, log->until_s);
    double to_s = fmin((double)second + 1, now_s(log));

    begin(log);
    log->until_s = fmax(to_s, from_s + 0.001);
    histogram_log_line(times, NULL, from_s, log->until_s, &log->line);
    flush(log);
}

int latency_log_check(const struct latency_log *log, struct err *err)
{
    return log->failed ? err_set(err, "latency.hlog: %s", strerror(log->failed))
                       : 0;
}

int latency_log_end(struct latency_log *log, const struct scenario *sc,
                    struct err *err)
{
    for (size_t i = 0; log->begun && i < sc->nrequests; i++) {
        histogram_log_line(load_request_times(log->load, i),
                           sc->requests[i].name, 0, log->until_s, &log->line);
        flush(log);
    }
    return latency_log_check(log, err);
}

void latency_log_close(struct latency_log **log)
{
    if (*log == NULL)
        return;
    close((*log)->fd);
    buf_release(&(*log)->line);
    free(*log);
    *log = NULL;
}
