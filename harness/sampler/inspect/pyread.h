/* Reads single Python values out of a view: strings and dicts, by the layout
 * of one version. Bounded: a dict is read up to a limit of entries. For names,
 * the runtime's few facts and reference chains, not for whole heaps. */
#ifndef PLATEAU_SAMPLER_INSPECT_PYREAD_H
#define PLATEAU_SAMPLER_INSPECT_PYREAD_H

#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyversions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The entries of a dict. */
struct pydict {
    uint64_t keys;    /* address of the keys object */
    uint64_t values;  /* split table: address of the values, else 0 */
    uint64_t entries; /* address of the first entry */
    uint32_t stride;  /* bytes per entry */
    uint32_t key_at, value_at;
    uint64_t n; /* entries ever used; some may be deleted (key 0) */
};

/* Reads the str object at `addr` as UTF-8 into `buf` (cut to fit, always
 * NUL-terminated). Returns its length in bytes, or -1: no readable string. */
int pyread_string(struct memview *v, const struct pyversion *ver, uint64_t addr,
                  char *buf, size_t cap);

/* Reads the head of the dict object at `addr`. Returns 0 or -1. */
int pyread_dict(struct memview *v, const struct pyversion *ver, uint64_t addr,
                struct pydict *out);

/* Entry `i` of the dict: addresses of key and value, 0 for a deleted one.
 * Returns 0 or -1. */
int pyread_entry(struct memview *v, const struct pydict *d, uint64_t i,
                 uint64_t *key, uint64_t *value);

/* The value under the string `key` in the dict at `addr`, or 0. */
uint64_t pyread_dict_get(struct memview *v, const struct pyversion *ver,
                         uint64_t addr, const char *key);

#endif
