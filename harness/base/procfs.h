/* Reads /proc: one function per file, buffers on the stack, no allocation per
 * read. "No value" is NaN (double) or -1 (int64_t). A process is keyed by pid
 * and start time, so that a recycled pid is another process. Not deciding
 * which processes belong together: see proctree.h. */
#ifndef PLATEAU_BASE_PROCFS_H
#define PLATEAU_BASE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc_id {
    int64_t pid;
    int64_t start; /* /proc/PID/stat field 22: ticks since boot */
};

struct proc_stat {
    struct proc_id id;
    int64_t ppid, pgrp, session;
    char state;    /* 'R' 'S' 'D' 'Z' ... */
    char comm[64]; /* foreign bytes: escape at the sink */
    int64_t threads;
    double minor_faults, major_faults;
    double cpu_s; /* user + system */
    double rss_bytes;
    double vsize_bytes; /* 0: its memory is gone already, it is ending */
};

/* Reads below `root` instead of /proc from now on, for tests with a recorded
 * tree; NULL: /proc again. Borrowed. Before any thread starts. */
void procfs_use_root(const char *root);
const char *procfs_root(void);

/* Reads a whole /proc file into `buf` (at most `size` - 1 bytes, then a NUL;
 * the rest is dropped). `file` is below the root: "4711/cgroup". Returns the
 * number of bytes, -1 with errno. */
int procfs_read(const char *file, char *buf, size_t size);

/* /proc/PID/stat. -1 when the process is gone or unreadable (errno says).
 * rss_bytes is approximate on many-CPU machines: see procfs_rss. */
int procfs_stat(int64_t pid, struct proc_stat *out);

/* False for a zombie (it has ended and waits to be reaped) and for a process
 * that has given its memory back on its way there. A dead leader of living
 * threads does run. */
bool procfs_runs(const struct proc_stat *st);

/* True while that very process (same start time) exists and is no zombie. */
bool procfs_alive(struct proc_id id);

/* Resident bytes from /proc/PID/statm (about 1 us; exact since Linux 6.17,
 * before that off by up to some dozen pages per CPU); NaN when unreadable. */
double procfs_rss(int64_t pid);

/* CPU time that the process has used, all threads, in seconds: to the
 * nanosecond where stat counts ticks. NaN when it is gone, or below another
 * root. */
double procfs_cpu(int64_t pid);

/* /proc/PID/cmdline, arguments joined by spaces, cut to `max` with the NUL.
 * "" for a process without one (a kernel thread). -1 with errno. */
int procfs_cmdline(int64_t pid, char *out, size_t max);

struct proc_smaps {
    double rss_bytes, pss_bytes, pss_anon_bytes, pss_file_bytes,
        pss_shmem_bytes, uss_bytes, swap_bytes, swap_pss_bytes;
};

/* /proc/PID/smaps_rollup (walks page tables under the map lock: ration it).
 * -1 and errno when unreadable; fields a kernel lacks are NaN. */
int procfs_smaps_rollup(int64_t pid, struct proc_smaps *out);

struct proc_fds {
    double total, file, socket, pipe, anon;
};

/* /proc/PID/fd. With `kinds` false only `total` (cheap where the kernel gives
 * it by stat), else a readlink per descriptor. */
int procfs_fds(int64_t pid, bool kinds, struct proc_fds *out);

/* Children of all threads of `pid` (/proc/PID/task/TID/children; on a kernel
 * without that file, by everybody's parent). Returns how many were stored, at
 * most `max`; -1 when unreadable. */
int procfs_children(int64_t pid, int64_t *out, int max);

/* The pids that listen on TCP `port` on any local address (via
 * /proc/net/tcp{,6} and /proc/PID/fd). Returns how many were stored; when
 * that is 0, errno is ENOENT (nobody listens) or EACCES (somebody whose
 * descriptors we may not see). */
int procfs_listeners(int port, int64_t *out, int max);

#endif
