#include "harness/base/procfs.h"

#include "harness/base/clock.h"
#include "tests/unit/assert_close.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_own_stat(void **state)
{
    struct proc_stat st;

    (void)state;
    assert_int_equal(procfs_stat(getpid(), &st), 0);
    assert_int_equal(st.id.pid, getpid());
    assert_int_equal(st.ppid, getppid());
    assert_int_equal(st.pgrp, getpgrp());
    assert_int_equal(st.session, getsid(0));
    assert_true(st.threads >= 1); /* a sanitizer may have its own */
    assert_true(st.id.start > 0);
    assert_true(st.rss_bytes > 100e3 && st.rss_bytes < 1e9);
    assert_true(st.vsize_bytes > st.rss_bytes && procfs_runs(&st));
    assert_true(procfs_alive(st.id));
    st.id.start++;
    assert_false(procfs_alive(st.id));
}

/* A command name with a closing parenthesis and spaces cannot shift fields. */
static void test_hostile_name(void **state)
{
    struct proc_stat st;
    char old[32];

    (void)state;
    prctl(PR_GET_NAME, old);
    prctl(PR_SET_NAME, "a) Z 1 (b\n");
    assert_int_equal(procfs_stat(getpid(), &st), 0);
    prctl(PR_SET_NAME, old);
    assert_string_equal(st.comm, "a) Z 1 (b\n");
    assert_int_equal(st.ppid, getppid());
    assert_int_equal(st.state, 'R');
}

static void test_zombie(void **state)
{
    struct proc_stat st;
    siginfo_t info;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(procfs_stat(pid, &st), 0);
    assert_false(procfs_runs(&st));
    assert_false(procfs_alive(st.id));
    waitpid(pid, NULL, 0);
    assert_int_equal(procfs_stat(pid, &st), -1);
    assert_int_equal(errno, ENOENT);
}

static void *linger(void *arg)
{
    (void)arg;
    pause();
    return NULL;
}

/* The leader is gone, a thread works on: the process lives. */
static void test_dead_leader(void **state)
{
    struct proc_stat st;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        pthread_t th;

        pthread_create(&th, NULL, linger, NULL);
        pthread_exit(NULL);
    }
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(procfs_stat(pid, &st), 0);
        if (st.state == 'Z')
            break;
        usleep(1000);
    }
    assert_int_equal(st.state, 'Z');
    assert_true(procfs_runs(&st));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* 8 MiB touched privately show in RSS, PSS and USS alike. */
static void test_memory(void **state)
{
    const size_t size = 8 << 20;
    struct proc_smaps a, b;
    double rss = procfs_rss(getpid());
    char *p;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* its shadow memory grows along */
#endif
    assert_int_equal(procfs_smaps_rollup(getpid(), &a), 0);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    assert_true(p != MAP_FAILED);
    memset(p, 1, size);
    assert_int_equal(procfs_smaps_rollup(getpid(), &b), 0);
    assert_close(b.rss_bytes - a.rss_bytes, (double)size, 400e3);
    /* Others that map our libraries, or end, move the shared part. */
    assert_close(b.pss_bytes - a.pss_bytes, (double)size, 4e6);
    assert_close(b.uss_bytes - a.uss_bytes, (double)size, 400e3);
    assert_close(b.pss_anon_bytes - a.pss_anon_bytes, (double)size, 400e3);
    assert_close(b.pss_anon_bytes + b.pss_file_bytes + b.pss_shmem_bytes,
                 b.pss_bytes, 4096);
    assert_close(b.swap_bytes, 0, 0);
    assert_close(procfs_rss(getpid()) - rss, (double)size, 1200e3);
    munmap(p, size);
    assert_int_equal(procfs_smaps_rollup(0, &a), -1);
    assert_close(procfs_rss(0), NAN, 0);
    assert_close(procfs_cpu(0), NAN, 0);
    assert_close(procfs_cpu(1 << 22), NAN, 0); /* beyond all */
    assert_close(procfs_cpu(getpid()), (double)clock_cpu_ns() / 1e9, 0.5);
}

static void test_fds(void **state)
{
    struct proc_fds a, b, cheap;
    int p[2], s, e, f;

    (void)state;
    assert_int_equal(procfs_fds(getpid(), true, &a), 0);
    assert_int_equal(pipe(p), 0);
    s = socket(AF_INET, SOCK_STREAM, 0);
    e = eventfd(0, 0);
    f = open("/dev/null", O_RDONLY);
    assert_int_equal(procfs_fds(getpid(), true, &b), 0);
    assert_close(b.total - a.total, 5, 0);
    assert_close(b.pipe - a.pipe, 2, 0);
    assert_close(b.socket - a.socket, 1, 0);
    assert_close(b.anon - a.anon, 1, 0);
    assert_close(b.file - a.file, 1, 0);
    assert_close(b.file + b.socket + b.pipe + b.anon, b.total, 0);
    assert_int_equal(procfs_fds(getpid(), false, &cheap), 0);
    /* Listing ourselves shows the descriptor that lists. */
    assert_close(cheap.total, b.total, 1);
    assert_true(isnan(cheap.socket));
    close(p[0]);
    close(p[1]);
    close(s);
    close(e);
    close(f);
    assert_int_equal(procfs_fds(0, false, &cheap), -1);
}

static void test_cmdline(void **state)
{
    char line[64], small[6];
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "30", "1", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(procfs_cmdline(pid, line, sizeof line), 0);
        if (strncmp(line, "sleep", 5) == 0)
            break;
        usleep(1000);
    }
    assert_string_equal(line, "sleep 30 1");
    assert_int_equal(procfs_cmdline(pid, small, sizeof small), 0);
    assert_string_equal(small, "sleep");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(procfs_cmdline(pid, line, sizeof line), -1);
}

/* More children than one read of the file holds (4 KiB). */
static void test_children(void **state)
{
    enum { N = 700 };
    static int64_t got[1024];
    static pid_t kids[N];
    int p[2], n;

    (void)state;
    assert_int_equal(pipe(p), 0);
    for (int i = 0; i < N; i++) {
        kids[i] = fork();
        assert_true(kids[i] >= 0);
        if (kids[i] == 0) {
            char c;

            close(p[1]);
            if (read(p[0], &c, 1) != 0)
                _exit(1);
            _exit(0);
        }
    }
    n = procfs_children(getpid(), got, 1024);
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++) {
        bool found = false;

        for (int j = 0; j < n; j++)
            found |= got[j] == kids[i];
        assert_true(found);
    }
    assert_int_equal(procfs_children(getpid(), got, 10), 10);
    close(p[0]);
    close(p[1]);
    for (int i = 0; i < N; i++)
        waitpid(kids[i], NULL, 0);
    assert_int_equal(procfs_children(getpid(), got, 10), 0);
    assert_int_equal(procfs_children(kids[0], got, 10), -1);
}

static int listen_on(int family, int *port)
{
    struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
    socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in)
                                      : sizeof(struct sockaddr_in6);
    int fd = socket(family, SOCK_STREAM, 0);

    if (family == AF_INET)
        ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                    : ((struct sockaddr_in6 *)&a)->sin6_port);
    return fd;
}

static void test_listeners(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t pids[8];
        int port, fd = listen_on(families[i], &port);

        if (fd < 0)
            continue; /* a machine without IPv6 */
        assert_int_equal(procfs_listeners(port, pids, 8), 1);
        assert_int_equal(pids[0], getpid());
        close(fd);
        errno = 0;
        assert_int_equal(procfs_listeners(port, pids, 8), 0);
        assert_int_equal(errno, ENOENT);
    }
}

/* ---- a recorded tree: what this machine's kernel does not show ---- */

static char dir[] = "/tmp/plateau-procfs-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *s = path + sizeof dir; (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        mkdir(path, 0777);
        *s = '/';
    }
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#define STAT_TAIL " 10 10 0 -1 0 7 0 3 0 150 50 0 0 20 0 2 0 999 4096 25 0 0 0"

static void test_recorded(void **state)
{
    struct proc_stat st;
    struct proc_smaps sm;
    int64_t kids[4];
    char cmd[sizeof dir + 16];

    (void)state;
    assert_non_null(mkdtemp(dir));
    put("10/stat", "10 (old kernel) S 1" STAT_TAIL);
    put("11/stat", "11 (kid) S 10" STAT_TAIL);
    put("14/stat", "14 (ending) S 10 10 10 0 -1 0 7 0 3 0 150 50 0 0 20 0 1 "
                   "0 999 0 0 0 0 0");
    put("12/stat", "12 (cut) S");
    put("13/stat", "");
    put("10/task/10/stat", "10 (old kernel) S 1" STAT_TAIL);
    put("10/smaps_rollup", "00400000-7fff r [rollup]\nRss: 100 kB\n"
                           "Pss:   60 kB\nPrivate_Clean:  8 kB\n"
                           "Private_Dirty: 32 kB\nSwap: 4 kB\n");
    put("11/smaps_rollup", "");
    procfs_use_root(dir);

    assert_int_equal(procfs_stat(10, &st), 0);
    assert_string_equal(st.comm, "old kernel");
    assert_int_equal(st.id.start, 999);
    assert_int_equal(st.threads, 2);
    assert_close(st.minor_faults, 7, 0);
    assert_close(st.major_faults, 3, 0);
    assert_close(st.cpu_s, 200.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
    assert_close(st.rss_bytes, 25.0 * (double)sysconf(_SC_PAGESIZE), 0);
    assert_int_equal(procfs_stat(14, &st), 0);
    assert_false(procfs_runs(&st)); /* its memory is gone */
    assert_int_equal(procfs_stat(12, &st), -1);
    assert_int_equal(procfs_stat(13, &st), -1);
    assert_int_equal(errno, ESRCH);

    /* Before Linux 5.4 there was no Pss_Anon: NaN, not 0. */
    assert_int_equal(procfs_smaps_rollup(10, &sm), 0);
    assert_close(sm.pss_bytes, 60 * 1024, 0);
    assert_close(sm.uss_bytes, 40 * 1024, 0);
    assert_close(sm.swap_bytes, 4096, 0);
    assert_true(isnan(sm.pss_anon_bytes) && isnan(sm.swap_pss_bytes));
    assert_int_equal(procfs_smaps_rollup(11, &sm), -1);

    /* No task/TID/children: found by the parent's pid. */
    assert_int_equal(procfs_children(10, kids, 4), 2);
    assert_int_equal(kids[0] + kids[1], 11 + 14);

    procfs_use_root(NULL);
    snprintf(cmd, sizeof cmd, "%s", dir);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", cmd, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_stat),  cmocka_unit_test(test_hostile_name),
        cmocka_unit_test(test_zombie),    cmocka_unit_test(test_dead_leader),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_fds),
        cmocka_unit_test(test_cmdline),   cmocka_unit_test(test_children),
        cmocka_unit_test(test_listeners), cmocka_unit_test(test_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
