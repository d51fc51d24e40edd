/* Pieces of work that do not hang on each other, done at the same time where
 * there are processors for it. What comes out must not hang on who does what:
 * each piece writes its own place, and whoever asked puts them together in
 * order. Not for work that waits (see the loops). */
#ifndef PLATEAU_BASE_CREW_H
#define PLATEAU_BASE_CREW_H

#include <stddef.h>

enum { CREW_MAX = 8 };

/* Does piece `i` of `work`. What needs room of its own takes that of `hand`,
 * which nobody else is at the same time: below crew_hands(). */
typedef void crew_fn(void *work, size_t i, size_t hand);

/* How many hands there are: processors that this process may use, at least one,
 * at most CREW_MAX. The same at each call unless its affinity is changed. */
size_t crew_hands(void);

/* Has pieces 0 .. n - 1 done by up to `hands` hands, 1 .. CREW_MAX; the caller
 * is the first. Returns when all are done. With one hand, or where no thread
 * can be made, the caller does them in order. Not to be called from a piece. */
void crew_share(size_t n, size_t hands, crew_fn *fn, void *work);

#endif
