/* The table of all scenario keys (keys.def) as data, and what is generated
 * from it. Not here: how values are read (scenario_take.c). */
#ifndef PLATEAU_MODEL_KEYS_H
#define PLATEAU_MODEL_KEYS_H

#include "harness/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum key_section {
    SECTION_SCENARIO,
    SECTION_TARGET,
    SECTION_LOAD,
    SECTION_REQUEST,
    SECTION_FLOW,
    SECTION_DATA,
    SECTION_REPLAY,
    SECTION_SAMPLE,
    SECTION_VERDICT,
    SECTION_COUNT,
};

struct taking;

struct key_type {
    const char *name, *title;
    bool plain, repeats;
    void (*take)(struct taking *t); /* reads one value into its field */
};

struct key {
    enum key_section section;
    const char *name; /* "rate", or a pattern: "env.NAME", "NAME" */
    const struct key_type *type;
    size_t offset;   /* of the field in its struct */
    double min, max; /* both 0: no limits */
    const char *words;
    const char *fallback; /* "~" in front: computed, in words */
    const char *example, *help;
};

/* The i-th row, NULL behind the last. Static storage. */
const struct key *key_at(size_t i);

/* The number of rows, for tables beside this one. */
enum { KEY_COUNT_MAX = 96 };

/* The row that `name` means in that section, or NULL. `*arg` is what stands
 * for NAME in a pattern (inside `name`), else NULL. */
const struct key *key_find(enum key_section section, const char *name,
                           const char **arg);

/* The nearest key of the section for a "did you mean"; for a pattern its
 * prefix. `out` has room for the text. NULL when nothing is near. */
const char *key_suggest(enum key_section section, const char *name, char *out,
                        size_t size);

/* A hint for a key that other load tools call so: "it is called rate here".
 * NULL for a word nobody uses. Static storage. */
const char *key_elsewhere(enum key_section section, const char *name);

/* "load"; NULL for no section. */
const char *section_name(enum key_section s);

/* A sentence on the section. */
const char *section_help(enum key_section s);

/* The section of that word, or SECTION_COUNT. */
enum key_section section_find(const char *word, size_t n);

/* True for sections that come with a name: [request NAME], [flow NAME]. */
bool section_is_named(enum key_section s);

/* Appends the reference: one table per section. */
void keys_write_markdown(struct buf *out);

/* Appends the same for a terminal; `section` NULL: all. False when there is
 * no such section. */
bool keys_write_help(struct buf *out, const char *section);

#endif
