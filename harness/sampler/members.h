/* The target's processes as the sampler sees them: the tree, and one row of
 * latest readings for each. One thread. */
#ifndef PLATEAU_SAMPLER_MEMBERS_H
#define PLATEAU_SAMPLER_MEMBERS_H

#include "harness/base/cgroup.h"
#include "harness/base/proctree.h"
#include "harness/model/scenario.h"
#include "harness/sampler/source_impl.h"

#define MEMBERS_COMMAND 120

struct member_row {
    struct proc_id id;
    char command[MEMBERS_COMMAND]; /* secrets masked; foreign bytes */
    double field[SOURCE_FIELDS];   /* NaN: not read since
                                      members_forget */
    bool settled; /* was there at the first members_settle */
};

struct members {
    const struct scenario *scenario; /* whose secrets are masked */
    struct proctree *tree;
    struct member_row *rows; /* in the tree's order */
    size_t n;
    size_t started, ended; /* by the last scan */
    bool settled;          /* see members_settle */
    /* A process started or ended; NULL: nobody asks. */
    void (*changed)(void *user, int64_t pid, bool started, const char *command);
    void *user;
    struct member_row *old;
    size_t cap, cap_old;
};

void members_init(struct members *m, const struct scenario *sc,
                  int64_t guardian);
void members_release(struct members *m);

/* Looks again; who is still there keeps the readings. Returns how many there
 * are. */
size_t members_scan(struct members *m);

/* The first time, remembers who is there: whoever comes later takes the place
 * of one of them, or is one more. */
void members_settle(struct members *m);

/* Has that happened, and came the `i`-th after it? */
bool members_is_late(const struct members *m, size_t i);

/* Forgets all readings: the next ones are of another moment. */
void members_forget(struct members *m);

/* Adds the processes of a group, which need not be anybody's children. */
void members_add_group(struct members *m, const struct cgroup *cg);

#endif
