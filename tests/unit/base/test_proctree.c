#include "harness/base/proctree.h"

#include "tests/unit/assert_close.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
    int started, ended;
    int64_t last_started, last_ended;
};

static void on_change(void *user, const struct proc_stat *st, bool started)
{
    struct seen *s = user;

    if (started) {
        s->started++;
        s->last_started = st->id.pid;
    } else {
        s->ended++;
        s->last_ended = st->id.pid;
    }
}

static struct proc_id id_of(pid_t pid)
{
    struct proc_stat st;

    assert_int_equal(procfs_stat(pid, &st), 0);
    return st.id;
}

/* A parent that obeys one-letter orders: 'f' forks a sleeping child and
 * answers with its pid, 'd' forks one that detaches itself (double fork and
 * setsid), 'z' forks one that ends and waits for nobody, 'q' ends. */
struct actor {
    pid_t pid;
    int order, answer;
};

static void obey(int order, int answer)
{
    char c;

    signal(SIGCHLD, SIG_IGN);
    while (read(order, &c, 1) == 1 && c != 'q') {
        if (c == 'z')
            signal(SIGCHLD, SIG_DFL);
        pid_t pid = fork();

        if (pid == 0 && c == 'z')
            _exit(0);

        if (pid == 0 && c == 'd') {
            setsid();
            pid = fork();
            if (pid > 0 && write(answer, &pid, sizeof pid) > 0)
                _exit(0);
        }
        if (pid == 0)
            for (;;)
                pause();
        if (c != 'd' && write(answer, &pid, sizeof pid) < 0)
            break;
    }
    _exit(0);
}

static struct actor actor_start(void)
{
    struct actor a;
    int in[2], out[2];

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    a.pid = fork();
    if (a.pid == 0) {
        close(in[1]);
        close(out[0]);
        obey(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    a.order = in[1];
    a.answer = out[0];
    return a;
}

static pid_t actor_do(struct actor *a, char what)
{
    pid_t pid = 0;

    assert_int_equal(write(a->order, &what, 1), 1);
    if (what != 'q')
        assert_int_equal(read(a->answer, &pid, sizeof pid), sizeof pid);
    return pid;
}

static void actor_end(struct actor *a)
{
    close(a->order);
    close(a->answer);
    kill(a->pid, SIGKILL);
    waitpid(a->pid, NULL, 0);
}

static void wait_end(struct proc_id id)
{
    for (int i = 0; i < 20000 && procfs_alive(id); i++)
        usleep(1000);
    assert_false(procfs_alive(id));
}

static void test_grows_and_shrinks(void **state)
{
    struct actor a = actor_start();
    struct proctree *t = proctree_new(0);
    struct seen seen = {0};
    pid_t kid, second;

    (void)state;
    proctree_add(t, id_of(a.pid));
    proctree_add(t, id_of(a.pid));
    assert_int_equal(proctree_scan(t, on_change, &seen), 1);
    assert_int_equal(seen.started, 1);
    kid = actor_do(&a, 'f');
    second = actor_do(&a, 'f');
    assert_int_equal(proctree_scan(t, on_change, &seen), 3);
    assert_int_equal(proctree_scan(t, on_change, &seen), 3);
    assert_int_equal(seen.started, 3);
    assert_int_equal(proctree_starts(t), 3);
    /* Oldest first. */
    assert_int_equal(proctree_at(t, 0)->id.pid, a.pid);
    for (size_t i = 1; i < 3; i++)
        assert_true(proctree_at(t, i)->id.start >=
                    proctree_at(t, i - 1)->id.start);
    struct proc_id kid_id = id_of(kid);
    kill(kid, SIGKILL);
    wait_end(kid_id);
    assert_int_equal(proctree_scan(t, on_change, &seen), 2);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.last_ended, kid);
    assert_int_equal(proctree_starts(t), 3);
    kill(second, SIGKILL);
    actor_end(&a);
    assert_int_equal(proctree_count(t), 2);
    for (int i = 0; i < 20000 && proctree_scan(t, on_change, &seen) > 0; i++)
        usleep(1000);
    assert_int_equal(proctree_count(t), 0);
    assert_int_equal(seen.ended, 3);
    proctree_free(t);
}

/* Children that ended and were not waited for are no members, and counted. */
static void test_zombies(void **state)
{
    struct actor a = actor_start();
    struct proctree *t = proctree_new(0);

    (void)state;
    proctree_add(t, id_of(a.pid));
    actor_do(&a, 'f');
    assert_int_equal(proctree_scan(t, NULL, NULL), 2);
    assert_int_equal(proctree_zombies(t), 0);
    for (int i = 1; i <= 2; i++) {
        wait_end((struct proc_id){actor_do(&a, 'z'), 0});
        for (int k = 0; k < 20000 && proctree_zombies(t) < i; k++) {
            usleep(1000);
            proctree_scan(t, NULL, NULL);
        }
        assert_int_equal(proctree_zombies(t), i);
        assert_int_equal(proctree_count(t), 2);
    }
    kill((pid_t)proctree_at(t, 1)->id.pid, SIGKILL);
    actor_end(&a);
    proctree_scan(t, NULL, NULL);
    assert_int_equal(proctree_zombies(t), 0);
    proctree_free(t);
}

/* A child seen once stays a member when its parent dies. */
static void test_reparented(void **state)
{
    struct actor a = actor_start();
    struct proctree *t = proctree_new(0);
    pid_t kid;

    (void)state;
    proctree_add(t, id_of(a.pid));
    kid = actor_do(&a, 'f');
    assert_int_equal(proctree_scan(t, NULL, NULL), 2);
    actor_do(&a, 'q');
    waitpid(a.pid, NULL, 0);
    assert_int_equal(proctree_scan(t, NULL, NULL), 1);
    assert_int_equal(proctree_at(t, 0)->id.pid, kid);
    kill(kid, SIGKILL);
    close(a.order);
    close(a.answer);
    proctree_free(t);
}

/* With a guardian (a subreaper), a daemon that nobody saw start is found. */
static void test_guardian(void **state)
{
    struct proctree *t = proctree_new(getpid());
    struct actor a;
    struct seen seen = {0};
    pid_t daemon_pid;
    bool found = false;

    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    a = actor_start();
    daemon_pid = actor_do(&a, 'd');
    for (int i = 0; i < 20000; i++) {
        struct proc_stat st;

        assert_int_equal(procfs_stat(daemon_pid, &st), 0);
        if (st.ppid == getpid())
            break;
        usleep(1000);
    }
    proctree_scan(t, on_change, &seen);
    for (size_t i = 0; i < proctree_count(t); i++) {
        found |= proctree_at(t, i)->id.pid == daemon_pid;
        assert_true(proctree_at(t, i)->id.pid != getpid());
    }
    assert_true(found);
    assert_int_equal(proctree_count(t), 2);
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    actor_end(&a);
    assert_int_equal(proctree_scan(t, on_change, &seen), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    proctree_free(t);
}

/* A pid with another start time is another process. */
static void test_recycled_pid(void **state)
{
    struct proctree *t = proctree_new(0);
    struct proc_id id = id_of(getpid());

    (void)state;
    id.start--;
    proctree_add(t, id);
    assert_int_equal(proctree_scan(t, NULL, NULL), 0);
    assert_int_equal(proctree_starts(t), 0);
    proctree_free(t);
    proctree_free(NULL);
}

/* Workers recycled one after another are counted as starts. */
static void test_recycled_workers(void **state)
{
    struct actor a = actor_start();
    struct proctree *t = proctree_new(0);

    (void)state;
    proctree_add(t, id_of(a.pid));
    for (int i = 0; i < 20; i++) {
        pid_t kid = actor_do(&a, 'f');
        struct proc_id id = id_of(kid);

        assert_int_equal(proctree_scan(t, NULL, NULL), 2);
        kill(kid, SIGKILL);
        wait_end(id);
        assert_int_equal(proctree_scan(t, NULL, NULL), 1);
    }
    assert_int_equal(proctree_starts(t), 21);
    actor_end(&a);
    proctree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_shrinks),
        cmocka_unit_test(test_zombies),
        cmocka_unit_test(test_reparented),
        cmocka_unit_test(test_guardian),
        cmocka_unit_test(test_recycled_pid),
        cmocka_unit_test(test_recycled_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
