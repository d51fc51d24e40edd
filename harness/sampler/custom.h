/* What the two sources of the user's own (http.NAME and command.NAME) have in
 * common: which metrics become columns, and filling them from text. */
#ifndef PLATEAU_SAMPLER_CUSTOM_H
#define PLATEAU_SAMPLER_CUSTOM_H

#include "harness/sampler/readings.h"
#include "harness/sampler/source_impl.h"

#define CUSTOM_TEXT (4u << 20) /* most bytes of one answer */
#define CUSTOM_METRICS 64      /* most columns of one source */

struct custom {
    const struct custom_source *source; /* borrowed */
    const char *word;                   /* "http" or "command" */
    char *names[CUSTOM_METRICS];
    size_t n;
    size_t left_out; /* metrics beyond the limit, in the pilot's text */
};

void custom_init(struct custom *c, const struct custom_source *source,
                 const char *word);
void custom_release(struct custom *c);

/* Decides the columns: those listed in `only.NAME`; else every metric of the
 * pilot's `text` (NULL: it could not be had). Notes what is missing. */
void custom_choose(struct custom *c, const struct source_host *host, char *text,
                   size_t len);

/* Fills values[0..c->n) from `text`; NaN for what it does not hold. Several
 * readings of one name (with other labels) are added up. */
void custom_fill(const struct custom *c, const struct source_host *host,
                 char *text, size_t len, double *values);

/* Gives the names of `count` sources in one array, in order; *n: how many. */
const char **custom_names(const struct custom *list, size_t count, size_t *n);

#endif
