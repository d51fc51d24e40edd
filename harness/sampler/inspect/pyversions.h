/* Where things lie in each CPython minor version, 3.6 to 3.15: one table, one
 * row per version. x86-64 Linux, builds with the global interpreter lock. All
 * numbers are byte offsets read off running interpreters, each kept true by
 * the end-to-end test of its version. 3.13 and later publish part of this
 * themselves (_Py_DebugOffsets): that is preferred (pyruntime.h). */
#ifndef PLATEAU_SAMPLER_INSPECT_PYVERSIONS_H
#define PLATEAU_SAMPLER_INSPECT_PYVERSIONS_H

#include <stdbool.h>
#include <stdint.h>

/* The collector's state lies in the runtime, or in each interpreter. */
enum pygc_place { PYGC_NONE, PYGC_IN_RUNTIME, PYGC_IN_INTERPRETER };

struct pyversion {
    int minor;
    uint32_t pool;       /* pymalloc pool size */
    uint32_t gc_head;    /* bytes in front of a collected object */
    uint32_t pre_flags;  /* type flags that put 16 bytes before that head */
    uint32_t ascii_data; /* characters of a compact ASCII string */
    uint32_t wide_data;  /* characters of any other compact string */
    bool new_keys;       /* dict keys in the layout of 3.11 */
    bool refcnt_flags;   /* upper bits of the count hold flags (3.14) */
    uint32_t ht_name, ht_qualname; /* in a heap type */
    uint32_t interp_head;          /* in _PyRuntime */
    uint32_t interp_next;
    enum pygc_place gc_place;
    uint32_t gc_at;
    uint32_t gc_lists; /* first generation's list head, in the gc state */
    uint32_t gc_list_stride;
    uint32_t gc_permanent, gc_stats, gc_collecting; /* in the gc state */
    bool gc_stats_pointer; /* gc_stats holds the address of the statistics */
    uint32_t gc_heap_size; /* tracked objects (3.14 and later); 0: none */
};

/* Fields of a type object; the same in all versions. */
enum pytype_field {
    PYTYPE_TYPE = 8,
    PYTYPE_NAME = 24,
    PYTYPE_BASICSIZE = 32,
    PYTYPE_ITEMSIZE = 40,
    PYTYPE_FLAGS = 168,
    PYTYPE_BASE = 256,
    PYTYPE_DICT = 264,
    PYTYPE_READ = 272, /* bytes to read to have all of these */
};

#define PYTYPE_HEAPTYPE (1u << 9)
#define PYTYPE_READY (1u << 12)
#define PYTYPE_HAVE_GC (1u << 14)

/* The row of 3.`minor`, or NULL: unknown version. Static storage. */
const struct pyversion *pyversion_find(int minor);

/* The i-th row, NULL behind the last. */
const struct pyversion *pyversion_at(int i);

#endif
