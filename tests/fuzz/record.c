/* Records the pages of a live CPython that finding its runtime and naming its
 * types touches, as an image file (tests/unit/sampler/image.h): seeds for
 * fuzz_elf and fuzz_pytypes. Not part of any build; after `make`:
 *
 *   cc -I. -D_GNU_SOURCE tests/fuzz/record.c build/release/libsampler.a \
 *      build/release/libbase.a -o build/record
 *   build/record PID > tests/fuzz/corpus/pytypes/cpython-3.11 */
#include "harness/base/mem.h"
#include "harness/sampler/inspect/heapscan.h"
#include "harness/sampler/inspect/pyblocks.h"
#include "harness/sampler/inspect/pytypes.h"
#include "tests/unit/sampler/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TYPES 8u

struct recorder {
    int mem;
    struct image touched;
};

static ssize_t record_read(void *ctx, uint64_t addr, void *buf, size_t n)
{
    struct recorder *r = ctx;
    ssize_t got = pread(r->mem, buf, n, (off_t)addr);

    /* Bulk reads are left out: they would record the whole heap. */
    if (got == (ssize_t)n && n == MEMVIEW_PAGE)
        image_put(&r->touched, addr, buf, n);
    return got;
}

static int record_states(void *ctx, uint64_t addr, size_t n, unsigned char *out)
{
    (void)ctx;
    (void)addr;
    memset(out, MEMPAGE_PRESENT, n);
    return 0;
}

static const struct memview_ops ops = {
    .read = record_read,
    .pages = record_states,
};

struct found {
    struct recorder *r;
    struct pytypes *types;
    unsigned pools;
};

/* Keeps one pool, and the pages that naming its objects' types touches. */
static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    struct found *f = ctx;

    (void)torn;
    if (pytypes_count(f->types) > TYPES)
        return;
    f->pools++;
    image_put(&f->r->touched, addr, bytes, p->block > 256 ? 16384 : 4096);
    for (uint32_t i = 0; i < p->carved; i++) {
        struct pyobject o;

        if (!pool_is_free(free, i))
            pytypes_object(f->types, bytes + POOL_HEADER + i * p->block,
                           p->block, &o);
    }
}

static void write_image(const char *maps, uint32_t len, const struct image *m)
{
    fwrite("PLIM", 1, 4, stdout);
    fwrite(&len, 1, 4, stdout);
    fwrite(maps, 1, len, stdout);
    for (size_t i = 0; i < m->n; i++) {
        fwrite(&m->pages[i]->addr, 1, 8, stdout);
        fwrite(m->pages[i]->bytes, 1, MEMVIEW_PAGE, stdout);
    }
}

int main(int argc, char **argv)
{
    static char maps[1 << 20], kept[1 << 20];
    struct recorder r = {.mem = -1};
    struct found f = {.r = &r};
    struct memview *v = memview_new(&ops, &r);
    struct heapscan_sink sink = {.pool = on_pool, .ctx = &f};
    struct chunks_total native = {0};
    struct pyruntime rt;
    struct pyblocks blocks;
    struct pygc gc;
    char path[64], *rest = NULL;
    int fd;
    ssize_t n = -1;

    snprintf(path, sizeof path, "/proc/%s/mem", argc > 1 ? argv[1] : "self");
    r.mem = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%s/maps", argc > 1 ? argv[1] : "self");
    fd = open(path, O_RDONLY);
    for (ssize_t got = 1, at = 0; got > 0; at += got, n = at)
        got = read(fd, maps + at, sizeof maps - 1 - (size_t)at);
    memview_set_maps(v, maps, (size_t)n);
    pyruntime_find(v, &rt);
    if (rt.kind != PYRUNTIME_FINE)
        return 1;
    pyruntime_gc(v, &rt, &gc);
    pyblocks_find(v, &rt, &blocks);
    f.types = pytypes_new(v, rt.version, rt.type_type);
    pytypes_lookup(f.types, rt.type_type);
    struct heapscan_options o = {.pool_size = rt.version->pool};
    heapscan_run(heapscan_new(v), &o, &sink, &native);
    /* Only the lines that hold something that was kept. */
    for (char *line = strtok_r(maps, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned long long start, end;

        if (sscanf(line, "%llx-%llx", &start, &end) != 2)
            continue;
        size_t i = image_index(&r.touched, start);
        if (i < r.touched.n && r.touched.pages[i]->addr < end)
            snprintf(kept + strlen(kept), sizeof kept - strlen(kept), "%s\n",
                     line);
    }
    write_image(kept, (uint32_t)strlen(kept), &r.touched);
    fprintf(stderr, "%s: %zu pages, %u pools\n", rt.text, r.touched.n, f.pools);
    return 0;
}
