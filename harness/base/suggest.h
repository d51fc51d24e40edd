/* "Did you mean": the nearest of a list of known words. */
#ifndef PLATEAU_BASE_SUGGEST_H
#define PLATEAU_BASE_SUGGEST_H

#include <stddef.h>

/* Edit distance of `a` and `b` with transpositions counted as one (Damerau
 * 1964, restricted), ignoring ASCII case; words over 64 bytes are compared by
 * their first 64. */
size_t suggest_distance(const char *a, const char *b);

/* Offers `candidate` for `word`: keeps in `*best`, `*best_distance` the
 * nearest seen so far. Start with *best = NULL. Candidates further away than
 * a third of the word's length (at least 1, at most 3) are never kept. */
void suggest_offer(const char *word, const char *candidate, const char **best,
                   size_t *best_distance);

#endif
