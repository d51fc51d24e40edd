/* How a census is shown: as text and as JSON. For cmd_objects.c. */
#ifndef PLATEAU_CLI_OBJECTS_VIEW_H
#define PLATEAU_CLI_OBJECTS_VIEW_H

#include "harness/base/buf.h"
#include "harness/sampler/inspect/census.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One process of what is shown. */
struct objects_process {
    int64_t pid;
    struct census census;
};

/* What is shown. */
struct objects_view {
    const struct objects_process *processes; /* at least one */
    size_t nprocesses;
    const struct census *sum;    /* over all processes */
    const struct census *before; /* --watch: the last one; NULL: none */
    const struct census *first;  /* --watch: the first one; NULL: none */
    char *const *notes;          /* what could not be seen, a line each */
    size_t nnotes;
    double t_s; /* --watch: seconds since the first */
    size_t top; /* rows of types; 0: all */
    bool watch, freeze;
};

/* Appends the text, ending in a newline; foreign bytes are escaped. */
void objects_text(const struct objects_view *v, struct buf *out);

/* Appends one JSON document, ending in a newline. */
void objects_json(const struct objects_view *v, struct buf *out);

#endif
