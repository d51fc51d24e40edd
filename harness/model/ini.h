/* The INI form of a scenario, as sections and keys with their lines. inih
 * splits the lines; ini.c is the only file that knows it. Not here: what the
 * keys mean (keys.h).
 *
 * A comment is a line of its own that begins with ';' or '#'; a value is taken
 * whole, less the spaces around it. CRLF and a UTF-8 BOM are accepted. Sections
 * and keys that repeat are kept apart, in the file's order. */
#ifndef PLATEAU_MODEL_INI_H
#define PLATEAU_MODEL_INI_H

#include <stdbool.h>
#include <stddef.h>

struct mistakes;

enum {
    INI_LINE_MAX = 4 << 20,  /* bytes of one line; longer is a mistake */
    INI_FILE_MAX = 64 << 20, /* bytes of a whole file */
};

struct ini_entry {
    char *key, *value;
    int line; /* 0: from --set */
};

struct ini_section {
    char *name; /* inside the brackets, trimmed, inner spaces made single */
    int line;   /* 0: made by --set */
    struct ini_entry *at;
    size_t n, cap;
};

struct ini_doc {
    struct ini_section *sections;
    size_t n, cap;
};

/* Splits `text`; `file` names it in mistakes. What is not INI becomes a
 * mistake with its line and is left out. Always gives a document to release,
 * whatever the bytes are. -1 when nothing of it can be read: inih is unusable,
 * or the text is UTF-16. */
int ini_read(const char *text, size_t len, const char *file,
             struct ini_doc *out, struct mistakes *m);

/* Adds a section or an entry behind the last; takes `key` and `value`. */
struct ini_section *ini_add_section(struct ini_doc *doc, const char *name,
                                    size_t n, int line);
void ini_add_entry(struct ini_section *s, char *key, char *value, int line);

/* Takes the i-th entry out of the section and frees it. */
void ini_drop_entry(struct ini_section *s, size_t i);

void ini_release(struct ini_doc *doc);

#endif
