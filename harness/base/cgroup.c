#include "harness/base/cgroup.h"

#include "harness/base/procfs.h"

#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One place where a hierarchy is mounted. `root` is the group that shows at
 * `point`: not "/" inside a container with a bind mount. */
struct mount {
    char point[CGROUP_PATH], root[CGROUP_PATH];
    bool found;
};

/* True when `word` is one of the comma-separated words of `list`. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = list; (s = strstr(s, word)) != NULL; s += n)
        if ((s == list || s[-1] == ',') &&
            (s[n] == '\0' || s[n] == ',' || isspace((unsigned char)s[n])))
            return true;
    return false;
}

/* mountinfo writes a space as \040 and a backslash as \134. */
static void unescape(char *s)
{
    char *to = s;

    while (*s != '\0') {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
            s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0');
            s += 4;
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
}

/* "36 35 98:0 /root /point rw,... [optional]... - fstype source options" */
static void parse_mount(char *line, struct mount *v1, struct mount *v2)
{
    char root[CGROUP_PATH], point[CGROUP_PATH], type[32], opts[512];
    char *dash = strstr(line, " - ");
    struct mount *m;

    if (dash == NULL ||
        sscanf(line, "%*d %*d %*s %1023s %1023s", root, point) != 2 ||
        sscanf(dash, " - %31s %*s %511s", type, opts) != 2)
        return;
    if (strcmp(type, "cgroup2") == 0)
        m = v2;
    else if (strcmp(type, "cgroup") == 0 && has_word(opts, "memory"))
        m = v1;
    else
        return;
    if (m->found)
        return; /* mounted twice: the first serves */
    unescape(root);
    unescape(point);
    snprintf(m->root, sizeof m->root, "%s", root);
    snprintf(m->point, sizeof m->point, "%s", point);
    m->found = true;
}

static void find_mounts(struct mount *v1, struct mount *v2)
{
    char path[CGROUP_PATH], line[4096];
    FILE *f;

    v1->found = v2->found = false;
    snprintf(path, sizeof path, "%s/self/mountinfo", procfs_root());
    f = fopen(path, "re");
    if (f == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL)
        parse_mount(line, v1, v2);
    fclose(f);
}

/* The directory of group `path` (as /proc/PID/cgroup has it) under `m`. */
static int place(const struct mount *m, const char *path, int version,
                 struct cgroup *out, struct err *err)
{
    size_t n = strlen(m->root);

    if (strcmp(m->root, "/") == 0)
        n = 0;
    if (strncmp(path, "/..", 3) == 0 || strncmp(path, m->root, n) != 0 ||
        (path[n] != '/' && path[n] != '\0'))
        return err_set(err, "cgroup %s is not visible from here", path);
    path += n;
    while (*path == '/')
        path++;
    out->version = version;
    snprintf(out->top, sizeof out->top, "%s", m->point);
    if (snprintf(out->dir, sizeof out->dir, "%s%s%s", m->point,
                 *path != '\0' ? "/" : "", path) >= (int)sizeof out->dir)
        return err_set(err, "cgroup %s: the path is too long", path);
    if (access(out->dir, X_OK) != 0)
        return err_set(err, "cgroup %s: %s", out->dir, strerror(errno));
    return 0;
}

/* Finds the line of the v1 memory hierarchy, and the one of v2. */
static void split_groups(char *text, char **v1, char **v2)
{
    char *save, *line;

    *v1 = *v2 = NULL;
    for (line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *names = strchr(line, ':'), *path;

        path = names != NULL ? strchr(names + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        if (names[1] == '\0')
            *v2 = path;
        else if (has_word(names + 1, "memory"))
            *v1 = path;
    }
}

int cgroup_of(int64_t pid, struct cgroup *out, struct err *err)
{
    char file[64], text[8192], *p1, *p2;
    struct mount v1, v2;

    snprintf(file, sizeof file, "%" PRId64 "/cgroup", pid);
    if (procfs_read(file, text, sizeof text) < 0)
        return err_set(err, "cgroup of pid %" PRId64 ": %s", pid,
                       strerror(errno));
    split_groups(text, &p1, &p2);
    find_mounts(&v1, &v2);
    /* A hybrid machine has both: memory is where v1 names it. */
    if (p1 != NULL && v1.found)
        return place(&v1, p1, 1, out, err);
    if (p1 == NULL && p2 != NULL && v2.found)
        return place(&v2, p2, 2, out, err);
    return err_set(err, "no cgroup accounts the memory of pid %" PRId64, pid);
}

static int version_of(const char *dir)
{
    char path[CGROUP_PATH + 32];

    snprintf(path, sizeof path, "%s/memory.usage_in_bytes", dir);
    if (access(path, F_OK) == 0)
        return 1;
    snprintf(path, sizeof path, "%s/cgroup.controllers", dir);
    return access(path, F_OK) == 0 ? 2 : 0;
}

static bool below(const char *dir, const char *top)
{
    size_t n = strlen(top);

    return strncmp(dir, top, n) == 0 && (dir[n] == '/' || dir[n] == '\0');
}

int cgroup_resolve(const char *path, struct cgroup *out, struct err *err)
{
    struct mount v1, v2;
    size_t n;

    find_mounts(&v1, &v2);
    if (path[0] == '/' && (out->version = version_of(path)) != 0) {
        const struct mount *m = out->version == 1 ? &v1 : &v2;

        snprintf(out->dir, sizeof out->dir, "%s", path);
        n = strlen(out->dir);
        while (n > 1 && out->dir[n - 1] == '/')
            out->dir[--n] = '\0';
        snprintf(out->top, sizeof out->top, "%s",
                 m->found && below(out->dir, m->point) ? m->point : out->dir);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        struct mount top = i == 0 ? v1 : v2;
        char below_top[CGROUP_PATH];

        if (!top.found)
            continue;
        snprintf(top.root, sizeof top.root, "/");
        snprintf(below_top, sizeof below_top, "/%s", path);
        if (place(&top, below_top, i + 1, out, err) == 0 &&
            version_of(out->dir) == i + 1)
            return 0;
    }
    return err_set(err,
                   "no cgroup '%s': neither a directory with memory meters "
                   "nor a path below the memory controller",
                   path);
}

bool cgroup_holds(const struct cgroup *outer, const struct cgroup *inner)
{
    return below(inner->dir, outer->dir);
}

static int read_pids(const char *dir, int64_t *out, int max)
{
    char path[CGROUP_PATH * 2];
    int64_t pid;
    int n = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/cgroup.procs", dir);
    f = fopen(path, "re");
    if (f == NULL)
        return -1;
    while (n < max && fscanf(f, "%" SCNd64, &pid) == 1)
        if (pid > 0) /* 0: a process outside our pid namespace */
            out[n++] = pid;
    fclose(f);
    return n;
}

int cgroup_pids(const struct cgroup *cg, int64_t *out, int max)
{
    char *dirs[2] = {(char *)cg->dir, NULL};
    int n = read_pids(cg->dir, out, max);
    FTS *walk;
    FTSENT *e;

    if (n < 0)
        return -1;
    walk = fts_open(dirs, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return n;
    while ((e = fts_read(walk)) != NULL) {
        int got;

        if (e->fts_info != FTS_D || e->fts_level == 0)
            continue;
        got = read_pids(e->fts_path, out + n, max - n);
        if (got > 0)
            n += got;
    }
    fts_close(walk);
    return n;
}
