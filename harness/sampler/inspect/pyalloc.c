#include "harness/sampler/inspect/pyalloc.h"

#include "harness/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES (256u << 10)
#define DEBUG_SKEW 16 /* size, then a tag and seven forbidden bytes */

/* The value of `name` ("NAME=") in a NUL-separated block, or NULL. */
static const char *env_get(const char *env, size_t len, const char *name)
{
    size_t n = strlen(name);

    for (size_t at = 0; at < len;) {
        size_t item = strnlen(env + at, len - at);

        if (item >= n && at + item < len && memcmp(env + at, name, n) == 0)
            return env + at + n;
        at += item + 1;
    }
    return NULL;
}

/* Was the interpreter started in development mode (-X dev)? */
static bool dev_option(const char *cmd, size_t len)
{
    bool after_x = false;

    for (size_t at = 0; at < len;) {
        size_t item = strnlen(cmd + at, len - at);
        bool whole = at + item < len;

        if (whole && (strcmp(cmd + at, "-Xdev") == 0 ||
                      (after_x && strcmp(cmd + at, "dev") == 0)))
            return true;
        after_x = whole && strcmp(cmd + at, "-X") == 0;
        at += item + 1;
    }
    return false;
}

void pyalloc_judge(const char *env, size_t env_len, const char *cmd,
                   size_t cmd_len, struct pyalloc *out)
{
    const char *how = env_get(env, env_len, "PYTHONMALLOC=");
    const char *dev = env_get(env, env_len, "PYTHONDEVMODE=");
    bool debug = (dev && dev[0]) || dev_option(cmd, cmd_len);

    out->pools = true;
    if (how && how[0]) {
        /* PYTHONMALLOC wins over development mode. */
        debug = strcmp(how, "debug") == 0 || strstr(how, "_debug") != NULL;
        out->pools = strncmp(how, "malloc", 6) != 0;
    }
    out->skew = debug ? DEBUG_SKEW : 0;
    /* What pymalloc passes on to malloc goes through its debug layer too. */
    out->large_skew = out->pools ? 2 * out->skew : out->skew;
}

static size_t slurp(int64_t pid, const char *file, char *buf)
{
    char path[64];
    size_t len = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && len < BLOCK_BYTES) {
        ssize_t got = read(fd, buf + len, BLOCK_BYTES - len);

        if (got <= 0)
            break;
        len += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return len;
}

void pyalloc_of(int64_t pid, struct pyalloc *out)
{
    char *env = mem_zalloc(1, BLOCK_BYTES + 1);
    char *cmd = mem_zalloc(1, BLOCK_BYTES + 1);
    size_t env_len = slurp(pid, "environ", env);
    size_t cmd_len = slurp(pid, "cmdline", cmd);

    pyalloc_judge(env, env_len, cmd, cmd_len, out);
    out->known = env_len > 0;
    free(env);
    free(cmd);
}
