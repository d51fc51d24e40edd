/* ${NAME} and ${NAME:-default} in a value. $${ stands for a plain ${. */
#ifndef PLATEAU_MODEL_EXPAND_H
#define PLATEAU_MODEL_EXPAND_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct expanded {
    char *text;     /* with the values filled in */
    char **secrets; /* values that came from the environment */
    size_t nsecrets, cap;
};

/* Fills in the environment. -1 with the cause when a name is undefined or
 * malformed, or a value holds control characters (it could add a header).
 * `out` is to be released in both cases. */
int expand_env(const char *s, struct expanded *out, struct err *err);

void expand_release(struct expanded *e);

#endif
