/* How a checked scenario is explained: as text and as JSON. For cmd_check.c. */
#ifndef PLATEAU_CLI_CHECK_VIEW_H
#define PLATEAU_CLI_CHECK_VIEW_H

#include "harness/base/buf.h"
#include "harness/model/scenario.h"

#include <stdbool.h>

/* Appends a page for people; foreign bytes are escaped. */
void check_text(const struct scenario *sc, struct buf *out);

/* Appends each key with its value and where that came from. */
void check_effective(const struct scenario *sc, struct buf *out);

/* Appends one JSON document. */
void check_json(const struct scenario *sc, bool effective, struct buf *out);
void check_json_mistakes(const struct mistakes *m, struct buf *out);

#endif
