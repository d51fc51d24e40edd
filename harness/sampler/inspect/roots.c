#include "harness/sampler/inspect/roots.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/inspect/holders_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW (512u << 10)
/* Reservations larger than this hold no references of ours. */
#define MAPPING_MAX (1ull << 32)
#define STACK_MOST (64ull << 20)
#define GUARD_MOST (64u << 10)
#define THREADS_MOST 1024

struct walk {
    struct census_reader *r;
    struct roots_skips *skips;
    size_t next; /* the first skip that ends behind where we are */
    unsigned char *window;
    void (*fn)(void *ctx, uint64_t word);
    void *ctx;
};

void roots_skip(struct roots_skips *s, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    s->at = mem_grow(s->at, s->n, &s->cap, sizeof *s->at);
    s->at[s->n++] = (struct roots_skip){start, end};
}

void roots_skips_release(struct roots_skips *s)
{
    free(s->at);
    *s = (struct roots_skips){0};
}

static int by_start(const void *a, const void *b)
{
    const struct roots_skip *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

/* Where the thread whose directory is `path` has its stack pointer; 0: it
   runs, or that is not told. The line ends with that and where it is. */
static uint64_t stack_pointer(const char *path)
{
    char text[256], *word;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    word = strrchr(text, ' ');
    if (word == NULL)
        return 0;
    *word = '\0';
    word = strrchr(text, ' ');
    return word != NULL ? strtoull(word + 1, NULL, 16) : 0;
}

static void skip_mapping(struct walk *w, uint64_t at)
{
    const struct memmap *m = memview_find(w->r->v, at);

    if (m != NULL && m->end - m->start <= STACK_MOST)
        roots_skip(w->skips, m->start, m->end);
}

/* Threads' stacks. */
static void skip_stacks(struct walk *w)
{
    char path[64];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/task", w->r->pid);
    d = w->r->pid > 0 ? opendir(path) : NULL;
    for (int i = 0; d != NULL && i < THREADS_MOST && (e = readdir(d)); i++) {
        char one[sizeof path + sizeof e->d_name + 16];
        uint64_t sp;

        if (e->d_name[0] == '.')
            continue;
        snprintf(one, sizeof one, "%s/%s/syscall", path, e->d_name);
        sp = stack_pointer(one);
        if (sp != 0)
            skip_mapping(w, sp);
    }
    if (d != NULL)
        closedir(d);
}

static void on_frame(void *ctx, uint64_t from, uint64_t at, uint64_t word)
{
    struct walk *w = ctx;
    const struct roots_skips *s = w->skips;
    uint64_t start = from & ~(uint64_t)(MEMVIEW_PAGE - 1), size;

    (void)at;
    (void)word;
    if (s->n > 0 && s->at[s->n - 1].start == start)
        return;
    if (memview_u64(w->r->v, start + 8, &size) == 0 && size <= STACK_MOST)
        roots_skip(w->skips, start, start + size);
}

/* The same of the interpreter's own stacks (3.11 and later): a piece begins
   with the one before it and its size. */
static void skip_frames(struct walk *w, int64_t until_ns)
{
    holder_stacks(w->r->v, &w->r->rt, until_ns, on_frame, w);
}

static bool is_ours(const struct memmap *m)
{
    return m->readable && m->writable && !m->shared &&
           m->end - m->start <= MAPPING_MAX;
}

static bool is_libc(const struct memmap *m)
{
    const char *name = strrchr(m->path, '/');

    return name != NULL && (strncmp(name, "/libc.so", 8) == 0 ||
                            strncmp(name, "/libc-2", 7) == 0);
}

/* Is `m`, behind `before`, the stack of a thread, which may have ended and left
   it to the next? A page that nobody may touch guards its end. */
static bool is_thread_stack(const struct memmap *m, const struct memmap *before)
{
    return m->inode == 0 && m->path[0] == '\0' && before->end == m->start &&
           !before->readable && !before->writable &&
           before->end - before->start <= GUARD_MOST &&
           m->end - m->start <= STACK_MOST;
}

/* malloc's arenas: what is in use there are blocks, and looked at as such.
   Stacks, the interpreter's variables and malloc's books are full of what was
   in use once (free lists keep places that were used again): whoever is held
   from there alone has a reference too many, and holds on by that. */
static void skip_arenas(struct walk *w)
{
    size_t n;
    const struct memmap *maps = memview_maps(w->r->v, &n);

    for (size_t i = 0; i < n && census_has_native(w->r); i++) {
        uint64_t p = maps[i].start, first, end;

        if (!is_ours(&maps[i]))
            continue;
        if (strcmp(maps[i].path, "[heap]") == 0 ||
            strcmp(maps[i].path, "[stack]") == 0 || is_libc(&maps[i]) ||
            (i > 0 && is_thread_stack(&maps[i], &maps[i - 1])) ||
            pyruntime_is_data(w->r->v, &w->r->rt, &maps[i]))
            roots_skip(w->skips, maps[i].start, maps[i].end);
        p = (p + CHUNKS_ARENA - 1) & ~(CHUNKS_ARENA - 1);
        for (; maps[i].inode == 0 && p < maps[i].end; p += CHUNKS_ARENA)
            if (chunks_thread_heap(w->r->v, p, &first, &end))
                roots_skip(w->skips, p, end);
    }
}

/* Tells the words of one page at `addr`. */
static void tell_page(struct walk *w, uint64_t addr, const unsigned char *bytes)
{
    const struct roots_skips *s = w->skips;

    while (w->next < s->n && s->at[w->next].end <= addr)
        w->next++;
    for (uint32_t at = 0; at < MEMVIEW_PAGE; at += 8) {
        size_t k = w->next;
        bool dead = false;

        /* Skips may overlap: the next few that begin before this word. */
        for (; k < s->n && s->at[k].start <= addr + at && !dead; k++)
            dead = addr + at < s->at[k].end;
        if (!dead)
            w->fn(w->ctx, memview_word(bytes + at));
    }
}

/* Is the whole page dead? */
static bool is_dead(struct walk *w, uint64_t addr)
{
    const struct roots_skips *s = w->skips;

    while (w->next < s->n && s->at[w->next].end <= addr)
        w->next++;
    return w->next < s->n && s->at[w->next].start <= addr &&
           s->at[w->next].end >= addr + MEMVIEW_PAGE;
}

static bool walk_mapping(struct walk *w, const struct memmap *m,
                         int64_t until_ns)
{
    unsigned char state[WINDOW / MEMVIEW_PAGE];
    uint32_t pool = w->r->alloc.pools ? w->r->rt.version->pool : 0;

    for (uint64_t p = m->start; p < m->end; p += WINDOW) {
        uint64_t end = m->end - p > WINDOW ? p + WINDOW : m->end, dead = 0;

        if (until_ns && clock_now_ns() > until_ns)
            return false;
        memview_pages(w->r->v, p, (size_t)(end - p) / MEMVIEW_PAGE, state);
        if (m->inode == 0 &&
            memchr(state, MEMPAGE_PRESENT, (end - p) / MEMVIEW_PAGE) == NULL)
            continue;
        memview_bulk(w->r->v, p, w->window, (size_t)(end - p));
        for (uint64_t at = p; at < end; at += MEMVIEW_PAGE) {
            const unsigned char *bytes = w->window + (at - p);

            if (pool && m->inode == 0 && at % pool == 0 &&
                pool_was(bytes, pool))
                dead = at + pool;
            if (at >= dead && !is_dead(w, at))
                tell_page(w, at, bytes);
        }
    }
    return true;
}

bool roots_walk(struct census_reader *r, struct roots_skips *skips,
                int64_t until_ns, void (*fn)(void *ctx, uint64_t word),
                void *ctx)
{
    struct walk w = {.r = r, .skips = skips, .fn = fn, .ctx = ctx};
    bool whole = true;
    size_t n;
    const struct memmap *maps;

    skip_arenas(&w);
    skip_stacks(&w);
    skip_frames(&w, until_ns);
    if (skips->n > 0)
        qsort(skips->at, skips->n, sizeof *skips->at, by_start);
    w.window = mem_zalloc(1, WINDOW);
    maps = memview_maps(r->v, &n);
    for (size_t i = 0; i < n && whole; i++)
        if (is_ours(&maps[i]))
            whole = walk_mapping(&w, &maps[i], until_ns);
    free(w.window);
    return whole;
}
