#include "harness/sampler/inspect/gcwalk.h"

#include "harness/base/clock.h"

#include <stddef.h>

#define OBJECTS_MAX ((int64_t)1 << 32)
#define INTERPRETERS_MAX 64
#define GENERATIONS 3

/* One circular list of at most `most` objects. Returns their number or -1.
 * `fn` may be NULL. */
static int64_t walk_list(struct memview *v, const struct pyruntime *rt,
                         uint64_t head, int64_t most, int64_t until_ns,
                         void (*fn)(void *, uint64_t), void *ctx)
{
    uint64_t at, prev = head;
    int64_t n = 0;

    if (memview_u64(v, head, &at) != 0)
        return -1;
    for (at &= ~(uint64_t)3; at != head; n++) {
        uint64_t link[2];

        if (n > most || memview_read(v, at, link, sizeof link) != 0 ||
            (link[1] & ~(uint64_t)3) != prev)
            return -1;
        if (n % 65536 == 65535 && clock_now_ns() > until_ns)
            return -1;
        if (fn != NULL)
            fn(ctx, at + rt->version->gc_head);
        prev = at;
        at = link[0] & ~(uint64_t)3;
    }
    return n;
}

/* Where the generations of the collector state `gc` are; 3.6 has no such
 * state, but a symbol. */
static uint64_t lists_of(struct memview *v, const struct pyruntime *rt,
                         uint64_t gc)
{
    return gc ? pyruntime_gc_lists(v, rt, gc) : rt->gc_generation0;
}

int64_t gcwalk(struct memview *v, const struct pyruntime *rt, int64_t until_ns,
               void (*fn)(void *ctx, uint64_t object), void *ctx)
{
    uint64_t states[INTERPRETERS_MAX] = {0};
    int n = pyruntime_gc_states(v, rt, states, INTERPRETERS_MAX);
    int64_t total = 0;

    if (n == 0 && rt->gc_generation0)
        n = 1;
    if (n == 0)
        return -1;
    for (int i = 0; i < n; i++) {
        uint64_t lists = lists_of(v, rt, states[i]);

        if (!lists)
            return -1;
        for (int g = 0; g < GENERATIONS; g++) {
            int64_t got = walk_list(
                v, rt, lists + (uint64_t)g * rt->version->gc_list_stride,
                OBJECTS_MAX, until_ns, fn, ctx);

            if (got < 0)
                return -1;
            total += got;
        }
    }
    return total;
}

int64_t gcwalk_young(struct memview *v, const struct pyruntime *rt,
                     int64_t most)
{
    uint64_t states[INTERPRETERS_MAX] = {0};
    int n = pyruntime_gc_states(v, rt, states, INTERPRETERS_MAX);
    int64_t total = 0;

    if (n == 0 && rt->gc_generation0)
        n = 1;
    for (int i = 0; i < n; i++) {
        uint64_t lists = lists_of(v, rt, states[i]);

        int64_t got =
            lists == 0 ? -1
                       : walk_list(v, rt, lists, most, INT64_MAX, NULL, NULL);

        if (got < 0)
            return -1;
        total += got;
    }
    return n > 0 ? total : -1;
}
