/* Is this address this machine's own? Plateau talks to loopback unless the
 * scenario names a host. Not resolving names. */
#ifndef PLATEAU_BASE_LOOPBACK_H
#define PLATEAU_BASE_LOOPBACK_H

#include <stdbool.h>

struct sockaddr;

/* 127.0.0.0/8, ::1 and the former mapped into the latter's family. */
bool loopback_address(const struct sockaddr *sa);

#endif
