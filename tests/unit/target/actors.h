/* What the command does that the tests of the target start: this same test
 * program in another role ("act ROLE DIR ..."). */
#ifndef PLATEAU_TESTS_UNIT_TARGET_ACTORS_H
#define PLATEAU_TESTS_UNIT_TARGET_ACTORS_H

#include "harness/base/clock.h"
#include "harness/base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where actors sign; a folder of the test's own. */
static char dir[64];

static inline int number(const char *s)
{
    return (int)strtol(s, NULL, 10);
}
static inline int listen_on(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 16) != 0)
        return -1;
    return fd;
}

/* Answers 503 to the first `refuse` requests, then 204. */
static inline void serve(int port, int refuse)
{
    int fd = listen_on(port);

    for (;;) {
        static const char bad[] = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
        static const char good[] = "HTTP/1.1 204 Yes\r\n"
                                   "Connection: close\r\n\r\n";
        char request[2048];
        int c = accept(fd, NULL, NULL);
        ssize_t n;

        if (c < 0)
            _exit(3);
        n = read(c, request, sizeof request - 1);
        request[n > 0 ? n : 0] = '\0';
        if (strncmp(request, "GET /crash ", 11) == 0) {
            struct rlimit none = {0, 0};

            setrlimit(RLIMIT_CORE, &none);
            signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
            raise(SIGSEGV);
        }
        if (n > 0 && write(c, refuse > 0 ? bad : good,
                           refuse > 0 ? sizeof bad - 1 : sizeof good - 1) > 0)
            refuse--;
        close(c);
    }
}

/* Writes its pid into a file of that name, whole. */
static inline void sign(const char *name)
{
    char text[32], *path = file_join(dir, name);

    snprintf(text, sizeof text, "%d\n", (int)getpid());
    file_write(path, text, strlen(text), NULL);
    free(path);
}

/* A family that does not want to go: the first process, a child in a session
 * of its own, a daemon forked twice; all deaf to SIGTERM and SIGHUP. */
static inline void family(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (fork() == 0) {
        setsid();
        sign("session");
        for (;;)
            pause();
    }
    if (fork() == 0) {
        setsid();
        if (fork() > 0)
            _exit(0);
        sign("daemon");
        for (;;)
            pause();
    }
    sign("first");
    for (;;)
        pause();
}

/* As a server that goes into the background does. */
static inline void background(int port)
{
    if (fork() > 0)
        _exit(0);
    setsid();
    sign("daemon");
    serve(port, 0);
}

static inline void show(void)
{
    char cwd[512];

    printf("A=%s B=%s cwd=%s arg0\n", getenv("PLATEAU_A"),
           getenv("PLATEAU_B") != NULL ? getenv("PLATEAU_B") : "-",
           getcwd(cwd, sizeof cwd));
    printf("sigpipe=%d sigmask=", signal(SIGPIPE, SIG_DFL) == SIG_IGN);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("%d sid=%d fds=", sigismember(&now, SIGTERM), getsid(0) == getpid());
    for (int fd = 0; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d,", fd);
    printf("\n] --\n\n");
    fflush(stdout);
    _exit(7);
}

/* Dies and is born again all the time, deaf to SIGTERM. Bounded: it ends by
 * itself after 20 s. */
static inline void restless(void)
{
    int64_t end = clock_now_ns() + 20 * CLOCK_NS_PER_S;

    signal(SIGTERM, SIG_IGN);
    sign("first");
    while (clock_now_ns() < end) {
        if (fork() > 0)
            _exit(0);
        setsid();
    }
    _exit(0);
}

static inline void polite(void)
{
    sign("first");
    for (;;)
        pause();
}

static inline int act(int argc, char **argv)
{
    const char *what = argv[2];

    snprintf(dir, sizeof dir, "%s", argv[3]);
    if (strcmp(what, "serve") == 0)
        serve(number(argv[4]), argc > 5 ? number(argv[5]) : 0);
    else if (strcmp(what, "family") == 0)
        family();
    else if (strcmp(what, "background") == 0)
        background(number(argv[4]));
    else if (strcmp(what, "show") == 0)
        show();
    else if (strcmp(what, "restless") == 0)
        restless();
    else if (strcmp(what, "polite") == 0)
        polite();
    return 99;
}

#endif
