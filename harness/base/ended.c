#include "harness/base/ended.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void ended_text(int wait_status, char *out, size_t size)
{
    if (WIFEXITED(wait_status)) {
        snprintf(out, size, "exited with status %d", WEXITSTATUS(wait_status));
    } else if (WIFSIGNALED(wait_status)) {
        int sig = WTERMSIG(wait_status);
        const char *name = sigabbrev_np(sig);
        const char *core = WCOREDUMP(wait_status) ? " (core dumped)" : "";

        if (name != NULL)
            snprintf(out, size, "killed by SIG%s%s", name, core);
        else
            snprintf(out, size, "killed by signal %d%s", sig, core);
    } else {
        snprintf(out, size, "ended in an unknown way (%#x)",
                 (unsigned int)wait_status);
    }
}
