/* What every tick may cost: stat, statm and the number of descriptors of each
 * process. At barriers RSS is read exactly (smaps_rollup), because statm may
 * lag by some pages per thread or CPU. */
#include "harness/sampler/source_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Counting descriptors by kind costs a readlink each: at ticks only while
 * that stays below this, all processes together. */
#define KINDS_NS (300 * 1000)
#define COUNT_NS CLOCK_NS_PER_MS

enum {
    RSS,
    THREADS,
    FDS,
    FDS_FILE,
    FDS_SOCKET,
    FDS_PIPE,
    FDS_ANON,
    PROCS,
    ZOMBIES,
    MINOR,
    MAJOR,
    CPU,
    N
};

static const char *const metric_names[N] = {
    "rss_bytes",  "threads",      "fds",          "fds_file",
    "fds_socket", "fds_pipe",     "fds_anon",     "procs",
    "zombies",    "minor_faults", "major_faults", "cpu_s",
};

/* A process's counters when last seen: what it had used stays used after its
 * end, or the sums would fall with every recycled worker. */
struct counters {
    struct proc_id id;
    double minor, major, cpu;
};

struct process_source {
    struct counters *last; /* in the tree's order: by start, then pid */
    size_t nlast, cap;
    struct counters ended;      /* sums over processes that are no more */
    int64_t kinds_ns, count_ns; /* what the last such read cost */
    bool calibrated;
};

static int process_open(const struct source_host *host, void **state,
                        const char *const **names, size_t *n, struct err *err)
{
    (void)err;
    *n = 0;
    *state = mem_zalloc(1, sizeof(struct process_source));
    if (proctree_count(host->tree) == 0)
        return 0; /* a service elsewhere */
    *names = metric_names;
    *n = N;
    return 0;
}

static int older(struct proc_id a, struct proc_id b)
{
    if (a.start != b.start)
        return a.start < b.start ? -1 : 1;
    return (a.pid > b.pid) - (a.pid < b.pid);
}

/* Both lists are sorted alike: one walk finds who is gone. */
static void keep_counters(struct process_source *s, const struct proctree *tree)
{
    size_t n = proctree_count(tree), j = 0;

    for (size_t i = 0; i < s->nlast; i++) {
        while (j < n && older(proctree_at(tree, j)->id, s->last[i].id) < 0)
            j++;
        if (j < n && older(proctree_at(tree, j)->id, s->last[i].id) == 0)
            continue;
        s->ended.minor += s->last[i].minor;
        s->ended.major += s->last[i].major;
        s->ended.cpu += s->last[i].cpu;
    }
    s->nlast = n;
    while (s->cap < n)
        s->last = mem_grow(s->last, s->cap, &s->cap, sizeof *s->last);
    for (j = 0; j < n; j++) {
        const struct proc_stat *st = proctree_at(tree, j);

        s->last[j] = (struct counters){st->id, st->minor_faults,
                                       st->major_faults, st->cpu_s};
    }
}

static double read_rss(const struct source_host *host, size_t i, bool exact,
                       double *lag)
{
    const struct proc_stat *st = proctree_at(host->tree, i);
    double fast = procfs_rss(st->id.pid), rss = fast;
    struct proc_smaps m;

    if (exact && procfs_smaps_rollup(st->id.pid, &m) == 0) {
        rss = m.rss_bytes;
        *lag += fast - rss;
    }
    if (isnan(st->rss_bytes) || rss == 0)
        rss = NAN; /* it is ending, or its leader is dead */
    host->process(host->host, i, SOURCE_RSS, rss);
    return rss;
}

static void read_fds(const struct source_host *host, size_t i, bool kinds,
                     double *v)
{
    struct proc_fds f;

    if (procfs_fds(proctree_at(host->tree, i)->id.pid, kinds, &f) != 0) {
        if (errno == EACCES || errno == EPERM)
            host->note(host->host,
                       "descriptors of process %s are not ours to see: fds "
                       "are missing or not told apart",
                       proctree_at(host->tree, i)->comm);
        /* The number alone may be had all the same. */
        if (!kinds ||
            procfs_fds(proctree_at(host->tree, i)->id.pid, false, &f) != 0)
            f.total = NAN;
        f.file = f.socket = f.pipe = f.anon = NAN;
    }
    v[FDS] += f.total;
    v[FDS_FILE] += f.file;
    v[FDS_SOCKET] += f.socket;
    v[FDS_PIPE] += f.pipe;
    v[FDS_ANON] += f.anon;
    host->process(host->host, i, SOURCE_FDS, f.total);
}

static void read_all_fds(struct process_source *s,
                         const struct source_host *host, bool exact, double *v)
{
    bool kinds = exact || s->kinds_ns <= KINDS_NS;
    int64_t from = clock_now_ns(), cost;

    /* One slow reading may have been a stumble: the price fades, and a true
       one is asked for again every so often. */
    if (!kinds)
        s->kinds_ns -= s->kinds_ns / 16;
    if (!kinds && s->count_ns > COUNT_NS) {
        s->count_ns -= s->count_ns / 16;
        for (int k = FDS; k <= FDS_ANON; k++)
            v[k] = NAN;
        return;
    }
    for (size_t i = 0; i < proctree_count(host->tree); i++)
        read_fds(host, i, kinds, v);
    cost = clock_now_ns() - from;
    if (kinds)
        s->kinds_ns = cost;
    else
        s->count_ns = cost;
}

/* Says once how far the fast counter is off. */
static void calibrate(struct process_source *s, const struct source_host *host,
                      double lag, double rss)
{
    if (s->calibrated || isnan(lag))
        return;
    s->calibrated = true;
    if (fabs(lag) > 1 << 20 && fabs(lag) > 0.01 * rss)
        host->note(host->host,
                   "between barriers rss is the kernel's fast counter, off "
                   "by %+.1f MiB when it was checked; barrier readings are "
                   "exact",
                   lag / (1 << 20));
}

static void process_read(void *state, const struct source_host *host,
                         const struct source_read *how, double *v)
{
    struct process_source *s = state;
    size_t n = proctree_count(host->tree);
    int64_t zombies = proctree_zombies(host->tree);
    double lag = 0;

    keep_counters(s, host->tree);
    for (int k = 0; k < N; k++)
        v[k] = 0;
    v[PROCS] = (double)(n + proctree_dropped(host->tree));
    v[ZOMBIES] = zombies < 0 ? NAN : (double)zombies;
    v[MINOR] = s->ended.minor;
    v[MAJOR] = s->ended.major;
    v[CPU] = s->ended.cpu;
    for (size_t i = 0; i < n; i++) {
        const struct proc_stat *st = proctree_at(host->tree, i);
        double fine = procfs_cpu(st->id.pid);

        v[RSS] += read_rss(host, i, how->exact, &lag);
        v[THREADS] += (double)st->threads;
        v[MINOR] += st->minor_faults;
        v[MAJOR] += st->major_faults;
        v[CPU] += st->cpu_s;
        host->process(host->host, i, SOURCE_THREADS, (double)st->threads);
        host->process(host->host, i, SOURCE_CPU,
                      isnan(fine) ? st->cpu_s : fine);
    }
    read_all_fds(s, host, how->exact, v);
    if (how->exact)
        calibrate(s, host, lag, v[RSS]);
    if (proctree_dropped(host->tree) > 0 || n == 0) {
        /* Too many to follow, or none left: no sum at all. */
        host->note(host->host,
                   n == 0 ? "no process of the target was left to read"
                          : "the target has over %d processes: sums over "
                            "them are missing",
                   PROCTREE_MAX);
        for (int k = 0; k < N; k++)
            if (k != PROCS)
                v[k] = NAN;
    }
}

static void process_close(void *state)
{
    struct process_source *s = state;

    free(s->last);
    free(s);
}

const struct source_ops source_ops_process = {
    .name = "process",
    .cost = SOURCE_EVERY_TICK,
    .open = process_open,
    .read = process_read,
    .close = process_close,
};
