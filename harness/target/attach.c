#include "harness/target/attach.h"

#include "harness/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_root(const struct attached *a, int64_t pid)
{
    for (size_t i = 0; i < a->nroots; i++)
        if (a->roots[i].pid == pid)
            return true;
    return false;
}

static int add_pid(struct attached *a, int64_t pid, const char *from,
                   struct err *err)
{
    struct proc_stat st;

    if (procfs_stat(pid, &st) != 0 || !procfs_runs(&st))
        return err_set(err, "%sno process %" PRId64, from, pid);
    a->roots[a->nroots++] = st.id;
    snprintf(a->label, sizeof a->label, "pid %" PRId64 " (%s)", pid, st.comm);
    return 0;
}

static int from_pidfile(struct attached *a, const char *path, struct err *err)
{
    char *text = NULL, *end, context[512];
    size_t len;
    int64_t pid;
    int rc = -1;

    if (file_read(path, 4096, &text, &len, err) != 0)
        return err_wrap(err, "pidfile");
    errno = 0;
    pid = strtoll(text, &end, 10);
    /* PostgreSQL's holds more lines: the first one counts. */
    if (end == text || errno != 0 || pid <= 0 ||
        (*end != '\0' && !isspace((unsigned char)*end))) {
        err_set(err, "pidfile %s: its first line is no process number", path);
    } else {
        snprintf(context, sizeof context, "pidfile %s: ", path);
        rc = add_pid(a, pid, context, err);
    }
    free(text);
    return rc;
}

/* Of several processes, those whose parent is not one of them: the roots.
 * A prefork server's workers hold the listening socket too. */
static void keep_roots(struct attached *a, const int64_t *pids, int n)
{
    for (int i = 0; i < n && a->nroots < ATTACH_MAX; i++) {
        struct proc_stat st;
        bool child = false;

        if (procfs_stat(pids[i], &st) != 0 || !procfs_runs(&st))
            continue;
        for (int j = 0; j < n; j++)
            child |= pids[j] == st.ppid;
        if (child || is_root(a, st.id.pid))
            continue;
        a->roots[a->nroots++] = st.id;
        if (a->nroots == 1)
            snprintf(a->label, sizeof a->label, "pid %" PRId64 " (%s)",
                     st.id.pid, st.comm);
    }
    if (a->nroots > 1) {
        size_t used = strlen(a->label);

        snprintf(a->label + used, sizeof a->label - used, " and %zu more",
                 a->nroots - 1);
    }
}

static int from_port(struct attached *a, int port, struct err *err)
{
    int64_t pids[1024];
    int n = procfs_listeners(port, pids, 1024);

    if (n == 0 && errno == EACCES)
        return err_set(err,
                       "port %d is served by a process of another user: run "
                       "as that user or as root to read its memory",
                       port);
    keep_roots(a, pids, n);
    if (a->nroots == 0)
        return err_set(err, "nobody listens on port %d", port);
    return 0;
}

static int from_cgroup(struct attached *a, const char *path, struct err *err)
{
    int64_t pids[4096];
    int n;

    if (cgroup_resolve(path, &a->cgroup, err) != 0)
        return -1;
    n = cgroup_pids(&a->cgroup, pids, 4096);
    if (n < 0)
        return err_set(err, "cgroup %s: its processes cannot be listed",
                       a->cgroup.dir);
    keep_roots(a, pids, n);
    if (a->nroots == 0)
        return err_set(err, "cgroup %s holds no process", a->cgroup.dir);
    snprintf(a->label, sizeof a->label, "cgroup %.240s", path);
    return 0;
}

int attach_find(const struct scenario_target *t, bool here,
                struct attached *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (t->pid > 0)
        return add_pid(out, t->pid, "", err);
    if (t->pidfile != NULL)
        return from_pidfile(out, t->pidfile, err);
    if (t->port > 0)
        return from_port(out, t->port, err);
    if (t->cgroup != NULL)
        return from_cgroup(out, t->cgroup, err);
    snprintf(out->label, sizeof out->label, "%.250s",
             t->url.text != NULL ? t->url.text : "");
    return here ? from_port(out, t->url.port, err) : 0;
}
