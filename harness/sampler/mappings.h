/* Where a process's memory lies: resident bytes by the name of the mapping,
 * from /proc/PID/smaps. Walks all page tables: for diagnosis only. */
#ifndef PLATEAU_SAMPLER_MAPPINGS_H
#define PLATEAU_SAMPLER_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

struct mapping {
    char name[200];       /* "[heap]", "anonymous", "[stack]", a file's path;
                             foreign bytes: escape at the sink */
    double private_bytes; /* resident and private, summed over its mappings */
};

struct mappings {
    struct mapping *at;
    size_t n, cap;
};

/* Adds what process `pid` has to `m` (zeroed at first), by name; at most 1,000
 * names. -1 when it cannot be read. */
int mappings_read(int64_t pid, struct mappings *m);

/* Private bytes under that name, 0 when it is not there. */
double mappings_bytes(const struct mappings *m, const char *name);

void mappings_release(struct mappings *m);

#endif
