/* A set of names with their places: name -> index, in constant time. Names
 * are borrowed and must outlive the set. */
#ifndef PLATEAU_MODEL_NAMESET_H
#define PLATEAU_MODEL_NAMESET_H

#include <stddef.h>

struct nameset {
    struct nameset_slot {
        const char *name; /* NULL: free */
        size_t index;
    } * slots;
    size_t cap, n;
};

/* Adds `name` with `index`; a name that is there keeps its first index.
 * Returns the index now stored for it. A zeroed set is an empty one. */
size_t nameset_add(struct nameset *s, const char *name, size_t index);

/* The index of `name`, or (size_t)-1. */
size_t nameset_find(const struct nameset *s, const char *name);

/* The nearest name for a "did you mean", or NULL. */
const char *nameset_suggest(const struct nameset *s, const char *word);

void nameset_release(struct nameset *s);

#endif
