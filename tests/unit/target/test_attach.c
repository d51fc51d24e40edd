/* A target that runs already: by its number, its port, its cgroup. */
#include "tests/unit/target/stage.h"

#include "harness/base/cgroup.h"
#include "harness/base/mem.h"

#include <sys/stat.h>

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
        snprintf(want, sizeof want, "pid %d (test_attach)", (int)pid);
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
    for (int i = 0; i < 20000; i++) {
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
        cmocka_unit_test_setup_teardown(test_attach_pid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_cgroup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attach_mistakes, setup, teardown),
    };
    int role = stage_role(argc, argv);

    if (role >= 0)
        return role;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
