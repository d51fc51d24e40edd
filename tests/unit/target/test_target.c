/* The target's life until it is ready, and its end by itself; the roles that
 * this program plays are in actors.h. */
#include "tests/unit/target/stage.h"

#include <sys/stat.h>

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
 * with its status and the output's last line that says something. */
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
    };
    int role = stage_role(argc, argv);

    if (role >= 0)
        return role;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
