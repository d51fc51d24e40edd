#include "harness/sampler/inspect/procmem.h"

#include "harness/base/mem.h"
#include "harness/base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 65,530 mappings with long names; beyond it the map is cut. */
#define MAPS_BYTES_MAX (32u << 20)
#define PAGEMAP_RUN 512u

struct procmem {
    int64_t pid;
    int mem, pagemap;
    int file;       /* the mapped file read last, -1: none */
    uint64_t inode; /* its inode */
};

static ssize_t procmem_read(void *ctx, uint64_t addr, void *buf, size_t n)
{
    struct procmem *p = ctx;
    size_t done = 0;

    while (done < n && addr + done <= (uint64_t)INT64_MAX) {
        ssize_t got =
            pread(p->mem, (char *)buf + done, n - done, (off_t)(addr + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Bit 63: present in memory; bit 62: swapped out. */
static int procmem_pages(void *ctx, uint64_t addr, size_t n, unsigned char *out)
{
    struct procmem *p = ctx;
    uint64_t entry[PAGEMAP_RUN];

    if (p->pagemap < 0)
        return -1;
    for (size_t i = 0; i < n;) {
        size_t part = n - i < PAGEMAP_RUN ? n - i : PAGEMAP_RUN;
        off_t at = (off_t)((addr / MEMVIEW_PAGE + i) * sizeof entry[0]);
        ssize_t got = pread(p->pagemap, entry, part * sizeof entry[0], at);

        if (got <= 0)
            return -1;
        part = (size_t)got / sizeof entry[0];
        if (part == 0)
            return -1;
        for (size_t k = 0; k < part; k++)
            out[i + k] = entry[k] >> 63         ? MEMPAGE_PRESENT
                         : (entry[k] >> 62) & 1 ? MEMPAGE_SWAPPED
                                                : MEMPAGE_ABSENT;
        i += part;
    }
    return 0;
}

/* Opens the file behind `m` as the target names it. Returns 0 when it is that
 * very file; the name is the target's word and may mean something else. */
static int file_open(struct procmem *p, const struct memmap *m)
{
    char path[600];
    struct stat st;

    if (p->file >= 0 && p->inode == m->inode)
        return 0;
    if (p->file >= 0)
        close(p->file);
    snprintf(path, sizeof path, "/proc/%" PRId64 "/root%s", p->pid, m->path);
    p->file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    p->inode = m->inode;
    if (p->file >= 0 && (fstat(p->file, &st) != 0 || !S_ISREG(st.st_mode) ||
                         st.st_ino != m->inode)) {
        close(p->file);
        p->file = -1;
    }
    return p->file >= 0 ? 0 : -1;
}

/* From the file; when that cannot be had, from memory, where it is shared. */
static int procmem_file_page(void *ctx, const struct memmap *m, uint64_t addr,
                             void *buf)
{
    struct procmem *p = ctx;
    off_t at = (off_t)(m->offset + (addr - m->start));

    if (file_open(p, m) == 0) {
        ssize_t got = pread(p->file, buf, MEMVIEW_PAGE, at);

        if (got > 0) {
            memset((char *)buf + got, 0, MEMVIEW_PAGE - (size_t)got);
            return 0;
        }
    }
    return procmem_read(ctx, addr, buf, MEMVIEW_PAGE) == (ssize_t)MEMVIEW_PAGE
               ? 0
               : -1;
}

static void procmem_close(void *ctx)
{
    struct procmem *p = ctx;

    if (p->mem >= 0)
        close(p->mem);
    if (p->pagemap >= 0)
        close(p->pagemap);
    if (p->file >= 0)
        close(p->file);
    free(p);
}

static const struct memview_ops procmem_ops = {
    .read = procmem_read,
    .pages = procmem_pages,
    .file_page = procmem_file_page,
    .close = procmem_close,
};

static int proc_open(int64_t pid, const char *file)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Yama's setting: 0 when it is absent. */
static int yama_scope(void)
{
    FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%d", &scope) != 1)
        scope = 0;
    fclose(f);
    return scope;
}

/* Asks the status for the owner: /proc/PID itself belongs to root while the
   process is not dumpable. */
static enum procmem_trouble denied_because(int64_t pid)
{
    char file[64], text[4096];
    const char *p;
    unsigned int real, effective;

    snprintf(file, sizeof file, "%" PRId64 "/status", pid);
    if (procfs_read(file, text, sizeof text) <= 0)
        return PROCMEM_GONE;
    p = strstr(text, "\nUid:");
    if (geteuid() != 0 && p &&
        sscanf(p, "\nUid: %u %u", &real, &effective) == 2 &&
        effective != geteuid())
        return PROCMEM_OTHER_UID;
    return yama_scope() > 0 ? PROCMEM_YAMA : PROCMEM_DENIED;
}

struct memview *procmem_open(int64_t pid, enum procmem_trouble *trouble,
                             struct err *err)
{
    struct procmem *p = mem_zalloc(1, sizeof *p);
    struct memview *v;

    p->pid = pid;
    p->file = -1;
    p->pagemap = proc_open(pid, "pagemap");
    p->mem = proc_open(pid, "mem");
    if (p->mem < 0) {
        int why = errno;

        *trouble =
            why == ENOENT || why == ESRCH ? PROCMEM_GONE : denied_because(pid);
        err_set(err, "process %" PRId64 ": cannot read its memory: %s", pid,
                strerror(why));
        procmem_close(p);
        return NULL;
    }
    v = memview_new(&procmem_ops, p);
    *trouble = PROCMEM_FINE;
    if (procmem_refresh(v, pid, err) != 0) {
        *trouble = PROCMEM_GONE;
        memview_close(&v);
    }
    return v;
}

int procmem_refresh(struct memview *v, int64_t pid, struct err *err)
{
    size_t cap = 64u << 10, len = 0;
    char *text = NULL;
    int fd = proc_open(pid, "maps");

    if (fd < 0)
        return err_set(err, "process %" PRId64 ": has ended", pid);
    text = mem_realloc(NULL, cap, 1);
    for (;;) {
        ssize_t got;

        if (len == cap) {
            if (cap >= MAPS_BYTES_MAX)
                break;
            cap *= 2;
            text = mem_realloc(text, cap, 1);
        }
        got = read(fd, text + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    close(fd);
    memview_set_maps(v, text, len);
    free(text);
    if (len == 0)
        return err_set(err, "process %" PRId64 ": has no memory (it is ending)",
                       pid);
    return 0;
}
