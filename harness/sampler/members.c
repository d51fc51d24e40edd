#include "harness/sampler/members.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUP_PIDS 4096

void members_init(struct members *m, const struct scenario *sc,
                  int64_t guardian)
{
    *m = (struct members){.scenario = sc, .tree = proctree_new(guardian)};
}

void members_release(struct members *m)
{
    proctree_free(m->tree);
    free(m->rows);
    free(m->old);
    *m = (struct members){.n = 0};
}

/* A command line may carry what the scenario keeps secret. */
static void describe(const struct members *m, const struct proc_stat *st,
                     char out[MEMBERS_COMMAND])
{
    char line[1024], *masked;

    if (procfs_cmdline(st->id.pid, line, sizeof line) != 0 || line[0] == '\0') {
        snprintf(out, MEMBERS_COMMAND, "%s", st->comm);
        return;
    }
    masked = scenario_mask(m->scenario, line);
    snprintf(out, MEMBERS_COMMAND, "%s", masked);
    free(masked);
}

static void on_change(void *user, const struct proc_stat *st, bool started)
{
    struct members *m = user;
    char command[MEMBERS_COMMAND];

    if (started)
        m->started++;
    else
        m->ended++;
    if (m->changed == NULL)
        return;
    if (started)
        describe(m, st, command);
    else
        snprintf(command, sizeof command, "%s", st->comm);
    m->changed(m->user, st->id.pid, started, command);
}

static void swap_rows(struct members *m)
{
    struct member_row *rows = m->rows;
    size_t cap = m->cap;

    m->rows = m->old;
    m->cap = m->cap_old;
    m->old = rows;
    m->cap_old = cap;
}

static void forget(struct member_row *r)
{
    for (int f = 0; f < SOURCE_FIELDS; f++)
        r->field[f] = NAN;
}

/* Who was there before keeps his command and readings. Both lists are ordered
 * by age, so that one walk does. */
static void mirror(struct members *m)
{
    size_t n = proctree_count(m->tree), old = 0, nold = m->n;

    swap_rows(m);
    while (m->cap < n)
        m->rows = mem_grow(m->rows, m->cap, &m->cap, sizeof *m->rows);
    for (size_t i = 0; i < n; i++) {
        const struct proc_stat *st = proctree_at(m->tree, i);
        struct member_row *r = &m->rows[i];
        size_t k = old;

        while (k < nold && (m->old[k].id.pid != st->id.pid ||
                            m->old[k].id.start != st->id.start))
            k++;
        if (k < nold) {
            *r = m->old[k];
            old = k + 1;
        } else {
            r->id = st->id;
            r->settled = false;
            describe(m, st, r->command);
            forget(r);
        }
    }
    m->n = n;
}

size_t members_scan(struct members *m)
{
    m->started = m->ended = 0;
    proctree_scan(m->tree, on_change, m);
    mirror(m);
    return m->n;
}

void members_settle(struct members *m)
{
    for (size_t i = 0; !m->settled && i < m->n; i++)
        m->rows[i].settled = true;
    m->settled = true;
}

bool members_is_late(const struct members *m, size_t i)
{
    return m->settled && i < m->n && !m->rows[i].settled;
}

void members_forget(struct members *m)
{
    for (size_t i = 0; i < m->n; i++)
        forget(&m->rows[i]);
}

void members_add_group(struct members *m, const struct cgroup *cg)
{
    int64_t pids[GROUP_PIDS];
    int n = cgroup_pids(cg, pids, GROUP_PIDS);

    for (int i = 0; i < n; i++) {
        struct proc_stat st;
        bool known = false;

        for (size_t j = 0; j < m->n && !known; j++)
            known = m->rows[j].id.pid == pids[i];
        if (!known && procfs_stat(pids[i], &st) == 0)
            proctree_add(m->tree, st.id);
    }
}
