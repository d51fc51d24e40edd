/* What a source sees of the sampler, for tests of one source. */
#ifndef PLATEAU_TESTS_FAKE_HOST_H
#define PLATEAU_TESTS_FAKE_HOST_H

#include "harness/base/clock.h"
#include "harness/sampler/source_impl.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fake_host {
    struct source_host host;
    struct scenario sc;
    struct proctree *tree;
    char notes[4096]; /* one a line */
    int nnotes;
    size_t nprocesses; /* told one by one */
};

static inline void fake_note(void *user, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static inline void fake_note(void *user, const char *fmt, ...)
{
    struct fake_host *f = user;
    size_t n = strlen(f->notes);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(f->notes + n, sizeof f->notes - n, fmt, ap);
    va_end(ap);
    n = strlen(f->notes);
    snprintf(f->notes + n, sizeof f->notes - n, "\n");
    f->nnotes++;
}

static inline void fake_object(void *user, const char *type, double count,
                               double bytes, bool tracked)
{
    (void)user;
    (void)type;
    (void)count;
    (void)bytes;
    (void)tracked;
}

static inline void fake_own_object(void *user, size_t i, const char *type,
                                   double count)
{
    (void)user;
    (void)i;
    (void)type;
    (void)count;
}

static inline void fake_process(void *user, size_t i, enum source_field field,
                                double value)
{
    struct fake_host *f = user;

    (void)field;
    (void)value;
    if (i + 1 > f->nprocesses)
        f->nprocesses = i + 1;
}

/* A tree of this very process when `own`, else an empty one. */
static inline void fake_host_init(struct fake_host *f, bool own)
{
    struct proc_stat st;

    memset(f, 0, sizeof *f);
    f->tree = proctree_new(0);
    if (own) {
        assert_int_equal(procfs_stat(getpid(), &st), 0);
        proctree_add(f->tree, st.id);
    }
    proctree_scan(f->tree, NULL, NULL);
    f->host = (struct source_host){.scenario = &f->sc,
                                   .tree = f->tree,
                                   .note = fake_note,
                                   .object = fake_object,
                                   .own_object = fake_own_object,
                                   .process = fake_process,
                                   .host = f};
}

static inline void fake_host_release(struct fake_host *f)
{
    proctree_free(f->tree);
}

static inline struct source_read fake_read(bool exact)
{
    return (struct source_read){exact, clock_now_ns() + 10 * CLOCK_NS_PER_S};
}

/* A child of the test must not be in its tree when it ends. */
static inline double fake_fds(void)
{
    struct proc_fds fds;

    assert_int_equal(procfs_fds(getpid(), false, &fds), 0);
    return fds.total;
}

#endif
