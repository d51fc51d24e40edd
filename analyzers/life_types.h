/* Counts of objects by type in processes that are replaced, as the record has
 * them one by one: what hides in the sum over processes of different ages.
 * Pure. */
#ifndef PLATEAU_ANALYZERS_LIFE_TYPES_H
#define PLATEAU_ANALYZERS_LIFE_TYPES_H

#include "harness/model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The links between the entries of functools.lru_cache, where it has a bound;
 * a cache without one has none. They are no leak. */
#define LIFE_TYPES_LINKS "functools._lru_list_elem"

/* One type through all censuses of single processes. */
struct life_types {
    size_t n;
    struct life_type_count {
        size_t process;
        double t_s, count;
        uint64_t digest; /* of all types that the process had: equal numbers
                            give equal ones */
    } * v;
};

/* Reads the type that begins with `type`, cut at `most` bytes if it is so
 * long. Gives `out` to release. */
void life_types_read(const struct record *r, const char *type, size_t most,
                     struct life_types *out);

/* How many `process` had at `t_s`; NaN: nobody looked. */
double life_types_count(const struct life_types *t, size_t process, double t_s);

/* That census; NULL: nobody looked. */
const struct life_type_count *life_types_census(const struct life_types *t,
                                                size_t process, double t_s);

void life_types_release(struct life_types *t);

/* How clearly a type rises with the requests that a process has served. */
struct life_rise {
    const char *type; /* the record's */
    double clearness; /* as a t-value; 0: it does not */
    bool moved;       /* there were more at some time than at another, by as
                         much as a leak must come to */
};

/* Gives in `*out` (to free) every type that processes were asked about, by
 * name, and returns their number. */
size_t life_types_rises(const struct record *r, struct life_rise **out);

#endif
