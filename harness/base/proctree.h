/* The set of processes that are the target: the roots, all their descendants,
 * and everything that once was a member (children that were re-parented stay
 * members until they end). Keyed by pid and start time. One thread uses a
 * tree; two parts of the program may have one each. */
#ifndef PLATEAU_BASE_PROCTREE_H
#define PLATEAU_BASE_PROCTREE_H

#include "harness/base/procfs.h"

#define PROCTREE_MAX 4096 /* processes; more are counted, not followed */

struct proctree;

/* Gives an empty tree. `guardian` > 0: every descendant of that pid (not
 * itself) is a member. */
struct proctree *proctree_new(int64_t guardian);
void proctree_free(struct proctree *t);

/* Adds a root; one that has ended already is ignored. It counts from the next
 * scan on. */
void proctree_add(struct proctree *t, struct proc_id id);

/* Called for each member found or lost by a scan. */
typedef void proctree_change_fn(void *user, const struct proc_stat *st,
                                bool started);

/* Looks again: new members, ended members (zombies count as ended).
 * `change` may be NULL. Returns the number of living members. */
size_t proctree_scan(struct proctree *t, proctree_change_fn *change,
                     void *user);

size_t proctree_count(const struct proctree *t);
/* The i-th living member as of the last scan, oldest first. */
const struct proc_stat *proctree_at(const struct proctree *t, size_t i);

/* Members ever seen to start (the roots included). */
int64_t proctree_starts(const struct proctree *t);

/* Children of members that have ended and that no member has waited for, as of
 * the last scan; -1: more children than are followed, so nobody knows. */
int64_t proctree_zombies(const struct proctree *t);

/* Processes the last scan left out because there were too many: sums over the
 * tree are partial then. */
size_t proctree_dropped(const struct proctree *t);

#endif
