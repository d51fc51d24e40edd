/* plateau objects --holders TYPE: the chains that keep a type alive. */
#ifndef PLATEAU_CLI_OBJECTS_HOLDERS_H
#define PLATEAU_CLI_OBJECTS_HOLDERS_H

#include "harness/base/buf.h"
#include "harness/sampler/inspect/holders.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends what was found in process `pid` for type `type`: text, or one JSON
 * document; ends in a newline. Foreign bytes are escaped. */
void objects_holders(int64_t pid, const char *type, const struct holders *h,
                     bool json, struct buf *out);

#endif
