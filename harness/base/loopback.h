/* Is this address this machine's own? Plateau talks to loopback unless the
 * scenario names a host. Not resolving names. */
#ifndef PLATEAU_BASE_LOOPBACK_H
#define PLATEAU_BASE_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

/* 127.0.0.0/8, ::1 and the former mapped into the latter's family. */
bool loopback_address(const struct sockaddr *sa);

/* True when we may talk to `sa`, found under the name `host`: it is loopback,
 * or `host` is one of the `n` names the user allowed. */
bool loopback_permits(const struct sockaddr *sa, const char *host,
                      char *const *allowed, size_t n);

#endif
