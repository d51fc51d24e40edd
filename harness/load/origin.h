/* The one place the engines' curl handles get what they have in common from:
 * where they may connect, TLS, no proxy from the environment. */
#ifndef PLATEAU_LOAD_ORIGIN_H
#define PLATEAU_LOAD_ORIGIN_H

#include "harness/load/engine.h"
#include "harness/model/scenario.h"

#include <curl/curl.h>
#include <stdbool.h>

/* Per connection attempt: what CURLOPT_OPENSOCKETFUNCTION found out. */
struct multi;

struct origin_check {
    struct multi *multi; /* is told of each socket */
    bool any_address;    /* the host was named by the scenario: wherever */
    bool refused;        /* an address was not loopback */
    bool resource;       /* no descriptor, no buffer */
};

/* "https://[::1]:8443", without a path, into `out`. */
void origin_text(const struct url *u, char *out, size_t max);

/* Gives "host" or "host:port" as a Host header names it. */
char *origin_authority(const struct url *u);

/* Sets the common options on `easy`; `check` lives as long as the handle and
 * is for CURLOPT_OPENSOCKETFUNCTION; `multi` is the one `easy` will be
 * added to. -1: this libcurl lacks one. */
int origin_setup(CURL *easy, const struct scenario *sc,
                 struct origin_check *check, struct multi *multi,
                 struct err *err);

/* Resets `check` before an attempt to reach `host`. */
void origin_begin(struct origin_check *check, const struct scenario *sc,
                  const char *host);

/* The class of a curl result; `easy` may be asked for more, `check` knows
 * what happened to the socket. */
enum transfer_error origin_error(CURLcode rc, CURL *easy,
                                 const struct origin_check *check);

#endif
