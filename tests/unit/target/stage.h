/* What the tests of the target share: a conductor's loop around one target,
 * whose command is this same test program as an actor. */
#ifndef PLATEAU_TESTS_UNIT_TARGET_STAGE_H
#define PLATEAU_TESTS_UNIT_TARGET_STAGE_H

#include "harness/base/procfs.h"
#include "harness/target/target.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/target/actors.h"

#include <sys/wait.h>
#include <uv.h>

static char self[1024]; /* this program, whole */

struct stage {
    uv_loop_t loop;
    struct scenario sc;
    struct target_config cfg;
    struct target *t;
    bool seen[TARGET_STOPPED + 1];
    int events;
    char detail[1024];
    char args[8][1024];
    char *argv[9];
    char *log;
};

static inline void on_event(void *user, enum target_event what,
                            const char *detail)
{
    struct stage *s = user;

    s->events++;
    assert_false(s->seen[what]);
    s->seen[what] = true;
    if (what != TARGET_STARTED && what != TARGET_READY)
        snprintf(s->detail, sizeof s->detail, "%s", detail);
    uv_stop(&s->loop);
}

static inline int free_port(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = listen_on(0);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* Command: this program in the given role. */
static inline void stage_init(struct stage *s, const char *role, const char *a,
                              const char *b)
{
    const char *words[] = {self, "act", role, dir, a, b};
    struct scenario_target *t = &s->sc.target;
    int n = 0;

    memset(s, 0, sizeof *s);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    for (int i = 0; i < 6 && words[i] != NULL; i++) {
        snprintf(s->args[n], sizeof s->args[n], "%s", words[i]);
        s->argv[n] = s->args[n];
        n++;
    }
    t->argv = s->argv;
    t->command = self;
    t->stop_grace_ns = CLOCK_NS_PER_S;
    s->log = file_join(dir, "log");
    s->cfg = (struct target_config){.scenario = &s->sc,
                                    .loop = &s->loop,
                                    .on_event = on_event,
                                    .user = s,
                                    .guard_program = self};
    s->cfg.log_fd =
        open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
}

static inline void stage_url(struct stage *s, int port, const char *path,
                             int64_t within_ns)
{
    struct scenario_target *t = &s->sc.target;
    static char host[] = "127.0.0.1", base[] = "", get[] = "GET";

    t->url.host = host;
    t->url.base = base;
    t->url.port = port;
    t->ready.within_ns = within_ns;
    t->ready.method = path != NULL ? get : NULL;
    t->ready.path = (char *)path;
}

static inline void on_bored(uv_timer_t *timer)
{
    bool *late = timer->data;

    *late = true;
    uv_stop(timer->loop);
}

/* Runs the loop until `what` was told; 20 s at most. */
static inline void await(struct stage *s, enum target_event what)
{
    bool late = false;
    uv_timer_t timer;

    uv_timer_init(&s->loop, &timer);
    timer.data = &late;
    uv_timer_start(&timer, on_bored, 20000, 0);
    while (!s->seen[what] && !late)
        uv_run(&s->loop, UV_RUN_DEFAULT);
    if (!s->seen[what])
        print_error("event %d did not come; last detail: %s\n", (int)what,
                    s->detail);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    assert_true(s->seen[what]);
}

static inline void stage_end(struct stage *s)
{
    if (s->t != NULL) {
        target_stop(s->t);
        target_stop(s->t);
        await(s, TARGET_STOPPED);
        target_close(&s->t);
        assert_null(s->t);
    }
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    close(s->cfg.log_fd);
    free(s->log);
}

static inline void stage_open(struct stage *s)
{
    struct err err = {""};

    if (target_open(&s->cfg, &s->t, &err) != 0)
        print_error("%s\n", err.msg);
    assert_non_null(s->t);
}

/* ---- helpers ---- */

/* Waits for an actor to sign; gives who it is. */
static inline struct proc_id signed_by(const char *name)
{
    char *path = file_join(dir, name), *text = NULL;
    struct proc_stat st;
    size_t len;

    for (int i = 0; i < 10000 && !file_exists(path); i++)
        usleep(1000);
    assert_int_equal(file_read(path, 64, &text, &len, NULL), 0);
    assert_int_equal(procfs_stat(atol(text), &st), 0);
    free(text);
    free(path);
    return st.id;
}

static inline bool gone_within(struct proc_id id, int ms)
{
    for (int i = 0; i < ms && procfs_alive(id); i++)
        usleep(1000);
    return !procfs_alive(id);
}

static inline double count_fds(void)
{
    struct proc_fds fds;

    assert_int_equal(procfs_fds(getpid(), false, &fds), 0);
    return fds.total;
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/plateau-target-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static inline int teardown(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return 0;
}

/* The other roles of this program; -1: it is to run its tests. */
static inline int stage_role(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__guard") == 0)
        return target_guard_main(argc, argv);
    if (realpath(argv[0], self) == NULL)
        return 99;
    if (argc > 3 && strcmp(argv[1], "act") == 0)
        return act(argc, argv);
    return -1;
}

#endif
