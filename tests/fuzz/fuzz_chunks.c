/* Any bytes as a heap: walked in bounded time, and no more is counted than
 * there is. */
#include "harness/sampler/inspect/heapscan.h"
#include "tests/unit/sampler/image.h"

#define HEAP 0x555555000000u
#define ARENA 0x7f0004000000u
#define BYTES_MAX (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    (void)ctx;
    (void)addr;
    (void)p;
    (void)bytes;
    (void)free;
    (void)torn;
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    uint64_t *sum = ctx;

    (void)addr;
    *sum += n + head[0] - head[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image m = {0};
    struct memview *v;
    struct heapscan *s;
    struct heapscan_options o = {.pool_size = 16384, .native = true};
    struct chunks_total t = {0};
    uint64_t sum = 0;
    struct heapscan_sink sink = {on_pool, on_chunk, &sum};

    if (size > BYTES_MAX)
        size = BYTES_MAX;
    image_put(&m, HEAP, data, size);
    image_put(&m, ARENA, data, size);
    v = image_view(&m,
                   "555555000000-555555010000 rw-p 00000000 00:00 0 [heap]\n"
                   "7f0004000000-7f0004010000 rw-p 00000000 00:00 0 \n");
    s = heapscan_new(v);
    heapscan_run(s, &o, &sink, &t);
    if (t.inuse_bytes + t.free_bytes > 8 * BYTES_MAX || sum > 8 * BYTES_MAX)
        abort();
    heapscan_free(s);
    memview_close(&v);
    image_release(&m);
    return 0;
}
