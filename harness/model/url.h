/* Absolute http and https URLs, and which hosts are this machine. */
#ifndef PLATEAU_MODEL_URL_H
#define PLATEAU_MODEL_URL_H

#include "harness/base/err.h"
#include "harness/model/scenario.h"

#include <stdbool.h>

/* Splits `s`. Credentials in front of the host are not kept in `out`: given
 * in `*userinfo` ("name:password", percent-decoded) or NULL. A query or a
 * fragment is an error. Release `out` with url_release in both cases. */
int url_parse(const char *s, struct url *out, char **userinfo, struct err *err);

/* True when `host` is named in the target's allow_host, or is 127/8, ::1 or
 * localhost: decided by the text, never by a name server. */
bool url_is_allowed(const struct scenario_target *t, const char *host);

/* Gives the value of an Authorization header for "name:password". */
char *url_basic_auth(const char *userinfo);

void url_release(struct url *u);

#endif
