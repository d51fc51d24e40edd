/* The programs among the processes of a target: a service often has a store, a
 * queue or a helper beside it. */
#ifndef PLATEAU_ANALYZERS_PROGRAMS_H
#define PLATEAU_ANALYZERS_PROGRAMS_H

#include "harness/model/record.h"

#include <stddef.h>

struct program {
    const struct record_process *top; /* the one that grew most; NULL: none */
    size_t processes;                 /* that grew */
};

/* The program whose processes hold most of the growth, when it is another than
 * the service's: that which worked most, or where nobody counted the
 * processor's time, that which began first. A script that starts both does not
 * work. */
void programs_other(const struct record *r, struct program *out);

#endif
