/* The target's life, with this same program in the other roles: guardian,
 * service, conductor (see main). */
#include "harness/target/target.h"

#include "harness/base/cgroup.h"
#include "harness/base/clock.h"
#include "harness/base/ended.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static char self[1024];
static char dir[64];

static int number(const char *s)
{
    return (int)strtol(s, NULL, 10);
}

/* ---- actors: what the started command does ---- */

static int listen_on(int port)
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
static void serve(int port, int refuse)
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
static void sign(const char *name)
{
    char text[32], *path = file_join(dir, name);

    snprintf(text, sizeof text, "%d\n", (int)getpid());
    file_write(path, text, strlen(text), NULL);
    free(path);
}

/* A family that does not want to go: the first process, a child in a session
 * of its own, a daemon forked twice; all deaf to SIGTERM and SIGHUP. */
static void family(void)
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
static void background(int port)
{
    if (fork() > 0)
        _exit(0);
    setsid();
    sign("daemon");
    serve(port, 0);
}

static void show(void)
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
    printf("\n\n");
    fflush(stdout);
    _exit(7);
}

/* Dies and is born again all the time, deaf to SIGTERM. Bounded: it ends by
 * itself after 20 s. */
static void restless(void)
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

static void polite(void)
{
    sign("first");
    for (;;)
        pause();
}

static int act(int argc, char **argv)
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

/* ---- a conductor ---- */

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

static void on_event(void *user, enum target_event what, const char *detail)
{
    struct stage *s = user;

    s->events++;
    assert_false(s->seen[what]);
    s->seen[what] = true;
    if (what != TARGET_STARTED && what != TARGET_READY)
        snprintf(s->detail, sizeof s->detail, "%s", detail);
    uv_stop(&s->loop);
}

static int free_port(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = listen_on(0);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* Command: this program in the given role. */
static void stage_init(struct stage *s, const char *role, const char *a,
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

static void stage_url(struct stage *s, int port, const char *path,
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

static void on_bored(uv_timer_t *timer)
{
    bool *late = timer->data;

    *late = true;
    uv_stop(timer->loop);
}

/* Runs the loop until `what` was told; 20 s at most. */
static void await(struct stage *s, enum target_event what)
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

static void stage_end(struct stage *s)
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

static void stage_open(struct stage *s)
{
    struct err err = {""};

    if (target_open(&s->cfg, &s->t, &err) != 0)
        print_error("%s\n", err.msg);
    assert_non_null(s->t);
}

/* ---- helpers ---- */

/* Waits for an actor to sign; gives who it is. */
static struct proc_id signed_by(const char *name)
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

static bool gone_within(struct proc_id id, int ms)
{
    for (int i = 0; i < ms && procfs_alive(id); i++)
        usleep(1000);
    return !procfs_alive(id);
}

static double count_fds(void)
{
    struct proc_fds fds;

    assert_int_equal(procfs_fds(getpid(), false, &fds), 0);
    return fds.total;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/plateau-target-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int teardown(void **state)
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

/* ---- tests ---- */

static void test_life(void **state)
{
    struct proc_id roots[4];
    char port[16];
    struct stage s;
    int64_t guardian;
    double before = 0;

    (void)state;
    snprintf(port, sizeof port, "%d", free_port());
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            before = count_fds(); /* the first run opened the thread pool */
        stage_init(&s, "serve", port, "2");
        stage_url(&s, number(port), "/health", 10 * CLOCK_NS_PER_S);
        stage_open(&s);
        assert_int_equal(s.events, 0); /* never from within target_open */
        await(&s, TARGET_STARTED);
        assert_true(target_is_ours(s.t));
        assert_int_equal(target_roots(s.t, roots, 4, &guardian), 1);
        assert_true(procfs_alive(roots[0]));
        assert_true(guardian > 0 && guardian != roots[0].pid);
        await(&s, TARGET_READY);
        stage_end(&s);
        assert_false(procfs_alive(roots[0]));
        assert_int_equal(s.events, 3);
    }
    assert_close(count_fds(), before, 0);
}

static void test_no_such_command(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s, "serve", NULL, NULL);
    snprintf(s.args[0], sizeof s.args[0], "plateau-no-such-command");
    stage_open(&s);
    await(&s, TARGET_NOT_READY);
    assert_string_equal(s.detail, "cannot start 'plateau-no-such-command': "
                                  "No such file or directory");
    assert_false(s.seen[TARGET_STARTED]);
    stage_end(&s);
}

/* Environment, directory, clean signals and descriptors; an early end is told
 * with its status and the output's last line. */
static void test_surroundings_and_early_end(void **state)
{
    struct name_value env[2] = {
        {.name = (char *)"PLATEAU_A", .value = (char *)"two words"},
        {.name = (char *)"PLATEAU_B", .value = (char *)""}};
    char *text = NULL, want[256], *sub;
    struct stage s;
    size_t len;

    (void)state;
    setenv("PLATEAU_A", "overridden", 1);
    setenv("PLATEAU_B", "overridden", 1);
    sub = file_join(dir, "sub dir");
    assert_int_equal(mkdir(sub, 0777), 0);
    stage_init(&s, "show", NULL, NULL);
    stage_url(&s, free_port(), "/", 10 * CLOCK_NS_PER_S);
    s.sc.target.env = env;
    s.sc.target.nenv = 2;
    s.sc.target.cwd = sub;
    stage_open(&s);
    await(&s, TARGET_NOT_READY);
    assert_non_null(strstr(s.detail, "the command exited with status 7 "));
    assert_non_null(strstr(s.detail, "before it was ready; its last line of "
                                     "output: sigpipe=0 sigmask=0 sid=1 "
                                     "fds=0,1,2,"));
    assert_int_equal(file_read(s.log, 4096, &text, &len, NULL), 0);
    snprintf(want, sizeof want, "A=two words B= cwd=%s arg0\n", sub);
    assert_memory_equal(text, want, strlen(want));
    assert_non_null(strstr(target_output_tail(s.t), want));
    free(text);
    stage_end(&s);
    free(sub);
}

static void test_crash(void **state)
{
    char port[16];
    struct stage s;
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd;

    (void)state;
    snprintf(port, sizeof port, "%d", free_port());
    stage_init(&s, "serve", port, NULL);
    stage_url(&s, number(port), NULL, 10 * CLOCK_NS_PER_S);
    stage_open(&s);
    await(&s, TARGET_READY);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((uint16_t)number(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(write(fd, "GET /crash HTTP/1.1\r\n\r\n", 23), 23);
    await(&s, TARGET_EXITED);
    close(fd);
    assert_non_null(strstr(s.detail, "the command was killed by SIGSEGV "));
    stage_end(&s);
}

static void test_port_taken(void **state)
{
    int port = free_port(), fd = listen_on(port);
    struct err err = {""};
    char want[64];
    struct stage s;

    (void)state;
    stage_init(&s, "serve", NULL, NULL);
    stage_url(&s, port, "/", CLOCK_NS_PER_S);
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    snprintf(want, sizeof want, "127.0.0.1:%d is served by pid %d", port,
             (int)getpid());
    assert_non_null(strstr(err.msg, want));
    stage_end(&s);
    close(fd);
}

static void test_not_ready_in_time(void **state)
{
    char port[16], url[96];
    struct stage s;

    (void)state;
    snprintf(port, sizeof port, "%d", free_port());
    stage_init(&s, "polite", NULL, NULL);
    stage_url(&s, number(port), NULL, CLOCK_NS_PER_S / 4);
    stage_open(&s);
    await(&s, TARGET_NOT_READY);
    assert_string_equal(s.detail,
                        "not ready within 0.25 s: nobody listens there yet");
    stage_end(&s);

    stage_init(&s, "polite", NULL, NULL);
    stage_url(&s, number(port), "/up", CLOCK_NS_PER_S / 4);
    stage_open(&s);
    await(&s, TARGET_NOT_READY);
    snprintf(url, sizeof url,
             "GET http://127.0.0.1:%s/up: nobody listens there yet", port);
    assert_non_null(strstr(s.detail, url));
    stage_end(&s);

    stage_init(&s, "serve", port, "1000");
    stage_url(&s, number(port), "/health", CLOCK_NS_PER_S);
    stage_open(&s);
    await(&s, TARGET_NOT_READY);
    snprintf(url, sizeof url, "GET http://127.0.0.1:%s/health answered 503",
             port);
    assert_non_null(strstr(s.detail, url));
    stage_end(&s);
}

/* A stop while the first attempt hangs in a server that never answers. */
static void test_stop_while_waiting(void **state)
{
    int port = free_port();
    char text[16];
    struct stage s;
    int64_t from;

    (void)state;
    snprintf(text, sizeof text, "%d", port);
    stage_init(&s, "polite", NULL, NULL);
    stage_url(&s, port, "/", 60 * CLOCK_NS_PER_S);
    stage_open(&s);
    await(&s, TARGET_STARTED);
    int fd = listen_on(port); /* accepts, says nothing */
    signed_by("first");
    for (int i = 0; i < 30; i++) {
        uv_run(&s.loop, UV_RUN_NOWAIT);
        usleep(10000);
    }
    from = clock_now_ns();
    stage_end(&s);
    assert_true(clock_now_ns() - from < 2 * CLOCK_NS_PER_S);
    close(fd);
}

/* SIGTERM, the grace, SIGKILL; the daemon and the other session too. */
static void test_stop_reaches_everybody(void **state)
{
    static const char *const names[] = {"first", "session", "daemon"};
    struct proc_id ids[3];
    struct stage s;
    int64_t from;

    (void)state;
    stage_init(&s, "family", NULL, NULL);
    s.sc.target.stop_grace_ns = CLOCK_NS_PER_S / 2;
    stage_open(&s);
    await(&s, TARGET_READY);
    for (int i = 0; i < 3; i++)
        ids[i] = signed_by(names[i]);
    from = clock_now_ns();
    stage_end(&s);
    assert_true(clock_now_ns() - from >= CLOCK_NS_PER_S / 2);
    for (int i = 0; i < 3; i++)
        assert_false(procfs_alive(ids[i]));
    assert_string_equal(s.detail, "");
}

/* What never stays the same process does not get away either. */
static void test_stop_of_restless(void **state)
{
    struct stage s;
    int64_t from;

    (void)state;
    stage_init(&s, "restless", NULL, NULL);
    s.sc.target.stop_grace_ns = CLOCK_NS_PER_S / 4;
    stage_open(&s);
    await(&s, TARGET_READY);
    usleep(200000);
    from = clock_now_ns();
    stage_end(&s);
    assert_true(clock_now_ns() - from < 8 * CLOCK_NS_PER_S);
    assert_string_equal(s.detail, "");
}

/* One that obeys SIGTERM ends long before the grace is over. */
static void test_polite_stop(void **state)
{
    struct stage s;
    int64_t from;

    (void)state;
    stage_init(&s, "polite", NULL, NULL);
    s.sc.target.stop_grace_ns = 15 * CLOCK_NS_PER_S;
    stage_open(&s);
    await(&s, TARGET_READY);
    signed_by("first");
    from = clock_now_ns();
    stage_end(&s);
    assert_true(clock_now_ns() - from < 5 * CLOCK_NS_PER_S);
}

/* A stopped process ends, too. */
static void test_stop_of_stopped(void **state)
{
    struct proc_id id;
    struct stage s;

    (void)state;
    stage_init(&s, "polite", NULL, NULL);
    s.sc.target.stop_grace_ns = 15 * CLOCK_NS_PER_S;
    stage_open(&s);
    await(&s, TARGET_READY);
    id = signed_by("first");
    kill((pid_t)id.pid, SIGSTOP);
    stage_end(&s);
    assert_false(procfs_alive(id));
}

/* The command forks and leaves: the daemon is the target. */
static void test_background(void **state)
{
    struct proc_id id;
    char port[16];
    struct stage s;

    (void)state;
    snprintf(port, sizeof port, "%d", free_port());
    stage_init(&s, "background", port, NULL);
    stage_url(&s, number(port), "/", 10 * CLOCK_NS_PER_S);
    stage_open(&s);
    await(&s, TARGET_READY);
    id = signed_by("daemon");
    assert_true(procfs_alive(id));
    assert_false(s.seen[TARGET_EXITED]);
    kill((pid_t)id.pid, SIGKILL);
    await(&s, TARGET_EXITED);
    assert_string_equal(s.detail, "the last process of the command has ended");
    stage_end(&s);
}

/* This program as the conductor of `family`; killed by SIGKILL, it leaves
 * nothing behind. */
static void conduct(char **argv)
{
    struct stage s;

    snprintf(dir, sizeof dir, "%s", argv[2]);
    stage_init(&s, "family", NULL, NULL);
    s.sc.target.stop_grace_ns = CLOCK_NS_PER_S / 4;
    stage_open(&s);
    for (;;)
        uv_run(&s.loop, UV_RUN_DEFAULT);
}

static void test_conductor_killed(void **state)
{
    static const char *const names[] = {"first", "session", "daemon"};
    struct proc_id ids[3], guard = {0};
    struct proc_stat st;
    int64_t kid[1];
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execl(self, self, "conduct", dir, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3; i++)
        ids[i] = signed_by(names[i]);
    assert_int_equal(procfs_children(pid, kid, 1), 1);
    assert_int_equal(procfs_stat(kid[0], &st), 0);
    guard = st.id;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 3; i++)
        assert_true(gone_within(ids[i], 5000));
    assert_true(gone_within(guard, 5000));
}

/* Even the guardian may be killed: the conductor notices. */
static void test_guardian_killed(void **state)
{
    struct proc_id roots[1], id;
    struct stage s;
    int64_t guardian;

    (void)state;
    stage_init(&s, "polite", NULL, NULL);
    stage_open(&s);
    await(&s, TARGET_READY);
    id = signed_by("first");
    assert_int_equal(target_roots(s.t, roots, 1, &guardian), 1);
    kill((pid_t)guardian, SIGKILL);
    await(&s, TARGET_EXITED);
    assert_non_null(strstr(s.detail, "guardian"));
    assert_true(gone_within(id, 5000));
    stage_end(&s);
}

/* Attached targets are watched, named, and never signalled. */
static void test_attach_pid(void **state)
{
    char want[64], *pidfile;
    struct proc_id roots[2];
    int64_t guardian;
    struct stage s;
    pid_t pid;

    (void)state;
    for (int i = 0; i < 2; i++) {
        pid = fork();
        if (pid == 0) {
            execl(self, self, "act", "polite", dir, (char *)NULL);
            _exit(127);
        }
        stage_init(&s, "none", NULL, NULL);
        s.sc.target.command = NULL;
        pidfile = mem_printf("%s/first", dir);
        signed_by("first");
        if (i == 0)
            s.sc.target.pid = pid;
        else
            s.sc.target.pidfile = pidfile;
        stage_open(&s);
        await(&s, TARGET_READY);
        assert_false(target_is_ours(s.t));
        snprintf(want, sizeof want, "pid %d (test_target)", (int)pid);
        assert_string_equal(target_label(s.t), want);
        assert_int_equal(target_roots(s.t, roots, 2, &guardian), 1);
        assert_int_equal(guardian, 0);
        assert_int_equal(roots[0].pid, pid);
        if (i == 0) {
            stage_end(&s);
            assert_true(procfs_alive(roots[0]));
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        } else {
            kill(pid, SIGKILL);
            await(&s, TARGET_EXITED);
            assert_non_null(strstr(s.detail, want));
            assert_non_null(strstr(s.detail, " has ended"));
            waitpid(pid, NULL, 0);
            stage_end(&s);
        }
        unlink(pidfile);
        free(pidfile);
    }
}

/* Of a prefork server's processes the parent alone is the root. */
static void test_attach_port(void **state)
{
    struct proc_id roots[4];
    int port = free_port();
    struct err err = {""};
    int64_t guardian;
    struct stage s;
    pid_t pid;

    (void)state;
    stage_init(&s, "none", NULL, NULL);
    s.sc.target.command = NULL;
    s.sc.target.port = port;
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_non_null(strstr(err.msg, "nobody listens on port"));
    stage_end(&s);

    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = listen_on(port);

        for (int i = 0; i < 3; i++)
            if (fork() == 0)
                break;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sign("worker");
        for (;;)
            close(accept(fd, NULL, NULL));
    }
    stage_init(&s, "none", NULL, NULL);
    s.sc.target.command = NULL;
    /* url alone: whoever listens on its port. */
    stage_url(&s, port, NULL, CLOCK_NS_PER_S);
    for (int i = 0; i < 5000; i++) {
        int64_t pids[8];

        if (procfs_listeners(port, pids, 8) == 4)
            break;
        usleep(1000);
    }
    stage_open(&s);
    await(&s, TARGET_READY);
    assert_int_equal(target_roots(s.t, roots, 4, &guardian), 1);
    assert_int_equal(roots[0].pid, pid);
    stage_end(&s);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void write_pid(const char *group, pid_t pid)
{
    char *path = file_join(group, "cgroup.procs");
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f, "%d", (int)pid);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static pid_t sleeper(const char *group)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    write_pid(group, pid);
    return pid;
}

/* A group is the target as long as some process is in it. */
static void test_attach_cgroup(void **state)
{
    struct proc_id roots[4];
    struct cgroup own;
    int64_t guardian;
    struct stage s;
    pid_t a, b, c;
    char *group;

    (void)state;
    if (cgroup_of(getpid(), &own, NULL) != 0)
        skip();
    group = mem_printf("%s/plateau-attach-%d", own.top, (int)getpid());
    if (mkdir(group, 0777) != 0) {
        free(group);
        skip();
    }
    a = sleeper(group);
    b = sleeper(group);
    stage_init(&s, "none", NULL, NULL);
    s.sc.target.command = NULL;
    s.sc.target.cgroup = strrchr(group, '/') + 1;
    stage_open(&s);
    await(&s, TARGET_READY);
    assert_int_equal(target_roots(s.t, roots, 4, &guardian), 2);
    assert_int_equal(guardian, 0);
    assert_string_equal(target_cgroup(s.t), group);
    c = sleeper(group);
    kill(a, SIGKILL);
    kill(b, SIGKILL);
    waitpid(a, NULL, 0);
    waitpid(b, NULL, 0);
    for (int i = 0; i < 50; i++) {
        uv_run(&s.loop, UV_RUN_NOWAIT);
        usleep(10000);
    }
    assert_false(s.seen[TARGET_EXITED]);
    kill(c, SIGKILL);
    waitpid(c, NULL, 0);
    await(&s, TARGET_EXITED);
    stage_end(&s);
    for (int i = 0; i < 2000 && rmdir(group) != 0; i++)
        usleep(1000);
    free(group);
}

static void test_attach_mistakes(void **state)
{
    char *path = file_join(dir, "pid");
    struct err err = {""};
    struct stage s;

    (void)state;
    stage_init(&s, "none", NULL, NULL);
    s.sc.target.command = NULL;
    s.sc.target.pid = 0x7ffffff0;
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_string_equal(err.msg, "no process 2147483632");
    s.sc.target.pid = 0;
    s.sc.target.pidfile = path;
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_non_null(strstr(err.msg, "No such file"));
    assert_int_equal(file_write(path, "12x\n", 4, NULL), 0);
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_non_null(strstr(err.msg, "no process number"));
    s.sc.target.pidfile = NULL;
    s.sc.target.cgroup = (char *)"plateau/no-such-group";
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_non_null(strstr(err.msg, "no cgroup"));
    s.sc.target.cgroup = NULL;
    /* Not this machine, not allowed: not even looked at. */
    stage_url(&s, 80, NULL, CLOCK_NS_PER_S);
    s.sc.target.url.host = (char *)"192.0.2.1";
    assert_int_equal(target_open(&s.cfg, &s.t, &err), -1);
    assert_non_null(strstr(err.msg, "allow_host"));
    stage_end(&s);
    free(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_surroundings_and_early_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_ready_in_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stop_while_waiting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stop_reaches_everybody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stop_of_restless, setup, teardown),
        cmocka_unit_test_setup_teardown(test_polite_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_of_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_background, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conductor_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guardian_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_pid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_cgroup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_mistakes, setup, teardown),
    };

    if (argc > 1 && strcmp(argv[1], "__guard") == 0)
        return target_guard_main(argc, argv);
    if (realpath(argv[0], self) == NULL)
        return 99;
    if (argc > 3 && strcmp(argv[1], "act") == 0)
        return act(argc, argv);
    if (argc > 2 && strcmp(argv[1], "conduct") == 0)
        conduct(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
