#include "harness/sampler/cgroup_meter.h"

#include "harness/base/procfs.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* v1 writes "no limit" as the largest page-aligned number. */
#define V1_NO_LIMIT 0x1p62

static int read_file(const char *dir, const char *name, char *buf, size_t size)
{
    char path[CGROUP_PATH + 64];
    ssize_t n = 0, got;
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((size_t)n + 1 < size &&
           (got = read(fd, buf + n, size - 1 - (size_t)n)) > 0)
        n += got;
    close(fd);
    buf[n] = '\0';
    return 0;
}

static double number(const char *dir, const char *name)
{
    char buf[64], *end;
    double v;

    if (read_file(dir, name, buf, sizeof buf) != 0)
        return NAN;
    v = strtod(buf, &end);
    return end == buf ? NAN : v; /* "max" */
}

/* The number behind `key` at a line's start in `text`. */
static double value_of(const char *text, const char *key)
{
    size_t n = strlen(key);

    while (text != NULL) {
        if (strncmp(text, key, n) == 0 && text[n] == ' ')
            return strtod(text + n + 1, NULL);
        text = strchr(text, '\n');
        if (text != NULL)
            text++;
    }
    return NAN;
}

void cgroup_meter_usage(const struct cgroup *cg, struct cgroup_usage *out)
{
    bool v1 = cg->version == 1;
    char stat[16384] = "";
    double inactive;

    read_file(cg->dir, "memory.stat", stat, sizeof stat);
    out->usage_bytes =
        number(cg->dir, v1 ? "memory.usage_in_bytes" : "memory.current");
    out->anon_bytes = value_of(stat, v1 ? "total_rss" : "anon");
    out->file_bytes = value_of(stat, v1 ? "total_cache" : "file");
    inactive = value_of(stat, v1 ? "total_inactive_file" : "inactive_file");
    /* The two are not read at the same moment. */
    out->working_bytes = out->usage_bytes - inactive;
    if (out->working_bytes < 0)
        out->working_bytes = 0;
}

double cgroup_meter_limit(const struct cgroup *cg)
{
    const char *file =
        cg->version == 1 ? "memory.limit_in_bytes" : "memory.max";
    size_t top = strlen(cg->top);
    char dir[CGROUP_PATH];
    double least = NAN;

    snprintf(dir, sizeof dir, "%s", cg->dir);
    for (;;) {
        double v = number(dir, file);
        char *slash = strrchr(dir, '/');

        if (!isnan(v) && v < V1_NO_LIMIT && !(v >= least))
            least = v;
        if (slash == NULL || (size_t)(slash - dir) < top)
            break;
        *slash = '\0';
    }
    return least;
}

double cgroup_meter_oom_kills(const struct cgroup *cg)
{
    char buf[1024];

    if (read_file(cg->dir,
                  cg->version == 1 ? "memory.oom_control" : "memory.events",
                  buf, sizeof buf) != 0)
        return NAN;
    return value_of(buf, "oom_kill");
}

double cgroup_meter_machine_oom_kills(void)
{
    static const char key[] = "oom_kill ";
    char path[CGROUP_PATH], line[256];
    double v = NAN;
    FILE *f;

    snprintf(path, sizeof path, "%s/vmstat", procfs_root());
    f = fopen(path, "re");
    if (f == NULL)
        return NAN;
    while (isnan(v) && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, sizeof key - 1) == 0)
            v = strtod(line + sizeof key - 1, NULL);
    fclose(f);
    return v;
}
