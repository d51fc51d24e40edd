/* Splits text into words. Shared by commands, lists and template functions. */
#ifndef PLATEAU_MODEL_WORDS_H
#define PLATEAU_MODEL_WORDS_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct words {
    char **at; /* NULL-terminated */
    size_t n, cap;
    bool *quoted; /* the word had quotes */
};

/* Splits as a shell would, without its expansions: spaces part, '..' and
 * ".." hold together, a backslash takes the next character as it is (inside
 * '..' it is a backslash, inside ".." only before '"' and '\'). -1 when a
 * quote stays open. `out` is to be released in both cases. */
int words_split(const char *s, struct words *out, struct err *err);

/* Splits a plain list at spaces and commas. */
void words_list(const char *s, struct words *out);

/* Gives the array of words, NULL-terminated, and empties `w`. */
char **words_take(struct words *w, size_t *n);

void words_release(struct words *w);

/* Frees an array of `n` strings. */
void words_free(char **at, size_t n);

#endif
