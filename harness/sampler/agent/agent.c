#include "harness/sampler/agent/agent.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The agent's text, as a part of this program. */
__asm__(".section .rodata\n"
        ".global agent_text\n"
        "agent_text:\n"
        ".incbin \"harness/sampler/agent/plateau_agent.py\"\n"
        ".global agent_text_end\n"
        "agent_text_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char agent_text[], agent_text_end[];

/* To the compiler these are two objects: their addresses are subtracted. */
static size_t agent_text_size(void)
{
    return (size_t)((uintptr_t)agent_text_end - (uintptr_t)agent_text);
}

static void add_env(struct scenario_target *t, const char *name, char *value)
{
    t->env = mem_realloc(t->env, t->nenv + 1, sizeof *t->env);
    t->env[t->nenv++] =
        (struct name_value){.name = mem_strdup(name), .value = value};
}

/* Puts `dir` in front of the PYTHONPATH that the target would have had. */
static void add_path(struct scenario_target *t, const char *dir)
{
    const char *old = getenv("PYTHONPATH");

    for (size_t i = 0; i < t->nenv; i++) {
        struct name_value *e = &t->env[i];
        char *joined;

        if (strcmp(e->name, "PYTHONPATH") != 0)
            continue;
        joined = mem_printf("%s:%s", dir, e->value);
        free(e->value);
        e->value = joined;
        return;
    }
    if (old != NULL && old[0] != '\0')
        add_env(t, "PYTHONPATH", mem_printf("%s:%s", dir, old));
    else
        add_env(t, "PYTHONPATH", mem_strdup(dir));
}

int agent_prepare(struct scenario *sc, char **dir, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *made = mem_printf("%s/plateau-XXXXXX",
                            tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    char *file = NULL;
    int rc = -1;

    if (mkdtemp(made) == NULL) {
        err_set(err, "%s: %s", made, strerror(errno));
        goto out;
    }
    file = file_join(made, "sitecustomize.py");
    if (file_write(file, agent_text, agent_text_size(), err) != 0) {
        rmdir(made);
        goto out;
    }
    add_env(&sc->target, AGENT_DIR_VARIABLE, mem_strdup(made));
    add_path(&sc->target, made);
    *dir = made;
    made = NULL;
    rc = 0;
out:
    free(file);
    free(made);
    return rc;
}

const char *agent_dir(const struct scenario *sc)
{
    for (size_t i = 0; i < sc->target.nenv; i++)
        if (strcmp(sc->target.env[i].name, AGENT_DIR_VARIABLE) == 0)
            return sc->target.env[i].value;
    return NULL;
}

/* Waits for `events`; 0 when they came before the deadline. */
static int wait_for(int fd, short events, int64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left = deadline_ns - clock_now_ns();
    int n;

    if (left <= 0)
        return -1;
    do {
        n = poll(&p, 1, (int)(left / CLOCK_NS_PER_MS) + 1);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : -1;
}

static int connect_to(const char *dir, int64_t pid, struct err *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/%lld.sock", dir,
                     (long long)pid);
    int fd;

    if (n < 0 || (size_t)n >= sizeof a.sun_path)
        return err_set(err, "the agent's socket name is too long");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, "socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        err_set(err, "no agent in process %lld: %s", (long long)pid,
                strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static int exchange(int fd, const char *request, int64_t deadline_ns,
                    struct buf *reply)
{
    char part[4096];
    size_t len = strlen(request);

    if (wait_for(fd, POLLOUT, deadline_ns) != 0 ||
        send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len ||
        send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        return -1;
    for (;;) {
        ssize_t got;

        if (wait_for(fd, POLLIN, deadline_ns) != 0)
            return -1;
        got = recv(fd, part, sizeof part, 0);
        if (got <= 0 || buf_add(reply, part, (size_t)got) != 0)
            return -1;
        if (reply->p[reply->len - 1] == '\n')
            return 0;
    }
}

int agent_call(const char *dir, int64_t pid, const char *request,
               int64_t timeout_ns, struct buf *reply, struct err *err)
{
    int fd = connect_to(dir, pid, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = exchange(fd, request, clock_now_ns() + timeout_ns, reply);
    if (rc != 0)
        err_set(err, "the agent in process %lld did not answer",
                (long long)pid);
    close(fd);
    return rc;
}

/* Removes the folder `name` below `at` and the plain files in it; the only
 * folder inside is Python's __pycache__. */
static void remove_folder(int at, const char *name, bool inner)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (inner && strcmp(e->d_name, "__pycache__") == 0)
            remove_folder(fd, e->d_name, false);
        else
            unlinkat(fd, e->d_name, 0);
    }
    if (d != NULL)
        closedir(d);
    unlinkat(at, name, AT_REMOVEDIR);
}

void agent_remove(char **dir)
{
    if (*dir == NULL)
        return;
    remove_folder(AT_FDCWD, *dir, true);
    free(*dir);
    *dir = NULL;
}
