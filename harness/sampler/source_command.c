/* Commands of the user's that print numbers. All run at once, without a shell,
 * each in a process group of its own that is ended with it. */
#include "harness/sampler/custom.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/ended.h"
#include "harness/base/mem.h"
#include "harness/base/spawn.h"
#include "harness/model/words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS (5 * CLOCK_NS_PER_S)

struct command {
    struct custom *custom;
    char **argv;
    size_t argc;
    struct buf out;
    pid_t pid; /* 0: not running */
    int fd;    /* its output; -1: closed */
    int error; /* why it could not be started */
    int status;
    bool late, full;
};

struct command_source {
    struct custom *custom;
    struct command *at;
    size_t n;
    const char **names;
    char **env; /* ours, and PLATEAU_TARGET_PID */
    char target[48];
};

/* ---- running ---- */

static void start(struct command *c, char **env)
{
    int p[2];

    buf_reset(&c->out);
    c->late = c->full = false;
    c->fd = -1;
    c->pid = 0;
    if (pipe2(p, O_CLOEXEC) != 0) {
        c->error = errno;
        return;
    }
    c->error =
        spawn_quiet((const char *const *)c->argv, env, NULL, -1, p[1], &c->pid);
    close(p[1]);
    if (c->error != 0) {
        c->pid = 0;
        close(p[0]);
        return;
    }
    c->fd = p[0];
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* Ends the group and its leader, and learns how the leader ended. The group
 * is signalled while its leader's number is still taken. */
static void finish(struct command *c)
{
    siginfo_t info;

    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (c->pid == 0)
        return;
    if (!c->late && !c->full)
        waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT);
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
}

/* False when the output has ended. */
static bool take_output(struct command *c)
{
    char bytes[16384];
    ssize_t n = read(c->fd, bytes, sizeof bytes);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n > 0 && buf_add(&c->out, bytes, (size_t)n) != 0)
        c->full = true;
    return n > 0 && !c->full;
}

/* Closed its output: it has until the deadline to end as well. */
static bool has_ended(const struct command *c)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) !=
               0 ||
           info.si_pid != 0;
}

static bool step(struct command *c, int64_t deadline_ns)
{
    if (c->pid == 0)
        return false;
    if (c->fd >= 0 && !take_output(c)) {
        close(c->fd);
        c->fd = -1;
    }
    c->late = clock_now_ns() >= deadline_ns;
    if (!c->late && !c->full && (c->fd >= 0 || !has_ended(c)))
        return true;
    finish(c);
    return false;
}

static void run_all(struct command_source *s, int64_t deadline_ns)
{
    struct pollfd *p = mem_zalloc(s->n, sizeof *p);
    int64_t until = clock_now_ns() + LIMIT_NS;
    bool busy = true;

    if (deadline_ns < until)
        until = deadline_ns;
    for (size_t i = 0; i < s->n; i++)
        start(&s->at[i], s->env);
    while (busy) {
        int wait_ms = 100;

        for (size_t i = 0; i < s->n; i++) {
            p[i] = (struct pollfd){.fd = s->at[i].fd, .events = POLLIN};
            if (s->at[i].pid != 0 && s->at[i].fd < 0)
                wait_ms = 2; /* ending; nothing tells of it but asking */
        }
        poll(p, s->n, wait_ms);
        busy = false;
        for (size_t i = 0; i < s->n; i++)
            busy |= step(&s->at[i], until);
    }
    free(p);
}

/* True when the output can be used; else says why not. */
static bool succeeded(const struct command *c, const struct source_host *host)
{
    const char *name = c->custom->source->name;
    char how[64];

    if (c->error != 0)
        host->note(host->host, "command.%s: cannot start '%.100s': %s", name,
                   c->argv[0], strerror(c->error));
    else if (c->full)
        host->note(host->host, "command.%s: printed over %u MiB", name,
                   CUSTOM_TEXT >> 20);
    else if (c->late)
        host->note(host->host, "command.%s: took too long and was ended", name);
    else if (c->status != 0) {
        ended_text(c->status, how, sizeof how);
        host->note(host->host, "command.%s: %s%s", name,
                   WIFSIGNALED(c->status) ? "was " : "", how);
    } else {
        return true;
    }
    return false;
}

/* ---- the source ---- */

/* The first process of the target, for commands that must know whom to ask:
 * jcmd, gdb, a script. */
static void make_env(struct command_source *s, const struct source_host *host)
{
    size_t n = 0;

    while (environ[n] != NULL)
        n++;
    s->env = mem_zalloc(n + 2, sizeof *s->env);
    memcpy(s->env, environ, n * sizeof *s->env);
    if (proctree_count(host->tree) == 0)
        return;
    snprintf(s->target, sizeof s->target, "PLATEAU_TARGET_PID=%" PRId64,
             proctree_at(host->tree, 0)->id.pid);
    s->env[n] = s->target;
}

static void command_close(void *state)
{
    struct command_source *s = state;

    for (size_t i = 0; i < s->n; i++) {
        words_free(s->at[i].argv, s->at[i].argc);
        buf_release(&s->at[i].out);
        custom_release(&s->custom[i]);
    }
    free(s->at);
    free(s->custom);
    free(s->names);
    free(s->env);
    free(s);
}

static int command_init(struct command *c, struct custom *custom,
                        struct err *err)
{
    struct words w;

    c->custom = custom;
    buf_init(&c->out, CUSTOM_TEXT);
    if (words_split(custom->source->what, &w, err) != 0 || w.n == 0) {
        words_release(&w);
        return err_set(err, "command.%s: '%s' is no command",
                       custom->source->name, custom->source->what);
    }
    c->argv = words_take(&w, &c->argc);
    words_release(&w);
    return 0;
}

static int open_commands(struct command_source *s,
                         const struct source_host *host, struct err *err)
{
    const struct scenario_sample *sample = &host->scenario->sample;

    for (size_t i = 0; i < sample->ncustom; i++) {
        struct custom *c = &s->custom[s->n];

        if (sample->custom[i].http)
            continue;
        custom_init(c, &sample->custom[i], "command");
        s->n++;
        if (command_init(&s->at[s->n - 1], c, err) != 0)
            return -1;
    }
    /* The pilot decides the columns. */
    run_all(s, INT64_MAX);
    for (size_t i = 0; i < s->n; i++) {
        struct command *c = &s->at[i];

        if (c->error == ENOENT || c->error == EACCES)
            return err_set(err, "command.%s: cannot start '%s': %s",
                           c->custom->source->name, c->argv[0],
                           strerror(c->error));
        custom_choose(&s->custom[i], host,
                      succeeded(c, host) ? (char *)buf_str(&c->out) : NULL,
                      c->out.len);
    }
    return 0;
}

static int command_open(const struct source_host *host, void **state,
                        const char *const **names, size_t *n, struct err *err)
{
    size_t most = host->scenario->sample.ncustom;
    struct command_source *s = mem_zalloc(1, sizeof *s);

    *n = 0;
    *state = s;
    s->custom = mem_zalloc(most, sizeof *s->custom);
    s->at = mem_zalloc(most, sizeof *s->at);
    make_env(s, host);
    if (open_commands(s, host, err) != 0) {
        command_close(s);
        return -1;
    }
    s->names = custom_names(s->custom, s->n, n);
    *names = s->names;
    return 0;
}

static void command_read(void *state, const struct source_host *host,
                         const struct source_read *how, double *v)
{
    struct command_source *s = state;

    run_all(s, how->deadline_ns);
    for (size_t i = 0; i < s->n; i++) {
        struct command *c = &s->at[i];

        for (size_t k = 0; k < s->custom[i].n; k++)
            v[k] = NAN;
        if (succeeded(c, host) && c->out.p != NULL)
            custom_fill(&s->custom[i], host, c->out.p, c->out.len, v);
        v += s->custom[i].n;
    }
}

const struct source_ops source_ops_command = {
    .name = "command",
    .cost = SOURCE_SLOW,
    .open = command_open,
    .read = command_read,
    .close = command_close,
};
