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
    char state;      /* 'R' 'S' 'D' 'Z' ... */
    char comm[64];   /* foreign bytes: escape at the sink */
    int64_t threads;
    double minor_faults, major_faults;
    double cpu_s;    /* user + system */
    double rss_bytes;
};

/* /proc/PID/stat. -1 when the process is gone or unreadable (errno says). */
int procfs_stat(int64_t pid, struct proc_stat *out);

/* True while that very process (same start time) exists and is no zombie. */
bool procfs_alive(struct proc_id id);

/* /proc/PID/cmdline, arguments joined by spaces, cut to `max`. */
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

/* Children of all threads of `pid` (/proc/PID/task/TID/children). Returns how
 * many were stored, at most `max`; -1 when unreadable. */
int procfs_children(int64_t pid, int64_t *out, int max);

/* The pids that listen on TCP `port` on any local address (via
 * /proc/net/tcp{,6} and /proc/PID/fd). Returns how many were stored. */
int procfs_listeners(int port, int64_t *out, int max);

#endif
