/* The living instances of some types: passing over them, and remembering
 * which there were. */
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/sampler/inspect/census_impl.h"
#include "harness/sampler/inspect/holders.h"
#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/procmem.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_MAX 512u
#define MARKS_MAX 2000000u
#define TIME_LIMIT_NS (10 * CLOCK_NS_PER_S)

enum { NOT_ASKED = -2, NOT_WANTED = -1 };

struct walk {
    struct census_reader *r;
    const char *const *types;
    size_t n;
    short *wanted; /* by type index: which of `types`, or one of the above */
    holder_instance_fn fn;
    void *ctx;
};

struct holders_mark {
    uint64_t *addr; /* ascending */
    size_t n, room;
    bool full;
};

bool holder_pass(struct census_reader *r, const struct heapscan_sink *sink,
                 int64_t until_ns)
{
    struct chunks_total native = {0};
    struct err gone;
    struct heapscan_options o = {
        .pool_size = r->alloc.pools ? r->rt.version->pool : 0,
        .native = census_has_native(r),
        .until_ns = until_ns,
    };

    /* A list that grows may have moved to a mapping of its own. */
    return (r->pid == 0 || procmem_refresh(r->v, r->pid, &gone) == 0) &&
           heapscan_run(r->scan, &o, sink, &native);
}

static int wanted(struct walk *w, uint32_t type)
{
    if (type >= PYTYPES_MAX)
        return NOT_WANTED;
    if (w->wanted[type] == NOT_ASKED) {
        w->wanted[type] = NOT_WANTED;
        for (size_t i = 0; i < w->n; i++)
            if (strcmp(pytypes_name(w->r->types, type), w->types[i]) == 0)
                w->wanted[type] = (short)i;
    }
    return w->wanted[type];
}

static void on_object(struct walk *w, uint64_t block, const struct pyobject *o)
{
    int which = wanted(w, o->type);

    if (which >= 0)
        w->fn(w->ctx, block + o->at, o->type, (size_t)which);
}

static void on_pool(void *ctx, uint64_t addr, const struct pool *p,
                    const unsigned char *bytes, const struct pool_free *free,
                    bool torn)
{
    struct walk *w = ctx;
    uint32_t skew = w->r->alloc.skew;

    (void)torn;
    for (uint32_t i = 0; bytes && i < p->carved; i++) {
        uint32_t at = POOL_HEADER + i * p->block + skew;
        struct pyobject o;

        if (p->block > skew + 16 && !pool_is_free(free, i) &&
            pytypes_object(w->r->types, bytes + at, p->block - skew, &o))
            on_object(w, addr + at, &o);
    }
}

static void on_chunk(void *ctx, uint64_t addr, uint64_t n,
                     const unsigned char *head)
{
    struct walk *w = ctx;
    uint32_t skew = w->r->alloc.large_skew;
    struct pyobject o;

    if (n > (w->r->alloc.pools ? SMALL_MAX : skew + 16) &&
        pytypes_object(w->r->types, head + skew, CHUNKS_HEAD - skew, &o))
        on_object(w, addr + skew, &o);
}

bool holder_instances(struct census_reader *r, const char *const *types,
                      size_t n, int64_t until_ns, holder_instance_fn fn,
                      void *ctx)
{
    struct walk w = {r, types, n, NULL, fn, ctx};
    struct heapscan_sink sink = {on_pool, on_chunk, &w};
    bool whole;

    w.wanted = mem_zalloc(PYTYPES_MAX, sizeof *w.wanted);
    for (size_t i = 0; i < PYTYPES_MAX; i++)
        w.wanted[i] = NOT_ASKED;
    whole = holder_pass(r, &sink, until_ns);
    free(w.wanted);
    return whole;
}

static void add_mark(void *ctx, uint64_t addr, uint32_t type, size_t which)
{
    struct holders_mark *m = ctx;

    (void)type;
    (void)which;
    m->full = m->n == MARKS_MAX;
    if (m->full)
        return;
    if (m->n == m->room) {
        m->room = m->room ? m->room * 2 : 1024;
        m->addr = mem_realloc(m->addr, m->room, sizeof *m->addr);
    }
    m->addr[m->n++] = addr;
}

static int by_address(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int holders_mark(struct census_reader *r, const char *const *types, size_t n,
                 int64_t time_limit_ns, struct holders_mark **out,
                 struct err *err)
{
    int64_t until_ns =
        clock_now_ns() + (time_limit_ns ? time_limit_ns : TIME_LIMIT_NS);
    struct holders_mark *m;

    if (census_attach(r, err) != 0)
        return -1;
    if (!census_is_python(r))
        return err_set(err, "no CPython whose objects can be read");
    m = mem_zalloc(1, sizeof *m);
    pytypes_begin(r->types);
    if (!holder_instances(r, types, n, until_ns, add_mark, m) || m->full)
        m->n = 0; /* half of them would make the other half look new */
    if (m->n)
        qsort(m->addr, m->n, sizeof *m->addr, by_address);
    *out = m;
    return 0;
}

bool holders_marked(const struct holders_mark *m, uint64_t addr)
{
    return m->n && bsearch(&addr, m->addr, m->n, sizeof addr, by_address);
}

void holders_mark_free(struct holders_mark *m)
{
    if (m == NULL)
        return;
    free(m->addr);
    free(m);
}
