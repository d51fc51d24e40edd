/* Where an answer's bytes end up: the wanted prefix is kept, the rest is
 * counted and dropped. For the engines that read answers themselves. */
#ifndef PLATEAU_LOAD_SINK_H
#define PLATEAU_LOAD_SINK_H

#include "harness/load/engine.h"

#include <string.h>

/* Takes `n` body bytes; false when the body has passed `max` bytes (0: no
 * limit). */
static inline bool sink_body(struct transfer *t, const char *p, size_t n,
                             uint64_t max)
{
    if (t->keep != NULL && t->kept < t->keep_max) {
        size_t room = t->keep_max - t->kept;
        size_t take = n < room ? n : room;

        memcpy(t->keep + t->kept, p, take);
        t->kept += take;
    }
    t->body_bytes += n;
    return max == 0 || t->body_bytes <= max;
}

/* Adds header lines; those that do not fit are dropped whole. */
static inline void sink_headers(struct transfer *t, const char *p, size_t n)
{
    if (t->keep_headers == NULL || n > t->keep_headers_max - t->kept_headers)
        return;
    memcpy(t->keep_headers + t->kept_headers, p, n);
    t->kept_headers += n;
}

#endif
