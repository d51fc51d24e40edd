/* PSS, USS and swap from smaps_rollup. The kernel walks the process's page
 * tables under its map lock: a read of a large process takes long and stalls
 * the target's mmap meanwhile. Hence rationed. */
#include "harness/sampler/source_impl.h"

#include "harness/base/clock.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { PSS, PSS_ANON, PSS_FILE, USS, SWAP, N };

static const char *const metric_names[N] = {
    "pss_bytes", "pss_anon_bytes", "pss_file_bytes", "uss_bytes", "swap_bytes",
};

/* Names what cannot be read; a process that has ended is no reason. */
static void explain(const struct source_host *host, const struct proc_stat *st,
                    int error)
{
    if (error == ENOENT || error == ESRCH)
        return;
    host->note(host->host,
               "pss and uss of process %s cannot be read (%s): the verdict "
               "on memory rests on rss",
               st->comm, strerror(error));
}

static int memory_open(const struct source_host *host, void **state,
                       const char *const **names, size_t *n, struct err *err)
{
    struct proc_smaps m;

    (void)err;
    *state = NULL;
    *n = 0;
    for (size_t i = 0; i < proctree_count(host->tree); i++) {
        const struct proc_stat *st = proctree_at(host->tree, i);

        if (procfs_smaps_rollup(st->id.pid, &m) == 0)
            continue;
        if (errno == ENOENT && procfs_alive(st->id))
            errno = ENOSYS; /* a kernel before 4.14 */
        explain(host, st, errno);
        if (errno != ENOENT && errno != ESRCH)
            return 0;
    }
    if (proctree_count(host->tree) == 0)
        return 0;
    *names = metric_names;
    *n = N;
    return 0;
}

static void memory_read(void *state, const struct source_host *host,
                        const struct source_read *how, double *v)
{
    size_t n = proctree_count(host->tree);

    (void)state;
    for (int k = 0; k < N; k++)
        v[k] = n > 0 && proctree_dropped(host->tree) == 0 ? 0 : NAN;
    for (size_t i = 0; i < n; i++) {
        const struct proc_stat *st = proctree_at(host->tree, i);
        struct proc_smaps m = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

        if (clock_now_ns() < how->deadline_ns &&
            procfs_smaps_rollup(st->id.pid, &m) != 0) {
            explain(host, st, errno);
            m = (struct proc_smaps){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
        }
        v[PSS] += m.pss_bytes;
        v[PSS_ANON] += m.pss_anon_bytes;
        v[PSS_FILE] += m.pss_file_bytes;
        v[USS] += m.uss_bytes;
        v[SWAP] += m.swap_bytes;
        host->process(host->host, i, SOURCE_PSS, m.pss_bytes);
        host->process(host->host, i, SOURCE_USS, m.uss_bytes);
        host->process(host->host, i, SOURCE_SWAP, m.swap_bytes);
    }
}

static void memory_close(void *state)
{
    (void)state;
}

const struct source_ops source_ops_memory = {
    .name = "memory",
    .cost = SOURCE_RATIONED,
    .open = memory_open,
    .read = memory_read,
    .close = memory_close,
};
