#include "harness/target/orphans.h"

#include "harness/base/clock.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>

/* A process older than the leader is not of its session, whatever the number
 * says. Returns how many were met. */
static int kill_once(struct proc_id leader)
{
    DIR *d = opendir(procfs_root());
    struct dirent *e;
    int met = 0;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL) {
        int64_t pid = strtoll(e->d_name, NULL, 10);
        struct proc_stat st;

        if (pid <= 1 || procfs_stat(pid, &st) != 0 || !procfs_runs(&st) ||
            st.session != leader.pid || st.id.start < leader.start)
            continue;
        kill((pid_t)pid, SIGKILL);
        met++;
    }
    closedir(d);
    return met;
}

void orphans_kill(struct proc_id leader)
{
    int64_t end = clock_now_ns() + CLOCK_NS_PER_S / 10;

    if (leader.pid <= 1)
        return;
    while (kill_once(leader) > 0 && clock_now_ns() < end)
        clock_sleep_until(clock_now_ns() + CLOCK_NS_PER_MS);
}
