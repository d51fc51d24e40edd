#include "harness/base/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512

static const char *root = "/proc";

void procfs_use_root(const char *dir)
{
    root = dir != NULL ? dir : "/proc";
}

const char *procfs_root(void)
{
    return root;
}

/* Reads until the buffer is full or the file ends. */
static int read_fd(int fd, char *buf, size_t size)
{
    size_t n = 0;

    while (n + 1 < size) {
        ssize_t got = read(fd, buf + n, size - 1 - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    buf[n] = '\0';
    return (int)n;
}

int procfs_read(const char *file, char *buf, size_t size)
{
    char path[PATH_SIZE];
    int fd, n, saved;

    buf[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", root, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    n = read_fd(fd, buf, size);
    saved = errno;
    close(fd);
    errno = saved;
    return n;
}

static int read_pid_file(int64_t pid, const char *name, char *buf, size_t size)
{
    char file[64];

    snprintf(file, sizeof file, "%" PRId64 "/%s", pid, name);
    return procfs_read(file, buf, size);
}

/* ---- stat, statm, cmdline ---- */

/* The command name may hold spaces, parentheses and newlines: the last ')'
 * ends it. Fields are numbered as in proc(5), the state being field 3. */
static int parse_stat(const char *text, struct proc_stat *out)
{
    enum { FIRST = 4, LAST = 24 };
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    int64_t f[LAST + 1] = {0};
    size_t n;
    char *s;

    if (open == NULL || close == NULL || close < open || close[1] != ' ' ||
        close[2] == '\0')
        return -1;
    memset(out, 0, sizeof *out);
    n = (size_t)(close - open - 1);
    if (n >= sizeof out->comm)
        n = sizeof out->comm - 1;
    memcpy(out->comm, open + 1, n);
    out->state = close[2];
    s = (char *)close + 3;
    for (int i = FIRST; i <= LAST; i++) {
        char *end;

        f[i] = strtoll(s, &end, 10);
        if (end == s)
            return -1;
        s = end;
    }
    out->id.pid = strtoll(text, NULL, 10);
    out->id.start = f[22];
    out->ppid = f[4];
    out->pgrp = f[5];
    out->session = f[6];
    out->minor_faults = (double)f[10];
    out->major_faults = (double)f[12];
    out->cpu_s = (double)(f[14] + f[15]) / (double)sysconf(_SC_CLK_TCK);
    out->threads = f[20];
    out->vsize_bytes = (double)f[23];
    out->rss_bytes = (double)f[24] * (double)sysconf(_SC_PAGESIZE);
    return 0;
}

int procfs_stat(int64_t pid, struct proc_stat *out)
{
    char buf[2048];

    if (read_pid_file(pid, "stat", buf, sizeof buf) < 0)
        return -1;
    if (parse_stat(buf, out) != 0 || out->id.pid != pid) {
        errno = ESRCH; /* an emptied file: the process ended under us */
        return -1;
    }
    return 0;
}

bool procfs_runs(const struct proc_stat *st)
{
    if (st->state == 'X' || st->state == 'x')
        return false;
    if (st->state == 'Z')
        return st->threads > 1;
    return st->vsize_bytes > 0;
}

bool procfs_alive(struct proc_id id)
{
    struct proc_stat st;

    return procfs_stat(id.pid, &st) == 0 && st.id.start == id.start &&
           procfs_runs(&st);
}

double procfs_rss(int64_t pid)
{
    char buf[256], *s, *end;
    int64_t pages;

    if (read_pid_file(pid, "statm", buf, sizeof buf) <= 0)
        return NAN;
    strtoll(buf, &s, 10);
    pages = strtoll(s, &end, 10);
    if (end == s || pages < 0)
        return NAN;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double procfs_cpu(int64_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (pid <= 0 || strcmp(procfs_root(), "/proc") != 0 ||
        clock_getcpuclockid((pid_t)pid, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return NAN;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

int procfs_cmdline(int64_t pid, char *out, size_t max)
{
    int n = read_pid_file(pid, "cmdline", out, max);

    if (n < 0)
        return -1;
    while (n > 0 && out[n - 1] == '\0')
        n--;
    for (int i = 0; i < n; i++)
        if (out[i] == '\0')
            out[i] = ' ';
    return 0;
}

/* ---- smaps_rollup ---- */

/* The value in bytes of "Key:   123 kB" in `text`, NaN when there is none. */
static double smaps_value(const char *text, const char *key)
{
    size_t n = strlen(key);

    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, n) == 0 && line[n] == ':') {
            char *end;
            int64_t kib = strtoll(line + n + 1, &end, 10);

            return end == line + n + 1 ? NAN : (double)kib * 1024;
        }
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return NAN;
}

int procfs_smaps_rollup(int64_t pid, struct proc_smaps *out)
{
    char buf[4096];
    double huge;

    if (read_pid_file(pid, "smaps_rollup", buf, sizeof buf) < 0)
        return -1;
    out->rss_bytes = smaps_value(buf, "Rss");
    out->pss_bytes = smaps_value(buf, "Pss");
    if (isnan(out->rss_bytes) || isnan(out->pss_bytes)) {
        errno = ESRCH; /* no memory any more: it is ending */
        return -1;
    }
    out->pss_anon_bytes = smaps_value(buf, "Pss_Anon");
    out->pss_file_bytes = smaps_value(buf, "Pss_File");
    out->pss_shmem_bytes = smaps_value(buf, "Pss_Shmem");
    huge = smaps_value(buf, "Private_Hugetlb");
    out->uss_bytes = smaps_value(buf, "Private_Clean") +
                     smaps_value(buf, "Private_Dirty") +
                     (isnan(huge) ? 0 : huge);
    out->swap_bytes = smaps_value(buf, "Swap");
    out->swap_pss_bytes = smaps_value(buf, "SwapPss");
    return 0;
}

/* ---- directories, without malloc ---- */

/* Called for each name of a directory; true ends the walk. */
typedef bool name_fn(void *user, int dir_fd, const char *name);

static int walk_dir(const char *path, name_fn *each, void *user)
{
    char buf[8192] __attribute__((aligned(8)));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t got = -1;
    bool done = false;
    int saved;

    if (fd < 0)
        return -1;
    while (!done && (got = getdents64(fd, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; !done && at < got;) {
            struct dirent64 *d = (struct dirent64 *)(buf + at);

            at += d->d_reclen;
            if (isdigit((unsigned char)d->d_name[0]))
                done = each(user, fd, d->d_name);
        }
    saved = errno;
    close(fd);
    errno = saved;
    return got < 0 && !done ? -1 : 0;
}

/* ---- descriptors ---- */

static bool count_fd(void *user, int dir_fd, const char *name)
{
    (void)dir_fd;
    (void)name;
    ((struct proc_fds *)user)->total++;
    return false;
}

static bool count_kind(void *user, int dir_fd, const char *name)
{
    struct proc_fds *fds = user;
    char to[64];
    ssize_t n = readlinkat(dir_fd, name, to, sizeof to - 1);

    if (n < 0)
        return false; /* closed since it was listed */
    to[n] = '\0';
    fds->total++;
    if (strncmp(to, "socket:", 7) == 0)
        fds->socket++;
    else if (strncmp(to, "pipe:", 5) == 0)
        fds->pipe++;
    else if (to[0] == '/')
        fds->file++;
    else
        fds->anon++;
    return false;
}

int procfs_fds(int64_t pid, bool kinds, struct proc_fds *out)
{
    char path[PATH_SIZE];
    struct stat st;

    snprintf(path, sizeof path, "%s/%" PRId64 "/fd", root, pid);
    *out = (struct proc_fds){0, NAN, NAN, NAN, NAN};
    if (kinds) {
        *out = (struct proc_fds){0, 0, 0, 0, 0};
        return walk_dir(path, count_kind, out);
    }
    /* Linux 6.2 and later give the number as the directory's size. */
    if (stat(path, &st) != 0)
        return -1;
    if (st.st_size > 0 && strcmp(root, "/proc") == 0) {
        out->total = (double)st.st_size;
        return 0;
    }
    return walk_dir(path, count_fd, out);
}

/* ---- children ---- */

struct pids {
    int64_t *out;
    int max, n;
    int64_t of;   /* the parent looked for */
    bool no_file; /* this kernel has no task/TID/children */
};

static void pids_add(struct pids *p, int64_t pid)
{
    for (int i = 0; i < p->n; i++)
        if (p->out[i] == pid)
            return;
    if (p->n < p->max)
        p->out[p->n++] = pid;
}

/* Numbers may lie across two reads: `have` carries one over. */
static void parse_children(int fd, struct pids *p)
{
    char buf[4096];
    int64_t pid = 0;
    bool have = false;

    for (;;) {
        ssize_t got = read(fd, buf, sizeof buf);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            if (isdigit((unsigned char)buf[i])) {
                pid = pid * 10 + (buf[i] - '0');
                have = true;
            } else if (have) {
                if (p->n < p->max)
                    p->out[p->n++] = pid;
                pid = 0;
                have = false;
            }
        }
    }
    if (have && p->n < p->max)
        p->out[p->n++] = pid;
}

static bool children_of_task(void *user, int dir_fd, const char *name)
{
    struct pids *p = user;
    char file[64];
    int fd;

    snprintf(file, sizeof file, "%s/children", name);
    fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        /* A thread that has just ended, or no such file at all? */
        p->no_file |= errno == ENOENT && faccessat(dir_fd, name, F_OK, 0) == 0;
        return p->no_file;
    }
    parse_children(fd, p);
    close(fd);
    return p->n == p->max;
}

static bool child_by_parent(void *user, int dir_fd, const char *name)
{
    struct pids *p = user;
    struct proc_stat st;

    (void)dir_fd;
    if (procfs_stat(strtoll(name, NULL, 10), &st) == 0 && st.ppid == p->of)
        pids_add(p, st.id.pid);
    return p->n == p->max;
}

int procfs_children(int64_t pid, int64_t *out, int max)
{
    struct pids p = {.out = out, .max = max, .of = pid};
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/%" PRId64 "/task", root, pid);
    if (walk_dir(path, children_of_task, &p) != 0)
        return -1;
    if (p.no_file && walk_dir(root, child_by_parent, &p) != 0)
        return -1;
    return p.n;
}

/* ---- who listens on a port ---- */

#define INODES_MAX 256

struct inodes {
    int port;
    uint64_t at[INODES_MAX];
    int n;
    struct pids pids;
    int64_t pid; /* the process whose descriptors are being walked */
};

/* "sl: local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode" */
static void parse_socket_line(const char *line, struct inodes *in)
{
    unsigned int port, state;
    uint64_t inode;

    if (sscanf(line,
               " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x "
               "%*x %*d %*d %" SCNu64,
               &port, &state, &inode) != 3)
        return;
    if (state == 0x0A && (int)port == in->port && in->n < INODES_MAX)
        in->at[in->n++] = inode;
}

static void find_sockets(const char *file, struct inodes *in)
{
    char path[PATH_SIZE], line[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", root, file);
    f = fopen(path, "re");
    if (f == NULL)
        return; /* no IPv6, for one */
    while (fgets(line, sizeof line, f) != NULL)
        parse_socket_line(line, in);
    fclose(f);
}

static bool holds_socket(void *user, int dir_fd, const char *name)
{
    struct inodes *in = user;
    uint64_t inode;
    char to[64];
    ssize_t n = readlinkat(dir_fd, name, to, sizeof to - 1);

    if (n < 0)
        return false;
    to[n] = '\0';
    if (sscanf(to, "socket:[%" SCNu64 "]", &inode) != 1)
        return false;
    for (int i = 0; i < in->n; i++)
        if (in->at[i] == inode) {
            pids_add(&in->pids, in->pid);
            return true;
        }
    return false;
}

static bool look_at_process(void *user, int dir_fd, const char *name)
{
    struct inodes *in = user;
    char path[PATH_SIZE];

    (void)dir_fd;
    in->pid = strtoll(name, NULL, 10);
    snprintf(path, sizeof path, "%s/%s/fd", root, name);
    walk_dir(path, holds_socket, in); /* another user's: not ours to see */
    return in->pids.n == in->pids.max;
}

int procfs_listeners(int port, int64_t *out, int max)
{
    struct inodes in = {.port = port, .pids = {.out = out, .max = max}};

    find_sockets("net/tcp", &in);
    find_sockets("net/tcp6", &in);
    if (in.n > 0)
        walk_dir(root, look_at_process, &in);
    if (in.pids.n == 0)
        errno = in.n > 0 ? EACCES : ENOENT;
    return in.pids.n;
}
