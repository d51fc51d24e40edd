#include "harness/sampler/source_impl.h"

#include "tests/unit/sampler/fake_host.h"
#include "tests/unit/temp_dir.h"

#include <errno.h>
#include <signal.h>

struct opened {
    struct fake_host f;
    struct custom_source custom[4];
    void *state;
    const char *const *names;
    size_t n;
    double v[128];
};

/* Opens `count` commands (name, what pairs). Returns what open returned. */
static int open_commands(struct opened *o, size_t count,
                         const char *const *pairs, struct err *err)
{
    memset(o, 0, sizeof *o);
    fake_host_init(&o->f, true);
    for (size_t i = 0; i < count; i++)
        o->custom[i] = (struct custom_source){.name = (char *)pairs[2 * i],
                                              .what = (char *)pairs[2 * i + 1]};
    o->f.sc.sample.custom = o->custom;
    o->f.sc.sample.ncustom = count;
    return source_ops_command.open(&o->f.host, &o->state, &o->names, &o->n,
                                   err);
}

static void read_now(struct opened *o)
{
    struct source_read how = fake_read(false);

    for (int i = 0; i < 128; i++)
        o->v[i] = 12345;
    source_ops_command.read(o->state, &o->f.host, &how, o->v);
    assert_close(o->v[o->n], 12345, 0); /* no more than it said */
}

static void shut(struct opened *o)
{
    source_ops_command.close(o->state);
    fake_host_release(&o->f);
}

static void test_values(void **state)
{
    static const char *const pairs[] = {
        "app", "printf 'sessions 12\\nqueue 3\\nsessions 1\\n'", "own",
        "sh -c 'echo pid $PLATEAU_TARGET_PID; echo sid $$'"};
    struct err err = {""};
    struct opened o;
    double before = fake_fds();

    (void)state;
    assert_int_equal(open_commands(&o, 2, pairs, &err), 0);
    assert_int_equal(o.n, 4);
    assert_string_equal(o.names[0], "app_sessions");
    assert_string_equal(o.names[1], "app_queue");
    assert_string_equal(o.names[2], "own_pid");
    for (int i = 0; i < 3; i++) {
        read_now(&o);
        assert_close(o.v[0], 13, 0); /* labels and repeats are summed */
        assert_close(o.v[1], 3, 0);
        assert_close(o.v[2], getpid(), 0);
    }
    assert_int_equal(o.f.nnotes, 0);
    shut(&o);
    assert_close(fake_fds(), before, 0);
}

static void test_only(void **state)
{
    static const char *const pairs[] = {"app", "printf 'a 1\\nb 2\\nc 3\\n'"};
    char *only[] = {"b", "later"};
    struct err err = {""};
    struct opened o;

    (void)state;
    memset(&o, 0, sizeof o);
    fake_host_init(&o.f, true);
    o.custom[0] = (struct custom_source){.name = (char *)pairs[0],
                                         .what = (char *)pairs[1],
                                         .only = only,
                                         .nonly = 2};
    o.f.sc.sample.custom = o.custom;
    o.f.sc.sample.ncustom = 1;
    assert_int_equal(
        source_ops_command.open(&o.f.host, &o.state, &o.names, &o.n, &err), 0);
    assert_int_equal(o.n, 2);
    assert_string_equal(o.names[1], "app_later");
    read_now(&o);
    assert_close(o.v[0], 2, 0);
    assert_true(isnan(o.v[1])); /* not there yet: no value, not 0 */
    shut(&o);
}

static void test_cap(void **state)
{
    static const char *const pairs[] = {
        "m", "sh -c 'i=0; while [ $i -lt 90 ]; do echo x$i $i; i=$((i+1)); "
             "done'"};
    struct err err = {""};
    struct opened o;

    (void)state;
    assert_int_equal(open_commands(&o, 1, pairs, &err), 0);
    assert_int_equal(o.n, 64);
    assert_non_null(strstr(o.f.notes, "only.m"));
    read_now(&o);
    assert_close(o.v[63], 63, 0);
    shut(&o);
}

static void test_failures(void **state)
{
    static const char *const missing[] = {"m", "plateau-no-such-program x"};
    static const char *const open_quote[] = {"m", "echo 'x"};
    static const char *const bad[] = {"bad", "sh -c 'echo x 1; exit 3'", "none",
                                      "echo nothing to read here"};
    struct err err = {""};
    struct opened o;

    (void)state;
    const char *preload = getenv("LD_PRELOAD");

    if (preload != NULL && strstr(preload, "vgpreload") != NULL)
        skip(); /* valgrind's posix_spawn does not tell of a failed exec */
    assert_int_equal(open_commands(&o, 1, missing, &err), -1);
    assert_string_equal(err.msg, "command.m: cannot start "
                                 "'plateau-no-such-program': No such file or "
                                 "directory");
    fake_host_release(&o.f);
    assert_int_equal(open_commands(&o, 1, open_quote, &err), -1);
    fake_host_release(&o.f);
    assert_int_equal(open_commands(&o, 2, bad, &err), 0);
    assert_int_equal(o.n, 0);
    assert_non_null(strstr(o.f.notes, "command.bad: exited with status 3"));
    assert_non_null(strstr(o.f.notes, "command.none: no 'name value' line"));
    shut(&o);
}

/* A command that hangs is ended with all its children, and delays no other
 * beyond the limit; an endless one is cut off. */
static void test_hanging(void **state)
{
    char *dir = temp_dir_new(), *hang, *text = NULL;
    const char *pairs[] = {"hang",
                           NULL,
                           "fast",
                           "echo n 4",
                           "yes",
                           "sh -c 'if [ -e FLAG ]; then yes; else echo y 1; "
                           "fi'"};
    struct source_read how;
    struct err err = {""};
    struct opened o;
    int64_t from;
    char *yes;
    size_t len;

    (void)state;
    hang = mem_printf("sh -c 'echo h 1; if [ -e %s/flag ]; then sleep 60 & "
                      "echo $! > %s/pid; sleep 60; fi'",
                      dir, dir);
    yes = mem_printf("sh -c 'if [ -e %s/flag ]; then exec yes; fi; "
                     "echo y 1'",
                     dir);
    pairs[1] = hang;
    pairs[5] = yes;
    assert_int_equal(open_commands(&o, 3, pairs, &err), 0);
    assert_int_equal(o.n, 3);
    read_now(&o);
    assert_close(o.v[0], 1, 0);
    temp_dir_puts(dir, "flag", "");
    from = clock_now_ns();
    how = (struct source_read){false, from + CLOCK_NS_PER_S / 2};
    source_ops_command.read(o.state, &o.f.host, &how, o.v);
    assert_true(clock_now_ns() - from < 3 * CLOCK_NS_PER_S);
    assert_true(isnan(o.v[0]));
    assert_close(o.v[1], 4, 0);
    assert_true(isnan(o.v[2]));
    assert_non_null(strstr(o.f.notes, "command.hang: took too long"));
    text = temp_dir_get(dir, "pid");
    len = strlen(text);
    assert_true(len > 0);
    /* Its background child went with it (reaped by whoever owns it). */
    for (int i = 0; i < 3000; i++) {
        struct proc_stat st;

        if (procfs_stat(strtol(text, NULL, 10), &st) != 0 || !procfs_runs(&st))
            break;
        usleep(1000);
        assert_true(i < 2999);
    }
    free(text);
    shut(&o);
    free(hang);
    free(yes);
    temp_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_only),
        cmocka_unit_test(test_cap),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_hanging),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
