/* Turns a transfer into the header list of an HTTP/2 request. */
#ifndef PLATEAU_LOAD_H2_REQUEST_H
#define PLATEAU_LOAD_H2_REQUEST_H

#include "harness/base/buf.h"
#include "harness/load/engine.h"

#include <nghttp2/nghttp2.h>

#define H2_FIELDS_MAX 64 /* more header lines are not sent */

/* Lists the fields of `t` in `nv` (room for H2_FIELDS_MAX + 1). Their text is
 * copied to `text`, which is reset, names in lower case; `scheme`, `authority`
 * and the rest of `t` are borrowed. Lines that HTTP/2 forbids (Connection and
 * the like) are left out. Returns the number of fields. */
size_t h2_request_fields(const struct transfer *t, const char *scheme,
                         const char *authority, struct buf *text,
                         nghttp2_nv *nv);

#endif
