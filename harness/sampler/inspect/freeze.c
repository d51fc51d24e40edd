#include "harness/sampler/inspect/freeze.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 65536u
#define ROUNDS_MAX 16 /* threads may be born while we stop others */
#define STOP_WAIT_NS (2 * CLOCK_NS_PER_S)

struct freeze {
    int64_t began_ns;
    pid_t *tids;
    size_t n, cap;
};

static bool has(const struct freeze *f, pid_t tid)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->tids[i] == tid)
            return true;
    return false;
}

/* Waits until `tid` stands still. Returns false when it ended or hangs in the
 * kernel for too long. */
static bool wait_stop(pid_t tid)
{
    int64_t until = clock_now_ns() + STOP_WAIT_NS;

    for (;;) {
        int status;
        pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

        if (got == tid)
            return WIFSTOPPED(status);
        if (got < 0 && errno != EINTR)
            return false;
        if (clock_now_ns() > until)
            return false;
        clock_sleep_until(clock_now_ns() + 20000);
    }
}

/* Stops the threads that are not stopped yet. Returns how many were new, or
 * -1 with errno. */
static int stop_new(struct freeze *f, int64_t pid)
{
    char path[64];
    DIR *d;
    struct dirent *e;
    int fresh = 0;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/task", pid);
    d = opendir(path);
    if (!d)
        return -1;
    while ((e = readdir(d)) && f->n < THREADS_MAX) {
        pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

        if (tid <= 0 || has(f, tid))
            continue;
        if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
            if (errno == ESRCH)
                continue; /* ended meanwhile */
            fresh = -1;
            break;
        }
        f->tids = mem_grow(f->tids, f->n, &f->cap, sizeof *f->tids);
        f->tids[f->n++] = tid;
        fresh++;
        if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
            wait_stop(tid);
    }
    closedir(d);
    return fresh;
}

struct freeze *freeze_start(int64_t pid, struct err *err)
{
    struct freeze *f = mem_zalloc(1, sizeof *f);
    int fresh = 1;

    f->began_ns = clock_now_ns();
    for (int round = 0; round < ROUNDS_MAX && fresh > 0; round++)
        fresh = stop_new(f, pid);
    if (fresh < 0 || f->n == 0) {
        err_set(err, "process %" PRId64 ": cannot be stopped: %s", pid,
                strerror(errno));
        freeze_end(&f);
    }
    return f;
}

int64_t freeze_end(struct freeze **fp)
{
    struct freeze *f = *fp;
    int64_t pause;

    *fp = NULL;
    if (!f)
        return 0;
    for (size_t i = 0; i < f->n; i++)
        ptrace(PTRACE_DETACH, f->tids[i], NULL, NULL);
    pause = clock_now_ns() - f->began_ns;
    free(f->tids);
    free(f);
    return pause;
}
