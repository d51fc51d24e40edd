/* Allocation for everything outside the hot path: out of memory ends the
 * program with a message and exit code 5. What these functions give is freed
 * with free(). Not for growing data that a peer controls: see buf.h. */
#ifndef PLATEAU_BASE_MEM_H
#define PLATEAU_BASE_MEM_H

#include <stddef.h>

/* Gives `count * size` zeroed bytes; the product is checked for overflow. */
void *mem_zalloc(size_t count, size_t size);

/* Grows or shrinks `p` to `count * size` bytes; new bytes are not zeroed. */
void *mem_realloc(void *p, size_t count, size_t size);

/* Makes room for one more element: when `len == *cap`, doubles `*cap`.
 * Gives the (possibly moved) array. */
void *mem_grow(void *p, size_t len, size_t *cap, size_t size);

/* Give copies; mem_strndup always terminates. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* Gives a formatted string. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
