#include "harness/load/wakeups.h"

#include "harness/base/mem.h"

#include <stdlib.h>

static void put(struct wakeups *h, size_t place, struct wakeup *w)
{
    h->heap[place] = w;
    w->place = place;
}

static void rise(struct wakeups *h, size_t i)
{
    struct wakeup *w = h->heap[i];

    while (i > 1 && w->at_ns < h->heap[i / 2]->at_ns) {
        put(h, i, h->heap[i / 2]);
        i /= 2;
    }
    put(h, i, w);
}

static void sink(struct wakeups *h, size_t i)
{
    struct wakeup *w = h->heap[i];

    for (;;) {
        size_t c = 2 * i;

        if (c > h->n)
            break;
        if (c < h->n && h->heap[c + 1]->at_ns < h->heap[c]->at_ns)
            c++;
        if (w->at_ns <= h->heap[c]->at_ns)
            break;
        put(h, i, h->heap[c]);
        i = c;
    }
    put(h, i, w);
}

void wakeups_add(struct wakeups *h, struct wakeup *w, int64_t at_ns)
{
    h->heap = mem_grow(h->heap, h->n + 1, &h->cap, sizeof *h->heap);
    w->at_ns = at_ns;
    h->n++;
    put(h, h->n, w);
    rise(h, h->n);
}

void wakeups_remove(struct wakeups *h, struct wakeup *w)
{
    size_t i = w->place;
    struct wakeup *last;

    if (i == 0)
        return;
    last = h->heap[h->n--];
    w->place = 0;
    if (last == w)
        return;
    put(h, i, last);
    rise(h, i);
    sink(h, last->place);
}

struct wakeup *wakeups_first(const struct wakeups *h)
{
    return h->n > 0 ? h->heap[1] : NULL;
}

void wakeups_release(struct wakeups *h)
{
    free(h->heap);
    *h = (struct wakeups){0};
}
