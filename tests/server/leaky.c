/* The patient: a small HTTP server that leaks on request. It is what the
 * demo and the tests run Plateau against; README.md lists what it can do.
 *
 * This file: start, the listening socket, workers, the end. */
#include "tests/server/conn.h"
#include "tests/server/effect.h"
#include "tests/server/options.h"
#include "tests/server/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, ORPHAN_LIFE_S = 900 };

static pid_t workers[WORKERS_MAX];
static volatile sig_atomic_t ended;

static void on_end(int sig)
{
    (void)sig;
    ended = 1;
    conn_stop();
}

static void catch_signals(void)
{
    struct sigaction end = {.sa_handler = on_end};

    /* No SA_RESTART: epoll_wait and wait must return. */
    sigaction(SIGINT, &end, NULL);
    if (options.ignore_term)
        end.sa_handler = SIG_IGN;
    sigaction(SIGTERM, &end, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "leaky: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on(uint64_t port, unsigned *bound)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("bind");
    if (!options.silent && listen(fd, 1024) != 0)
        die("listen");
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        die("getsockname");
    *bound = ntohs(a.sin_port);
    return fd;
}

/* A process in a session of its own whose parent is gone: a harness must
 * find it all the same, count its memory and end it. It ends by itself in
 * any case. */
static void start_orphan(int listener)
{
    pid_t middle = fork();

    if (middle < 0)
        die("fork");
    if (middle > 0) {
        waitpid(middle, NULL, 0);
        return;
    }
    if (fork() > 0)
        _exit(0);
    setsid();
    close(listener);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    effect_leak_heap(options.orphan);
    alarm(ORPHAN_LIFE_S);
    for (;;)
        pause();
}

static pid_t start_worker(int listener)
{
    pid_t master = getpid(), pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != master)
        _exit(0);
    conn_serve(listener, 1);
    exit(0);
}

/* Keeps `n` workers alive until a signal; a recycled one is replaced. One
 * that dies by itself within no time must not make us fork for ever. */
static int master(int listener, int n)
{
    int status, failures = 0;

    for (int i = 0; i < n; i++)
        workers[i] = start_worker(listener);
    while (!ended && failures < 100) {
        pid_t gone = wait(&status);

        for (int i = 0; !ended && gone > 0 && i < n; i++)
            if (workers[i] == gone)
                workers[i] = start_worker(listener);
        failures += gone > 0 && status != 0;
    }
    for (int i = 0; i < n; i++)
        kill(workers[i], options.ignore_term ? SIGKILL : SIGTERM);
    while (wait(NULL) > 0)
        ;
    return failures < 100 ? 0 : 1;
}

static void chatter(void)
{
    for (uint64_t i = 0; i < options.noise; i++) {
        printf("leaky: line %llu of chatter on stdout\n",
               (unsigned long long)i + 1);
        fprintf(stderr, "leaky: line %llu of chatter on stderr\n",
                (unsigned long long)i + 1);
    }
    fflush(stdout);
}

static void prepare(void)
{
    struct rlimit files;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        die("mmap");
    ledger.shared = page;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    unsigned port;
    int listener, n;

    prepare();
    route_init();
    options_parse(argc, argv);
    n = (int)(options.workers < WORKERS_MAX ? options.workers : WORKERS_MAX);
    catch_signals();
    chatter();
    if (options.exit_at_start >= 0)
        return options.exit_at_start;
    listener = listen_on(options.port, &port);
    if (options.orphan > 0)
        start_orphan(listener);
    if (!options.silent)
        printf("leaky: listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    if (n > 0 || options.recycle > 0)
        return master(listener, n > 0 ? n : 1);
    conn_serve(listener, 0);
    return 0;
}
