/* How a CPython process allocates its objects: pymalloc as usual, with debug
 * marks around each block, or straight from malloc. */
#ifndef PLATEAU_SAMPLER_INSPECT_PYALLOC_H
#define PLATEAU_SAMPLER_INSPECT_PYALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pyalloc {
    bool pools;          /* small objects lie in pymalloc pools */
    uint32_t skew;       /* debug bytes in front of an object in a pool */
    uint32_t large_skew; /* and of one that malloc gave */
    bool known;          /* false: environment not readable, pymalloc assumed */
};

/* Judges by an environment block and a command line, both NUL-separated, as
 * /proc/PID/environ and /proc/PID/cmdline hold them. */
void pyalloc_judge(const char *env, size_t env_len, const char *cmd,
                   size_t cmd_len, struct pyalloc *out);

/* The same for process `pid`. */
void pyalloc_of(int64_t pid, struct pyalloc *out);

#endif
