/* The target's end: asked for, refused, or forced by a conductor or a guardian
 * that was killed. */
#include "tests/unit/target/stage.h"

#include <errno.h>

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
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
    };
    int role = stage_role(argc, argv);

    if (role >= 0)
        return role;
    if (argc > 2 && strcmp(argv[1], "conduct") == 0)
        conduct(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
