/* Finds one value in JSON text by its pointer (RFC 6901), in one pass and
 * without a document in memory: for captures, where the body may be a prefix.
 * Not a validator: what lies beside the way to the value is skipped, not
 * judged. */
#ifndef PLATEAU_LOAD_JSON_FIND_H
#define PLATEAU_LOAD_JSON_FIND_H

#include "harness/base/buf.h"

#include <stddef.h>

/* Appends to `out` the value that `pointer` ("" is the whole text, "/a/0/b")
 * names within the `n` bytes at `s`: a string's characters as UTF-8, anything
 * else as it is written. -1: not there, not whole, or too long for `out`. */
int json_find(const char *s, size_t n, const char *pointer, struct buf *out);

#endif
