/* The sentence about a container with a limit on a chain: growth that ends by
 * itself, and the run that tells. */
#ifndef PLATEAU_REPORTS_BOUND_WORDS_H
#define PLATEAU_REPORTS_BOUND_WORDS_H

#include "harness/base/buf.h"
#include "reports/view.h"

/* Appends it; nothing where chain `c` knows of no such container. */
void bound_words(struct buf *out, const struct view *v,
                 const struct diagnosis_chain *c);

#endif
