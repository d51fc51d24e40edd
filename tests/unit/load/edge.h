/* A copy of some bytes that ends where an unmapped page begins, so that one
 * byte read too many ends the test. */
#ifndef PLATEAU_TESTS_EDGE_H
#define PLATEAU_TESTS_EDGE_H

#include "tests/unit/assert_close.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct edge {
    char *map;
    size_t size;
    char *p; /* the copy */
};

static inline void edge_init(struct edge *e, const void *bytes, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    e->size = (n / page + 2) * page;
    e->map = mmap(NULL, e->size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(e->map != MAP_FAILED);
    assert_int_equal(mprotect(e->map + e->size - page, page, PROT_NONE), 0);
    e->p = e->map + e->size - page - n;
    if (n > 0)
        memcpy(e->p, bytes, n);
}

static inline void edge_release(struct edge *e)
{
    munmap(e->map, e->size);
}

#endif
