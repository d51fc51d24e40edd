/* The bench's own server: answers every HTTP/1.1 request with the same 128
 * bytes and remembers when each arrived. One thread, epoll, loopback only.
 *
 *   comb SECONDS_TO_FREEZE_AT MILLISECONDS
 *
 * Prints its port. Stands still once, so long after the first request (0:
 * never). On SIGTERM prints "arrivals N", "gap_p50_us", "gap_p99_us" and
 * "rate" of the arrivals, and ends. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ARRIVALS_MAX (4u << 20)
#define BODY 128

static volatile sig_atomic_t ended;
static int64_t arrivals[ARRIVALS_MAX];
static size_t narrivals;

static void on_term(int sig)
{
    (void)sig;
    ended = 1;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* How far the gaps between arrivals are from the average gap. */
static void report(void)
{
    size_t n = narrivals > 1 ? narrivals - 1 : 0;
    int64_t *off = calloc(n + 1, sizeof *off);
    double gap = n > 0 ? (double)(arrivals[n] - arrivals[0]) / (double)n : 0;

    printf("arrivals %zu\n", narrivals);
    for (size_t i = 0; i < n; i++) {
        int64_t d = arrivals[i + 1] - arrivals[i] - (int64_t)gap;

        off[i] = d < 0 ? -d : d;
    }
    qsort(off, n, sizeof *off, by_value);
    if (n > 0) {
        int64_t p50 = off[n / 2], p99 = off[n * 99 / 100];

        printf("rate %.2f\ngap_p50_us %.1f\ngap_p99_us %.1f\n", 1e9 / gap,
               (double)p50 * 1e-3, (double)p99 * 1e-3);
    }
    free(off);
}

static void freeze_once(double at_s, int ms)
{
    static bool done;

    if (done || ms == 0 || narrivals == 0 ||
        now_ns() - arrivals[0] < (int64_t)(at_s * 1e9))
        return;
    done = true;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* Requests without a body; several at a time if they came so. */
static void serve(int fd)
{
    static char answer[256];
    char in[16384];
    ssize_t n = recv(fd, in, sizeof in - 1, 0);
    int64_t now = now_ns();

    if (n <= 0) {
        close(fd);
        return;
    }
    if (answer[0] == '\0')
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
                 "Content-Length: %d\r\n\r\n%0*d",
                 BODY, BODY, 7);
    in[n] = '\0';
    for (char *p = in; (p = strstr(p, "\r\n\r\n")) != NULL; p += 4) {
        if (narrivals < ARRIVALS_MAX)
            arrivals[narrivals++] = now;
        if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
            return;
    }
}

static int listen_any(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        perror("comb");
        exit(1);
    }
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    double at_s = argc > 1 ? strtod(argv[1], NULL) : 0;
    int ms = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    int listener = listen_any(), ep = epoll_create1(0);
    struct sigaction sa = {.sa_handler = on_term};

    sigaction(SIGTERM, &sa, NULL);
    epoll_ctl(ep, EPOLL_CTL_ADD, listener,
              &(struct epoll_event){EPOLLIN, {.fd = listener}});
    while (!ended) {
        struct epoll_event ev[256];
        int n = epoll_wait(ep, ev, 256, -1);

        freeze_once(at_s, ms);
        for (int i = 0; i < n; i++) {
            int fd = ev[i].data.fd;

            if (fd != listener) {
                serve(fd);
                continue;
            }
            fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            epoll_ctl(ep, EPOLL_CTL_ADD, fd,
                      &(struct epoll_event){EPOLLIN, {.fd = fd}});
        }
    }
    report();
    return 0;
}
