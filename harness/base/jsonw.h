/* Writes JSON text into a buf: commas, nesting, indentation, escapes and
 * number formats in one place, so that the same values give the same bytes.
 * Not a reader (jansson reads) and not a document model.
 *
 * Calls nest as the document does; a key is NULL inside an array and for the
 * outermost value, which ends in a newline. Whole numbers below 2^53 are
 * printed exactly, other numbers with 10 significant digits, in the C locale;
 * NaN and infinities become null, and so does a NULL string. Strings are made
 * valid UTF-8: bad bytes become U+FFFD, everything outside printable ASCII
 * that could steer a terminal (escape.h) is escaped, and so are '<' '>' '&',
 * so that the text may stand inside an HTML script element. */
#ifndef PLATEAU_BASE_JSONW_H
#define PLATEAU_BASE_JSONW_H

#include "harness/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct jsonw {
    struct buf *out; /* borrowed */
    int depth;
    bool first;   /* nothing written yet at this depth */
    bool compact; /* one line, no indentation */
};

/* Starts writing into `out` (borrowed until the document is complete). */
void jsonw_init(struct jsonw *w, struct buf *out, bool compact);

void jsonw_object(struct jsonw *w, const char *key);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_array_end(struct jsonw *w);

void jsonw_string(struct jsonw *w, const char *key, const char *value);
void jsonw_double(struct jsonw *w, const char *key, double value);
void jsonw_int(struct jsonw *w, const char *key, int64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);
void jsonw_null(struct jsonw *w, const char *key);

#endif
