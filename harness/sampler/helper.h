/* A thread that reads one slow source, so that an endpoint that hangs delays
 * nobody. Not deciding when to read. */
#ifndef PLATEAU_SAMPLER_HELPER_H
#define PLATEAU_SAMPLER_HELPER_H

#include "harness/sampler/source_impl.h"

struct helper;

/* Starts the thread. `state` is the opened source's, of `n` metrics; all
 * arguments are borrowed until helper_free. */
struct helper *helper_new(const struct source_ops *ops, void *state, size_t n,
                          const struct source_host *host);

/* Asks for a reading. While one is under way: nothing, but an exact one is
 * made after it. */
void helper_ask(struct helper *h, const struct source_read *how);

/* Waits until the reading asked for is there, at most until `until_ns`.
 * Gives it in values[0..n) once; false: there is none (values untouched).
 * `*cost_ns` (set when true): what it took. */
bool helper_take(struct helper *h, int64_t until_ns, double *values,
                 int64_t *cost_ns);

/* Ends the thread (a reading under way ends first, by its deadline), frees. */
void helper_free(struct helper *h);

#endif
