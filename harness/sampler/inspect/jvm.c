#include "harness/sampler/inspect/jvm.h"

#include "harness/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header: magic (big-endian), byte order @4 (1: little-endian), version
 * @5 and @6, accessible @7; entries begin at the offset @24, their number is
 * at @28. An entry: its length @0, its name's offset @4, vector length @8 (0:
 * one value), type @12 (JVM signature letter), value's offset @16. */
enum { HEADER = 32, ENTRY = 20 };

#define FILE_MAX (4u << 20)
#define ENTRIES_MAX 16384u
#define LINE_MAX_BYTES 4096

/* What is summed up while the entries go by. */
struct sums {
    double used, kept; /* all spaces; all but eden */
    double collections, unloading;
    double loaded, unloaded;
    double threads;
    /* Space names come before or after their numbers: by generation and
       space, which one is eden. */
    bool eden[8][16];
    double space_used[8][16];
};

static uint32_t half(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static double value_of(const unsigned char *p)
{
    int64_t v;

    memcpy(&v, p, sizeof v);
    return v < 0 ? NAN : (double)v;
}

/* The first collector is the one of the young generation; the others (full,
 * old, concurrent) look at classes as well. */
static void take_collections(struct sums *s, unsigned collector, double v)
{
    s->collections = isnan(s->collections) ? v : s->collections + v;
    if (collector > 0)
        s->unloading = isnan(s->unloading) ? v : s->unloading + v;
}

static void take_number(struct sums *s, const char *name, double v)
{
    unsigned g, k;
    int end = 0;

    if (sscanf(name, "sun.gc.generation.%u.space.%u.used%n", &g, &k, &end) ==
            2 &&
        end > 0 && name[end] == '\0' && g < 8 && k < 16)
        s->space_used[g][k] = v;
    else if (sscanf(name, "sun.gc.collector.%u.invocations%n", &g, &end) == 1 &&
             end > 0 && name[end] == '\0')
        take_collections(s, g, v);
    else if (strcmp(name, "java.threads.live") == 0)
        s->threads = v;
    else if (strcmp(name, "java.cls.loadedClasses") == 0 ||
             strcmp(name, "java.cls.sharedLoadedClasses") == 0)
        s->loaded = isnan(s->loaded) ? v : s->loaded + v;
    else if (strcmp(name, "java.cls.unloadedClasses") == 0 ||
             strcmp(name, "java.cls.sharedUnloadedClasses") == 0)
        s->unloaded += v;
}

static void take_text(struct sums *s, const char *name, const char *text)
{
    unsigned g, k;
    int end = 0;

    if (sscanf(name, "sun.gc.generation.%u.space.%u.name%n", &g, &k, &end) ==
            2 &&
        end > 0 && name[end] == '\0' && g < 8 && k < 16)
        s->eden[g][k] = strcmp(text, "eden") == 0;
}

/* One entry of `n` bytes. */
static void take_entry(struct sums *s, const unsigned char *e, size_t n)
{
    uint32_t name_at = half(e + 4), value_at = half(e + 16);
    const char *name = (const char *)e + name_at;
    char text[32];

    if (name_at >= n || value_at > n || !memchr(name, '\0', n - name_at))
        return;
    if (e[12] == 'J' && n - value_at >= 8 && half(e + 8) == 0) {
        take_number(s, name, value_of(e + value_at));
    } else if (e[12] == 'B') {
        snprintf(text, sizeof text, "%.*s",
                 (int)(n - value_at < sizeof text - 1 ? n - value_at
                                                      : sizeof text - 1),
                 (const char *)e + value_at);
        take_text(s, name, text);
    }
}

int jvm_parse(const unsigned char *bytes, size_t n, struct jvm_counts *out)
{
    struct sums s = {
        .collections = NAN, .unloading = NAN, .loaded = NAN, .threads = NAN};
    uint32_t at, entries;
    bool spaces = false;

    if (n < HEADER || memcmp(bytes, "\xca\xfe\xc0\xc0", 4) != 0 ||
        bytes[4] != 1 || bytes[5] != 2)
        return -1;
    for (int g = 0; g < 8; g++)
        for (int k = 0; k < 16; k++)
            s.space_used[g][k] = NAN;
    at = half(bytes + 24);
    entries = half(bytes + 28);
    for (uint32_t i = 0; i < entries && i < ENTRIES_MAX; i++) {
        uint32_t length;

        if (at > n || n - at < ENTRY)
            break;
        length = half(bytes + at);
        if (length < ENTRY || length > n - at)
            break;
        take_entry(&s, bytes + at, length);
        at += length;
    }
    for (int g = 0; g < 8; g++)
        for (int k = 0; k < 16; k++)
            if (!isnan(s.space_used[g][k])) {
                spaces = true;
                s.used += s.space_used[g][k];
                s.kept += s.eden[g][k] ? 0 : s.space_used[g][k];
            }
    out->heap_used_bytes = spaces ? s.used : NAN;
    out->heap_after_gc_bytes = spaces && s.collections > 0 ? s.kept : NAN;
    out->classes = s.loaded - s.unloaded;
    out->threads = s.threads;
    out->collections = s.collections;
    out->unloading = s.unloading;
    return 0;
}

/* Finds the first mapping of `pid` whose file name holds `word`; its path
 * into `out`. */
static bool mapped_file(int64_t pid, const char *word, char *out, size_t cap)
{
    char path[64], *line = mem_zalloc(1, LINE_MAX_BYTES);
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/maps", pid);
    f = fopen(path, "re");
    while (f && !found && fgets(line, LINE_MAX_BYTES, f)) {
        char *slash = strchr(line, '/');

        line[strcspn(line, "\n")] = '\0';
        found = slash && strstr(slash, word);
        if (found)
            snprintf(out, cap, "%s", slash);
    }
    if (f)
        fclose(f);
    free(line);
    return found;
}

bool jvm_is(int64_t pid)
{
    char path[LINE_MAX_BYTES];

    return mapped_file(pid, "/libjvm.so", path, sizeof path);
}

/* Reads the whole file, copied rather than mapped: its owner may cut it. */
static int read_file(const char *path, unsigned char **out, size_t *n,
                     struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got;

    if (fd < 0)
        return err_set(err, "%s: cannot be opened", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < HEADER ||
        st.st_size > (off_t)FILE_MAX) {
        close(fd);
        return err_set(err, "%s: is no performance data", path);
    }
    *out = mem_zalloc(1, (size_t)st.st_size);
    got = pread(fd, *out, (size_t)st.st_size, 0);
    close(fd);
    *n = got > 0 ? (size_t)got : 0;
    return 0;
}

int jvm_read(int64_t pid, struct jvm_counts *out, struct err *err)
{
    char name[LINE_MAX_BYTES];
    char *path;
    unsigned char *bytes = NULL;
    size_t n = 0;
    int rc = -1;

    if (!mapped_file(pid, "/hsperfdata_", name, sizeof name))
        return err_set(err,
                       "JVM process %" PRId64 " shares no performance data "
                       "(-XX:-UsePerfData or +PerfDisableSharedMem?): heap "
                       "after collection, classes and threads are unknown, the "
                       "verdict rests on memory; start it without that option, "
                       "or give an http source",
                       pid);
    path = mem_printf("/proc/%" PRId64 "/root%s", pid, name);
    if (read_file(path, &bytes, &n, err) == 0) {
        rc = jvm_parse(bytes, n, out);
        if (rc != 0)
            err_set(err, "%s: is no performance data", path);
    }
    free(path);
    free(bytes);
    return rc;
}
