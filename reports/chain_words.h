/* What is said of a chain of references: the chain, how many of those that were
 * followed hang on it, and of a container with a limit that the growth may end
 * by itself. Plain text: escape at the sink. */
#ifndef PLATEAU_REPORTS_CHAIN_WORDS_H
#define PLATEAU_REPORTS_CHAIN_WORDS_H

#include "harness/base/buf.h"
#include "reports/view.h"

/* Appends the chain `c`, and what it does not prove. */
void chain_words(struct buf *out, const struct view *v,
                 const struct diagnosis_chain *c);

/* Appends what its container holds in all; nothing where nobody counted. */
void chain_deep_words(struct buf *out, const struct diagnosis_chain *c);

/* Appends what its container with a limit means; nothing where it knows of
 * none. */
void chain_bound_words(struct buf *out, const struct view *v,
                       const struct diagnosis_chain *c);

#endif
