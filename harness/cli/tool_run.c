#include "harness/cli/tool_run.h"

#include "harness/base/clock.h"
#include "harness/base/ended.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool tool_found(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = mem_strdup(path != NULL ? path : "/usr/bin:/bin"), *rest;
    bool found = false;

    for (char *d = strtok_r(copy, ":", &rest); d != NULL && !found;
         d = strtok_r(NULL, ":", &rest)) {
        char *full = file_join(d, name);

        found = access(full, X_OK) == 0;
        free(full);
    }
    free(copy);
    return found;
}

/* Reads to the end of the output; false when the time was over before. What
 * does not fit is read and dropped. */
static bool read_all(int fd, int64_t until_ns, struct buf *out)
{
    for (;;) {
        int64_t left = until_ns - clock_now_ns();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char part[16384];
        ssize_t n;

        if (left <= 0)
            return false;
        if (poll(&p, 1, (int)(left / CLOCK_NS_PER_MS) + 1) <= 0)
            continue;
        n = read(fd, part, sizeof part);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
        if (n > 0)
            buf_add(out, part, (size_t)n);
    }
}

/* Its output has ended; it has until the deadline to end as well. */
static bool has_ended(pid_t pid, int64_t until_ns)
{
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
           info.si_pid == 0) {
        if (clock_now_ns() > until_ns)
            return false;
        clock_sleep_until(clock_now_ns() + 5 * CLOCK_NS_PER_MS);
    }
    return true;
}

/* A file without a name that holds the input, to be read from its start. */
static int open_input(const struct buf *input, struct err *err)
{
    int fd = memfd_create("plateau-input", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < input->len) {
        ssize_t n = write(fd, input->p + done, input->len - done);

        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && done == input->len && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    err_set(err, "no room for a tool's input: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int tool_run(const char *const *argv, const char *cwd, const struct buf *input,
             int64_t limit_ns, struct buf *out, struct err *err)
{
    int64_t until_ns = clock_now_ns() + limit_ns;
    int status = 0, in = -1, p[2], rc;
    char how[64];
    bool whole;
    pid_t pid;

    if (input != NULL && (in = open_input(input, err)) < 0)
        return -1;
    if (pipe2(p, O_CLOEXEC) != 0) {
        rc = errno;
        if (in >= 0)
            close(in);
        return err_set(err, "%s: %s", argv[0], strerror(rc));
    }
    rc = spawn_quiet(argv, environ, cwd, in, p[1], &pid);
    close(p[1]);
    if (in >= 0)
        close(in);
    if (rc != 0) {
        close(p[0]);
        return err_set(err, "%s: %s", argv[0], strerror(rc));
    }
    whole = read_all(p[0], until_ns, out) && has_ended(pid, until_ns);
    close(p[0]);
    /* The group is signalled while its leader's number is still taken. */
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!whole)
        return err_set(err, "%s took longer than %.0f s", argv[0],
                       (double)limit_ns / 1e9);
    if (status != 0) {
        ended_text(status, how, sizeof how);
        return err_set(err, "%s %s", argv[0], how);
    }
    return 0;
}
