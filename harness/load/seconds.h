/* What happened in each second, per request name: the worker fills the
 * current second without locks; finished ones are handed over under a lock,
 * once a second; the conductor merges the workers'. */
#ifndef PLATEAU_LOAD_SECONDS_H
#define PLATEAU_LOAD_SECONDS_H

#include "harness/load/load.h"
#include "harness/model/histogram.h"

#include <stddef.h>
#include <stdint.h>

struct seconds;

/* Gives a book for `nrequests` names. It keeps the last SECONDS_KEPT finished
 * seconds; older ones that nobody took are dropped. */
#define SECONDS_KEPT 8
struct seconds *seconds_new(size_t nrequests);
void seconds_free(struct seconds *s);

/* Worker's thread. `second` counts from the load's origin, does not decrease;
 * a newer one hands the current one over. */
void seconds_sent(struct seconds *s, int64_t second, size_t request,
                  uint64_t late);
/* `response_ns` < 0: no answer, not in the percentiles. */
void seconds_done(struct seconds *s, int64_t second, size_t request, int ok,
                  int64_t response_ns);
/* All seconds before `second` are over. */
void seconds_pass(struct seconds *s, int64_t second);

/* Conductor's thread: takes out the oldest second that no worker can add to
 * any more, merged over the `n` books, into at most `max` rows; rows without
 * any event are left out. `partial`: the workers are idle, take unfinished
 * ones as well. Returns the number of rows, 0: nothing (more) to take. `max`
 * must be at least the number of requests. */
size_t seconds_take(struct seconds *const *books, size_t n, int partial,
                    struct load_second *out, size_t max);

/* Response times of all names in the second last taken from `books`. Borrowed
 * until the next one is. */
const struct histogram *seconds_times(struct seconds *const *books);

#endif
