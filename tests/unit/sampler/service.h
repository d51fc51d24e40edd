/* A process for the sampler to watch: it grows, opens and forks as told. */
#ifndef PLATEAU_TESTS_SAMPLER_SERVICE_H
#define PLATEAU_TESTS_SAMPLER_SERVICE_H

#include "harness/base/procfs.h"
#include "tests/unit/assert_close.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a service: obeys one-letter orders, answers each with a byte ---- */

struct service {
    pid_t pid;
    struct proc_id id;
    int order, answer;
};

static inline void grow(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        _exit(1);
    memset(p, 1, bytes);
}

/* 'g' grows by 8 MiB, 'f' opens 10 descriptors, 'w' recycles workers that
 * live for some ms until it is told something else, 'q' ends. */
static inline void serve(int order, int answer)
{
    char c;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(order, &c, 1) == 1 && c != 'q') {
        if (c == 'g')
            grow(8 << 20);
        for (int i = 0; c == 'f' && i < 10; i++)
            if (dup(0) < 0)
                _exit(1);
        if (c == 'w' && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                pid_t pid = fork();

                if (pid == 0) {
                    grow(1 << 20);
                    usleep(20000);
                    _exit(0);
                }
                waitpid(pid, NULL, 0);
            }
        }
        if (write(answer, &c, 1) != 1)
            break;
    }
    _exit(0);
}

static inline struct service service_start(void)
{
    struct service s;
    struct proc_stat st;
    int in[2], out[2];

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    s.pid = fork();
    if (s.pid == 0) {
        close(in[1]);
        close(out[0]);
        serve(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    s.order = in[1];
    s.answer = out[0];
    assert_int_equal(procfs_stat(s.pid, &st), 0);
    s.id = st.id;
    return s;
}

static inline void service_do(struct service *s, char what)
{
    assert_int_equal(write(s->order, &what, 1), 1);
    assert_int_equal(read(s->answer, &what, 1), 1);
}

static inline void service_end(struct service *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->order);
    close(s->answer);
}

#endif
