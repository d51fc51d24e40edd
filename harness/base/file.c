#include "harness/base/file.h"

#include "harness/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t max, char **out, size_t *len)
{
    size_t cap = 0, n = 0;
    char *p = NULL;

    for (;;) {
        if (n + 1 >= cap) {
            cap = cap ? cap * 2 : 8192;
            p = mem_realloc(p, cap, 1);
        }
        ssize_t got = read(fd, p + n, cap - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || n + (size_t)got > max) {
            if (got >= 0)
                errno = EFBIG;
            free(p);
            return -1;
        }
        if (got == 0)
            break;
        n += (size_t)got;
    }
    p[n] = '\0';
    *out = p;
    *len = n;
    return 0;
}

int file_read(const char *path, size_t max, char **out, size_t *len,
              struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    rc = read_all(fd, max, out, len);
    if (rc != 0)
        err_set(err, "%s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, p, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        p += put;
        len -= (size_t)put;
    }
    return fsync(fd) != 0 && errno != EINVAL ? -1 : 0;
}

int file_write(const char *path, const void *bytes, size_t len, struct err *err)
{
    char *tmp = mem_printf("%s.tmp-%ld", path, (long)getpid());
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = -1;

    if (fd < 0) {
        err_set(err, "%s: %s", tmp, strerror(errno));
        goto out;
    }
    rc = write_all(fd, bytes, len);
    if (close(fd) != 0)
        rc = -1;
    if (rc == 0)
        rc = rename(tmp, path);
    if (rc != 0) {
        err_set(err, "%s: %s", path, strerror(errno));
        unlink(tmp);
    }
out:
    free(tmp);
    return rc;
}

int file_mkdirs(const char *path, struct err *err)
{
    char *p = mem_strdup(path);
    int rc = 0;

    for (char *s = p + 1; rc == 0; s++) {
        char c = *s;

        if (c != '/' && c != '\0')
            continue;
        *s = '\0';
        if (mkdir(p, 0777) != 0 && errno != EEXIST)
            rc = err_set(err, "%s: %s", p, strerror(errno));
        *s = c;
        if (c == '\0')
            break;
    }
    free(p);
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

char *file_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);

    return mem_printf("%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/",
                      name);
}
