#include "harness/load/pieces.h"

#include "harness/base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Sizes are powers of two from 32 to PIECES_LARGEST, the head included. */
#define SMALLEST 32u
#define CLASSES 8
#define LARGE CLASSES /* malloc's own */
#define SLAB_BYTES (32u << 10)

/* In front of each piece; its size keeps what follows aligned for any type. */
struct head {
    union {
        struct head *next; /* while free */
        size_t size;       /* while in use: as asked for */
    } u;
    uint64_t class;
};

struct slab {
    struct slab *next;
    uint64_t pad; /* what follows is aligned */
};

struct pieces {
    struct head *free[CLASSES];
    struct slab *slabs;
    char *rest; /* of the newest slab */
    size_t left;
};

struct pieces *pieces_new(void)
{
    return mem_zalloc(1, sizeof(struct pieces));
}

void pieces_free(struct pieces *s)
{
    while (s != NULL && s->slabs != NULL) {
        struct slab *next = s->slabs->next;

        free(s->slabs);
        s->slabs = next;
    }
    free(s);
}

static unsigned class_of(size_t bytes)
{
    unsigned c = 0;

    while (c < LARGE && ((size_t)SMALLEST << c) < bytes)
        c++;
    return c;
}

/* A new piece of class `c`; what is left of the slab before is lost, less than
 * a piece. */
static struct head *carve(struct pieces *s, unsigned c)
{
    size_t n = (size_t)SMALLEST << c;
    struct head *h;

    if (s->left < n) {
        struct slab *slab = mem_zalloc(1, SLAB_BYTES);

        slab->next = s->slabs;
        s->slabs = slab;
        s->rest = (char *)(slab + 1);
        s->left = SLAB_BYTES - sizeof *slab;
    }
    h = (struct head *)(void *)s->rest;
    s->rest += n;
    s->left -= n;
    h->class = c;
    return h;
}

void *pieces_take(struct pieces *s, size_t n)
{
    size_t bytes = n + sizeof(struct head);
    unsigned c = class_of(bytes);
    struct head *h;

    if (c == LARGE) {
        assert(bytes > n);
        h = mem_realloc(NULL, bytes, 1);
        h->class = LARGE;
    } else if (s->free[c] != NULL) {
        h = s->free[c];
        s->free[c] = h->u.next;
    } else {
        h = carve(s, c);
    }
    h->u.size = n;
    return h + 1;
}

void *pieces_take_zero(struct pieces *s, size_t n, size_t size)
{
    void *p;

    assert(size == 0 || n <= SIZE_MAX / 2 / size);
    p = pieces_take(s, n * size);
    return memset(p, 0, n * size);
}

void pieces_give(struct pieces *s, void *p)
{
    struct head *h = p;

    if (p == NULL)
        return;
    h--;
    if (h->class == LARGE) {
        free(h);
        return;
    }
    assert(h->class < LARGE);
    h->u.next = s->free[h->class];
    s->free[h->class] = h;
}

void *pieces_resize(struct pieces *s, void *p, size_t n)
{
    struct head *h = p;
    void *q;

    if (p == NULL)
        return pieces_take(s, n);
    h--;
    if (h->class < LARGE && n + sizeof *h <= ((size_t)SMALLEST << h->class)) {
        h->u.size = n;
        return p;
    }
    q = pieces_take(s, n);
    memcpy(q, p, h->u.size < n ? h->u.size : n);
    pieces_give(s, p);
    return q;
}
