#include "harness/base/ended.h"

#include "tests/unit/assert_close.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends a child by `sig`, or with `status` when that is 0; tells how. */
static void end_child(int sig, int status, char *out, size_t size)
{
    int got;
    pid_t pid = fork();

    if (pid == 0) {
        struct rlimit none = {0, 0};

        setrlimit(RLIMIT_CORE, &none);
        if (sig != 0) {
            signal(sig, SIG_DFL);
            kill(getpid(), sig);
        }
        _exit(status);
    }
    assert_int_equal(waitpid(pid, &got, 0), pid);
    ended_text(got, out, size);
}

static void test_words(void **state)
{
    char out[64];

    (void)state;
    end_child(0, 0, out, sizeof out);
    assert_string_equal(out, "exited with status 0");
    end_child(0, 127, out, sizeof out);
    assert_string_equal(out, "exited with status 127");
    end_child(SIGKILL, 0, out, sizeof out);
    assert_string_equal(out, "killed by SIGKILL");
    end_child(SIGRTMIN + 1, 0, out, sizeof out);
    assert_string_equal(out, "killed by signal 35");
    ended_text(SIGSEGV | 0x80, out, sizeof out);
    assert_string_equal(out, "killed by SIGSEGV (core dumped)");
    ended_text(0x137f, out, sizeof out); /* stopped: no end at all */
    assert_string_equal(out, "ended in an unknown way (0x137f)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
