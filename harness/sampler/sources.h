/* The sources of one run: the registry, opening those that can be read, and
 * reading them within their budgets. Sampler's thread, but open and close. */
#ifndef PLATEAU_SAMPLER_SOURCES_H
#define PLATEAU_SAMPLER_SOURCES_H

#include "harness/sampler/source_impl.h"

struct sources;

/* Opens what the scenario asks for; pilot reads decide what can be had and
 * what it costs. `host` is borrowed until sources_close. */
int sources_open(const struct source_host *host, struct sources **out,
                 struct err *err);

/* All metric names, each once, in the order of the values. */
size_t sources_metrics(const struct sources *s, const char *const **names);

/* Reads what is due into `values`; NaN for the rest. Exact: everything.
 * `changed` is asked when some value is missing: true means that the tree was
 * looked at again and is another, and the source is read once more. */
void sources_read(struct sources *s, const struct source_read *how,
                  bool (*changed)(void *user), void *user, double *values);

/* Which source is being read, as a number. Within a read. */
size_t sources_reading(const struct sources *s);

/* Time spent so far in all reads, in ns, also beside the sampler's thread.
 * Any thread. */
int64_t sources_cost_ns(const struct sources *s);

/* "process: 0.021 ms x 600"; NULL behind the last. Conductor's thread;
 * borrowed until the next call for that source. */
const char *sources_cost_text(struct sources *s, size_t i);

void sources_close(struct sources **s);

#endif
