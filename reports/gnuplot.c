#include "reports/gnuplot.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT_NS (20 * CLOCK_NS_PER_S)

extern char **environ;

/* Waits for `pid`, kills it after the time limit. Returns its wait status, or
 * -1 when it had to be killed. */
static int wait_for(pid_t pid)
{
    int64_t end = clock_now_ns() + TIME_LIMIT_NS;
    int status = 0;
    pid_t got;

    for (;;) {
        got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        if ((got < 0 && errno != EINTR) || clock_now_ns() >= end)
            break;
        clock_sleep_until(clock_now_ns() + 10 * CLOCK_NS_PER_MS);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return -1;
}

static int spawn_in(const char *dir, char *const *argv, const char *log,
                    pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none;
    int rc;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addchdir_np(&fa, dir);
    posix_spawn_file_actions_addopen(&fa, 1, log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    posix_spawn_file_actions_adddup2(&fa, 1, 2);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawnp(pid, argv[0], &fa, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}

void gnuplot_run(const char *dir, const char *const *scripts, size_t n,
                 struct buf *notice)
{
    static char name[] = "gnuplot", defaults[] = "-d";
    char **argv = mem_zalloc(n + 3, sizeof *argv);
    char *log = file_join(dir, "gnuplot.log");
    pid_t pid;
    int rc, status;

    argv[0] = name;
    argv[1] = defaults;
    for (size_t i = 0; i < n; i++)
        argv[i + 2] = mem_strdup(scripts[i]);
    rc = spawn_in(dir, argv, "gnuplot.log", &pid);
    if (rc != 0) {
        buf_addf(notice, "gnuplot was not started (%s): no pictures in %s\n",
                 strerror(rc), dir);
        goto out;
    }
    status = wait_for(pid);
    if (status == -1)
        buf_addf(notice,
                 "gnuplot took longer than 20 s and was stopped: "
                 "pictures may be missing in %s\n",
                 dir);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        buf_addf(notice, "gnuplot was not started: no pictures in %s\n", dir);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        buf_addf(notice, "gnuplot failed; its words are in %s\n", log);
    else
        unlink(log); /* warnings about empty ranges, if anything */
out:
    for (size_t i = 0; i < n; i++)
        free(argv[i + 2]);
    free(argv);
    free(log);
}
