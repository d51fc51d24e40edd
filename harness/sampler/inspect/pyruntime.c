#include "harness/sampler/inspect/pyruntime.h"

#include "harness/base/mem.h"
#include "harness/sampler/inspect/elf.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MAX 512u
#define INTERPRETERS_MAX 64
#define DATA_MAX (16u << 20) /* a module's writable data */
#define FROZEN_MAX ((int64_t)4 << 20)
#define COUNTER_MAX ((int64_t)1 << 48) /* more is no counter */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Is mapping `i` the start of a file's image? */
static bool is_module(const struct memmap *m)
{
    return m->inode && m->offset == 0 && m->readable && m->path[0] == '/';
}

/* Order of search: the program itself (its copy of a symbol wins, as for the
 * dynamic linker), then what is named after Python, then the rest. */
static int module_rank(const struct memmap *maps, size_t i, size_t first)
{
    if (i == first)
        return 0;
    return strstr(base_name(maps[i].path), "python") ? 1 : 2;
}

/* The address of `name` in the first module that defines it, or 0. */
static uint64_t find_symbol(struct memview *v, const char *name, size_t *index)
{
    size_t n, first = 0;
    const struct memmap *maps = memview_maps(v, &n);

    while (first < n && !is_module(&maps[first]))
        first++;
    for (int rank = 0; rank <= 2; rank++) {
        unsigned seen = 0;

        for (size_t i = first; i < n && seen < MODULES_MAX; i++) {
            struct elf e;
            uint64_t addr;

            if (!is_module(&maps[i]) || module_rank(maps, i, first) != rank)
                continue;
            seen++;
            if (elf_load(v, maps[i].start, &e) != 0)
                continue;
            addr = elf_symbol(v, &e, name);
            if (addr) {
                *index = i;
                return addr;
            }
        }
    }
    return 0;
}

/* The number after `mark` in `text`, or 0. "python3.11" gives 11. */
static int number_after(const char *text, const char *mark)
{
    const char *p = strstr(text, mark);
    int n = 0;

    if (!p)
        return 0;
    for (p += strlen(mark); isdigit((unsigned char)*p) && n < 1000; p++)
        n = n * 10 + (*p - '0');
    return n;
}

/* The minor version as file names tell it: the library's, the program's, or
 * those of extension modules. */
static int minor_from_names(const struct memview *v, size_t module)
{
    size_t n;
    const struct memmap *maps = memview_maps(v, &n);
    int minor = number_after(base_name(maps[module].path), "python3.");

    for (size_t i = 0; i < n && !minor; i++) {
        minor = number_after(maps[i].path, "/python3.");
        if (!minor)
            minor = number_after(maps[i].path, ".cpython-3");
    }
    return minor;
}

/* Copies "3.9.18" or "3.10.0rc1" from `p` when " (" follows it. */
static bool copy_version(const char *p, size_t mark, const char *end,
                         char out[32])
{
    size_t len = 0;
    int dots = 0;

    while (p + len < end && len < 12 &&
           (isalnum((unsigned char)p[len]) || p[len] == '.' || p[len] == '+'))
        dots += p[len++] == '.';
    if (dots != 2 || len <= mark || !isdigit((unsigned char)p[mark]) ||
        end - p < (ptrdiff_t)len + 2 || p[len] != ' ' || p[len + 1] != '(')
        return false;
    snprintf(out, 32, "%.*s", (int)len, p);
    return true;
}

bool pyruntime_is_data(const struct memview *v, const struct pyruntime *rt,
                       const struct memmap *m)
{
    const struct memmap *module = memview_find(v, rt->module);
    const struct memmap *before;

    if (!module || !m->readable || !m->writable || m->start < module->start)
        return false;
    if (m->inode)
        return m->inode == module->inode && strcmp(m->path, module->path) == 0;
    before = m->start ? memview_find(v, m->start - 1) : NULL;
    return m->path[0] == '\0' && before && before->inode == module->inode &&
           before->inode;
}

/* Before 3.11 no symbol tells the full version; the text of sys.version lies
 * in the runtime's data: "3.9.18 (main, ...". */
static void version_from_data(struct memview *v, struct pyruntime *rt)
{
    char mark[16];
    size_t n, mark_len;
    const struct memmap *maps = memview_maps(v, &n);

    mark_len = (size_t)snprintf(mark, sizeof mark, "3.%d.", rt->minor);
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)(maps[i].end - maps[i].start);
        char *buf, *p, *end;
        bool found = false;

        if (size > DATA_MAX || !pyruntime_is_data(v, rt, &maps[i]))
            continue;
        buf = mem_zalloc(1, size);
        memview_bulk(v, maps[i].start, buf, size);
        end = buf + size;
        for (p = buf;
             !found && (p = memmem(p, (size_t)(end - p), mark, mark_len)); p++)
            found = copy_version(p, mark_len, end, rt->text);
        free(buf);
        if (found)
            return;
    }
}

static void version_text(uint32_t hex, char out[32])
{
    static const char *const levels[] = {"a", "b", "rc"};
    unsigned level = hex >> 4 & 15;
    int n = snprintf(out, 32, "%u.%u.%u", hex >> 24, hex >> 16 & 255,
                     hex >> 8 & 255);

    if (level >= 10 && level <= 12)
        snprintf(out + n, 32 - (size_t)n, "%s%u", levels[level - 10], hex & 15);
}

/* 3.13 and later: "xdebugpy", version, free-threaded?, then sizes and offsets:
 * [5] interpreters' head; [8] next, [10] or [11] gc in an interpreter. */
static bool debug_offsets(struct memview *v, struct pyruntime *rt,
                          uint32_t *hex)
{
    uint64_t w[12];

    if (!rt->runtime || memview_read(v, rt->runtime, w, sizeof w) != 0 ||
        memcmp(w, "xdebugpy", 8) != 0)
        return false;
    *hex = (uint32_t)w[1];
    if (w[2] & 1)
        rt->kind = PYRUNTIME_FREE_THREADED;
    rt->interp_head = w[5];
    rt->interp_next = w[8];
    rt->gc_at = (*hex >> 16 & 255) >= 14 ? w[11] : w[10];
    return true;
}

/* Finds out the version; `module` is the index of the mapping that holds
 * `type`. */
static void find_version(struct memview *v, size_t module, struct pyruntime *rt)
{
    size_t at;
    uint64_t addr = find_symbol(v, "Py_Version", &at);
    uint32_t hex = 0;
    bool own_offsets = debug_offsets(v, rt, &hex);

    if (addr && !own_offsets && memview_u32(v, addr, &hex) != 0)
        hex = 0;
    if (hex >> 24 == 3) {
        rt->minor = (int)(hex >> 16 & 255);
        version_text(hex, rt->text);
    } else {
        rt->minor = minor_from_names(v, module);
        snprintf(rt->text, sizeof rt->text, "3.%d", rt->minor);
        version_from_data(v, rt);
    }
    rt->version = pyversion_find(rt->minor);
    if (rt->version && !own_offsets) {
        rt->interp_head = rt->version->interp_head;
        rt->interp_next = rt->version->interp_next;
        rt->gc_at = rt->version->gc_at;
    }
}

void pyruntime_find(struct memview *v, struct pyruntime *out)
{
    size_t n, module = 0, at;
    const struct memmap *maps = memview_maps(v, &n);

    memset(out, 0, sizeof *out);
    out->type_type = find_symbol(v, "PyType_Type", &module);
    if (!out->type_type)
        return;
    out->kind = PYRUNTIME_FINE;
    out->module = maps[module].start;
    /* Plain text as in "python3.11" or "libpython3.11.so.1.0", not uwsgi. */
    for (size_t i = 0; i < n; i++)
        if (is_module(&maps[i])) {
            out->embedded = !strstr(base_name(maps[i].path), "python");
            break;
        }
    out->runtime = find_symbol(v, "_PyRuntime", &at);
    find_version(v, module, out);
    if (out->minor == 6) {
        uint64_t addr = find_symbol(v, "_PyGC_generation0", &at);

        if (addr && memview_u64(v, addr, &out->gc_generation0) != 0)
            out->gc_generation0 = 0;
    }
    if (!out->version)
        out->kind = PYRUNTIME_UNKNOWN;
}

int pyruntime_interpreters(struct memview *v, const struct pyruntime *rt,
                           uint64_t *out, int max)
{
    uint64_t at;
    int n = 0;

    if (!rt->runtime || !rt->version ||
        memview_u64(v, rt->runtime + rt->interp_head, &at) != 0)
        return 0;
    while (at && n < max && n < INTERPRETERS_MAX) {
        out[n++] = at;
        if (memview_u64(v, at + rt->interp_next, &at) != 0)
            break;
    }
    return n;
}

int pyruntime_gc_states(struct memview *v, const struct pyruntime *rt,
                        uint64_t *out, int max)
{
    int n;

    if (!rt->version || rt->version->gc_place == PYGC_NONE || !rt->runtime ||
        max < 1)
        return 0;
    if (rt->version->gc_place == PYGC_IN_RUNTIME) {
        out[0] = rt->runtime + rt->gc_at;
        return 1;
    }
    n = pyruntime_interpreters(v, rt, out, max);
    for (int i = 0; i < n; i++)
        out[i] += rt->gc_at;
    return n;
}

/* Is there a circular list at `at`: does its successor point back? Link
 * pointers carry flags in their lowest two bits. */
static bool is_list(struct memview *v, uint64_t at)
{
    uint64_t link[2], back[2];

    if (memview_read(v, at, link, sizeof link) != 0)
        return false;
    link[0] &= ~(uint64_t)3;
    link[1] &= ~(uint64_t)3;
    if (memview_read(v, link[0], back, sizeof back) != 0 ||
        (back[1] & ~(uint64_t)3) != at)
        return false;
    return memview_read(v, link[1], back, sizeof back) == 0 &&
           (back[0] & ~(uint64_t)3) == at;
}

uint64_t pyruntime_gc_lists(struct memview *v, const struct pyruntime *rt,
                            uint64_t gc)
{
    uint32_t stride = rt->version->gc_list_stride;
    uint32_t want = rt->version->gc_lists;

    /* A point release may move them by a few bytes: look nearby too. */
    for (uint32_t d = 0; d <= 32; d += 4) {
        for (int sign = -1; sign <= 1; sign += 2) {
            uint64_t at = gc + want + (uint64_t)((int64_t)sign * (int64_t)d);

            if (is_list(v, at) && is_list(v, at + stride) &&
                is_list(v, at + 2 * (uint64_t)stride))
                return at;
        }
    }
    return 0;
}

/* Statistics of three generations: collections, collected, uncollectable.
 * Returns whether they look like such. */
static bool read_stats(struct memview *v, uint64_t at, struct pygc *out)
{
    int64_t w[9], sum[3] = {0};

    if (memview_read(v, at, w, sizeof w) != 0)
        return false;
    for (int i = 0; i < 9; i++) {
        if (w[i] < 0 || w[i] > COUNTER_MAX)
            return false;
        sum[i % 3] += w[i];
    }
    out->collections = (out->collections < 0 ? 0 : out->collections) + sum[0];
    out->collected = (out->collected < 0 ? 0 : out->collected) + sum[1];
    out->uncollectable =
        (out->uncollectable < 0 ? 0 : out->uncollectable) + sum[2];
    return true;
}

void pyruntime_gc(struct memview *v, const struct pyruntime *rt,
                  struct pygc *out)
{
    uint64_t states[INTERPRETERS_MAX];
    int n = pyruntime_gc_states(v, rt, states, INTERPRETERS_MAX);

    *out = (struct pygc){-1, -1, -1, -1, false};
    for (int i = 0; i < n; i++) {
        const struct pyversion *row = rt->version;
        uint64_t stats = states[i] + row->gc_stats, size;
        uint32_t collecting;

        if (row->gc_stats_pointer && memview_u64(v, stats, &stats) != 0)
            return;
        if (!read_stats(v, stats, out))
            return;
        if (memview_u32(v, states[i] + row->gc_collecting, &collecting) == 0)
            out->collecting |= collecting == 1;
        if (row->gc_heap_size &&
            memview_u64(v, states[i] + row->gc_heap_size, &size) == 0 &&
            size < (uint64_t)COUNTER_MAX)
            out->tracked =
                (out->tracked < 0 ? 0 : out->tracked) + (int64_t)size;
    }
}

/* Number of objects in the permanent generation of the collector state `gc`,
 * or -1: its list was cut while we walked it. */
static int64_t frozen_in(struct memview *v, const struct pyruntime *rt,
                         uint64_t gc)
{
    uint64_t head = gc + rt->version->gc_permanent;
    uint64_t at, prev = head;
    int64_t n = 0;

    if (!is_list(v, head) || memview_u64(v, head, &at) != 0)
        return -1;
    for (at &= ~(uint64_t)3; at != head; n++) {
        uint64_t link[2];

        if (n >= FROZEN_MAX || memview_read(v, at, link, sizeof link) != 0 ||
            (link[1] & ~(uint64_t)3) != prev)
            return -1;
        prev = at;
        at = link[0] & ~(uint64_t)3;
    }
    return n;
}

int64_t pyruntime_frozen(struct memview *v, const struct pyruntime *rt)
{
    uint64_t states[INTERPRETERS_MAX];
    int n = pyruntime_gc_states(v, rt, states, INTERPRETERS_MAX);
    int64_t total = 0;

    for (int i = 0; i < n; i++) {
        int64_t got = frozen_in(v, rt, states[i]);

        if (got < 0)
            return -1;
        total += got;
    }
    return n ? total : rt->minor == 6 ? 0 : -1;
}

enum libc_kind libc_find(const struct memview *v)
{
    size_t n;
    const struct memmap *maps = memview_maps(v, &n);

    for (size_t i = 0; i < n; i++) {
        const char *name = base_name(maps[i].path);

        if (strncmp(name, "ld-musl", 7) == 0 ||
            strncmp(name, "libc.musl", 9) == 0)
            return LIBC_MUSL;
        if (strncmp(name, "libc.so.6", 9) == 0 ||
            strncmp(name, "libc-2.", 7) == 0)
            return LIBC_GLIBC;
    }
    return LIBC_UNKNOWN;
}

const char *libc_allocator(const struct memview *v)
{
    static const char *const names[] = {"jemalloc", "tcmalloc", "mimalloc"};
    size_t n;
    const struct memmap *maps = memview_maps(v, &n);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (is_module(&maps[i]) &&
                strstr(base_name(maps[i].path), names[k]))
                return names[k];
    return NULL;
}
