#include "harness/load/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Loops, files of the run directory, the sampler's of a few dozen processes. */
#define OTHERS 128

int descriptors_reserve(int connections, struct err *err)
{
    rlim_t need = (rlim_t)connections + OTHERS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0; /* nobody to ask: connecting will tell */
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
        return 0;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need)
        return err_set(err,
                       "%d connections take %llu descriptors, and this process "
                       "may have %llu: lower load.connections, or raise the "
                       "limit (ulimit -Hn %llu)",
                       connections, (unsigned long long)need,
                       (unsigned long long)limit.rlim_max,
                       (unsigned long long)need);
    limit.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_set(err, "cannot raise the limit on descriptors to %llu: %s",
                       (unsigned long long)need, strerror(errno));
    return 0;
}
