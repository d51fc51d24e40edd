/* Which of the types that grow are worth a look at who holds them. Pure. */
#ifndef PLATEAU_CLI_WORTH_H
#define PLATEAU_CLI_WORTH_H

#include "analyzers/verdict.h"

#include <stdbool.h>
#include <stddef.h>

/* Fills `to` with at most `most` types of `v`, borrowed, what surely grows
 * first; gives their number. What only seems to grow is looked at where
 * nothing that is proven is large enough to be the leak, and it is itself. Of
 * either, those of the service that runs as `command` come first. */
size_t worth_types(const struct verdict *v, const char *command,
                   const char **to, size_t most);

/* Is it worth telling that nothing in Python was found to refer to `lost` of
 * `sampled` instances? A reference that C code never gives back is missing in
 * each instance that leaks; of what comes and goes, some is without a holder
 * at any moment. */
bool worth_lost(unsigned lost, unsigned sampled);

#endif
