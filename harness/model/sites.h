/* Where the requests of a scenario vary: query parameters, the path itself,
 * headers, fields of a body. What a service keeps may grow with the distinct
 * values of one of these rather than with requests, so each gets a name and
 * its values are counted while they are sent (distinct.h). */
#ifndef PLATEAU_MODEL_SITES_H
#define PLATEAU_MODEL_SITES_H

#include "harness/model/scenario.h"

enum { SITES_MAX = 64 }; /* of one scenario; further ones are not counted */

/* Finds the sites of `sc` anew and marks the template pieces that make them
 * up. A site's name is what a person would call it: the query key, the
 * header, the body's JSON, form or XML field; "path" for the path, "url" for
 * path and query together, "body" where no field can be told. */
void sites_find(struct scenario *sc);

void sites_release(struct scenario *sc);

#endif
