/* The guardian: starts the command, is the subreaper of all it starts, and
 * ends everything when told to or when the conductor is gone. Small on
 * purpose: no loop library, one thread, nothing shared. */
#include "harness/target/guard.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/proctree.h"
#include "harness/target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 10
#define GIVE_UP_NS (10 * CLOCK_NS_PER_S) /* after the first SIGKILL */

enum phase_of_end {
    RUNNING,
    ASKED_MAIN, /* SIGTERM went to the command's first process */
    ASKED_ALL,  /* SIGTERM goes to whatever is left */
    KILLING,
};

struct orders {
    char *bytes;
    int64_t grace_ns;
    char *cwd;
    char **argv, **env; /* borrow `bytes` */
};

struct guard {
    struct orders orders;
    int signals; /* a signalfd */
    pid_t main_pid;
    bool main_alive, empty;
    enum phase_of_end phase;
    int64_t stop_ns, kill_ns;
    struct proctree *tree;
    struct proc_id *asked; /* got their SIGTERM */
    size_t nasked, cap_asked;
    bool told_stop;
};

/* The conductor may be gone: then nobody listens, and that is fine. */
static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
    char line[128];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    while (write(GUARD_FD, line, (size_t)n) < 0 && errno == EINTR)
        ;
}

/* ---- orders ---- */

static int read_exactly(void *to, size_t n)
{
    char *p = to;

    while (n > 0) {
        ssize_t got = read(GUARD_FD, p, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

static char *next_string(char **at, const char *end)
{
    char *s = *at;

    if (s >= end)
        return NULL;
    *at = s + strlen(s) + 1;
    return s;
}

static int read_orders(struct orders *o)
{
    uint32_t len;
    char *at, *end, *grace, *count;
    size_t n, cap = 0, nenv = 0;

    if (read_exactly(&len, sizeof len) != 0 || len > GUARD_ORDERS_MAX)
        return -1;
    o->bytes = mem_zalloc(len + 1, 1);
    if (read_exactly(o->bytes, len) != 0)
        return -1;
    at = o->bytes;
    end = o->bytes + len;
    grace = next_string(&at, end);
    o->cwd = next_string(&at, end);
    count = next_string(&at, end);
    if (count == NULL)
        return -1;
    o->grace_ns = strtoll(grace, NULL, 10) * CLOCK_NS_PER_MS;
    n = strtoul(count, NULL, 10);
    if (n == 0 || n > len)
        return -1;
    o->argv = mem_zalloc(n + 1, sizeof *o->argv);
    for (size_t i = 0; i < n; i++)
        if ((o->argv[i] = next_string(&at, end)) == NULL)
            return -1;
    do {
        o->env = mem_grow(o->env, nenv, &cap, sizeof *o->env);
        o->env[nenv] = next_string(&at, end);
    } while (o->env[nenv++] != NULL);
    return 0;
}

/* ---- the command ---- */

/* In the child, after fork: only calls that are safe there. */
static void become_command(const struct orders *o, pid_t guardian, int failure)
{
    sigset_t none;
    int e;

    /* The kernel's own word, should the guardian be killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guardian)
        _exit(127);
    setsid();
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (o->cwd[0] == '\0' || chdir(o->cwd) == 0) {
        environ = o->env; /* its PATH finds the command */
        execvp(o->argv[0], o->argv);
    }
    e = errno;
    if (write(failure, &e, sizeof e) < 0)
        _exit(126);
    _exit(127);
}

static int start_command(struct guard *g)
{
    pid_t self = getpid();
    struct proc_stat st = {0};
    int failure[2], e;
    ssize_t got;

    if (pipe2(failure, O_CLOEXEC) != 0)
        return errno;
    g->main_pid = fork();
    if (g->main_pid == 0)
        become_command(&g->orders, self, failure[1]);
    e = errno;
    close(failure[1]);
    if (g->main_pid < 0) {
        close(failure[0]);
        return e;
    }
    do
        got = read(failure[0], &e, sizeof e);
    while (got < 0 && errno == EINTR);
    close(failure[0]);
    if (got == (ssize_t)sizeof e) {
        waitpid(g->main_pid, NULL, 0);
        return e;
    }
    g->main_alive = true;
    procfs_stat(g->main_pid, &st);
    tell("started %d %" PRId64 "\n", (int)g->main_pid, st.id.start);
    return 0;
}

/* ---- ending it ---- */

/* By descriptor, so that a pid that was recycled meanwhile is not hit. */
static void signal_process(struct proc_id id, int sig)
{
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)id.pid, 0);
    struct proc_stat st;

    if (fd < 0) {
        if (errno == ENOSYS || errno == EPERM)
            kill((pid_t)id.pid, sig);
        return;
    }
    if (procfs_stat(id.pid, &st) == 0 && st.id.start == id.start)
        syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
    close(fd);
}

static void ask(struct guard *g, struct proc_id id)
{
    for (size_t i = 0; i < g->nasked; i++)
        if (g->asked[i].pid == id.pid && g->asked[i].start == id.start)
            return;
    g->asked = mem_grow(g->asked, g->nasked, &g->cap_asked, sizeof id);
    g->asked[g->nasked++] = id;
    signal_process(id, SIGTERM);
    signal_process(id, SIGCONT); /* a stopped process cannot end */
}

static void signal_each(const struct guard *g, int sig)
{
    for (size_t i = 0; i < proctree_count(g->tree); i++)
        signal_process(proctree_at(g->tree, i)->id, sig);
}

/* What forks faster than we kill is held still first. */
static void kill_all(struct guard *g)
{
    size_t n = proctree_scan(g->tree, NULL, NULL), before = 0;

    for (int i = 0; i < 8 && n != before; i++) {
        before = n;
        signal_each(g, SIGSTOP);
        n = proctree_scan(g->tree, NULL, NULL);
    }
    signal_each(g, SIGKILL);
}

static void ask_all(struct guard *g)
{
    size_t n = proctree_scan(g->tree, NULL, NULL);

    for (size_t i = 0; i < n; i++) {
        struct proc_id id = proctree_at(g->tree, i)->id;

        if (g->phase == ASKED_ALL || id.pid == g->main_pid)
            ask(g, id);
    }
}

/* A server's master ends its workers itself, and more gently than we could:
 * for half of the grace only the first process is asked. */
static void advance_stop(struct guard *g)
{
    int64_t now = clock_now_ns(), waited = now - g->stop_ns;

    if (g->phase == ASKED_MAIN &&
        (!g->main_alive || waited >= g->orders.grace_ns / 2))
        g->phase = ASKED_ALL;
    if (g->phase != KILLING && waited >= g->orders.grace_ns) {
        g->phase = KILLING;
        g->kill_ns = now;
    }
    if (g->phase == KILLING)
        kill_all(g);
    else
        ask_all(g);
}

static void begin_stop(struct guard *g)
{
    if (g->phase != RUNNING)
        return;
    g->phase = g->main_alive ? ASKED_MAIN : ASKED_ALL;
    g->stop_ns = clock_now_ns();
    advance_stop(g);
}

/* ---- the loop ---- */

/* With a subreaper, "no child left" means "no descendant left". */
static void reap(struct guard *g)
{
    int status, main_status = 0;
    bool main_ended = false;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == g->main_pid && g->main_alive) {
            g->main_alive = false;
            main_ended = true;
            main_status = status;
        }
    if (pid < 0 && errno == ECHILD && !g->empty) {
        g->empty = true;
        if (!main_ended)
            tell("empty\n");
    }
    if (main_ended) {
        tell("exited %d %d\n", main_status, !g->empty);
        if (g->empty)
            tell("empty\n");
    }
}

static void hear_conductor(struct guard *g)
{
    char c[16];
    ssize_t n = recv(GUARD_FD, c, sizeof c, MSG_DONTWAIT);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        g->told_stop = true; /* it is gone: poll it no more */
    begin_stop(g);
}

static void hear_signals(struct guard *g)
{
    struct signalfd_siginfo si;

    while (read(g->signals, &si, sizeof si) == (ssize_t)sizeof si)
        if (si.ssi_signo != SIGCHLD)
            begin_stop(g);
    reap(g);
}

static void watch(struct guard *g)
{
    while (g->phase == RUNNING || !g->empty) {
        struct pollfd p[2] = {
            {.fd = g->signals, .events = POLLIN},
            {.fd = g->told_stop ? -1 : GUARD_FD, .events = POLLIN}};
        int n = poll(p, 2, g->phase == RUNNING ? -1 : TICK_MS);

        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && p[0].revents != 0)
            hear_signals(g);
        if (n > 0 && p[1].revents != 0)
            hear_conductor(g);
        if (g->phase == RUNNING)
            continue;
        advance_stop(g);
        reap(g);
        if (g->phase == KILLING && clock_now_ns() - g->kill_ns > GIVE_UP_NS)
            break; /* in the kernel for good, or another user's */
    }
}

static void release(struct guard *g)
{
    proctree_free(g->tree);
    free(g->asked);
    free(g->orders.argv);
    free(g->orders.env);
    free(g->orders.bytes);
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The log must have one writer less: the target itself decides when the
 * other end of a pipe sees its end. */
static void drop_output(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return;
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
}

int target_guard_main(int argc, char **argv)
{
    struct guard g = {.phase = RUNNING};
    int e, rc = 0;

    (void)argc;
    (void)argv;
    prctl(PR_SET_NAME, "plateau-guard");
    fcntl(GUARD_FD, F_SETFD, FD_CLOEXEC);
    close_range(GUARD_FD + 1, ~0u, 0);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        (g.signals = open_signals()) < 0 || read_orders(&g.orders) != 0) {
        fprintf(stderr, "plateau: __guard serves 'plateau run' alone\n");
        rc = 5;
        goto out;
    }
    e = start_command(&g);
    if (e != 0) {
        tell("failed %d\nstopped 0\n", e);
        goto out;
    }
    drop_output();
    g.tree = proctree_new(getpid());
    watch(&g);
    tell("stopped %zu\n", g.empty ? 0 : proctree_scan(g.tree, NULL, NULL));
out:
    release(&g);
    return rc;
}
