/* Where we may send: loopback, and hosts that the scenario names. Checked on
 * the name and again on the address it resolved to. */
#ifndef PLATEAU_LOAD_ADDRESS_H
#define PLATEAU_LOAD_ADDRESS_H

#include "harness/model/scenario.h"

#include <stdbool.h>

struct sockaddr;

/* "localhost", "*.localhost", 127.0.0.0/8 or ::1 as text. */
bool address_is_loopback_name(const char *host);

/* 127.0.0.0/8, ::1, or 127.0.0.0/8 mapped into IPv6. */
bool address_is_loopback(const struct sockaddr *sa);

/* True when the scenario names `host` in allow_hosts (any case). */
bool address_is_allowed_host(const struct scenario *sc, const char *host);

#endif
