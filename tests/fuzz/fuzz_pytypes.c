/* A recorded image of a CPython with any bytes spoilt: version, collector,
 * block counter, pools, objects, type names. Names stay bounded. */
#include "harness/sampler/inspect/gcwalk.h"
#include "harness/sampler/inspect/heapscan.h"
#include "harness/sampler/inspect/pyblocks.h"
#include "harness/sampler/inspect/pytypes.h"
#include "tests/unit/sampler/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    (void)addr;
    (void)torn;
    for (uint32_t i = 0; i < p->carved; i++) {
        struct pyobject o;

        if (!pool_is_free(free, i) &&
            pytypes_object(ctx, bytes + POOL_HEADER + i * p->block, p->block,
                           &o) &&
            strlen(pytypes_name(ctx, o.type)) >= PYTYPES_NAME_MAX)
            abort();
    }
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    struct pyobject o;

    (void)addr;
    (void)n;
    pytypes_object(ctx, head, CHUNKS_HEAD, &o);
}

static void on_listed(void *ctx, uint64_t object)
{
    pytypes_at(ctx, object);
}

static void read_all(struct memview *v, struct pyruntime *rt)
{
    struct pytypes *types = pytypes_new(v, rt->version, rt->type_type);
    struct heapscan *s = heapscan_new(v);
    struct heapscan_options o = {.pool_size = rt->version->pool,
                                 .native = true};
    struct heapscan_sink sink = {on_pool, on_chunk, types};
    struct chunks_total t = {0};
    struct pyblocks blocks;
    struct pygc gc;

    pyruntime_gc(v, rt, &gc);
    pyruntime_frozen(v, rt);
    gcwalk(v, rt, INT64_MAX, on_listed, types);
    pyblocks_find(v, rt, &blocks);
    pyblocks_read(v, &blocks, 1);
    heapscan_run(s, &o, &sink, &t);
    heapscan_free(s);
    pytypes_free(types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image m = {0};
    struct memview *v = image_parse(&m, data, size);
    struct pyruntime rt;

    if (v) {
        pyruntime_find(v, &rt);
        /* Where the version was spoilt, read it as another. */
        if (rt.type_type && !rt.version)
            rt.version = pyversion_find(6 + (int)(size % 10));
        if (rt.version)
            read_all(v, &rt);
    }
    memview_close(&v);
    image_release(&m);
    return 0;
}
