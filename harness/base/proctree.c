#include "harness/base/proctree.h"

#include "harness/base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * PROCTREE_MAX) /* of the index by pid; a power of two */
#define EMPTY (-1)

struct member {
    struct proc_stat st;
    bool announced; /* `change` was called for its start */
};

struct proctree {
    int64_t guardian;
    struct member *m; /* living members; sorted by age after a scan */
    size_t n;
    size_t cap;
    size_t dropped;
    int64_t starts;
    int64_t zombies;            /* -1: unknown */
    short slot[SLOTS];          /* pid -> place in `m` during a scan */
    int64_t kids[PROCTREE_MAX]; /* scratch */
};

struct proctree *proctree_new(int64_t guardian)
{
    struct proctree *t = mem_zalloc(1, sizeof *t);

    t->guardian = guardian;
    return t;
}

void proctree_free(struct proctree *t)
{
    if (t == NULL)
        return;
    free(t->m);
    free(t);
}

/* ---- index by pid ---- */

static short *slot_of(struct proctree *t, int64_t pid)
{
    size_t i = (size_t)(uint64_t)pid * 2654435761u % SLOTS;

    /* Ends: at most half of the slots are ever taken. */
    while (t->slot[i] != EMPTY && t->m[t->slot[i]].st.id.pid != pid)
        i = (i + 1) % SLOTS;
    return &t->slot[i];
}

static void index_all(struct proctree *t)
{
    for (size_t i = 0; i < SLOTS; i++)
        t->slot[i] = EMPTY;
    for (size_t i = 0; i < t->n; i++)
        *slot_of(t, t->m[i].st.id.pid) = (short)i;
}

/* ---- scanning ---- */

/* True when the member still lives; its readings are fresh then. A process
 * that cannot be read for a moment (no descriptor left) is not a dead one. */
static bool refresh(struct member *m)
{
    struct proc_stat st;

    if (procfs_stat(m->st.id.pid, &st) != 0) {
        if (errno == ENOENT || errno == ESRCH)
            return false;
        m->st.rss_bytes = NAN;
        return true;
    }
    if (st.id.start != m->st.id.start || !procfs_runs(&st))
        return false;
    if (st.state == 'Z')
        st.rss_bytes = NAN; /* a dead leader shows no memory */
    m->st = st;
    return true;
}

static void drop_ended(struct proctree *t, proctree_change_fn *change,
                       void *user)
{
    size_t keep = 0;

    for (size_t i = 0; i < t->n; i++) {
        struct member m = t->m[i];

        if (refresh(&m))
            t->m[keep++] = m;
        else if (m.announced && change != NULL)
            change(user, &m.st, false);
    }
    t->n = keep;
}

static void take(struct proctree *t, const struct proc_stat *st)
{
    if (t->n == PROCTREE_MAX) {
        t->dropped++;
        return;
    }
    t->m = mem_grow(t->m, t->n, &t->cap, sizeof *t->m);
    t->m[t->n] = (struct member){.st = *st};
    *slot_of(t, st->id.pid) = (short)t->n++;
}

/* Returns how many of the children are zombies, -1 for who knows. */
static int64_t take_children(struct proctree *t, int64_t pid)
{
    int n = procfs_children(pid, t->kids, PROCTREE_MAX);
    int64_t zombies = 0;

    for (int i = 0; i < n; i++) {
        struct proc_stat st;

        if (*slot_of(t, t->kids[i]) != EMPTY ||
            procfs_stat(t->kids[i], &st) != 0)
            continue;
        if (procfs_runs(&st))
            take(t, &st);
        else
            zombies += st.state == 'Z';
    }
    return n == PROCTREE_MAX ? -1 : zombies;
}

static int by_age(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->st.id.start != y->st.id.start)
        return x->st.id.start < y->st.id.start ? -1 : 1;
    return (x->st.id.pid > y->st.id.pid) - (x->st.id.pid < y->st.id.pid);
}

static void announce(struct proctree *t, proctree_change_fn *change, void *user)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->m[i].announced)
            continue;
        t->m[i].announced = true;
        t->starts++;
        if (change != NULL)
            change(user, &t->m[i].st, true);
    }
}

size_t proctree_scan(struct proctree *t, proctree_change_fn *change, void *user)
{
    drop_ended(t, change, user);
    index_all(t);
    t->dropped = 0;
    t->zombies = 0;
    if (t->guardian > 0)
        take_children(t, t->guardian); /* its zombies are its own business */
    /* `n` grows while we walk: children of children. */
    for (size_t i = 0; i < t->n; i++) {
        int64_t more = take_children(t, t->m[i].st.id.pid);

        t->zombies = t->zombies < 0 || more < 0 ? -1 : t->zombies + more;
    }
    if (t->n > 1)
        qsort(t->m, t->n, sizeof *t->m, by_age);
    announce(t, change, user);
    return t->n;
}

void proctree_add(struct proctree *t, struct proc_id id)
{
    struct proc_stat st;

    for (size_t i = 0; i < t->n; i++)
        if (t->m[i].st.id.pid == id.pid && t->m[i].st.id.start == id.start)
            return;
    if (procfs_stat(id.pid, &st) != 0 || st.id.start != id.start)
        return;
    index_all(t);
    take(t, &st);
}

size_t proctree_count(const struct proctree *t)
{
    return t->n;
}

const struct proc_stat *proctree_at(const struct proctree *t, size_t i)
{
    return &t->m[i].st;
}

int64_t proctree_starts(const struct proctree *t)
{
    return t->starts;
}

int64_t proctree_zombies(const struct proctree *t)
{
    return t->zombies;
}

size_t proctree_dropped(const struct proctree *t)
{
    return t->dropped;
}
