/* Memory for a library that asks for many small pieces per request: given
 * back pieces serve the next requests, so that malloc is called only while
 * more is in use than ever before. One thread. */
#ifndef PLATEAU_LOAD_PIECES_H
#define PLATEAU_LOAD_PIECES_H

#include <stddef.h>

struct pieces;

/* Gives an empty store. */
struct pieces *pieces_new(void);

/* Frees the store and every piece of it but those over PIECES_LARGEST, which
 * are malloc's own and must have been given back. NULL is fine. */
void pieces_free(struct pieces *s);

#define PIECES_LARGEST 4096

/* As malloc, calloc, realloc and free, but NULL never: the program ends when
 * there is no memory. */
void *pieces_take(struct pieces *s, size_t n);
void *pieces_take_zero(struct pieces *s, size_t n, size_t size);
void *pieces_resize(struct pieces *s, void *p, size_t n);
void pieces_give(struct pieces *s, void *p);

#endif
