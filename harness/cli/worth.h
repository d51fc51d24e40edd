/* Which of the types that grow are worth a look at who holds them. Pure. */
#ifndef PLATEAU_CLI_WORTH_H
#define PLATEAU_CLI_WORTH_H

#include "analyzers/verdict.h"

#include <stddef.h>

/* Fills `to` with at most `most` types of `v`, borrowed, what surely grows
 * first; gives their number. What only seems to grow is looked at where
 * nothing that is proven is large enough to be the leak, and it is itself. Of
 * either, those of the service that runs as `command` come first. */
size_t worth_types(const struct verdict *v, const char *command,
                   const char **to, size_t most);

#endif
