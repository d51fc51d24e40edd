#include "harness/cli/latency_log.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/model/histogram_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20 }; /* all counts at their longest: 283 KB */

struct latency_log {
    struct load *load;
    int fd;
    struct histogram *seen; /* what was written so far */
    struct histogram *interval;
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
    log->seen = histogram_new();
    log->interval = histogram_new();
    buf_init(&log->line, LINE_MAX_BYTES);
    *out = log;
    return 0;
}

/* One write per line: what a killed run leaves is whole lines. */
static int flush(struct latency_log *log, struct err *err)
{
    const char *p = buf_str(&log->line);
    size_t left = strlen(p);

    while (left > 0) {
        ssize_t n = write(log->fd, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, "latency.hlog: %s", strerror(errno));
        p += n;
        left -= (size_t)n;
    }
    buf_reset(&log->line);
    return 0;
}

/* Seconds since the first request was due. */
static double now_s(const struct latency_log *log)
{
    return (double)(clock_now_ns() - load_origin_ns(log->load)) / 1e9;
}

/* The first request sets the origin of time, so the head waits for it. */
static int begin(struct latency_log *log, struct err *err)
{
    if (log->begun)
        return 0;
    log->begun = true;
    histogram_log_head(clock_wall_ns() -
                           (clock_now_ns() - load_origin_ns(log->load)),
                       &log->line);
    return flush(log, err);
}

int latency_log_interval(struct latency_log *log, struct err *err)
{
    const struct histogram *all = load_response_times(log->load);
    double to_s;

    if (load_origin_ns(log->load) == 0)
        return 0;
    if (begin(log, err) != 0)
        return -1;
    to_s = now_s(log);
    histogram_reset(log->interval);
    histogram_merge(log->interval, all);
    histogram_subtract(log->interval, log->seen);
    histogram_log_line(log->interval, NULL, log->until_s, to_s, &log->line);
    histogram_merge(log->seen, log->interval);
    log->until_s = to_s;
    return flush(log, err);
}

int latency_log_end(struct latency_log *log, const struct scenario *sc,
                    struct err *err)
{
    if (latency_log_interval(log, err) != 0)
        return -1;
    for (size_t i = 0; i < sc->nrequests; i++) {
        histogram_log_line(load_request_times(log->load, i),
                           sc->requests[i].name, 0, log->until_s, &log->line);
        if (flush(log, err) != 0)
            return -1;
    }
    return 0;
}

void latency_log_close(struct latency_log **log)
{
    if (*log == NULL)
        return;
    close((*log)->fd);
    histogram_free((*log)->seen);
    histogram_free((*log)->interval);
    buf_release(&(*log)->line);
    free(*log);
    *log = NULL;
}
